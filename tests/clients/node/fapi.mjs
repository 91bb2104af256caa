// openid-client, unchanged, goes the way of FAPI 2.0: private_key_jwt, a signed request (JAR) that is
// pushed (PAR), DPoP with nonces, the answer signed (JARM) where the set-up says so, refresh. One
// JSON document a line, as in flow.mjs.
import * as client from "openid-client";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (document) => console.log(JSON.stringify(document));

const setup = await read();
const ec = { name: "ECDSA", namedCurve: "P-256" };
const key = await crypto.subtle.importKey("jwk", setup.key, ec, true, ["sign"]);
const signing = { key, kid: setup.key.kid };

const config = await client.discovery(
  new URL(setup.issuer),
  setup.client_id,
  { id_token_signed_response_alg: "ES256", authorization_signed_response_alg: "ES256" },
  client.PrivateKeyJwt(signing),
  // The server of the tests is on loopback, without TLS.
  { execute: [client.allowInsecureRequests] },
);
if (setup.jarm) client.useJwtResponseMode(config);
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));

const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const nonce = client.randomNonce();
const parameters = {
  redirect_uri: setup.redirect_uri,
  scope: setup.scope,
  state,
  nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
};
const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, signing);
const pushed = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP });
write({ open: pushed.href });

const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
const callback = new URL((await read()).callback);
const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP });
const { sub } = tokens.claims();
const claims = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
const fresh = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
const again = await client.fetchUserInfo(config, fresh.access_token, sub, { DPoP });

async function stolen() {
  const headers = { authorization: `Bearer ${fresh.access_token}` };
  return (await fetch(config.serverMetadata().userinfo_endpoint, { headers })).status;
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error.error ?? String(error);
  }
  return "";
}

write({
  type: tokens.token_type,
  answer: [...callback.searchParams.keys()].sort(),
  claims,
  again,
  same_refresh_token: (fresh.refresh_token ?? tokens.refresh_token) === tokens.refresh_token,
  stolen: await stolen(),
  unsigned: await refusal(client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })),
  unbound: await refusal(client.refreshTokenGrant(config, tokens.refresh_token)),
});
lines.return();
