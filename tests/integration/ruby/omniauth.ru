# A Rack app that signs people in with omniauth_openid_connect, as its README has it.
require "json"
require "omniauth"
require "omniauth_openid_connect"
require "rack/session/cookie"

ISSUER = ENV.fetch("ISSUER")
PORT = ENV.fetch("PORT")

# The server of the tests is on loopback, without TLS; these libraries take "https" for granted.
require "swd"
SWD.url_builder = URI::HTTP

use Rack::Session::Cookie, secret: "a secret of this test alone" * 4
OmniAuth.config.allowed_request_methods = [:get, :post]
OmniAuth.config.silence_get_warning = true
OmniAuth.config.request_validation_phase = nil
use OmniAuth::Builder do
  provider :openid_connect,
    name: :valetkey,
    issuer: ISSUER,
    discovery: true,
    scope: [:openid, :profile, :email],
    response_type: :code,
    client_options: {
      identifier: ENV.fetch("CLIENT_ID"),
      secret: ENV.fetch("CLIENT_SECRET"),
      redirect_uri: "http://127.0.0.1:#{PORT}/auth/valetkey/callback",
    }
end

run lambda { |env|
  case env["PATH_INFO"]
  when "/auth/valetkey/callback"
    [200, {"content-type" => "application/json"}, [JSON.generate(env["omniauth.auth"]["info"])]]
  when "/auth/failure"
    [502, {"content-type" => "text/plain"}, [env["QUERY_STRING"].to_s]]
  else
    [404, {}, []]
  end
}
