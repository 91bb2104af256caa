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
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "user" text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
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
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "user" text NOT NULL COLLATE pg_catalog."C",
    "grant" text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
);
CREATE TABLE public.families (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "grant" text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
)
WITH (fillfactor='80');
CREATE TABLE public.grants (
    place bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "user" text NOT NULL COLLATE pg_catalog."C",
    client text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
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
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "user" text NOT NULL COLLATE pg_catalog."C",
    "grant" text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL
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
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "user" text NOT NULL COLLATE pg_catalog."C",
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
    key text NOT NULL COLLATE pg_catalog."C",
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL
);
INSERT INTO public.allowances VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk chirps.write', NULL, 1, 0, '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"grant":"06gc8k3c02j5ss4bd9ih2hbftk","permission":"chirps.write","often":{"total":[0,0,3]},"out":[{"id":"aaaaaaaaaaaaaaaaaaaaaa","holder":"chirp","uses":1,"expires":1790000030,"often":{"total":0}}]}');
INSERT INTO public.allowances VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4 chirps.write', NULL, 1, 0, '06gc8k3c00brqovvrioht7mkg4', '{"version":1,"grant":"06gc8k3c00brqovvrioht7mkg4","permission":"chirps.write","often":{"total":[0,0,3]},"out":[{"id":"aaaaaaaaaaaaaaaaaaaaaa","holder":"chirp","uses":1,"expires":1790000030,"often":{"total":0}}]}');
INSERT INTO public.approvals VALUES (2791207051, '06gc8k3c02j5ss4b20gmj8csu4', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4b20gmj8csu4","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","words":"Two tickets","amount":"25.00 EUR","created":1790000000,"expires":4000000000}');
INSERT INTO public.approvals VALUES (398287871, '06gc8k3c00brqovvofe532heog', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvofe532heog","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovvrioht7mkg4","words":"Two tickets","amount":"25.00 EUR","created":1790000000,"expires":4000000000}');
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
INSERT INTO public.events VALUES (2791207051, '06gc8k3c02j5ss4bjolle12oi4', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4bjolle12oi4","at":1790000000,"kind":"granted","by":"user","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.events VALUES (398287871, '06gc8k3c00brqovvp0oa37urbs', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', '06gc8k3c00brqovvrioht7mkg4', '{"version":1,"id":"06gc8k3c00brqovvp0oa37urbs","at":1790000000,"kind":"granted","by":"user","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovvrioht7mkg4","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.families VALUES (2791207051, '06gc8k3c02j5ss4b49rilpjv1s', NULL, 1, 4026531840, '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4b49rilpjv1s","grant":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.families VALUES (398287871, '06gc8k3c00brqovv1k1e9vepqg', NULL, 1, 4026531840, '06gc8k3c00brqovvrioht7mkg4', '{"version":1,"id":"06gc8k3c00brqovv1k1e9vepqg","grant":"06gc8k3c00brqovvrioht7mkg4","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk', 'kpf712vj3435krhu4oqqlo15io stefapp', 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'stefapp', '{"version":1,"id":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bc1aq7d4f78', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'web', '{"version":1,"id":"06gc8k3c02j5ss4bc1aq7d4f78","user":"kpf712vj3435krhu4oqqlo15io","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4', '2uum7vva7q1ige59pem2h63mgg stefapp', 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'stefapp', '{"version":1,"id":"06gc8k3c00brqovvrioht7mkg4","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovvkntjaq37c4', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'web', '{"version":1,"id":"06gc8k3c00brqovvkntjaq37c4","user":"2uum7vva7q1ige59pem2h63mgg","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.jobs VALUES (0, '004000000000 06gc8k3c01p23l3nishhkmk010', NULL, 1, 0, '{"version":1,"id":"06gc8k3c01p23l3nishhkmk010","kind":"ping","url":"https://app.example/","due":4000000000,"created":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795567994, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563794,"mark":"4372bd8ea3e6de80"}');
INSERT INTO public.log VALUES (0, 2, 1795567994, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563794,"mark":"089988cf2109b8b1"}');
INSERT INTO public.log VALUES (0, 3, 1795567994, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovvrioht7mkg4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563794,"mark":"95f1661e3cdeb657"}');
INSERT INTO public.log VALUES (0, 4, 1795567994, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvkntjaq37c4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563794,"mark":"0b82c9e5338a018c"}');
INSERT INTO public.log VALUES (0, 5, 1795567994, '{"kind":"all","status":"over","at":1795563794,"mark":"a0fbbed76700ee13"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', '606b702e36a14193c6cc3f4d59427b93d6f207fcefc67656acbe2d8086e50baf', 1, 1795563794);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c026e6kd7pts0c2rr40', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c026e6kd7pts0c2rr40","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.receipts VALUES (2791207051, '06gc8k3c02j5ss4bim72b9skbg', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4bim72b9skbg","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","request":"06gc8k3c00i5sscc34vvpf5fbk","at":1790000000,"language":"de","app":"stefApp","destination":"127.0.0.1","why":"permissions","lines":[{"id":"chirps.read","words":"lesen","place":"asked","ticked":true,"given":true}],"editions":{"https://chirp.example":1}}');
INSERT INTO public.receipts VALUES (398287871, '06gc8k3c00brqovv0ftf5sngks', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', '06gc8k3c00brqovvrioht7mkg4', '{"version":1,"id":"06gc8k3c00brqovv0ftf5sngks","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovvrioht7mkg4","request":"06gc8k3c03i275ukov4kcao3og","at":1790000000,"language":"de","app":"stefApp","destination":"127.0.0.1","why":"permissions","lines":[{"id":"chirps.read","words":"lesen","place":"asked","ticked":true,"given":true}],"editions":{"https://chirp.example":1}}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0,"words":{}},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvb4t31s1uro', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvb4t31s1uro","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '845a84da2acdd2ef', NULL, 1, 0, '{"version":1,"kid":"845a84da2acdd2ef","use":"ES256","sealed":"BjRZ/3UetCfQN84JUTgBQA5bc1RNV/tIskd2IOx3xISbjuQy/jbK6ucXTLLsLY6IcLidWISDOQnamagaT6rjoCl2n7NHMEpMAYTDGfDKHotFijZo/0MlA3Pgz17X/6ND5UCqBsBpOAi3mDMnzSkj8hUteO0B5B+csHZROFLtOqSGr0SONBAP8EJYEnZt+THTv8WoJBa25sN3aC9TtHmH/qrUBBK95g==","status":"current","created":1795563789,"since":1795563789}');
INSERT INTO public.signing_keys VALUES (0, '652e808f5fd8ea6f', NULL, 1, 0, '{"version":1,"kid":"652e808f5fd8ea6f","use":"ES256","sealed":"QhX0+TTQNx4UwddvHljSv6eaqG8i1sE5l8gkKtu0ovUPAMtta35AGJEAYBYKxf6Yj5HTNp4VZpCUxOphR6bsMmU6lJJuBljaB3c9NoFQKxjnCWCgqPUSHkIXT0rCjr6vNcQTtX9eoBK/HB6loz/DlhiKhqpvtNVDsDxr6QKSL7qfmoA/lVSLhnAdFUi3lo54IutfWwD/C/11cCXP734OHrLKMZSmMA==","status":"coming","created":1795563789,"since":1795563789}');
INSERT INTO public.signing_keys VALUES (0, '653038cc2161372f', NULL, 1, 0, '{"version":1,"kid":"653038cc2161372f","use":"RS256","sealed":"qEbaOZTgfhcAFUpq+T2BBXSiHGcJFlFtJ0gGZKNuSjy3i8dAQyW1jYBSpiyWnhyhNwUnNYSkRN6edHdgrjJ+W4Te80t7dBX0nmyaq6SqfxPmOBihv95xT/ZF+DdELrSENP7DxLssqomHTy9T2VXwfAbYiBjJ5oXqq5F1Wn/ZIEV8wtf/z+kKSTZt66lf655wYNpUJ687NRasgHTS1CERDDTNPE33XwhxgYFD59z+ZaHXGGiKzavJAyeF3RNEr4thWuqTjiG85jvPCucY8aBsqHOlXkBie3wx8rijE+GdVZPLWaoqc1QTKepNAJIN/IFyRxt0wkNZtzWAvyRRPOpNQL+WvLfe8ta2NDajA9Snf5ye/JkTk2prvMfgsMdh4FDyz9yODeMkP1iWxKjLpQyug/gdpVS7XH64D7XNr1haETIvtH/fQjhoZM1nnXo1ml7wXmzlEhh0uWPXJLjlcVjFJiNFzQKM48XxqX++KPJC/4SygoG/pPca8pCUjAjDdRacMyS3eyp6IBpO5M3C+PuP8f5AFrhZv1DTL+YOlxErO2M3ZMeBolUTY9m+lVFoPr8NjwiRuq89lLsXeZb87Rm5Ky/LHneYx3PDW/s1eGx/myl/+gdkoua/DENIhcLc3DA4XR6yKXwmHdyLNIG6jkTTrW/Itvd1/GPXHDjrJyqrj3A3cjsng+fsa2BrQDehs+Desd/zvY0Mn/01oV6O61sd3MdhV8cJBc/I6zi+tXRnn6wg6mVp0hly64SZ2x0bxq4Vfr9JP6Bu+/216fsTmc/brjjeKoAdh61xMzJLBCEU4NOf971AFZU+om7VDyTdXKTgMUm6M8jCSchzwkKZFulLq11FC9Bq1u7gBwxG4qhWkctJPZ8aSXB5Aj03MYSRPrFmadmZniuLMRO6L2U/DyNQoy/4Z+gKJ2NVtOc2eQe5K2TJ89EhoPxLJxGKdNuwLJ5UwM3g/8yglYCxykKRFFgQjoVORzxRXlTQEm36/WmuQFjgCzsqnGVcPE6gZiesx7CLKyQ2AW8VYWlNeoe+HzIoF724aahEsk1eLzHGDB8phXgZj93181s7cHb2gWfbeBmgnu7wuP8haY3eB+NH6cujQk1amNoNI69vP6JyQ4AotFndx+qfM3KwlFjfQ2jC3OsA6lv6wMcGyglpfERdFXvPKCfA8Zvi04AY6C8lT3ibE1//UlZ1l2PifQTa8+ZGqdnAtBH5ZMBFqTQSMOoLaqqV+VxeVrIjYidS6fItoee0ZbH77PRrO2DRMaDczQetca7VCYK3IVSnMVlmCmcFkWqM6Xa/+AwdAJsTYBH7JtLPJXqbf0Gud+JD4+HYNVQA1M//jEOj0R0G/gKzc2p0812QAODxxcwTZlezoojlvPLqsh6lTtqdH5coolMh6CWdP4k1gOjARJIDLJXsErlNPgaGthTdammpj20Au+W7JTwGgJwXKV+qWlOCFWYgIU9c0cM/as8BLTVdIbwhAAcbF7IUoLuOsF2yP9XHDlgBLme4RrV+YvU08EaQx0BhkxbrjqpdxPvMqumKFKG3QXg4j842A1GkI5n05a4TNWQYGBLzKgbXC5/8OYkAlp+ht0TZGeiw677EbNstrnQqOdz6nULnVUV8U5fhIIxGsJV5CCEmv6LEoMl/bnNP/WZf1vY=","status":"current","created":1795563789,"since":1795563789}');
INSERT INTO public.signing_keys VALUES (0, '399ac3c36a3c5062', NULL, 1, 0, '{"version":1,"kid":"399ac3c36a3c5062","use":"RS256","sealed":"QBKytNJlsVclKfLz0Uacc/Cr1o6lKwDnYPfcPhbGAbdUuK4mmvjUecoKTkyHRpsEfK3NX66cFehpIXaMa55Hxz/eZ+1eCLnTOBRiKMwlfIvKI8ZL938MShlXkFEAX6yuK9H4SQUUZMfuEThDvhzew3raiSt6OZtt6mqyujTfZAhpiX0TG+9olJuVbvMr2Ydosoiutf75jegmh4wAr1wpORw20/zuRzSxGFh+a3oJ6NCm5pB/u3gnlQO3kzSG7JPPbNE3KKpxigjkk+qaPqAC3PJzZJdspL6OwEEwKjObd+VYecAsAtg4wvZq0QW6wnhP5jp1g+KWpvPoMlMAFBouqUIG6yP1pTr5UelTNThVWfuLvj4qS0E3tXOPRNopOMx6htrskPIEKDUkZG6ORM4PVnhCjMH8TsAeq7II5JgCn6C/WZB8YLy2UiHXOUig5t8MifFVQPVPhPbDHVZxahnJVHrub74z5clrZCs3UoztwhCOFqCIKdaSl2yvQYwQJatW7C6zTI70HuyB89IAA5AGbnPy7YJLAgfM43FIfGMo/MBD7WIPQMIAKo0QofSCYy2kDpRLXSgf2PirubuvEpl9Wtv6w8a8Mgp5pXs5qPHmCAZEgBR1cojiKXzwUCp+pgNNhU8fLRkKHbc71zXYm3LjwZ6XzfqRLapWeAm4MSn9QS8oBpBfSw+WZiLGkz4Cub+dheBLc6wpuG2NEfFhR97cmZPtY10ncPzCkrVImd4/vZ7qg7uID5oa8KSCjm6f6zX66fD4gRN8mO5fYdRBajVmCGBP8JnZVO9xv2sVqki3KJ169vgcJgiAEiTLml/0n2wOyTBaWrrGM3jPGZatpjKx5dNIKwRXhJjufPp6S19cYN0qqNDGZZrVXueYFzFHWGtEoABabRnw9rvlyn23FbjQmh49t9dYJtia2L37wjF6jq7b+G09f5tEA0TpccuihcEqvPJQXqdY1jjPYnQ0CQfkoUyKaOetfCAihXerETUvUCtiYVM6TcMg9cHnweBw/gzCwMzZux9VgRerVUUdNUyHZEmOXO4dEoAFUZ94rVOftDAztYJIhh5DxNN1+cgasxEJhNGsjLrAC15cfmwhQkXI8CAv4rXWBbVbK0XTefUtcUhegmaiDHmpSzU7v37Lvb66BWt00Xm9qNKO1ybRHQf9nSpY62iLmOGBD1jdDAXAWv0yISqHfeJmEVqWw2cXK5lJZwHwMrXZVMf/FWWq5USPXSKOEHmyHYAH1HrIefDWKOEb9LI1ZbbGqQTxhtYD7ZWmm8pwXWArWunnmRrs0Tgfev6Ev5xtc/J2iC49VSmgivRaLGNNLPC56D5UHMp0YsB5MrsERheq83QA7x1uJARdmxNXRE5/Num93nW1ffnJVsYBFnlxdKO0/N0N24yZ5Ry1rUPmO/8ExHlpxP29rTJOhH8MNpO4hdr1//lULixlNEdTl4GMBW8ECQPbzvWiJfllLmuMfEpKmf2Id8UKYjf8cgmMiY/A82pKBskdoaj6MuQVbyjzTSqPd6lA4w98Fn3OBQQcFYtXqJyYmu7/V4gVICW+sqexjYcy3TyfRCevo35eyKArHujz+iD6cVNVYdOwKfzBPYS1LsOYdQQG3v/3CToFqZNYt69Qfx9LHJKmLesq9YhCZa1/gjgYSFmypA==","status":"coming","created":1795563790,"since":1795563790}');
INSERT INTO public.signing_keys VALUES (0, 'dbb05ebd', NULL, 1, 0, '{"version":1,"kid":"dbb05ebd","use":"seal","sealed":"8TMiIYAlzDoy0/nbAK+PjAcH5Ja1I7yHWRaueu/A3LwIy6bvgfefLY+tsjC+KHS+SyzDmW9gfUi6lSax","status":"current","created":1795563790,"since":1795563790}');
INSERT INTO public.signing_keys VALUES (0, '59e0404d', NULL, 1, 0, '{"version":1,"kid":"59e0404d","use":"seal","sealed":"XXreg7SxbOoBWs2wGbpQT0edjkJJEFD9ZKM2oVzMpTHirbP9HRPhgPvJpz1n/PSPuCEGRJbVKF5jXvCU","status":"coming","created":1795563790,"since":1795563790}');
INSERT INTO public.signing_keys VALUES (0, '0d1cfff8', NULL, 1, 0, '{"version":1,"kid":"0d1cfff8","use":"mac","sealed":"m8jzH0jRRor5ta0FQ6kiGl4rj/UVU5/lWfaDEpZYTRKXX+b34t9aw3JFTwynUAh7VA7Gp9XQt7WTuIpI","status":"current","created":1795563790,"since":1795563790}');
INSERT INTO public.signing_keys VALUES (0, '171b9706', NULL, 1, 0, '{"version":1,"kid":"171b9706","use":"mac","sealed":"hWj+BkndWQNR8MZz0YJVCmp7OLZd0ed67Y1tFYUKokSNzoiPow4NOzL/ONADv1MPifwMEuF6HT7MmoXq","status":"coming","created":1795563790,"since":1795563790}');
INSERT INTO public.signing_keys VALUES (0, '2c2b3ded', NULL, 1, 0, '{"version":1,"kid":"2c2b3ded","use":"salt","sealed":"h6nu2OAz8Y8Ct2Ou+hG3EeBvRstIqh2GayOQxPK7BxcYV2Km5gpk+mA79evypHfeAD5n+7jy7wvA8FdE","status":"current","created":1795563790,"since":1795563790}');
INSERT INTO public.throttles VALUES (0, 'account miko', NULL, 1, 4000000000, '{"version":1,"bucket":"account miko","tried":1,"since":1790000000,"expires":4000000000}');
INSERT INTO public.users VALUES (2791207051, 'kpf712vj3435krhu4oqqlo15io', 'miko', 1, 0, '{"version":1,"id":"kpf712vj3435krhu4oqqlo15io","username":"miko","password":"$argon2id$v=19$m=19456,t=2,p=1$DFRCrxkt1tMUXhf1BUc0Ig$3IXTBIBZ0hH4/AlUfOnSuGzbZFhKmfhnGduZhxV9Dzo","email":"miko@example.org","claims":{"name":"Miko"},"created":1790000000,"changed":1790000000}');
INSERT INTO public.users VALUES (398287871, '2uum7vva7q1ige59pem2h63mgg', 'noor', 1, 0, '{"version":1,"id":"2uum7vva7q1ige59pem2h63mgg","username":"noor","password":"$argon2id$v=19$m=19456,t=2,p=1$9LtlzmcSQzJb4XJabppohA$cApywlrUNQsH42CvwG2aEDrWUq9qovMozqD44NEId9o","email":"noor@example.org","claims":{"name":"Noor"},"created":1790000000,"changed":1790000000}');
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
CREATE INDEX approvals_user ON public.approvals USING btree (place, "user", key);
CREATE INDEX catalogs_forget ON public.catalogs USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX catalogs_server ON public.catalogs USING btree (place, server, key);
CREATE INDEX clients_forget ON public.clients USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX epochs_forget ON public.epochs USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX events_forget ON public.events USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX events_grant ON public.events USING btree (place, "grant", key);
CREATE INDEX events_user ON public.events USING btree (place, "user", key);
CREATE INDEX families_forget ON public.families USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX families_grant ON public.families USING btree (place, "grant", key);
CREATE UNIQUE INDEX grants_alias ON public.grants USING btree (place, alias);
CREATE INDEX grants_client ON public.grants USING btree (client, key);
CREATE INDEX grants_forget ON public.grants USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX grants_user ON public.grants USING btree (place, "user", key);
CREATE INDEX jobs_forget ON public.jobs USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX once_forget ON public.once USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX pending_forget ON public.pending USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX policies_forget ON public.policies USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX receipts_forget ON public.receipts USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX receipts_grant ON public.receipts USING btree (place, "grant", key);
CREATE INDEX receipts_user ON public.receipts USING btree (place, "user", key);
CREATE UNIQUE INDEX resource_servers_alias ON public.resource_servers USING btree (place, alias);
CREATE INDEX resource_servers_forget ON public.resource_servers USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX sessions_forget ON public.sessions USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX sessions_user ON public.sessions USING btree (place, "user", key);
CREATE INDEX signing_keys_forget ON public.signing_keys USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX throttles_forget ON public.throttles USING btree (forget_at) WHERE (forget_at > 0);
CREATE UNIQUE INDEX users_alias ON public.users USING btree (alias);
CREATE INDEX users_forget ON public.users USING btree (forget_at) WHERE (forget_at > 0);
