// node-oidc-provider as somebody would run it who needs nothing to last: in memory, in production
// mode, with what the bench asks of it switched on. Two ports: the provider's, and a second one at
// which the bench gets codes and tokens that it can use up.
//
//   node server.mjs PORT CONTROL PACKAGE
import { createServer } from 'node:http';
import { createHash, createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';

const [port, control, provided] = process.argv.slice(2);
const { default: Provider } = await import(provided);

const issuer = `http://127.0.0.1:${port}`;
const api = 'https://chirp.example';
const secret = 'a-secret-of-the-bench-and-of-nobody-else';
const redirect = 'https://web.example/callback';
const verifier = 'A'.repeat(43);
const challenge = createHash('sha256').update(verifier).digest('base64url');
const scope = 'openid profile email offline_access';
const cookieKey = randomBytes(32).toString('hex');

// The package's own memory forgets all but the last thousand entries. This one keeps them all.
const stored = new Map();
const grants = new Map();
const grantable = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode']);

class Memory {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    if (this.model === 'Session') stored.set(`uid:${payload.uid}`, { payload: id });
    if (payload.userCode) stored.set(`user:${payload.userCode}`, { payload: id });
    if (grantable.has(this.model) && payload.grantId) {
      const members = grants.get(payload.grantId);
      if (members) members.push(key);
      else grants.set(payload.grantId, [key]);
    }
    stored.set(key, { payload, until: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
  }

  async find(id) {
    const found = stored.get(this.key(id));
    return found && found.until > Date.now() ? found.payload : undefined;
  }

  async findByUid(uid) {
    return this.find(stored.get(`uid:${uid}`)?.payload);
  }

  async findByUserCode(userCode) {
    return this.find(stored.get(`user:${userCode}`)?.payload);
  }

  async consume(id) {
    stored.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    stored.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of grants.get(grantId) ?? []) stored.delete(key);
    grants.delete(grantId);
  }
}

const jwts = new Map([['machine', 'ES256'], ['machine-rsa', 'RS256'], ['web', 'ES256']]);

const jwk = (kind, options, more) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  ...more,
  use: 'sig',
});

const provider = new Provider(issuer, {
  adapter: Memory,
  clients: [
    ...['machine', 'machine-rsa', 'machine-opaque'].map((name) => ({
      client_id: name,
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    {
      client_id: 'tv',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: [],
      response_types: [],
    },
    { client_id: 'server', client_secret: secret, redirect_uris: [redirect] },
    { client_id: 'chirp', client_secret: secret, grant_types: [], redirect_uris: [], response_types: [] },
    {
      client_id: 'web',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [redirect],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: {
    keys: [
      jwk('ec', { namedCurve: 'P-256' }, { alg: 'ES256', kid: 'ec' }),
      jwk('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'rsa' }),
    ],
  },
  cookies: { keys: [cookieKey] },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 300,
    AuthorizationCode: 60,
    ClientCredentials: 300,
    DeviceCode: 86400,
    Grant: 86400,
    IdToken: 300,
    RefreshToken: 86400,
    Session: 43200,
  },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `Somebody ${id}`,
      preferred_username: id,
      email: `${id}@mail.example`,
      email_verified: true,
    }),
  }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // A client that acts for itself gets a JWT for the API, as it does from the others.
      // A user's client gets one where it names the API, else what is the default here: an opaque one.
      defaultResource: (ctx) => (ctx.oidc.client?.clientId.startsWith('machine') && jwts.has(ctx.oidc.client.clientId) ? api : undefined),
      useGrantedResource: () => false,
      getResourceServerInfo: (ctx, resource, client) => ({
        scope: 'chirps.read',
        audience: api,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
        jwt: { sign: { alg: jwts.get(client.clientId) } },
      }),
    },
  },
});

const now = () => Math.floor(Date.now() / 1000);

async function granted(number) {
  const grant = new provider.Grant({ accountId: `user${number}`, clientId: 'web' });
  grant.addOIDCScope(scope);
  grant.addResourceScope(api, 'chirps.read');
  return { client: await provider.Client.find('web'), accountId: grant.accountId, grantId: await grant.save(), gty: 'authorization_code', scope: `${scope} chirps.read`, resource: api, authTime: now() };
}

// `jkt` names the key that a refresh or access token is bound to, if any.
const made = {
  code: async (number) =>
    new provider.AuthorizationCode({
      ...(await granted(number)),
      redirectUri: redirect,
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
      nonce: 'of the app',
    }).save(),
  refresh: async (number, jkt) =>
    new provider.RefreshToken({ ...(await granted(number)), jkt, rotations: 0 }).save(),
  access: async (number, jkt) => new provider.AccessToken({ ...(await granted(number)), jkt }).save(),
  device: async () =>
    new provider.DeviceCode({
      client: await provider.Client.find('tv'),
      params: { client_id: 'tv', scope: 'openid' },
      userCode: randomBytes(8).toString('hex'),
    }).save(),
  session: async (number) => {
    const { accountId, grantId } = await granted(number);
    const authorizations = { web: { sid: randomBytes(8).toString('hex'), grantId } };
    const session = new provider.Session({ accountId, loginTs: now(), authorizations });
    await session.save(43200);
    const cookie = `${provider.cookieName('session')}=${session.id}`;
    const signature = createHmac('sha1', cookieKey).update(cookie).digest('base64url');
    return `${cookie};${cookie.replace('=', '.sig=').replace(session.id, signature)}`;
  },
};

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer);
  const make = made[pathname.slice(1)];
  const jkt = searchParams.get('jkt') ?? undefined;
  const values = [];
  for (let number = 0; number < Number(searchParams.get('count')); number += 1) values.push(await make(number, jkt));
  response.end(values.join('\n'));
}).listen(Number(control), '127.0.0.1', () => provider.listen(Number(port), '127.0.0.1'));
