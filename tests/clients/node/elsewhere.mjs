// openid-client, unchanged: by a device's code, by the back channel, for itself, and by exchanging a
// token. One JSON document a line: the set-up comes in on stdin, what the user needs goes out on
// stdout, and then the outcome.
import * as client from "openid-client";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const write = (document) => console.log(JSON.stringify(document));
const setup = JSON.parse((await lines.next()).value);

const config = await client.discovery(
  new URL(setup.issuer),
  setup.client_id,
  setup.secret || undefined,
  setup.secret ? client.ClientSecretBasic(setup.secret) : client.None(),
  // The server of the tests is on loopback, without TLS.
  { execute: [client.allowInsecureRequests] },
);

const outcome = (tokens) => ({
  access_token: tokens.access_token,
  scope: tokens.scope,
  sub: tokens.claims()?.sub ?? "",
  issued_token_type: tokens.issued_token_type ?? "",
});

const WAYS = {
  async device() {
    const asked = await client.initiateDeviceAuthorization(config, { scope: setup.scope });
    write({ user_code: asked.user_code, address: asked.verification_uri_complete });
    // The user answers before it comes for the first time.
    await lines.next();
    return outcome(await client.pollDeviceAuthorizationGrant(config, asked));
  },
  async ciba() {
    const asked = await client.initiateBackchannelAuthentication(config, {
      scope: setup.scope,
      login_hint: "miko",
      binding_message: "W4SCT",
    });
    write({ expires_in: asked.expires_in });
    await lines.next();
    return outcome(await client.pollBackchannelAuthenticationGrant(config, asked));
  },
  async machine() {
    return outcome(await client.clientCredentialsGrant(config, { scope: setup.scope }));
  },
  async exchange() {
    const type = "urn:ietf:params:oauth:token-type:access_token";
    const parameters = {
      subject_token: setup.token,
      subject_token_type: type,
      audience: setup.audience,
      scope: setup.scope,
    };
    const grant = "urn:ietf:params:oauth:grant-type:token-exchange";
    return outcome(await client.genericGrantRequest(config, grant, parameters));
  },
};

try {
  write(await WAYS[setup.way]());
} catch (error) {
  write({ error: error.error ?? String(error), cause: String(error.cause ?? "") });
}
process.exit(0);
