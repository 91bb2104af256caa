// oidc-provider, a server that others wrote, as its own documentation sets it up. The clients come as
// JSON in the first argument; it says on stdout where it listens, and ends with its stdin.
import { createServer } from "node:http";
import { Provider, errors } from "oidc-provider";

const { port, clients, nonces, api } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
console.warn = console.info = () => {};

const provider = new Provider(issuer, {
  clients,
  cookies: { keys: ["a key of the tests"] },
  scopes: ["openid", "offline_access", "read", "write"],
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: Buffer.alloc(32, 7),
      requireNonce: (ctx) => nonces.includes(ctx.oidc.client?.clientId),
    },
    introspection: { enabled: true },
    // RFC 8707, RFC 9068: tokens for the one API that there is are JWTs.
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => {
        if (resource !== api) throw new errors.InvalidTarget();
        return { scope: "read write", accessTokenFormat: "jwt" };
      },
    },
    revocation: { enabled: true },
  },
});
createServer(provider.callback()).listen(port, "127.0.0.1", () => console.log(issuer));
process.stdin.on("end", () => process.exit(0)).resume();
