SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.allowances (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "grant" text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
)
WITH (fillfactor='80');
CREATE TABLE public.approvals (
    place bigint NOT NULL,
    forget_at bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    body bytea NOT NULL
);
CREATE TABLE public.catalogs (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    server text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
);
CREATE TABLE public.clients (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.epochs (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.events (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    "grant" bytea,
    body bytea NOT NULL
);
CREATE TABLE public.families (
    place bigint NOT NULL,
    forget_at bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "grant" bytea,
    "user" bytea,
    body bytea NOT NULL
)
WITH (fillfactor='80');
CREATE TABLE public.grants (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    alias bytea,
    "user" bytea,
    client text COLLATE pg_catalog."C",
    body bytea NOT NULL
)
WITH (fillfactor='80');
CREATE TABLE public.jobs (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.log (
    place bigint NOT NULL,
    seq bigint NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.log_head (
    place bigint NOT NULL,
    seq bigint NOT NULL
)
WITH (fillfactor='20');
CREATE TABLE public.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    oldest integer NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.once (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.pending (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.policies (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.receipts (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    "grant" bytea,
    body bytea NOT NULL
);
CREATE TABLE public.resource_servers (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.sessions (
    place bigint NOT NULL,
    forget_at bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    body bytea NOT NULL
);
CREATE TABLE public.signing_keys (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.throttles (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
)
WITH (fillfactor='80');
CREATE TABLE public.users (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    alias bytea,
    body bytea NOT NULL
);
INSERT INTO public.allowances VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk chirps.write', NULL, 1, 0, '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"grant":"06gc8k3c02j5ss4bd9ih2hbftk","permission":"chirps.write","often":{"total":[0,0,3]},"out":[{"id":"aaaaaaaaaaaaaaaaaaaaaa","holder":"chirp","uses":1,"expires":1790000030,"often":{"total":0}}]}');
INSERT INTO public.allowances VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4 chirps.write', NULL, 1, 0, '06gc8k3c00brqovvrioht7mkg4', '{"version":1,"grant":"06gc8k3c00brqovvrioht7mkg4","permission":"chirps.write","often":{"total":[0,0,3]},"out":[{"id":"aaaaaaaaaaaaaaaaaaaaaa","holder":"chirp","uses":1,"expires":1790000030,"often":{"total":0}}]}');
INSERT INTO public.approvals VALUES (2791207051, 4000000000, 1, '\x01a0c4506c00102169a19cf1', '\xf319065a6e3e2635aae02596', '\x9b00a0a0a773746566617070ba30366763386b336330326a35737334626439696832686266746bab54776f207469636b657473a932352e303020455552a0a0ce6ab13b80ceee6b2800');
INSERT INTO public.approvals VALUES (398287871, 4000000000, 1, '\x01a0c4506c00c3dc518a2ec4', '\xea3e832838a9cbac28987684', '\x9b00a0a0a773746566617070ba30366763386b336330306272716f767672696f6874376d6b6734ab54776f207469636b657473a932352e303020455552a0a0ce6ab13b80ceee6b2800');
INSERT INTO public.catalogs VALUES (0, 'chirp 00000001', NULL, 1, 0, 'chirp', '{"version":1,"server":"chirp","number":1,"catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0,"words":{}},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"at":1790000000,"by":"miko"}');
INSERT INTO public.catalogs VALUES (0, 'photos 00000001', NULL, 1, 0, 'photos', '{"version":1,"server":"photos","number":1,"catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}]},"at":1790000000,"by":"miko"}');
INSERT INTO public.clients VALUES (0, 'stefapp', NULL, 1, 0, '{"version":1,"id":"stefapp","name":"stefApp","redirect_uris":["http://127.0.0.1/callback","com.example.stefapp:/callback"],"scope":["openid","profile","email","offline_access","chirps","profile.write","dms.send"],"required":["chirps.read"],"reasons":{"chirps.write":"To post what you write here."},"uri":"https://stef.example","created":1790000000}');
INSERT INTO public.clients VALUES (0, 'web', NULL, 1, 0, '{"version":1,"id":"web","name":"Web app","auth_method":"client_secret_basic","secrets":[{"digest":"6bff7e4f2f1590edf24025330d3fe5acefe3775f40f4c85dc6ab5c4f68e72435","created":1790000000}],"redirect_uris":["https://web.example/callback","https://web.example/other?x=1"],"scope":["openid","profile","email","offline_access","chirps","photos.read"],"uri":"https://web.example","policy":"oidc","created":1790000000}');
INSERT INTO public.clients VALUES (0, 'post', NULL, 1, 0, '{"version":1,"id":"post","name":"Post app","auth_method":"client_secret_post","redirect_uris":["https://post.example/callback"],"scope":["openid","email","chirps.read"],"verified":false,"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'machine', NULL, 1, 0, '{"version":1,"id":"machine","name":"Machine","auth_method":"client_secret_basic","secrets":[{"digest":"d8aca5525eda2f3c89c20261abf103f0b8c254d5cf62e77d6c6de72f10932b25","created":1790000000}],"grant_types":["client_credentials"],"scope":["chirps","photos.read"],"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'agent', NULL, 1, 0, '{"version":1,"id":"agent","name":"Agent","auth_method":"client_secret_basic","grant_types":["client_credentials","urn:ietf:params:oauth:grant-type:token-exchange"],"scope":["chirps","dms.read","photos.read"],"exchange":{"clients":["web","kite","stefapp","agent"],"audiences":["https://chirp.example","https://photos.example"]},"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'printer', NULL, 1, 0, '{"version":1,"id":"printer","name":"Printer","auth_method":"client_secret_basic","grant_types":["urn:ietf:params:oauth:grant-type:token-exchange"],"scope":["chirps.read","photos.read"],"exchange":{"clients":["agent","printer"],"audiences":["https://photos.example"]},"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'till', NULL, 1, 0, '{"version":1,"id":"till","name":"Corner shop","auth_method":"client_secret_basic","grant_types":["urn:openid:params:grant-type:ciba","refresh_token"],"scope":["openid","profile","offline_access","chirps"],"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'tv', NULL, 1, 0, '{"version":1,"id":"tv","name":"Living room","grant_types":["urn:ietf:params:oauth:grant-type:device_code","refresh_token"],"scope":["openid","profile","offline_access","chirps","dms.read"],"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'spa', NULL, 1, 0, '{"version":1,"id":"spa","name":"Page app","redirect_uris":["https://spa.example/callback"],"scope":["openid","chirps.read"],"created":1790000000}');
INSERT INTO public.epochs VALUES (0, 'current', NULL, 1, 0, '{"version":1,"number":1,"since":1790000000}');
INSERT INTO public.events VALUES (2791207051, 1, '\x01a0c4506c009e2b57045891', '\xf319065a6e3e2635aae02596', '\x01a0c4506c006a6511456fed', '\x9b00a0ce6ab13b80a76772616e746564a475736572a0a773746566617070a092ab6368697270732e72656164ac6368697270732e7772697465a0a0');
INSERT INTO public.events VALUES (398287871, 1, '\x01a0c4506c00c830a19fdb5f', '\xea3e832838a9cbac28987684', '\x01a0c4506c00dcb11e9ed481', '\x9b00a0ce6ab13b80a76772616e746564a475736572a0a773746566617070a092ab6368697270732e72656164ac6368697270732e7772697465a0a0');
INSERT INTO public.families VALUES (2791207051, 4026531840, 1, '\x01a0c4506c0022772ae67f0f', '\x01a0c4506c006a6511456fed', '\xf319065a6e3e2635aae02596', '\xdc001c00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0c0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.families VALUES (398287871, 4026531840, 1, '\x01a0c4506c000d02e4fdd9d4', '\x01a0c4506c00dcb11e9ed481', '\xea3e832838a9cbac28987684', '\xdc001c00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0c0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006a6511456fed', '\x4efd274619ad1aa6f36d21c8', '\xf319065a6e3e2635aae02596', 'stefapp', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006055a3b48f3a', NULL, '\xf319065a6e3e2635aae02596', 'web', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c00dcb11e9ed481', '\x65f78dce87dcc259b0aac74f', '\xea3e832838a9cbac28987684', 'stefapp', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c00a5fb35686761', NULL, '\xea3e832838a9cbac28987684', 'web', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b80');
INSERT INTO public.jobs VALUES (0, '004000000000 06gc8k3c01p23l3nishhkmk010', NULL, 1, 0, '{"version":1,"id":"06gc8k3c01p23l3nishhkmk010","kind":"ping","url":"https://app.example/","due":4000000000,"created":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795576655, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795572455,"mark":"dcccf95e5ebbfa6b"}');
INSERT INTO public.log VALUES (0, 2, 1795576655, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795572455,"mark":"db0267ca098900e1"}');
INSERT INTO public.log VALUES (0, 3, 1795576655, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovvrioht7mkg4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795572455,"mark":"0d086ddf08ae27eb"}');
INSERT INTO public.log VALUES (0, 4, 1795576655, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvkntjaq37c4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795572455,"mark":"1b96e98d4f789106"}');
INSERT INTO public.log VALUES (0, 5, 1795576655, '{"kind":"all","status":"over","at":1795572455,"mark":"a181a716fe0ff98c"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', 'c15541fc0e7ae7a46ac1e304b1af89ed543ec73ee26e69062ca9016011f31b00', 1, 1795572455);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c026e6kd7pts0c2rr40', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c026e6kd7pts0c2rr40","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.receipts VALUES (2791207051, 1, '\x01a0c4506c00958e25a7945c', '\xf319065a6e3e2635aae02596', '\x01a0c4506c006a6511456fed', '\x9d00a0a0a773746566617070a0ba30366763386b336330306935737363633334767670663566626bce6ab13b80a26465a773746566417070a93132372e302e302e31ab7065726d697373696f6e739185a26964ab6368697270732e72656164a5776f726473a56c6573656ea5706c616365a561736b6564a67469636b6564c3a5676976656ec381b568747470733a2f2f63686972702e6578616d706c6501');
INSERT INTO public.receipts VALUES (398287871, 1, '\x01a0c4506c0003faf2f2f0a7', '\xea3e832838a9cbac28987684', '\x01a0c4506c00dcb11e9ed481', '\x9d00a0a0a773746566617070a0ba30366763386b3363303369323735756b6f76346b63616f336f67ce6ab13b80a26465a773746566417070a93132372e302e302e31ab7065726d697373696f6e739185a26964ab6368697270732e72656164a5776f726473a56c6573656ea5706c616365a561736b6564a67469636b6564c3a5676976656ec381b568747470733a2f2f63686972702e6578616d706c6501');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0,"words":{}},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, 4000000000, 1, '\x01a0c4506c00767f05e2e50b', '\xf319065a6e3e2635aae02596', '\x9a00a0d94035653233373933396535383265613630336137336137616138326162306533393162386561383766366364316362356563353961316362666130323366303836a0a0ce6ab13b8091a370776401a0ceee6b2800');
INSERT INTO public.sessions VALUES (398287871, 4000000000, 1, '\x01a0c4506c00593a30f03ede', '\xea3e832838a9cbac28987684', '\x9a00a0d94035653233373933396535383265613630336137336137616138326162306533393162386561383766366364316362356563353961316362666130323366303836a0a0ce6ab13b8091a370776401a0ceee6b2800');
INSERT INTO public.signing_keys VALUES (0, '98fbe36cee5a66a9', NULL, 1, 0, '{"version":1,"kid":"98fbe36cee5a66a9","use":"ES256","sealed":"AByzZ43P0zKOU4//tIBCT34uXZGL+jSoCP7ZEETqBInp6Lj8+ClTdPGoyGv7ZPrQ1nlWGHPNCkF2F7Hg4agcCmo5IcqFTcjHQxY+/ep4wjqMOKX5K3YaoS2VUx4nNMAO9x0e4XTuAOMrZ+5Jj35rfxqWJyo5x42iQ55shJBTIeABmlLZ2mX8OANi9wUsGqNHa6ezw4ek8EFP1+LY/BVpZCvfVA1ZBw==","status":"current","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, '32774ed47ab90ab6', NULL, 1, 0, '{"version":1,"kid":"32774ed47ab90ab6","use":"ES256","sealed":"dTtelEGRwNVqwOwsOpRgow1X3LiAalGbxtK6PhjxFdqO1JPV8XrtH0mmhww2vJ697yZdnIzD4rvoJTZQ5ca+/t2oOO8TMAyTkCpwfslkYKClcWTU31Uf/bHyfNlfGIl0+B7StGUZUSC1dd0GJkT2u8bFZZoOIZkjakUNia0aoZOIkgdraEkMxYFA0IVF0OB4yY4+TnpMKxpklfOh+hV13FWf8lCJPw==","status":"coming","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, 'b60f1cef02d1478c', NULL, 1, 0, '{"version":1,"kid":"b60f1cef02d1478c","use":"RS256","sealed":"QM0jY+1B5A5ODYoopkSekb7/8fNxzwYM9upklKKeD6yxsVxS1/s/L70cR4tj+gUjjWyaHKbQbS86TEWaau52JnFkrkamLFRhkrr4l0kodspUrhqzCF6LxzaX2N34ejLI0Z3hxsf+h2RTHg+fx2mN4UCBx/3KOzl+1JRXbZZD/tJm7WlGIS02zxWvVNs1TSHif+QdGaY9XopsG0PKTmC4HZ5uNUKhCdv4tg7KwF1UCfYNC8hj0SyFZ/hnd+JmE6uiPxa/QzXSQTY9w+CHU2nWiEXw59tNpzlblkIievBp2biI8H/SLX9bXQrg7oQCeoFUYTDCz5VYvj+OY9lZGgfb1rqbwJPYT1HC1bn2SpepgajZTkoroDjTwpeWGo1gKuZ/AN+U76WxOzI8UcK/+cn29SIz+9/j7g8005aopyi7Ri2G//OsiaYFpAUeoRD+6cwpUmUQuiol8aw/0waU5c2jF8rDkMs0TYn+eTsPXWrEiPGPYj4P3XMEM7qZhJsJ6sEwCi+4sdm9zuyutwpBjGyT9Gmuwm3b+w/NHoVFe4rbUG1yxWi85htxbawpO83oKydUqHcJ9CQ90L2+pVgeXgaS5A4BJKUx2P0I3dhagtZegMnXmm+M9/R5sC4/+6gln8ce8xgz2HzGqVmI7pyX1lpqdT5jIreoQY1d/4VCAmdH3TGNS7s15fRdSO9Epe82P8HZ2frwarfSujHNiARv2GsTaGvKVAxYxWavMdushmVIZ3/PcbrjbdncZ9gZdw/Fxmxu0R18RWlasY8X1930aygkB/lKzrGk1eIEDiSSbKOUUJMGKx96v+QnCa9Gjs1/FYTGSdFuRHsASl1jgBeL1aDhp467Pu0xwZ0muneTblCh3F3lUthgFufifj4BaDTHsBd418mC50xuMpP0k3k3p4ZT/ixX/Q4KQ0wZ8jJwGYfjhIr9H7CZ0CbLDDzUEyvj8dg2VQwbgYFcE0H7COhijwKiQ8SFREOQhfHGZqbWhH96SHWzvKE38d1doYcYhnZIKrdbVcPfJ06BA/b1dxo30t3JFhBmOS4MqXgD3Z5aj2V+lT8NyQuBfmyYAzvBNAQBxEnkjZT8gB8pUwjIMHc+p5uBKW2AoI5go61SZEEFi5w4PpoIIp1IsO5siyarFryxHBmqoEifjDP3NznFgZevjPZ5YtJc13nBpm34xz84h5xn8OYboDWOA69TwgL5sK1w/lsEsYqqjll0cotEIiP0/cU2fWZtZwUgDU70Qo7xkPfbBnFM2trhgtIT5GmKJMmLuLd8bIJd0+1+jZyjG9Rbxc1RXt+VXILSWjLjgHi4oNmI8slzqnAJ+p2Byrixu0L1eZLlW8Xx6YPsaldeCsv2VzYrIxyx/6it5bUqYYEAEAS1mjwzIiEX8Gif6zkH35NodTL4+friPRnsuKouD0G459zLJbkt2xhVKKKhKtXLcvp4Dtobln5OMTFoBielribyU/F5KKH9R37DNv2bREY16JlKa88rU9t8AHIpQ+kbE0kXdPPQGvq+Y3oy+2vnv+McaL7R9blWe4vzESWGvNYOhHGoQVygp8FpguSLKPGYEEKeT5UTgfTSq/z99ctV095iRc/YNKP2bmcZozYsAnPtHpeiXhBaLhVwqWinN80beysIysxTllT3dCCNO0EyJj1x","status":"current","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, '12a05bed21404b2f', NULL, 1, 0, '{"version":1,"kid":"12a05bed21404b2f","use":"RS256","sealed":"cBzjO+2L+6e0+y8+CATsoE80zo9HCNn0Dx6m60zT5LkwSwlfI5glxn3zV9hanEcbwAl1dpfGc8wknxzRiiFf4bYrhfVPTgn56Cgx0aVVLzC4ylCX4TgveiCK9mYXOYlpkCdqTqcjL8zHE5NFv/gA+RnK1kcE0WuXKg2AszMUyKhPpyOBCBetnwzdObK3swO2YBdYjs+Y/dHxVW8syheuMphMVXEsaYpH3EyWHIDHYxHNRbB/1G9OzUU+JSWCI7N/I3s6ztqkr0+jqmu4zfZlzPMlIPgQOTIXIPF6yfIPFXWCn6l71utgL2l6VRnAmqgbO9EDqyDmpiFI6b2TCOPbv/sRZ6az80nleNzt79EPX7ZaP6PNoWlARNVdXJSvMdvers5gIGcmL3W+qfZD2j4VmVxPxG1dWN2fLkOgHBOCzasBHiLk1YhNbqa1xgt+rAu6y+J2lzNHf9DV69y+YfF4I3QsuOBdDlTMjHsypCUcC8MsSRdSUj2Xxwhb2aoqfCVHRVzPoP84yHYnvqYAte5kuIN+KojlsGPyxsi/GsdiuaCOZbxMnQHS6KH2tu3lVthq+ruED737H7NF/ATut/1neFE3Zef8zfa0BOuozTe/mAqRIpS/nceBW1qK8WU9P/mp6C1oh6UoUfckrAO6LvYzSritIiHzhoR9efiGiuGDjgxt86fSfFsbYyseq1lD3WqpnjNkZuooF1PiefmzQpZMif6yiftzVp4PosVrHfgeANVMhLykoo2d4ps0o3YkpkO/+lLvqq8nHJ9GJdfXdR+KXkouyDMk456zgU4vSF/lrJ7m/K/qTzarO5oL5NIJgsD9zKtRNCugWJQEhNa4utZzQR/QTR5wHVGPy0Nfl+DjEBLGZcGnmVfduVH+zV2I8ijqNYt2d2/SW/hwDS/c600M7BUI1wcDzUeHBWtGiE06fSfJUa6Z+H3TYqLKzj+WP0R0VVigOuqvq4rMceqLUlQvYa9Q1+zWuDhkNW20LQQD4hzXq4jQeqacRi+F+0fhipCHuMqU96nrUGKM1kblB9nGrLvI+56MApCZSYSj+50cjyXH7kSUnAaKAmwx+tv3I+Ptvj0Nffujh9fejkC61kbDqWDxDBe/bO77iVawA8aA9IZRPq6p0sRMqHuFXDxIG/6IadCfO5tSACGNa0sxGwg/CI3C8j6CzKhKbqeBJJGso/PCjQaPo17BLneJUe1WGWH8uUq1Gp1krcZdGX578P9RRArlaTgscELU+MRS2izsaRElW8j7+vj+n4uc3vIeQtTRbvRwKrMfECL01EniKqSPL5tLf1fq63RgkTDxAAp+E0ZpJITr4XSG9Ng7OkaQkvXHz9UxZ/h/69vlesl2Bi5rLASO/WilKOeP9oCjWNx2HXOebmWL8gyaEMwnzNGxeGrecdKdix098hUtPj/hVHlErHvh453lEnBNUPYrWXwbjlV4xaMRS2VS+GlHF6c8b8Z7CYg+Su5BmT310tNY4N1Nl/UXQDp3HgvDVFaoxJLA4y8xpaeHpZKeVyjiQZp8pYZgQ7IogE1STY6HIkWQ9d6bTVHEoIUDc6KbYToN47sTm7dNW8+3LsUUsWjDwErkwLUXiy8XoJaXd5jv+UhO4klw2ttk+TVwJqkjXg9KxC9C6X3nUylDobQQY0ytQfVm","status":"coming","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, '03c36ee1', NULL, 1, 0, '{"version":1,"kid":"03c36ee1","use":"seal","sealed":"jPmA7Raiw7ZJeL0ey7ACM2i1uHcnbjZEYkkjMI4JgdwS5EHo/7pZCr4TirAbYnHcKBLad0lMa5/ptyDA","status":"current","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, 'f683a2bf', NULL, 1, 0, '{"version":1,"kid":"f683a2bf","use":"seal","sealed":"2O7bSNy0FZf5jtKH+dVMXeJf7v+9LpE6yQMTjOqABOaO6XN7h/lekexvlL/AGWIlu1C2fwFSpSt5GBwM","status":"coming","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, 'f4361739', NULL, 1, 0, '{"version":1,"kid":"f4361739","use":"mac","sealed":"n61q9gOWBBh8TFIbx+osvJxi8QHMRWV1MRF1QFrf30Grq+3J7o5svG5ImCff8eLcOBASWNok6M+/j5jo","status":"current","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, '8d873fef', NULL, 1, 0, '{"version":1,"kid":"8d873fef","use":"mac","sealed":"GZyFr85aYC7p2z/zktn+vj/Ko6LtdxLL0dnvoHRNZaXsHDYHos5+IRDil8aQo2pP1L+60d/8ukM4ISZt","status":"coming","created":1795572453,"since":1795572453}');
INSERT INTO public.signing_keys VALUES (0, '90b932f8', NULL, 1, 0, '{"version":1,"kid":"90b932f8","use":"salt","sealed":"abj6MjJQKXaJjklxe61/4bkQXpHTNdyjIuuSP4aLdU+T/xQ77lTXy17AhureMXBAUkKpXhSTM57gb7L8","status":"current","created":1795572453,"since":1795572453}');
INSERT INTO public.throttles VALUES (0, 'account miko', NULL, 1, 4000000000, '{"version":1,"bucket":"account miko","tried":1,"since":1790000000,"expires":4000000000}');
INSERT INTO public.users VALUES (2791207051, 1, '\xf319065a6e3e2635aae02596', '\x8edaea2e71332dd491887eaf', '\x9d00a0a46d696b6fd961246172676f6e32696424763d3139246d3d31393435362c743d322c703d31244446524372786b7431744d555868663142556330496724334958544249425a306848342f416c55664f6e5375477a625a46684b6d66686e4764755a68785639447a6fb06d696b6f406578616d706c652e6f7267c2a0c28081a46e616d65a44d696b6fa6616374697665ce6ab13b80ce6ab13b80');
INSERT INTO public.users VALUES (398287871, 1, '\xea3e832838a9cbac28987684', '\x92a70799e19d8734fecfb8e5', '\x9d00a0a46e6f6f72d961246172676f6e32696424763d3139246d3d31393435362c743d322c703d3124394c746c7a6d6353517a4a6234584a616270706f68412463417079776c72554e517348343243767747326145447257557139716f764d6f7a714434344e454964396fb06e6f6f72406578616d706c652e6f7267c2a0c28081a46e616d65a44e6f6f72a6616374697665ce6ab13b80ce6ab13b80');
ALTER TABLE ONLY public.allowances
    ADD CONSTRAINT allowances_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.catalogs
    ADD CONSTRAINT catalogs_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.epochs
    ADD CONSTRAINT epochs_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.families
    ADD CONSTRAINT families_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.log_head
    ADD CONSTRAINT log_head_pkey PRIMARY KEY (place);
ALTER TABLE ONLY public.log
    ADD CONSTRAINT log_pkey PRIMARY KEY (place, seq);
ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.once
    ADD CONSTRAINT once_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.pending
    ADD CONSTRAINT pending_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.resource_servers
    ADD CONSTRAINT resource_servers_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.throttles
    ADD CONSTRAINT throttles_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (place, key);
CREATE INDEX allowances_forget ON public.allowances USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX allowances_grant ON public.allowances USING btree (place, "grant", key);
CREATE INDEX approvals_forget ON public.approvals USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX catalogs_forget ON public.catalogs USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX catalogs_server ON public.catalogs USING btree (place, server, key);
CREATE INDEX clients_forget ON public.clients USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX epochs_forget ON public.epochs USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX events_told ON public.events USING btree ("substring"(key, 1, 6));
CREATE INDEX families_forget ON public.families USING btree (forget_at) WHERE (forget_at > 0);
CREATE UNIQUE INDEX grants_alias ON public.grants USING btree (place, alias);
CREATE INDEX grants_client ON public.grants USING btree (client);
CREATE INDEX jobs_forget ON public.jobs USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX once_forget ON public.once USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX pending_forget ON public.pending USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX policies_forget ON public.policies USING btree (forget_at) WHERE (forget_at > 0);
CREATE UNIQUE INDEX resource_servers_alias ON public.resource_servers USING btree (place, alias);
CREATE INDEX resource_servers_forget ON public.resource_servers USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX sessions_forget ON public.sessions USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX signing_keys_forget ON public.signing_keys USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX throttles_forget ON public.throttles USING btree (forget_at) WHERE (forget_at > 0);
CREATE UNIQUE INDEX users_alias ON public.users USING btree (alias);
