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
INSERT INTO public.families VALUES (2791207051, 4026531840, 1, '\x01a0c4506c0022772ae67f0f', '\x01a0c4506c006a6511456fed', '\xf319065a6e3e2635aae02596', '\xdc001a00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.families VALUES (398287871, 4026531840, 1, '\x01a0c4506c000d02e4fdd9d4', '\x01a0c4506c00dcb11e9ed481', '\xea3e832838a9cbac28987684', '\xdc001a00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006a6511456fed', '\x4efd274619ad1aa6f36d21c8', '\xf319065a6e3e2635aae02596', 'stefapp', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006055a3b48f3a', NULL, '\xf319065a6e3e2635aae02596', 'web', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c00dcb11e9ed481', '\x65f78dce87dcc259b0aac74f', '\xea3e832838a9cbac28987684', 'stefapp', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c00a5fb35686761', NULL, '\xea3e832838a9cbac28987684', 'web', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b80');
INSERT INTO public.jobs VALUES (0, '004000000000 06gc8k3c01p23l3nishhkmk010', NULL, 1, 0, '{"version":1,"id":"06gc8k3c01p23l3nishhkmk010","kind":"ping","url":"https://app.example/","due":4000000000,"created":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795575213, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795571013,"mark":"4a679af77aa1a9e5"}');
INSERT INTO public.log VALUES (0, 2, 1795575213, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795571013,"mark":"bc3e7fcbcddf5e47"}');
INSERT INTO public.log VALUES (0, 3, 1795575213, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovvrioht7mkg4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795571013,"mark":"ebc3e22c174720fa"}');
INSERT INTO public.log VALUES (0, 4, 1795575213, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvkntjaq37c4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795571013,"mark":"874185f4eb66572d"}');
INSERT INTO public.log VALUES (0, 5, 1795575213, '{"kind":"all","status":"over","at":1795571013,"mark":"87cc725feb3a4ad2"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', 'c15541fc0e7ae7a46ac1e304b1af89ed543ec73ee26e69062ca9016011f31b00', 1, 1795571013);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c026e6kd7pts0c2rr40', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c026e6kd7pts0c2rr40","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.receipts VALUES (2791207051, 1, '\x01a0c4506c00958e25a7945c', '\xf319065a6e3e2635aae02596', '\x01a0c4506c006a6511456fed', '\x9d00a0a0a773746566617070a0ba30366763386b336330306935737363633334767670663566626bce6ab13b80a26465a773746566417070a93132372e302e302e31ab7065726d697373696f6e739185a26964ab6368697270732e72656164a5776f726473a56c6573656ea5706c616365a561736b6564a67469636b6564c3a5676976656ec381b568747470733a2f2f63686972702e6578616d706c6501');
INSERT INTO public.receipts VALUES (398287871, 1, '\x01a0c4506c0003faf2f2f0a7', '\xea3e832838a9cbac28987684', '\x01a0c4506c00dcb11e9ed481', '\x9d00a0a0a773746566617070a0ba30366763386b3363303369323735756b6f76346b63616f336f67ce6ab13b80a26465a773746566417070a93132372e302e302e31ab7065726d697373696f6e739185a26964ab6368697270732e72656164a5776f726473a56c6573656ea5706c616365a561736b6564a67469636b6564c3a5676976656ec381b568747470733a2f2f63686972702e6578616d706c6501');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0,"words":{}},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, 4000000000, 1, '\x01a0c4506c00767f05e2e50b', '\xf319065a6e3e2635aae02596', '\x9a00a0d94035653233373933396535383265613630336137336137616138326162306533393162386561383766366364316362356563353961316362666130323366303836a0a0ce6ab13b8091a370776401a0ceee6b2800');
INSERT INTO public.sessions VALUES (398287871, 4000000000, 1, '\x01a0c4506c00593a30f03ede', '\xea3e832838a9cbac28987684', '\x9a00a0d94035653233373933396535383265613630336137336137616138326162306533393162386561383766366364316362356563353961316362666130323366303836a0a0ce6ab13b8091a370776401a0ceee6b2800');
INSERT INTO public.signing_keys VALUES (0, 'f4198f46dcffb4ce', NULL, 1, 0, '{"version":1,"kid":"f4198f46dcffb4ce","use":"ES256","sealed":"1kN3bS58D0TxVChTwknsB+JYuhUvIbxnaW1lYGsjQBocWkNkk6ZYa4kiqO9ub4ybnS4gW6nXG9PLyhXPMsP5Q7EJsUt2ogwr0SLB8CVx9bdLoarPqfwJUp5ey8V1kOEil3mYBzyqlLtCVrod89np1PWn1dMWoUHfNg4hKyICpMTkWDfLM6jDYHdlHLyRJyaP6aMqTHPBZel/Eqfhg9RalNIeUucx8Q==","status":"current","created":1795571011,"since":1795571011}');
INSERT INTO public.signing_keys VALUES (0, 'a6b3e8b71df99ee6', NULL, 1, 0, '{"version":1,"kid":"a6b3e8b71df99ee6","use":"ES256","sealed":"7Oa7IW3THYSK9/8hDtmUKUXZ+pHbpAvdWuKcatVermYL5mRSAjqrHkk+vRIwEn8X858/6Aa4TkxD1nPajGVh5XrrS+b5eLpD5Zw2r7GVQQILQp/xyAASGd9wSalW97kZYWPo8tlJ1rAtKV+R6iZajXSPW6zhcXqzF7BY8/XxkFcCwknEg8IXj2ml8AmvKRe0UlAcIU4y0FR5e9YbnkkybC8Q/iVviA==","status":"coming","created":1795571011,"since":1795571011}');
INSERT INTO public.signing_keys VALUES (0, '14ca378dc123fe5a', NULL, 1, 0, '{"version":1,"kid":"14ca378dc123fe5a","use":"RS256","sealed":"g2gl03iMAZ99o6wpkxKym9tUp9avci2EpV4leO3L2v3KrZtofB0FfLZ/LtU+m3osIY2rL6WT06nG6P1bSktq2IuHXYgOseljt1ooXhEtMu2dskJMnNEl8SZ7RXzthLUKhcBA3HRlg56VoDonnsINEFXU1xehtFnxp0rplHZtWqKGU2TdjzmftUHqMOWdIHXxSdeMDhjAzOy4p0yYENKJK3lE8S9D2XplRFfi2SvS0AXoei64PYPmpJaDcYqsjrhcW2RCFkPJ+JlCxaVtaXIygX74smlD5TEtX/48woXMAjrA1b14Tu1VFiAlnyMxtixNSaJOcfkJ1floT9HCslD5e41bZOzK4Y8FUlR/pYilPs6lc6w+RFqy8gVhs8WBW4j5Nsbgbu0NkuTyj8o8ZkKXqJXWYD5A7k7tNfkokym8DoBaj8MbyilonxBMp1o/Oq7WPeFPBooY4zTG80cVSgS8Tz5Q15iefsRiZqf5mJet5Q4UsbaZRz8EJ2/UobRsrIOMKjPX46iN42jNOaNSDunynRhGOsyDh5mtndELLQnQHEScFRuX+T1vz/wGJGrE9HdTHbItj5AG5GBOIEnF/SRGwFk88MMIUWPR5uOFlV2K42Yzlqag3o7989AQNIMatAFzbPXakLbOeU0mBMMzb4CFIxXIs14p89GSw0yUiegtwue8GjusOcNpA3h0HvFfUC00NWKvNcYqa8+1znByLovJ+D50rJ53nu8zT/YkIklEqa1/bn2sCN1+liHfPfWSTzbdABQDxTy+wMK9jSsdawlRzTixZE6ywKwoLrPt3mqPZYLLNKB0y7maWghd0+Xtqu5n7j1ZAmBNtV3xQNXFt6S0IZBq3+H+sYe2WDfssphgHsaZXCV2/btAwyJKKcBpRUw0TbG2jhqDUTXkGM0nU7Yb0vy0b3Dvh39mOEhWYqmJrBOvoqCDjb8HmsVrXtVn4s2+a8RQMbWAw6cJ5t2KhlN0A595UD2Y4GdgUhuIy3NkFPNQ6GQcSdM2T3ktjaVidO7yAuN5gXpUr8eITpFdojujd0049+ZSiHVAVI7doD5WPtQSgcNsjT7q4QdL0mNk0gEKRvl+TF2kbQ9/XZuKxFKYsnwNPbmM3x3bH8DWzPjSjEGIK3yVJ9zxTeRisaD9n1Qbw+2fCZKdb82Ve16eQk6s+sR4ZHV2WP+Q7nbbGFDr2ghwgKkENGHL9DR17lXSmtEClAs3GAT0o4jHLOudM7k01QbobLsVozbelQbVS4hhJpJ95baa/yiV029+v4z5bKyaA6ZzRjwaXVcRuxtELEWe0kbmKnRNdxUGE0/7Pl+sOHU0MtVQnJ6OU1KfqCDcLkVmwDVMUU8PKKAPc3RxaMPVE1+H/ogkHQ2kyAM9ffkqFuPU8tJNwj27+TZavi8sDnIl+5GIrzEJQTWZHoCygp3WxeB24KuZzb3oVeZvR3TiX2tB/bmNcMNLOTKeEAMwCWqhLo1GsPjPH+AQqtSyG+86Vm02aOUnqi2uEQIhSsSu+U/v5dL0aTjEnNpg4RsDp7V1ExFn7iNUf4mclPlnscBkxQmDtur9F6C3K98wBcbCNJnSPWheV3sQnXfb1CcQt9ZkC5+YBaVaWcux4KfSeOVWJ2kV3r2IsKIWpiO0Sis6JWAYyQeKDHwn5OrW4Kev","status":"current","created":1795571011,"since":1795571011}');
INSERT INTO public.signing_keys VALUES (0, 'e9144d77c3a0f8b7', NULL, 1, 0, '{"version":1,"kid":"e9144d77c3a0f8b7","use":"RS256","sealed":"dnwhoWXqEf6UK2xgvF64rOptRit9AwTbxa8CAURIZooxyLoev4O6dU+lTjpSqFmNtwUJxl7bq/B9oC+GxqqV53C6lfdFnDUCNclCXvWCpjqvEmBA0rLf4v+p9QTmqZEZ30AOV88V6jbuZJhFHE/ejyQR/Q7KnCqtmj98Sx4f0XqL5wNS2HN5F5tfEfn2+2jaYjGj/G/wVJDnBawXejQQWejo6wMQxbb0OBLZXqh91LNMUajcaO1NMFLy+BvBjkSynEZRBFosdDVWNKve7uoCVVmt30TZMaZ0vH1xjNp2hpfGNnIR4TXX5ImrZ8Sh/wKysyc+aGtHQEt8UgeakyrXup+cZS9EGxGftJLIy3RmY7V/kDxPWnlyVneaRdXn7YB6MECn2nTY/0gami1QBgn50lULYNb/dOTrwaSg8OaRvTNJErDbQjlheygqNos/j0uo0/NI+bXGPB+eBEqIDl0oAHiRqvb3q1ZkRtt284ABw7UHqvRfPJYHcyu1m+IqApyZrheZOcwpGwJgkppgF5GNc55iNjBl414kxmDF8cvuDQfaZHAr5lOjaSYrazjRSE+VP0ASOQ2HlGSesF51rwgtsa1Dcy8ptGfwfOMwTU8y3uoWAUcXTTsYsgbpTqu0AeDH/XHMTm14LGM+elwtFMhTGltWzCFe+wuUjRlfNTOB2ya2xswldnjQBBRiAcX3opAfNPgsLN/diQ0YephtFO+Lj7y9FufbkV/HiznfhcA8RYConTBP4vp1C+lXmEWkV5o03q71Pvk/jb6Yi0OEd8HeYfxf2FAbrPfDIXSB+3DIHrYgWnepb/9WlCZrPeK3HEfCaRaw2XUjG20y1aMblBWBQUiORP2P1q/y5Jl/gepIez4ezu69sQgvYyHmEGts50RehW1EI1mc1njwWPhbojUYfIrePGszrPU8nO865fANkzDBtndoGIEyNmK+8j5qo7Bcjsb1Nj+iQu1i9yyFSFBBT6eI/0DyfnT3SJNI6GxoTUd2k1W1g/1EQv3V+fHNqZGmJHj9C7sqf+fik85shtpEXqUE+EFcivU5IdkRU2XIqL6J7Dat63EuEQh2124MgLOxbEb7xsWBuaVhEbB8Z2uxx1dl8CHeKYg2h7fYm7KSlVmAYlUH35K85yJFTT/pfomc4remwxo922HZcdQy1gMdkTxtfD+JnDYOaorPgoOAcqGFNErlh/1pYLLHjPZ75xykAwGXE1F3wMMkgjqDKZ74bSzUDbuatGvVf0AcKseRme+Z5MqEzi4PZq+TtWRJVPVZzqx/a4idIs0BROKMci5xIKwvDqEUdCro2NiMZkJYI63805CASvEGCVbTvzVCAPKi8dT6IkiF2hVNbGWZNH/svFIGWF5Xc8FyaUHm0iS/D2gHl+kCmEn2Bg2EH97B6T9F9hVcgIK8/3d06L4MArWjFHuz9do6w3FgsDwQ8UZn1FsUolHaZ08fpiPZ9G7tcRxl9KAEpjuG/hlaxbds5aQ8uapYDZFD7X2GJywiuTE7V3bE8y8WLr3gbz/1XnhaGoyQxr4xoqi5iO7AYmUKTIOpsB8+cg85CSbLcTTDdt7y5hFJdcLeOQf4Wvrt1HCtn/MgsHAYQ4reun5h3Z4XmJr5XUidVU2Lo2lR8Fz1sepeKWjX6d55EuLQXbzlGHUX","status":"coming","created":1795571011,"since":1795571011}');
INSERT INTO public.signing_keys VALUES (0, '25a5c728', NULL, 1, 0, '{"version":1,"kid":"25a5c728","use":"seal","sealed":"Uqi7OuPzasj356uYQh2uWpahXM5LMNUBNgheSJWvPcrQVQYvbnXeMNqpOLxt2y+rici+udbczurEWpI3","status":"current","created":1795571012,"since":1795571012}');
INSERT INTO public.signing_keys VALUES (0, '9188e9cf', NULL, 1, 0, '{"version":1,"kid":"9188e9cf","use":"seal","sealed":"M7IZ3ZWmaLOjts9NGZfkUpDuZD73X7HERm9YgMyZCioRsF1bUCjsTIeeRp06XxurjQoMDncJJudUsfNc","status":"coming","created":1795571012,"since":1795571012}');
INSERT INTO public.signing_keys VALUES (0, '7be72b74', NULL, 1, 0, '{"version":1,"kid":"7be72b74","use":"mac","sealed":"y1WwUY3De3E+3Dcli/fKO/dFf6kYhMynSGADQCdG/ewBtB1ixBNacso+dU6MMkXgEXCBSGrx4+Zcw8Ik","status":"current","created":1795571012,"since":1795571012}');
INSERT INTO public.signing_keys VALUES (0, 'f5a4cbb5', NULL, 1, 0, '{"version":1,"kid":"f5a4cbb5","use":"mac","sealed":"IFxdr2zOa/1AjbQA8iB9aTxO8RHYq/ueVfymPCEYispER6MPSxSKXjv/BSJu12RmnicsjkerdopUUphf","status":"coming","created":1795571012,"since":1795571012}');
INSERT INTO public.signing_keys VALUES (0, '3e186a7d', NULL, 1, 0, '{"version":1,"kid":"3e186a7d","use":"salt","sealed":"cI7lUHcaQ0lRe9T2tK8tQJZcD2AyP+DQHi4xBfZVXeLRt/WjOqCqUePFdXOUhM8tYmK+xLwVrRZSlrUb","status":"current","created":1795571012,"since":1795571012}');
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
