// oidc-provider, a server that others wrote, as the provider at which users of this server sign in. Its
// settings come as JSON in the first argument; it says on stdout where it listens, and ends with its stdin.
// Any user may sign in, by any password.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Provider } from "oidc-provider";

const { port, certificate, key, clients } = JSON.parse(process.argv[2]);
const issuer = `https://localhost:${port}`;
console.warn = console.info = () => {};

const provider = new Provider(issuer, {
  clients,
  cookies: { keys: ["a key of the tests"] },
  claims: { openid: ["sub", "groups"], profile: ["name"], email: ["email", "email_verified"] },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // It may call this machine, where the tests are.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  pkce: { required: () => true },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `${id} of the provider`,
      email: `${id}@provider.example`,
      email_verified: true,
      groups: ["staff", "admins"],
    }),
  }),
});
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback()).listen(
  port,
  "127.0.0.1",
  () => console.log(issuer),
);
process.stdin.on("end", () => process.exit(0)).resume();
