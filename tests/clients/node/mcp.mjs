// The MCP TypeScript SDK, unchanged, as its own example of an OAuth client has it: it registers
// itself, asks for all that the API supports, and asks again for what a tool needs beside it.
// One JSON document a line: the set-up comes in; an address to open goes out, the callback comes in,
// as often as the SDK asks; then the outcome goes out.
import { createInterface } from "node:readline";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (document) => console.log(JSON.stringify(document));

const setup = await read();
const kept = {};
const provider = {
  redirectUrl: setup.redirect_uri,
  clientMetadata: {
    client_name: "An MCP client",
    redirect_uris: [setup.redirect_uri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  redirectToAuthorization: (url) => { kept.address = url.href; },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
};

async function authorized() {
  write({ open: kept.address });
  return new URL((await read()).callback).searchParams.get("code");
}

async function connected() {
  for (let turn = 0; turn < 2; turn += 1) {
    const transport = new StreamableHTTPClientTransport(new URL(setup.mcp), { authProvider: provider });
    const client = new Client({ name: "a client of the tests", version: "1" });
    try {
      await client.connect(transport);
      return { client, transport };
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await transport.finishAuth(await authorized());
    }
  }
  throw new Error("not connected after a yes");
}

const { client, transport } = await connected();

async function called(name, args) {
  try {
    const result = await client.callTool({ name, arguments: args });
    return { content: result.content, error: result.isError === true };
  } catch (error) {
    if (error instanceof UnauthorizedError) {
      await transport.finishAuth(await authorized());
      return called(`${name}`, args);
    }
    return { refused: String(error) };
  }
}

const outcome = { scope: kept.tokens.scope, tools: (await client.listTools()).tools.map((one) => one.name) };
for (const [name, args] of setup.calls) outcome[name] = await called(name, args);
write(outcome);
process.exit(0);
