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
INSERT INTO public.log VALUES (0, 1, 1795573681, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795569481,"mark":"f7400db59fc686fa"}');
INSERT INTO public.log VALUES (0, 2, 1795573681, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795569481,"mark":"92f96d6fb281cf12"}');
INSERT INTO public.log VALUES (0, 3, 1795573681, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovvrioht7mkg4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795569481,"mark":"b5f25bf02b1d3bc1"}');
INSERT INTO public.log VALUES (0, 4, 1795573681, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvkntjaq37c4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795569481,"mark":"a8c601fde1364e94"}');
INSERT INTO public.log VALUES (0, 5, 1795573681, '{"kind":"all","status":"over","at":1795569481,"mark":"12ba67ae48e1d8c5"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', '606b702e36a14193c6cc3f4d59427b93d6f207fcefc67656acbe2d8086e50baf', 1, 1795569481);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c026e6kd7pts0c2rr40', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c026e6kd7pts0c2rr40","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.receipts VALUES (2791207051, '06gc8k3c02j5ss4bim72b9skbg', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4bim72b9skbg","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","request":"06gc8k3c00i5sscc34vvpf5fbk","at":1790000000,"language":"de","app":"stefApp","destination":"127.0.0.1","why":"permissions","lines":[{"id":"chirps.read","words":"lesen","place":"asked","ticked":true,"given":true}],"editions":{"https://chirp.example":1}}');
INSERT INTO public.receipts VALUES (398287871, '06gc8k3c00brqovv0ftf5sngks', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', '06gc8k3c00brqovvrioht7mkg4', '{"version":1,"id":"06gc8k3c00brqovv0ftf5sngks","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovvrioht7mkg4","request":"06gc8k3c03i275ukov4kcao3og","at":1790000000,"language":"de","app":"stefApp","destination":"127.0.0.1","why":"permissions","lines":[{"id":"chirps.read","words":"lesen","place":"asked","ticked":true,"given":true}],"editions":{"https://chirp.example":1}}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0,"words":{}},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvb4t31s1uro', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvb4t31s1uro","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '490f65d5b9625656', NULL, 1, 0, '{"version":1,"kid":"490f65d5b9625656","use":"ES256","sealed":"JJVIIVHCs6BGOwWLjJfsPBFqS/QYGzFm9Pb2YdyTzs0p834Scj5ZBFTaFWS3sCCEz8ssdgaI0fMG4vKzq0ptdw/SfbVkSs9iOGjVhRTZ4NnhEmRdNHM7D2iSx0w2gGR+IKBfw4zqwSbPrHONh27tPC5ysouzhrsKsEpjLA7XvRh/VU1KT+JUgSdP4H56j8F16pMwX6oMyvsiDPb7bVGYmWP7uYsVzg==","status":"current","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, '961960a0dce53e9d', NULL, 1, 0, '{"version":1,"kid":"961960a0dce53e9d","use":"ES256","sealed":"ucqvupjbZgZwSidQ5PfptF1JU89nr+5ImWE2ImQm/RQEwFeTUKsptxXxNIX/+R4t1FlsiahksQ/ER9C17jUo0A9pO+bCc/ciJwIJ703oFrdtF0ZkzG0cKAKc2fDHgyB6v6Dzyw9sVo2+HseIjmkXBsH8HmJxKmvvTqdEnUEZ3ZZRCRb4ZDGrvcUQl2z8VyT7Ek1CPWzPNHHeoaHV4vVbyzAcbAZHDw==","status":"coming","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, '0a82a8fe8a25b310', NULL, 1, 0, '{"version":1,"kid":"0a82a8fe8a25b310","use":"RS256","sealed":"h+3eT/7hl3i3mcvRVqgJp+Itc/XKRZiNUB0yVPuVTCBDZ9E7UI8843q8Cs1KyNQ2Uy5o5Jfk0jS8mUZHeFantZaiOEMHgEs3jJjXj3D+A9PkHdVEFWt8qFKJSGntonYP7ANMx4iUygjBIfFatJ/UxZZCWuV8ccYmUHUyXXbKt0uEcMQ9D8wBASXaC3SDjYhzOM04VDpMAVvMlp5+6rXG+yHcRGV2vxwC2Ev4cG9UrVJyUSBZDS+5fh28HcB4kEORPyucC/4JWFv1VpdM0Nu+zofgo+G6T6u+baQUaX9RsudirpxNLd+OVB5VxgXudtA1TsXZH9AFUkBrwG+fwUus/XIu4NoCO1Jt965mGUPH6+UoH4SFdDb0tddPKr+JaJO0uqyrQZaHDuSWBih1v/3xzf+F2WBn16eT54JhqR4z8NGCT2xK5aEEA3Du00vSq3Ec9DTUG8gLSCxxeBiJ2E6YAE4zNBh/iYP9MILgLNynNg7XFbd8jt/G6sbhotDpmJl86WFF6Y6VZz3WAu5c63y3fCGaR8T8wgQTdEHCcQyaxTr7H5lBF7khQURCnaZN2NmFy+h9cZ9kwzZN13cS48dOqM2do2vnxYM1mjTivTN53pcse2rf6oXURp1CNnZcDy6uMrw/891t56RpZimehgNF7PZQl4yDbK4TXs4QNNU73i4Fl51mXCanNt5PBmpv5wPCgJ8DO6OZhLlGm9nt45k+f2WS/I0eC4XM2XL8Jz3r+U02OasODggoagWdwqYy6lsuNlXMRDNllFABFrmPv6IVcKwTbYNU7ldYLRTJIFJYwK4EDq6SteNvHw6049VpVXE/0tKaigA9HW3yE8n9FlRQHTv2c2GNyHrX7y24JVnOcBCjVbAfTS6C+mh1IBB0gL08BAwqUyv1gAasLM5kW0d7uyu/Dr8zDhqPViKKamloFeFJNsm2EoMLgYozSWybTaKuspppmtrDQr1/gPravow2t+hchh9YA5wCN6GsddalsO26w96hKiIAgoeMDdWKiQhtyWLTKoqLFqoiwwYAdcu77C7Xw9z5EMsiKhkbob0z4b4I0W/0/uTwbkxxtVZHlhMH10fHiENbIHpIIrwNu9RZqEYfL0BW4pPmDmzgfDir1Py4u53TByQf5z2QxYb/yvUnRYDIZoTuhouHVj8bqiYGJtzSmak0yop8A9U39Ahf6z3xhhowus6hWy8dSW8zpLajZB1YRTXKm5jMPOFFVpgp3yblojFbmxRfvMpLO8F4WnngGL0uixCOHXfIFH3Qe+oYynqD5Fyg9wLSqEiaib/wvxSo3N9Tp4jco0keM9yK42cswkNv5YRoDy81YRcwWesqVKf9dr8NGz9hmNgC7yQqg7jOx3I0FsncyxK06XFYitulBBg9zcTU1R4OoVlHY4sAO4ba/v9UxeJ2d0Bm2INntcrQecyPnbSZSKlkCsHwvkJXO1dvLKj5y2OG/bUqWlBQYUWCt/XlZ/He+daIW57Tt++lvHtZChDaOsaZRvIkJEfKT7fJU73MtG0QJE5mreVc6A01foG1pJNIp9WYSWBNrvHw/kTtin5gUFh9vX1LML5cFaNRi0FjN0YIxBRFWE/JEaQ7pnZU0CeLvhvTRJ3QDBy1vLyP5lp/JtCNRgTDfaN/7b51zBjrCe8kfVYF","status":"current","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, '3ed4913970a38999', NULL, 1, 0, '{"version":1,"kid":"3ed4913970a38999","use":"RS256","sealed":"Qy96F0yB01cz1hz3sSZf1ozBRlqZoxqzm2kCewKcmVYTFkcrn6Pg+/wGFI9XCIzAUGlflT2oIJsuGFL+WDtVmXb16zbYPsLfbN0s1rUxBBjJmcXZF0HFA5EgV8ROBcEYkdGRMk4enbbzChgutrSKJjC3oZKI/C6j2Xun4tOPj3+cAibcdw0sZQpeYJlpPtmqVn2u6g+EYpyag8mccl2/CK5/MawdILBFjKpDx80w+r8eqCRin5S8bV2320UGWN5DJX4ZLS3I3fPmgeh0oR48SsS0skNiH4jnLEs/e82O7butowyGmWycT3KhhWcZWE2h6eyb2HiVYYpuMZQmwVdFdmYPYGZpp6cK0gth4WTWR35fWhaCfw1EEeuyIzZy3QVzZm+2qKyx0r1OkJSMhz/RyNEMet17hzcHUu8e+yo28BRFRjhc4ncKD4koxRC9teI8xNT6Odj47bt4U3HaaxgC6vT5T7zpdYQPz8hMIdUaZojV/N145jvRs2RsW/1hFDI42PieQFT/7uNUP+cye8JxJMsFV484gWGWlpNcGx5wBS+hpJA20wCNGxOit4GeN3496Vl8h4zOgOjoRbB7c74HQEy+Kt3KLJhMYf0yQXyXObqj9hCwhV4zBJcaFbMTnXCrxDaWLaCY15oMNNlp/jJGekNFHZgn60CVDxSAVhODEHVRd6322VfHANnA5cvrzJ93h0sUsTKUQ3fO+kv1H41J/Y1ppbk8boCqCo7JyCAYPuKnNEMzXNw8nziaISo8BAn0XDK9/stIjbWDjs2wY8sOPTreGf/rsvrcSKJHlCy9x3YTbq9upf5jYWnbi0IVMB2huXMOO9Wet3ry56sOHZkB31xdUDNRtZmh3gOltEMMda1odtBFuihwj+d4mZMXEDGuEl/F1Fq2z/Op7bia+5vd9eOJH9Lx7wmugQ8PDpl97SsVO275wDPQFkNliQlnsFdA2qZFTQKbsku+gVC3/jopPpT9pNYeZhpmnABjTO8PJEBULaX642NQhFEZABJ0rE6IMtqyG+Jl/aV3PNLc33R27L+RZ2A3YOjF68M6ryOPvS+J2wlXqT0OL5/4/XZoBX5y/jrQYqMXOhmQpMqQ/1dQ8wvG+gU6PX8WEG8Uhg+MlVWjNWR5kS3EytYls1w8E9enJOjENbzpGqtsLVoZZoggA/zaoWhL/y+Uz7mH9MpOyQ/Oo40NO2NvTa3L/Jrr0FhN0Xm0N5dg1BV9WI5it09/OFaqIxmkS4jIYE7q+682s39w0Q3hNV9CiE+l9maAxx+4iG35qxFM0bP1U40Vl5J2vAKPG7TuSj0SAtDovYNHqtgusEWKq+ZM65EeIIY5ReSy/PqTtRoGiB72Nx0lKAyMH3ZVjfxn97no3Sj67PcsFWTKhuYBkF36xDSYPydO5DY+tpirVHpWVelY9YU2SUu/BWWIaAb0lIW3JbcFFm9joiSebqG9r3KhSq5cb7x3YMAYWmkl+y3FoEIbA+nE8GA/PY7o1TGCCJ0cuewhdwtMID5ROE3d2YEfYhMvhAG0+UDl1I9aLwjejHLnexz4cbJsWTfLlrIHbHP8f8hT+CVi42Or9JfJdjLJkqXoEj0gODXVaZEwwTXF0z9vjazbUUHMOpx1Qm2dKvrPOTsa6NBbnWfkZH3H/twdU+krwizU","status":"coming","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, 'c8a6adb7', NULL, 1, 0, '{"version":1,"kid":"c8a6adb7","use":"seal","sealed":"ujGVt6qCYC+PJKp8r4c7iKzALmC2JBDcAhYcjDelN9ka191rd61u9WckDPqb7KlzMkfaAESIm99am/GK","status":"current","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, 'e63d281e', NULL, 1, 0, '{"version":1,"kid":"e63d281e","use":"seal","sealed":"c7A/jNmsPMX0Et+Z92yQA8E+cVggBQbGucwSvD5189tcyoPW/VyHuKlkJI2EYnWUZLviLPJXmgUnYg/C","status":"coming","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, '7f4aae2a', NULL, 1, 0, '{"version":1,"kid":"7f4aae2a","use":"mac","sealed":"oPdIr6HNAYk8a42Urj6OCysiHAs2KEjxxGEsJvN/etosoqiZQ7Km92H1vHkLj3lU+zgMEdCMl0ufLBxY","status":"current","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, 'd53f9e47', NULL, 1, 0, '{"version":1,"kid":"d53f9e47","use":"mac","sealed":"lVStwgqZG8NIXzPph/44WDjYtFdNfKpIPb0jQ5dDl3jZF6xyRPX5Nc3PSw4yVEvqw5wPBHgzEcAtzPGK","status":"coming","created":1795569480,"since":1795569480}');
INSERT INTO public.signing_keys VALUES (0, '18e2e577', NULL, 1, 0, '{"version":1,"kid":"18e2e577","use":"salt","sealed":"Y31F+K+q6WpabNCL9LeVOAka8PVNmZJ68+KRLwL8mbTROVjcyujLlLV1dWWiwTqWQe0LG5OyK+ezhUUR","status":"current","created":1795569480,"since":1795569480}');
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
