// oidc-provider, an OpenID provider that others wrote, with one user and a page to sign in.
// Its settings come as JSON in the first argument.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Provider } from "oidc-provider";

const { port, certificate, key, client, user, password } = JSON.parse(process.argv[2]);
const issuer = `https://localhost:${port}`;

const page = (res, body) => {
  res.setHeader("content-type", "text/html; charset=utf-8");
  res.end(`<!doctype html><html lang="en"><title>Corp</title><main>${body}</main></html>`);
};
const form = (action) =>
  `<h1>Sign in to Corp</h1><form method="post" action="${action}">` +
  '<input id="username" name="username" value=""><input id="password" name="password" type="password" value="">' +
  '<button id="sign-in" type="submit">Sign in</button></form>';

const provider = new Provider(issuer, {
  clients: [client],
  cookies: { keys: [password] },
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, asked) => {
        const button = '<button id="sign-out" type="submit" name="logout" value="yes">Sign out</button>';
        ctx.body = `<!doctype html><html lang="en"><title>Corp</title>${asked.replace("</form>", `${button}</form>`)}</html>`;
      },
    },
  },
  // It may call this machine, where the demo is.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: "Miko Lind", email: `${user}@corp.example`, email_verified: true }),
  }),
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
});

const read = async (req) => {
  let text = "";
  for await (const chunk of req) text += chunk;
  return new URLSearchParams(text);
};
const others = provider.callback();
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (req, res) => {
  const { pathname } = new URL(req.url, issuer);
  if (!pathname.startsWith("/interaction/")) return others(req, res);
  try {
    await provider.interactionDetails(req, res);
    const typed = req.method === "POST" ? await read(req) : new URLSearchParams();
    if (typed.get("username") === user && typed.get("password") === password) {
      return await provider.interactionFinished(req, res, { login: { accountId: "employee-17" } });
    }
    page(res, form(pathname));
  } catch (error) {
    res.statusCode = 400;
    page(res, "<h1>Start again</h1>");
  }
}).listen(port, "127.0.0.1");
