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
CREATE TABLE public.delegates (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    body bytea NOT NULL
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
CREATE TABLE public.signals (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
);
CREATE TABLE public.signing_keys (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.streams (
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
INSERT INTO public.allowances VALUES (398287871, '06gc8k3c00brqovv1k1e9vepqg chirps.write', NULL, 1, 0, '06gc8k3c00brqovv1k1e9vepqg', '{"version":1,"grant":"06gc8k3c00brqovv1k1e9vepqg","permission":"chirps.write","often":{"total":[0,0,3]},"out":[{"id":"aaaaaaaaaaaaaaaaaaaaaa","holder":"chirp","uses":1,"expires":1790000030,"often":{"total":0}}]}');
INSERT INTO public.approvals VALUES (2791207051, 4000000000, 1, '\x01a0c4506c00102169a19cf1', '\xf319065a6e3e2635aae02596', '\x9d00a0a0a773746566617070ba30366763386b336330326a35737334626439696832686266746bab54776f207469636b657473a932352e303020455552a000a0a0ce6ab13b80ceee6b2800');
INSERT INTO public.approvals VALUES (398287871, 4000000000, 1, '\x01a0c4506c00e42397d4c7c9', '\xea3e832838a9cbac28987684', '\x9d00a0a0a773746566617070ba30366763386b336330306272716f7676316b3165397665707167ab54776f207469636b657473a932352e303020455552a000a0a0ce6ab13b80ceee6b2800');
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
INSERT INTO public.delegates VALUES (2791207051, 1, '\x01a0c4506c006a6511456fed', '\xf319065a6e3e2635aae02596', '\x9400a0a0919491ac636c69656e743a6167656e7491ab6368697270732e72656164ce6ab13b80cd50ed');
INSERT INTO public.delegates VALUES (398287871, 1, '\x01a0c4506c000d02e4fdd9d4', '\xea3e832838a9cbac28987684', '\x9400a0a0919491ac636c69656e743a6167656e7491ab6368697270732e72656164ce6ab13b80cd50ed');
INSERT INTO public.epochs VALUES (0, 'current', NULL, 1, 0, '{"version":1,"number":1,"since":1790000000}');
INSERT INTO public.events VALUES (2791207051, 1, '\x01a0c4506c00a5fb35686761', '\xf319065a6e3e2635aae02596', '\x01a0c4506c006a6511456fed', '\x9b00a0ce6ab13b80a76772616e746564a475736572a0a773746566617070a092ab6368697270732e72656164ac6368697270732e7772697465a0a0');
INSERT INTO public.events VALUES (398287871, 1, '\x01a0c4506c000b6768d39453', '\xea3e832838a9cbac28987684', '\x01a0c4506c000d02e4fdd9d4', '\x9b00a0ce6ab13b80a76772616e746564a475736572a0a773746566617070a092ab6368697270732e72656164ac6368697270732e7772697465a0a0');
INSERT INTO public.families VALUES (2791207051, 4026531840, 1, '\x01a0c4506c0022772ae67f0f', '\x01a0c4506c006a6511456fed', '\xf319065a6e3e2635aae02596', '\xdc001c00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0c0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.families VALUES (398287871, 4026531840, 1, '\x01a0c4506c00c3dc518a2ec4', '\x01a0c4506c000d02e4fdd9d4', '\xea3e832838a9cbac28987684', '\xdc001c00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0c0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006a6511456fed', '\x4efd274619ad1aa6f36d21c8', '\xf319065a6e3e2635aae02596', 'stefapp', '\x9d00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b8081ac636c69656e743a6167656e7491ab6368697270732e72656164');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006055a3b48f3a', NULL, '\xf319065a6e3e2635aae02596', 'web', '\x9d00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b8081ac636c69656e743a6167656e7491ab6368697270732e72656164');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c000d02e4fdd9d4', '\x65f78dce87dcc259b0aac74f', '\xea3e832838a9cbac28987684', 'stefapp', '\x9d00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b8081ac636c69656e743a6167656e7491ab6368697270732e72656164');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c00593a30f03ede', NULL, '\xea3e832838a9cbac28987684', 'web', '\x9d00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b8081ac636c69656e743a6167656e7491ab6368697270732e72656164');
INSERT INTO public.jobs VALUES (0, '004000000000 06gc8k3c00uhcjse12b5u0v33k', NULL, 1, 0, '{"version":1,"id":"06gc8k3c00uhcjse12b5u0v33k","kind":"ping","url":"https://app.example/","due":4000000000,"created":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795586325, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"cut":{"client:agent":["chirps.read"]},"at":1795582125,"mark":"bcaabe4bb2e058f4"}');
INSERT INTO public.log VALUES (0, 2, 1795586325, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"cut":{"client:agent":["chirps.read"]},"at":1795582125,"mark":"eef0e00cf52daabe"}');
INSERT INTO public.log VALUES (0, 3, 1795586325, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovv1k1e9vepqg","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"cut":{"client:agent":["chirps.read"]},"at":1795582125,"mark":"ac2ef99e8f2138be"}');
INSERT INTO public.log VALUES (0, 4, 1795586325, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvb4t31s1uro","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"cut":{"client:agent":["chirps.read"]},"at":1795582125,"mark":"ec31cbd534782c6a"}');
INSERT INTO public.log VALUES (0, 5, 1795586325, '{"kind":"all","status":"over","at":1795582125,"mark":"2f017833d15f0633"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', 'c4bc2ef0e3e42abad54520c7ad324e2854643764567f42ad77ebf60aee6bb3c5', 1, 1795582125);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c023ijog565ua0ltqf8', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c023ijog565ua0ltqf8","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.receipts VALUES (2791207051, 1, '\x01a0c4506c009e2b57045891', '\xf319065a6e3e2635aae02596', '\x01a0c4506c006a6511456fed', '\x9d00a0a0a773746566617070a0ba30366763386b33633033656232376b7571693069736c66326563ce6ab13b80a26465a773746566417070a93132372e302e302e31ab7065726d697373696f6e739185a26964ab6368697270732e72656164a5776f726473a56c6573656ea5706c616365a561736b6564a67469636b6564c3a5676976656ec381b568747470733a2f2f63686972702e6578616d706c6501');
INSERT INTO public.receipts VALUES (398287871, 1, '\x01a0c4506c008ce351a7cf78', '\xea3e832838a9cbac28987684', '\x01a0c4506c000d02e4fdd9d4', '\x9d00a0a0a773746566617070a0ba30366763386b336330326265726d6964757237356b666472396fce6ab13b80a26465a773746566417070a93132372e302e302e31ab7065726d697373696f6e739185a26964ab6368697270732e72656164a5776f726473a56c6573656ea5706c616365a561736b6564a67469636b6564c3a5676976656ec381b568747470733a2f2f63686972702e6578616d706c6501');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0,"words":{}},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, 4000000000, 1, '\x01a0c4506c00767f05e2e50b', '\xf319065a6e3e2635aae02596', '\x9a00a0d94035653233373933396535383265613630336137336137616138326162306533393162386561383766366364316362356563353961316362666130323366303836a0a0ce6ab13b8091a370776401a0ceee6b2800');
INSERT INTO public.sessions VALUES (398287871, 4000000000, 1, '\x01a0c4506c0003faf2f2f0a7', '\xea3e832838a9cbac28987684', '\x9a00a0d94035653233373933396535383265613630336137336137616138326162306533393162386561383766366364316362356563353961316362666130323366303836a0a0ce6ab13b8091a370776401a0ceee6b2800');
INSERT INTO public.signals VALUES (0, '06gc8k3c02aos9d7ihe8dcbln0 1790000000000.000 06gc8k3c00i5sscc34vvpf5fbk', NULL, 1, 4000259200, '06gc8k3c02aos9d7ihe8dcbln0', '{"version":1,"stream":"06gc8k3c02aos9d7ihe8dcbln0","order":"1790000000000.000","id":"06gc8k3c00i5sscc34vvpf5fbk","event":"https://schemas.openid.net/secevent/caep/event-type/session-revoked","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","at":4000000000}');
INSERT INTO public.signals VALUES (0, '06gc8k3c034318cvrdfsjl4j3s 1790000000000.000 06gc8k3c01p23l3nishhkmk010', NULL, 1, 4000259200, '06gc8k3c034318cvrdfsjl4j3s', '{"version":1,"stream":"06gc8k3c034318cvrdfsjl4j3s","order":"1790000000000.000","id":"06gc8k3c01p23l3nishhkmk010","event":"https://schemas.openid.net/secevent/caep/event-type/session-revoked","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","at":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '2f283e6b343d884f', NULL, 1, 0, '{"version":1,"kid":"2f283e6b343d884f","use":"ES256","sealed":"jyehgfGFc2Uq0reOrHmXwVw4yWsxBNNcQm9PBI0FRou7Y+byOWNuCTrWKZH3S/56mOeROrGQkIw0+d84bFwBObUvVpjHPmZObP+BLQZkMlJCHHZW91QpYHPeFXg7/limswSd8Y1MdYlXCjUOKL3dGdOAIwKsb9j6AXvIkUTk1QHZQAfilRhgeGH1UcMRmVmTAlGRTaPpmCeGnp5iS1shKXzrF8UM7g==","status":"current","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, '120e4621ab7ddc6f', NULL, 1, 0, '{"version":1,"kid":"120e4621ab7ddc6f","use":"ES256","sealed":"C1ZOEuEXgCUWA7jDQmvBGrAvyMTWShkcGeAWKf7Kvu2zeEspYT5sk7FOKTuEYmjWCexUEey9lO18/ZR3n7Mu+dkHHk4MffsFJHJ/F0/ElCQYziRRuezsv5sRkFLhOyiGpmBCjywWL3i3fXSwnJnBJVDH56Muwikfjq8/V4YLvdQCtfSIEJMVP5ygVT/ydVr6rEf0yhKTvnuuA0yBesuoSb7/rWcpmg==","status":"coming","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, '2fc2a1ff36afde45', NULL, 1, 0, '{"version":1,"kid":"2fc2a1ff36afde45","use":"RS256","sealed":"WZFCtnVN8Dwi2Kp+0ay+pDOedQ7L6eOtxhllT4HwjdEsSQjs2RtTYCiowdeK6XUxfJcndkFGKJ+kEjaX0zKWmUEk9IZ8aRD08w8AUOvWst2mQdtnkDgt2uJcupWLMdahMZPL5iSYV+YEuYJwbj+NcfnIHF6CUHIfcDq/7Cma+PI1pJwBhTG/92AOXV/XrUfFECaRaAgcbxG1sMZ/juU2JZFOLMMRAAkCcAenwdxDW06uc/MpdlU/SLohCW6ryu3DnVRpaaxCC5/LAAJ2hg7K4sf/sYUCzVYut2Vpij1+ac8d0qVCEhq+eR0JZiD5GXYA/v1US/4jtwPgrRjNt/BwTh1vM2ik7md/RLBE5JPyckcdba7NVtbANwn354GFw44V2onYeqA7sVRdXWMi15axbut2qziHGo2KX/YLPAkzOPZq7nG10PfcktJXFFbuYsqKZgQJX9hRKStc1jVXsZYIa3YJtZWLY7az87wC/+v7z+P4d8HyrpRd635Hkucz7Y1cEu+/pMLmK2b7stV7fXVJ0wZVIKJjNH4hbxvjX94g94eSOhM0tjfnWflIX07e6bvBMraupBdt4+SQ8dnT8U4NTwuSs9mEm1WBUQc7CSYER1ABHbRnuOwm8cf3/uTXv/DpH6zGVLjgULFvWol6iHqfGpTvHKPWA4m/vvANSfYtUvFgWNq6E1sUvCBKaMDPvOxH0wC3Dp0+7TifW5sNK3CfnHZmHJIXF06iD36eKJF2srHSiwSEL37bZr+Z0r2D0MORKPVdL0YJhJrb0+68evbXUXzv5EMTUjMDYAp6IxE/1mgxCOSJ29ErkfhQcl4WRACh2mINV8j5VfS0BIKRKR9vLQfdIVAr8Nx8V2aXIM1XvVoBq1RZeAhAqOGa6xc2bshS2u7w1dU2NQTd2j9B2yPnF7TZ7kMLYkSNWEtdF6a+XMOMVXaeV1WjLCCWYcU9bxAskeXj7tIAnj7WgJxkCRQihxqfAnc5rS0e8L4lvkFRZPUVyGVQcY7xPKbJOtIApZz2EFJ4Au00avdxv6BeiO9QLv4zju5CCHVKdHySVEpeAe1+b+k/HdDjLEjLGlikAnv0R/8q9gG5ukToCJvfOVtbJS0uzAKuSzhpHTEneFcRCYAFEBeVnD7RoxORX+sQWLXl2IhLp+t4Wk9oYxm2i0IVboPvXEPneXjI1zu4Qu9gb2JhnSDn5uA8SmdZvtvxo+EfVOaVgPbJNOkjC1J25nMbv/ZYYxdS787dSutTpWk0ctcYanD2pdDab1NvlvJLnGf6zKfE50lWd+ONwoL1eDpBTVl5mKCJbEXWKC3T1lMtONYxKA0XjNyWOrfYUciTuzt+cnqi8oeXZJC/YjnHXUsO82BbUBCJ1CFDTxZZAQ8Qc78fIGoJi/moCNVkcxF0s9K1xYtEmPWdPXoNR9SAD9sbJaCdI7psJPOaMZkr6Nv8H3fR14ghhei1BCZnRMCkczkwNfdgO5FNUQYiMXA5PR559dNv5zEDhdbYz/qzCVEMd5m/X5ze/1FX7rzWhnnm6zFfZaeSDhiNGyaTJmL2xjn7yrBnL8iIwSDmtKhSskUkFlK0AvCC2S5UAlGLVPaItySwJLUr8wZnRLbiLHXOzUx3p8zPp80Q7QGHTlftc2sRv78cmUrqI9+rIzpB3mie","status":"current","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, '714ef7e130e13adf', NULL, 1, 0, '{"version":1,"kid":"714ef7e130e13adf","use":"RS256","sealed":"iVpgI0eesrt8JOwpo/oBF8fPqUPHWa0UOcZ39A30UTldM6TXFWCieI+psEa011JU8vdjICZ5hDEMMaaxcDwvBoJdKMzPzBcGHaKQQeK1Vt9DW2L4gvqm2QjyIJYUY3PImlhpOgtnyWr/RN48T6ufYHi+XrTRT4feu1cRhQBT5B/LKCckTkHc4grV86QtkGglBprpsOmJGQ6pFODTiK8qpZeIhVzz2Kqr6iZ2/RuHeJkY9Ji5UiDWi6D0iSSv25NbPG6OFShA+fB985Lbhim9oeshR1i9u8HlTu38QjKyf+Ouei53JdbotJJT/wpYDDPenKg4WetEOZvoOD/yi/7/BLgw7ADrj6RyCEPJN7aVS1RTSIYgQXJ4cBd/4yCLCRJ4OKFY9Bxj7PPfLzMO4JKFDTb6KWDySk2fUEVfbR5D0AhbAk9TQcAm0WuSUIT/HdjZ62jR4+6ass1HgaW2Youw+gl6Zqc28Q3O8O2CeJn1aC6BlJ+ev5UM3sOmqjwofsGjsE4qx/x/Jqkf0o2QHvI5lLxa5nP5w0gzXnayGRsWzqgYh4AoMu5b9ZKyxEH2HLu8oTUexmCByDYV3RTAqFLnz2WJYoMDGjo4cWg2OIYSgxZUQAnxlg1AQo7DZyANyVPvaTP4FSaDqrzfF0jkrLixY3K/AoLfFzTHGMEcyjsofvSILDcC/s0eAkNY87wuTCaVdkdXfpYQhegx8KknbMl1U5/mdA86DEBf+D8ccl3IMV5FyCMxxT4smrdwQ9l/tqmr9Vugyh/dAz/B6B57Z5iuz19oioU6tm9I7OF6pBCTqyxJpMrHAlPqXJlXiKv55BKGx53uZ4YeZovJfDe5F+ydYfIosHNMEhDs6CcFGxd550kUrdqqw+UEwV6zeVB2jKqCk5nZA068rQzFe17wYAe8tPjFdjidkL66pmR+AkdyG42YImBYFGjy/+fK0ILfIF0srM+9wITeg0zC9W+Pnxoo4UCLiEup/K2UMf8z05SjLqTzw1rPTAR5Ns3jkAU72p9mU03v7qkJvpmoyn4J4GBmcj27HvYlVug8LMuYClMWoDB+lM5HtGpnYlSv8rOcTl0sAOys22qEkjw6paSMIehLQg2pH8KgUKipuTTmu2qYNXk3d3q8T7djugwPwI6XWOgTk+dVbqULO/T/RdOjwmUiiF1PZX7TMVCEuZ8D4UR3Yxr/3EzPExvPXSYXf+MdB2NcCc5JjoN1qn4dvlmAo0eH8sFyGZzPzLm1ROIOBY2MDwQ73vsIxN0yRj5qeA11+TZmK4Ju6mDUeRl/HXJTzkolnQ8vSSCuFJLReC0ipII2i3piU6shYzUuCkiUTQLAXVTLrIwtNOhtXQxmCrtzS7zugIrH71BqQFgOoUzitYxm2CJnbWHbBGTokKUjyIIvCi++5Zf6Ovj1Yfr+99WOez4WyWlsm+ZeW/P5Bn/HrbANPu3RJsLc0OsbqzCEpI8clV7g68NRF1PWh+l2PYufxQhCL6eIPhgJtUpNMacgoM0HPYEJjY9cC5QEBy3gHR8Da+zAezYPDIMOH+lN91C9J6De3aAw48IA7MhmcE3oMULxJ8I1FBGnXpAwThlLA8a6D4HeEg3Mo8O9KOJkhD2z7yCrRCkg4zIgIChEMOtYD4Cm0qilVUOO4WlRaGSEIBU66A==","status":"coming","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, 'fe8e32b9', NULL, 1, 0, '{"version":1,"kid":"fe8e32b9","use":"seal","sealed":"Fq64Y//N4bAor2K4xCeRc2njnH0+4+tgyi3cHwSGr9fSRoR9JDS03tTo9xqFXFMNgsopq9ZGafLs2DHF","status":"current","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, 'ea9c153d', NULL, 1, 0, '{"version":1,"kid":"ea9c153d","use":"seal","sealed":"Hw3TL/cEwDAgPJypoP865XkwJjEEgJmaAHFBti+ZrDyVkITJ188CeXXn/mAwqzPJggjgPZfBdfga46SI","status":"coming","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, '3de2180c', NULL, 1, 0, '{"version":1,"kid":"3de2180c","use":"mac","sealed":"uyVMfmi36FNDPUFE2Qw0jg0tg3IzhID5cytpIzCxJvZwWaRUFaPVeDJrBrrrq6ryBbbDdi4Aw7BwvsN4","status":"current","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, 'baf107ee', NULL, 1, 0, '{"version":1,"kid":"baf107ee","use":"mac","sealed":"mltMz1uJ2fEtUaAm7Q7/bChD6DkEzRxByoKoZ0ATJt9yVYI6Lth69JPr0FieErBM9cBA91bRYhdXHCtn","status":"coming","created":1795582123,"since":1795582123}');
INSERT INTO public.signing_keys VALUES (0, '03351ccf', NULL, 1, 0, '{"version":1,"kid":"03351ccf","use":"salt","sealed":"qK7Xmw6IOImvwitiUNq7BCBX5F0NkDTZbJwbft39xDt/oJVYV3tijlsFaWYW2bY19+LXSm00jeDb7FDc","status":"current","created":1795582123,"since":1795582123}');
INSERT INTO public.streams VALUES (0, 'resource of miko', NULL, 1, 0, '{"version":1,"receiver":"resource of miko","id":"06gc8k3c02aos9d7ihe8dcbln0","requested":["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],"delivers":"push","url":"https://chirp.example/signals","status":"paused","created":1790000000}');
INSERT INTO public.streams VALUES (0, 'resource of noor', NULL, 1, 0, '{"version":1,"receiver":"resource of noor","id":"06gc8k3c034318cvrdfsjl4j3s","requested":["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],"delivers":"push","url":"https://chirp.example/signals","status":"paused","created":1790000000}');
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
ALTER TABLE ONLY public.delegates
    ADD CONSTRAINT delegates_pkey PRIMARY KEY (place, key);
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
ALTER TABLE ONLY public.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.streams
    ADD CONSTRAINT streams_pkey PRIMARY KEY (place, key);
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
CREATE INDEX signals_forget ON public.signals USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX signals_stream ON public.signals USING btree (place, stream, key);
CREATE INDEX signing_keys_forget ON public.signing_keys USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX streams_forget ON public.streams USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX throttles_forget ON public.throttles USING btree (forget_at) WHERE (forget_at > 0);
CREATE UNIQUE INDEX users_alias ON public.users USING btree (alias);
