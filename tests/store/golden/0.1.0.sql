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
INSERT INTO public.log VALUES (0, 1, 1795567373, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563173,"mark":"28ab201ed840bb6d"}');
INSERT INTO public.log VALUES (0, 2, 1795567373, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563173,"mark":"da1751db961e71b6"}');
INSERT INTO public.log VALUES (0, 3, 1795567373, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovvrioht7mkg4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563173,"mark":"4eca079fcb562a12"}');
INSERT INTO public.log VALUES (0, 4, 1795567373, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvkntjaq37c4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795563173,"mark":"e98a3772abe67daa"}');
INSERT INTO public.log VALUES (0, 5, 1795567373, '{"kind":"all","status":"over","at":1795563173,"mark":"ac271cf31dabd327"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', 'cfb72890282e2c9467f292e739f9abf330ba53499671d977b2f9761909cc93ac', 1, 1795563173);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c01p23l3nishhkmk010', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c01p23l3nishhkmk010","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.receipts VALUES (2791207051, '06gc8k3c02j5ss4bim72b9skbg', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4bim72b9skbg","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","request":"06gc8k3c00i5sscc34vvpf5fbk","at":1790000000,"language":"de","app":"stefApp","destination":"127.0.0.1","why":"permissions","lines":[{"id":"chirps.read","words":"lesen","place":"asked","ticked":true,"given":true}],"editions":{"https://chirp.example":1}}');
INSERT INTO public.receipts VALUES (398287871, '06gc8k3c00brqovv0ftf5sngks', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', '06gc8k3c00brqovvrioht7mkg4', '{"version":1,"id":"06gc8k3c00brqovv0ftf5sngks","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovvrioht7mkg4","request":"06gc8k3c03i275ukov4kcao3og","at":1790000000,"language":"de","app":"stefApp","destination":"127.0.0.1","why":"permissions","lines":[{"id":"chirps.read","words":"lesen","place":"asked","ticked":true,"given":true}],"editions":{"https://chirp.example":1}}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0,"words":{}},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0,"words":{}},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0,"words":{}}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvb4t31s1uro', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvb4t31s1uro","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '996770185a47e52c', NULL, 1, 0, '{"version":1,"kid":"996770185a47e52c","use":"ES256","sealed":"77R4IKAYnkeXXDoBcF0Oh3jUcypIKPbhLtbJWbt9RauZhCFwU51LyS1Jd824w2YnxeU8cjDn57mO25SiIg2pM6KYaPhGfvcj6Ql2MQ/NICMKYEu2RB8zuNKeHfh9sm2PWIYbFJJ40KB/E+5P7cdel2D/96CudX4luzhv3IWAUCzdgHpiM1qlAMc5+FNnQ0BBzaK5V5NmmdF/+8l21blTYZaA5wXftQ==","status":"current","created":1795563165,"since":1795563165}');
INSERT INTO public.signing_keys VALUES (0, 'c431347405389878', NULL, 1, 0, '{"version":1,"kid":"c431347405389878","use":"ES256","sealed":"ip8oHcwgp1+f6B4ZeoUeHd/H0c4LNiNTSNt41J6bVJGkSo7u6NMPf3i9r2qPSRprYUjir0Ff/XpAUReaB0Fe3Xb8tPadqO8KUVfL5Qe0im1uBpz/cDjXASXvQa5/brAmAgfcP7qhTc8DxqTdTBDEE9LyvhD4bY81NzUgGDx4my09b+ZLIwGivHM3bUqe3FYgq0ESFNlIpntw3mYPSgNv6mjBAfBF0Q==","status":"coming","created":1795563165,"since":1795563165}');
INSERT INTO public.signing_keys VALUES (0, '184a7630a864b5b2', NULL, 1, 0, '{"version":1,"kid":"184a7630a864b5b2","use":"RS256","sealed":"11uFdBVtAKATaeHChENBp94+9vM4NzPqeOAqcg/Xq9Mg8Q1gdoGVWXbafuVQGrIAZhAOIOrrL7bhjU3raKt+PhyZZOAUgnqMXL+1DljY/ML+TLEz0unQF/3bnxTE7JlUcBZWK99JItxC1diO49CFamPwGyKFz0ELyU+tdRcdKfWCm2esSNS63RJZrv7V7x+lF+y97v6b5xIP634zguaJWdL8z4JDBoP6UDoyCcgEvI1tfUyJAnwOUV4tASeD5NpyMEMP+YKO/Y6MZCoQfPP3vz2efJRG8z5Zi7pmpHtpcW/u2jFNgC4Qn/pt3qCWZDf/U6jiZYH+s9etZkAsxanHkrtm3IUcAkhGetLmjhiZtOVN5Nro1TBt3JQ3/AZF7a2bdU/zvQuUQYyOZTYRQo912Lvt+J/Yxx0a5+o0s2GlpDcGlun5Xx+6svw40lj4JBnDEM/n70gqkloTWfL8IDwtxCnSOjr6D/TXEaUqJV4KUsxC1WvwnjQXKgNxfFQCDPsg+UiVNd/LZO9EpiEL1WuuuTqxNFfzOXiQ9+S3cQ3kgs1Ym7SIH2OlgCCE93izix4oMwmHyqVYML6FXEI3Zb6EolR4UyulaONjGaUupSkR7lS72kVaO8SiWnXA+0MrXfsCc52sYqsa5lf+iCl+alKC+eFxPJZSSWtYHKPZNZ7qqrPabnGeEZ2TNcAgcRj/QsVmQmsDSo16iitkZRx88XDWqxXDMh1UEzQ9oF5MbnHewfxP+2HVs0HlRJvqNq6TpWGwzr7aWXCk0/powmKu3Ry64ZnSKJXkqfRwtoQyBpIOHF6ZVbcAaCP9SveE7QjFUqiSdjKKysm7U4NlkwAly0Hn+XqSWMOBykJGAOMVofpDwry2zo7CY0M0Bi9j5y7r4jM6aerF9JM0tXD4QlnGv3VSbGI+wxCiQkKj4Ouzt+OUjJLwaP8tj+mVJgdnb9sjVEP9AEvpbl3DFk22fi63h6nuYzdAGOWnJV/XWS80SRy2IeELzlO6IzqZu6b8bzaoVOkEDYHqgP1tx/aF3Tm01gkvPRmpC28P4yQTSq48C81bdBU43nm9+L52BthlMYDijl81P+Wfysp35lEWuwe3vQVWePUgkTg6dG03MN3KxQXQYdS+aooB/+OfV+qHNv9IxmnDglz+rdpuTGcAScoZkOiG6YMTAI2PL3EIXlenqJTDrb7301GTe7Zm1t8TGruS1ingizmH0y/bRhqBKVOtwbBsuWtLX39toSQ2Ox8aUASBlsXjzyEuFBe3PRj49suivAhc8sWgtybWfxNFT0b72qVnsXN9muaUJBO+c2yLH3JmjfWF6bIETs+/koIzLVbHwKUkqp2ltkkRhzxwJi2AdJaleszW3yjQuGmDxKlk4OcFE7Pw9y5RQU6Hla+pzz9ieiWJN5V5cafXLFwPyE3r84Yvj7/M5GLXO+MsNRIxuxKucsgczSqfX0VcRu6RNZlXwFcDgodCZ97BIZtxco+mF1caLqo0UyM1NEirwGMExfnvZdNU6reSR2GeuhcF5pKnhFpfi+bTWWT7YnFXUyD/fS4lPQaIcw3sH37xNEp/Po5JDxZiWB3Ql4LXsH61fdLyJNyMXolr8rK+EAYyd/vjmxTk1uprX5MxkcMeILBwDM2rq+YVj8OFK/sKzG0HC+wY","status":"current","created":1795563165,"since":1795563165}');
INSERT INTO public.signing_keys VALUES (0, '39656bb3ba52d65a', NULL, 1, 0, '{"version":1,"kid":"39656bb3ba52d65a","use":"RS256","sealed":"fXvO6zjpkPVZjJof4JzrUVx5h8j3dvf5lMOxY+jUjv62mtrWL5KY/HA24vlxSRZ51Uy+UOxJSpCXxx2OHc/m7Rt4uDtCVFvKmH4kYl7q26bg3VrMFsF5kLZci7BcsfGVxNY+pCwZEpJjuWhoE2YnAkrtDT65EeYle4NyHm5OkLZegL3pZi+XwPkA/rzD5sd+5ee1BIZuZqiLHJCQmrjmVfKOEDMg53a0cs7n7cJ37XwdG+TVkGXI6/8k0yykrdXJnFnxCwx07pbf5gydHqGhjbQLMRdnClzThl3XSlbser0iR67q/SA9GkOlQtxHusPdO0UJ2R5Pxq6KmCyWgsDJTSySZnidU8FUUovT1lP2etbW7t/zyp8RqVBDvf2/SAY2W0/L4xcocOV+6cFRukJj3eX5wIcZtDJ61xk5C9A4+DJYohKroJskDfSbC73Yc9NF47F01Q+SwwgOpx9ajzrnRUjgbNqLY+knLfx9yleEf8s/joC5srUWGqu70IynWfKqmTuXliPACZ1CGzxrxKUQlV9SwBTs1eV+HDvbo2811dhVr62hLojKhXbMFRfgBhzKA3F6iKAaChYXOZa8ankkqQlQMpymGRvSNb2Xxp4AEsS9MpKQ9gJNk/HT0gT48v16d9zMd7B0EYQ6JsIej0j/4yP0IhwL3rQMKPRFbMqokMvr2Jva/do353shlxHPyIEl/doEaYK7sR+MBe5p6gEOepebHXVdFsnKuVvyP2mr9jB+9TulwAUaBedBsR+yZ2/3oqJWDMkK0879qlKO+HAEL9ql6ZpTIHLCxn/Q/VyCDAaH2Lro6zJkD1CJptUFJZaVEh8XXe5FFFOQnVRlZchUflkn7IQtnKR3YhbVL5y2scz4mEan28CdWhmjbsvNMDECpEkgY3JCK00dYAbcP5FHhzahWGM/KWmHHNlyASEodY84e3JPDPYkPWz51G1h3DpPlmrj9MC+JPQoKuTGgCEg0LDjD6hjY6zSUJqItYrNR1/OeRUgQCWhMoYl/bn9IdVksvwu+QIcurDqobLJBpPzq+qbN/2AzSpx2/DG8sirtlXSE1V7pbcdWNMKhigOzrejE8zzvSe4oHDw9QlaER1XrhTZbngP6CD3y0rJ/gbudyc4Zos4bkOEp6vucs9dwfirn0Y3p5GvMlEljnKF+gGgYvPc1q7APnhCgKvowQAyfr2ecbrVnhgX040DtvuLUZ3nG0xp+5WQ0DhkRC4gT8FU46FM1Gk0PHTzvJnPu241K/duVw0RJ9/kMvW2K4xHiNuGkPZQeFrwqsOdJ4njg00hKSUEJjN7yyABn6bdWOI5IWvELc+LYUrNWANPjJC4lg5E2J5jMFi/fMEA2h/rY/bKSfx/PF8851B0oaxd1FA/uFK1axCFGJUiQUTKz4gLGtwwvmpn5VK2jiC0tfqjoVGnh6PaX3ift1jmbuvAh+8zzOSgPJgrQX0X217F82F4kwBCazW0M8/f1WeKgCri2VQc5XT865eZstAprByKbII7B15WPXegRvxkQZT3SoVioFxBdaWoQwgF6P7lxXEpss17TmlqBFTXbl2c8dvrzLgYcC7fvGGfOStMOhEp/0BZ2NGG37bwslckcyRtu/b63FE0E7bwtGIlrvXjucMfM1Oiyw50KqeFcyJsJEJ04+4asQ==","status":"coming","created":1795563165,"since":1795563165}');
INSERT INTO public.signing_keys VALUES (0, 'e1634d73', NULL, 1, 0, '{"version":1,"kid":"e1634d73","use":"seal","sealed":"JMbxNJCBotMW5U0w9ba5WZOMU/oFI56DKath8jzoTsTOwIAofhzcvWvOsRw9BqtYIim2TSFl8ZIPvIcW","status":"current","created":1795563166,"since":1795563166}');
INSERT INTO public.signing_keys VALUES (0, '96a1e050', NULL, 1, 0, '{"version":1,"kid":"96a1e050","use":"seal","sealed":"UnbGo+2vESQdG4vsSYdrgcQmttAy6/F8WPEqu8xYp3hH2MjCynDpxQKxl4P4FM7z3D47BqRz8uToyxkD","status":"coming","created":1795563166,"since":1795563166}');
INSERT INTO public.signing_keys VALUES (0, 'ca9cdaf2', NULL, 1, 0, '{"version":1,"kid":"ca9cdaf2","use":"mac","sealed":"i/rJVRIFogiYiTgomR83rULM3JCMyTqZg52WPkKwSLCJTbgtIHjEH4CIkEq956lFz54A88bY1lP7KsLx","status":"current","created":1795563166,"since":1795563166}');
INSERT INTO public.signing_keys VALUES (0, 'ac2b89b1', NULL, 1, 0, '{"version":1,"kid":"ac2b89b1","use":"mac","sealed":"hArAYGXgON0g4uOTYSphCUqbUyvQnDutSQB1roX9shZ5JJvl/EoQ9i5IsQ74O25KvAzFPAA+Uo5j7YNP","status":"coming","created":1795563166,"since":1795563166}');
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
