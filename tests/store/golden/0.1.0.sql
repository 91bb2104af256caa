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
INSERT INTO public.epochs VALUES (0, 'current', NULL, 1, 0, '{"version":1,"number":1,"since":1790000000}');
INSERT INTO public.events VALUES (2791207051, 1, '\x01a0c4506c00a5fb35686761', '\xf319065a6e3e2635aae02596', '\x01a0c4506c006a6511456fed', '\x9b00a0ce6ab13b80a76772616e746564a475736572a0a773746566617070a092ab6368697270732e72656164ac6368697270732e7772697465a0a0');
INSERT INTO public.events VALUES (398287871, 1, '\x01a0c4506c000b6768d39453', '\xea3e832838a9cbac28987684', '\x01a0c4506c000d02e4fdd9d4', '\x9b00a0ce6ab13b80a76772616e746564a475736572a0a773746566617070a092ab6368697270732e72656164ac6368697270732e7772697465a0a0');
INSERT INTO public.families VALUES (2791207051, 4026531840, 1, '\x01a0c4506c0022772ae67f0f', '\x01a0c4506c006a6511456fed', '\xf319065a6e3e2635aae02596', '\xdc001c00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0c0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.families VALUES (398287871, 4026531840, 1, '\x01a0c4506c00c3dc518a2ec4', '\x01a0c4506c000d02e4fdd9d4', '\xea3e832838a9cbac28987684', '\xdc001c00a0a0a0a77374656661707092a6636869727073ae6f66666c696e655f61636365737392ab6368697270732e72656164ac6368697270732e777269746591b568747470733a2f2f63686972702e6578616d706c650000c380a46f70656ea0c0a0a0ce6ab13b8090909090b046697265666f78206f6e204c696e7578a0c0ce6ab13b80ce6ab13b80ceee6b2800');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006a6511456fed', '\x4efd274619ad1aa6f36d21c8', '\xf319065a6e3e2635aae02596', 'stefapp', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (2791207051, 1, '\x01a0c4506c006055a3b48f3a', NULL, '\xf319065a6e3e2635aae02596', 'web', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c000d02e4fdd9d4', '\x65f78dce87dcc259b0aac74f', '\xea3e832838a9cbac28987684', 'stefapp', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a661637469766501ce6ab13b80ce6ab13b80');
INSERT INTO public.grants VALUES (398287871, 1, '\x01a0c4506c00593a30f03ede', NULL, '\xea3e832838a9cbac28987684', 'web', '\x9c00a0a0a092ab6368697270732e72656164ac6368697270732e777269746591a8646d732e73656e6482a5756e74696cceee6b2800ab7065726d697373696f6e7381ac6368697270732e777269746581a56f6674656e81a5746f74616c09a0a773746f7070656401ce6ab13b80ce6ab13b80');
INSERT INTO public.jobs VALUES (0, '004000000000 06gc8k3c00uhcjse12b5u0v33k', NULL, 1, 0, '{"version":1,"id":"06gc8k3c00uhcjse12b5u0v33k","kind":"ping","url":"https://app.example/","due":4000000000,"created":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795577384, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795573184,"mark":"d86fd3fcd1c5648f"}');
INSERT INTO public.log VALUES (0, 2, 1795577384, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795573184,"mark":"4644f010231dc80f"}');
INSERT INTO public.log VALUES (0, 3, 1795577384, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovv1k1e9vepqg","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795573184,"mark":"9c08ef7e7d5dca1a"}');
INSERT INTO public.log VALUES (0, 4, 1795577384, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvb4t31s1uro","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795573184,"mark":"6b64fde285ee7a6c"}');
INSERT INTO public.log VALUES (0, 5, 1795577384, '{"kind":"all","status":"over","at":1795573184,"mark":"8cafc20eec126777"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', '92caf37998a3a296c2eac180d0441028d5cbf61966baf8b9ea7e781b4ebd0ab4', 1, 1795573184);
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
INSERT INTO public.signing_keys VALUES (0, 'dc29a9787066ca87', NULL, 1, 0, '{"version":1,"kid":"dc29a9787066ca87","use":"ES256","sealed":"HSzSDL0Ec2VJwmdnkJCxPGfBFZU+CX52GuzAxar4GTI2n5025LV2AGiYTEGwNJQcPjO79F22hEJTnNlhHgbA/oKuF9IDcw+lV95Rj2fuJWDHr7ZdtuPCQIPUNcnANPaiTITMD+IDkKQz7QJjH0E/C+JJBF6IF3To5REq2pN8IPlAyyvCSoXK4lrbwIf+gIIvhHi/Zlde4jji3n5cJq/WbP9x9QqYXA==","status":"current","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, '57341c5310cec2e4', NULL, 1, 0, '{"version":1,"kid":"57341c5310cec2e4","use":"ES256","sealed":"uMZeUI1IhknHF1uNxOCQn6wc8R9z+7Oa2wlvZGPKS5KKWvPTMIF/ZQvME5GBVQGXaRwEI6S27mtnp7lwOWBeFYB/FrCdUjvDGYrNDQm8meAV08yLRlpxwFKbF3DffavJtzOXbhX0+BfiDi6N5RMPcK30E/F+r4a7zty63Be1+HjAc0ufuv3ThTMUiT6upAAa5Iq3s+kniKhqz6PA5s+Kfl35J9iksQ==","status":"coming","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, 'fb66e0e74463d682', NULL, 1, 0, '{"version":1,"kid":"fb66e0e74463d682","use":"RS256","sealed":"BKIYzFKupW3Am023CKohErsr824Z0fPbK/ceIVRldew2nMyNR/4W+sXgvdkaYV3INZSQ5AoMCEUUQQxM2PRlmWsmNWXs6kZr850rLaGouVjFB4heLhteru+PcMu8zt+apk9cFdlXoIgw7EEveQoZQoD3eE+JHZgYnQfqUE6PG0T2f6jjJwhJ600vH85uB1C1CPOb/WvOpBfbZ3Mf4G5sxA12rIWttMrawAUNDfr9ggXLPrzUzyHPIUQP74Fe9yaYMGQDo9Cj+7Tb3K8daYRkK2A3AR0lZpPIfUUooGQQ2I5M1yIlRQyQ43xj5SrGdWlqlcM05427/eg4r3LUNDWCmvZJ39Nb8Zx8e9ZbBW/VOnHLXgCYw8nNf9FiuqThGsKbet+KwPUzy6CIMVzzlKvs4p5e0vaHhpvs+0jiw6cc+eJtyy/rk91q27Sf1dyLUMOO2F0Egx+R2HXEeaPlqzF0jmOPr9tjtoHYyJTcS7VgLVaUlZbEpOmFOGHYidscPQuf/239tjl2BWU7jVCjQ4Dywn5mpzt0Z1jIc4zQtfMRztSNRYqDcK6qZYhIYzQa2jT0TlGJPE+s+oAeJVpBgN7q4nYBexnk87V5GDxG6UQsIXVWI61nB21Olda6LtHgJ5qJF7JDEUCuKgIxt384U4Z5Sjk+/URikV1Pfg5j9rK+2hwPpdZ4xHLG8/JBLTgUg2QQq2hXMv6U8phqV52H0FcmpLVgL3OLU8Yxfaq42/cl/mgE3KibiOPlpPxT4UKq/mbXanWdMYLuF9PfFgTHopcqiGYOkxDsaca1Ge8J7xWRfBmOMbBjxMsprbSaMHKmhX9XNumEVw6ID2oFn8wjuLpG0f/wbwzndzso640z8r87G9798KVhMtjaq9LQyPB3JmZy6gKBRTe2V68tlWWdRBfxd3L96fXOZm4xr4KphJamwjzLrx1RLVpNr9K1xWlPomGzepmeTP1oOP5SwVVworA2klUbsxP7TBKuJol7DpAeBnYFBcoXZfySaIs8/j++jQkJ7jYmTp9DPjjY3zSs6BSwT9dbwpqt02lZ/v7Qr73iWhLb/r2eK8be+zvrqsqOaAkLOrCf3b7v4suIcmwJOVXMdOGmuhKxV9UFiiLrYOeRIt8Zbla9P7DxoF1cUvbliMy5pUhcx+BvCBTQSooYEnXvDEb1QB1ZvIaQLXRUU51wCq84OddkpqRrWHoJpNSHMVRmc2wmf3jo3SOby+QzEf2sGPcjbJSIpUUrttr0gMVWZGqDvhWrJ5/sL5/eWbyn37lR6etKauHG2Zy+FonCWBtf/AAtjDFNSo9obUqhEzSdBIc2wT5/9jMK8JT3A8KHUKK++4Cnp6Y6VsgZCZyOCfV+vdSdB5IvgYCagiyZcByeCbn1R4OSoy6CUKlef1H1GVyvYI+wrKv3n1cChOkhlPZuMklh8DkvP1mPS53cm78KEnlUoldwbdOZgc0u83Aps1LzXfYcHIUZhMX5NnyehHPpjFwYMoyDQOiuqe7hGTXYMkwcWXX7AuPgvCr/aNgGcceH7ZWeFc6tVVQPf5siU4MS09dW3BBOe49loLIlprxLlgoyrIt9EwrIy95PA6DoPXQGh9k4o83zaOHCyrGj5SbjN9PvvSX9C7zdWGYAllVIUoiavanRO/4P6EpyiC/k3w==","status":"current","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, '08216dedf1ed1c5b', NULL, 1, 0, '{"version":1,"kid":"08216dedf1ed1c5b","use":"RS256","sealed":"QWGI2puw1Q67hp+U2vs1qxUHFdt9PVEVCzvqxrFWgXvZLK9TKZ3pbC32aClSPqPA2jz6IXvrpQGfLu0f9o/H6zDHaVjamfAjcS5FQ5Q8rEZH+oiFmeVenvhoZaMiVC8eC8Bghkv/Vhs+fPd4shPjhbbQMlC6dQh/GdD/Uaz3ZCaQUMFywI8DOPRcGUMQl1JJPPW1Ga9cH/NtUEwXolYcYDS5i6AYAgzpyjfrqPWnU5qrPpHO2Rgy62P1Ay7BxYyP3Pt/pFscclccWhDI7OSv6OvrCpvAESib33a24inKrwBQN0zzp6/RvL2aadl5ElKhCT4xVkysbtvf2aLMm7iYkoyrLTNras7yqzeexKye7zVt00UbdOzPspGEEoNK1CVLj3ibpMRq06nJRzW6V1qa5Y78nHNs4MjyBpAwSfzIloTeVIxrEpIIyzIQMBcbkoznX1lSliALSFkipmy8o/YFgPyT0rrX2bCaINSHG+9+iMLNtaq8CO+yVU/i2BBIzdHaQ8q0o3UlOIkQ4KNwuY/N8c8PFNXNvjyXb7yH+DCu7SQ8iVwNjxFdeRT6O5JgsvNNfQ8wSa0zZlf4iB77xBQ+dWbKRZk5dw7n4dsMQABEUgpb/YbTxJgJhHVfL30/mArf7OmZB68R0uCgyay1J5VdpOs7/B85ASYIOdYQIKy5vnRCe7fQxqRtZ6Tx1f06KnbPcdcguylQqz/Qsza00edo1LaPvqT9f7FU0jv9giFucOjiM5Fa104H3/KIn6iHmCZOxxUIrWKgk/fO44bK0tJT2bEC/k8I3G2LioCqu/zqk+AoKDGTD8nZcCNq/tJPg2r5+jnSHULxHLelYhKD/FUO7ZnxCb59MFjIxaDfwBAzal/KYXOGVxvTG96/gZ7UClRevZ28nN+uTz+jrOg55Nfed9KQszaVOiSGduBp/IUOgqTVMVUlddIJLBdQCLG39lnuTSmBfswyjvjfmeqXH/QZza8Fcv/nmPcMI2J2JyyTLgPsVYFPlDmvUu+4k1ekZTE4o3KVgUhzY6ZUsKBfpZRqzPKt5TUKAHUwPO1Gb/D+o5M5/ACGOi+Hln1CI0CjwPVhVFKf9mzN4ADD/pnYea4RIolEAZaGT71sFhe+GuyvhMhfmhL9iXA7YkC8CWHXkQ0FiBzXgsDXEUstcLIE/7Nyh1q4ixKwT56UHytzuiWNQRnZw9DbLrH/uOgjrf53mnX99j7fQsC3mOPOhibJe9aJt4T0O5Nj8qfvxpJpO2TlU5/NcZpAlY9okmwsdJ7iZVJxk0NzKUeVDuHYYT1jnu5b9qJVvB2q1lu/V2yBy9vedHVquLZw57ecAZJaagI6HrrpsNoKXkASfU5ahlbnfN2lzZEIaffAuGM8fu9T3YRojV2w8KwOA9usSMWP6JJCXC16L99yy9yfNxQD/x1mSVGi/sj4gUQYlJVtaIsn8COI9jmlDrvQvbOAhwm4i4UgcunmZlt92UDd2vA/Z7sd/85cO/sKdMtZQ4PduR8+2T2YBMYYUJyulr1lqyXRsMsofumHfqnTL1t1uSXOtV02tIQ9iU3TbQMFYgs1rs6j/09d51RlFiy1HDYoo1olT4Nbce1DJcMKarxGST4Qgms3zGw3iByUXAJPjLnhY4U2+yEKJdORawSdlVSmK/TBOTJ6","status":"coming","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, '7f6cb58b', NULL, 1, 0, '{"version":1,"kid":"7f6cb58b","use":"seal","sealed":"ru6tLvTr17NoqZzoE6x/VFs02HMdXB3bGU+wbreh0Zogf3NwRzdY8jGHnmunEgJVY8cxFoPtjWzRUXf+","status":"current","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, 'c2a932ef', NULL, 1, 0, '{"version":1,"kid":"c2a932ef","use":"seal","sealed":"+yTd+VK6ubPUjoo/jUQrTI6HRGbFQ5cXCmdj+h/JxQKSnYgOBME2O7AYI+A9dSkt+D0rbBMMpgatTrmC","status":"coming","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, '4c05ee51', NULL, 1, 0, '{"version":1,"kid":"4c05ee51","use":"mac","sealed":"lDvnANdUmRO0xCPk3RDMsj9qoipAV6mLu5pm1519Iwd+8AwYAV93KgwfWcRvMKsIP1gmkPpFYpr1u/3K","status":"current","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, '58102266', NULL, 1, 0, '{"version":1,"kid":"58102266","use":"mac","sealed":"MYPVeMP5HC/KW0omPfH5OWaBURHf9OzL4zBBNOv0VZBizuTmoKd8kZPSUGFbpSUoFUz45yelL3WqZL+S","status":"coming","created":1795573181,"since":1795573181}');
INSERT INTO public.signing_keys VALUES (0, 'e3a630f8', NULL, 1, 0, '{"version":1,"kid":"e3a630f8","use":"salt","sealed":"yuRc8kiOkryigMmXIZE1+Bm+xVMGw1+CIjboqhQfIgYdGVY1Ca0hlsF72JI/H3ranCwEjY8nCuW4Fh5b","status":"current","created":1795573181,"since":1795573181}');
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
