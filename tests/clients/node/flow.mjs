// oauth4webapi, unchanged, goes the whole way: discovery, PAR, code with PKCE, ID token, userinfo,
// introspection, refresh, revocation. One JSON document a line: the set-up comes in on stdin, the
// address to open goes out on stdout, the callback URL comes in, and the outcome goes out.
import * as oauth from "oauth4webapi";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (document) => console.log(JSON.stringify(document));

const AUTHENTICATION = {
  none: () => oauth.None(),
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
};
// The server of the tests is on loopback, without TLS.
const options = { [oauth.allowInsecureRequests]: true };

const setup = await read();
const client = { client_id: setup.client_id };
const authentication = AUTHENTICATION[setup.auth_method](setup.secret);
const issuer = new URL(setup.issuer);

async function discovered(algorithm) {
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...options });
  return oauth.processDiscoveryResponse(issuer, response);
}

async function pushed(as, { verifier, state, nonce }) {
  const response = await oauth.pushedAuthorizationRequest(as, client, authentication, {
    response_type: "code",
    redirect_uri: setup.redirect_uri,
    scope: setup.scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  }, options);
  const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, response);
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({ client_id: client.client_id, request_uri });
  return url.href;
}

async function redeemed(as, callback, { verifier, state, nonce }) {
  // Checks state, and that iss is there and is the issuer (RFC 9207).
  const parameters = oauth.validateAuthResponse(as, client, new URL(callback), state);
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, authentication, parameters, setup.redirect_uri, verifier, options,
  );
  const expected = { expectedNonce: nonce, requireIdToken: true };
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, expected);
  await oauth.validateApplicationLevelSignature(as, response, options);
  return tokens;
}

async function userinfo(as, tokens, subject) {
  const response = await oauth.userInfoRequest(as, client, tokens.access_token, options);
  return oauth.processUserInfoResponse(as, client, subject, response);
}

async function refreshed(as, tokens) {
  const response = await oauth.refreshTokenGrantRequest(
    as, client, authentication, tokens.refresh_token, options,
  );
  return oauth.processRefreshTokenResponse(as, client, response);
}

async function introspected(as, token) {
  const { id, secret } = setup.resource_server;
  const api = { client_id: id };
  const response = await oauth.introspectionRequest(
    as, api, oauth.ClientSecretBasic(secret), token, options,
  );
  return oauth.processIntrospectionResponse(as, api, response);
}

async function revoked(as, token) {
  const response = await oauth.revocationRequest(as, client, authentication, token, options);
  await oauth.processRevocationResponse(response);
}

// An API that checks the token by itself (RFC 9068 4).
async function accepted(as, token) {
  const headers = { authorization: `Bearer ${token}` };
  const request = new Request(setup.resource_server.resource, { headers });
  return oauth.validateJwtAccessToken(as, request, setup.resource_server.resource, options);
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error;
    throw error;
  }
  return "";
}

const as = await discovered("oauth2");
const secrets = {
  verifier: oauth.generateRandomCodeVerifier(),
  state: oauth.generateRandomState(),
  nonce: oauth.generateRandomNonce(),
};
write({ open: await pushed(as, secrets) });
const tokens = await redeemed(as, (await read()).callback, secrets);
const { sub } = oauth.getValidatedIdTokenClaims(tokens);
const claims = await userinfo(as, tokens, sub);
const jwt = await accepted(as, tokens.access_token);
const fresh = await refreshed(as, tokens);
const again = await userinfo(as, fresh, sub);
const live = await introspected(as, fresh.access_token);
await revoked(as, fresh.refresh_token);
write({
  same_documents: JSON.stringify(as) === JSON.stringify(await discovered("oidc")),
  claims,
  again,
  jwt,
  live,
  another_access_token: fresh.access_token !== tokens.access_token,
  afterwards: await introspected(as, fresh.access_token),
  refused: await refusal(refreshed(as, fresh)),
});
lines.return();
