//! A web app that signs people in with the openidconnect crate, as its documentation has it.

use std::env;

use openidconnect::core::{CoreClient, CoreProviderMetadata, CoreResponseType, CoreUserInfoClaims};
use openidconnect::{
    reqwest, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl,
    Nonce, OAuth2TokenResponse, RedirectUrl, Scope, TokenResponse,
};
use tiny_http::{Header, Response, Server};
use url::Url;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let port = env::var("PORT")?;
    let callback = format!("http://127.0.0.1:{port}/callback");
    let http = reqwest::blocking::ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(env::var("ISSUER")?)?, &http)?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(env::var("CLIENT_ID")?),
        Some(ClientSecret::new(env::var("CLIENT_SECRET")?)),
    )
    .set_redirect_uri(RedirectUrl::new(callback)?);
    let (away, state, nonce) = client
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scope(Scope::new("email".into()))
        .add_scope(Scope::new("profile".into()))
        .url();

    let signed_in = |query: &Url| -> Result<String, Failure> {
        let given = |name: &str| {
            query.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        if given("state").as_deref() != Some(state.secret().as_str()) {
            return Err("another state".into());
        }
        let code = AuthorizationCode::new(given("code").ok_or("no code")?);
        let tokens = client.exchange_code(code)?.request(&http)?;
        let id_token = tokens.id_token().ok_or("no ID Token")?;
        let claims = id_token.claims(&client.id_token_verifier(), &nonce)?;
        let user: CoreUserInfoClaims = client
            .user_info(tokens.access_token().to_owned(), Some(claims.subject().clone()))?
            .request(&http)?;
        Ok(user.email().map(|email| email.to_string()).unwrap_or_default())
    };

    let server = Server::http(format!("127.0.0.1:{port}")).map_err(|error| error.to_string())?;
    for request in server.incoming_requests() {
        let asked = Url::parse(&format!("http://127.0.0.1{}", request.url()))?;
        if asked.path() == "/callback" {
            let (status, text) = match signed_in(&asked) {
                Ok(email) => (200, email),
                Err(error) => (502, format!("{error:?}")),
            };
            request.respond(Response::from_string(text).with_status_code(status))?;
        } else {
            let location = Header::from_bytes("Location", away.as_str()).expect("a header");
            request.respond(Response::empty(302).with_header(location))?;
        }
    }
    Ok(())
}
