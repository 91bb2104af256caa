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
INSERT INTO public.allowances VALUES (398287871, '06gc8k3c00brqovv4hf7330p7s chirps.write', NULL, 1, 0, '06gc8k3c00brqovv4hf7330p7s', '{"version":1,"grant":"06gc8k3c00brqovv4hf7330p7s","permission":"chirps.write","often":{"total":[0,0,3]},"out":[{"id":"aaaaaaaaaaaaaaaaaaaaaa","holder":"chirp","uses":1,"expires":1790000030,"often":{"total":0}}]}');
INSERT INTO public.approvals VALUES (2791207051, '06gc8k3c02j5ss4b20gmj8csu4', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4b20gmj8csu4","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","words":"Two tickets","amount":"25.00 EUR","created":1790000000,"expires":4000000000}');
INSERT INTO public.approvals VALUES (398287871, '06gc8k3c00brqovv1k1e9vepqg', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovv1k1e9vepqg","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovv4hf7330p7s","words":"Two tickets","amount":"25.00 EUR","created":1790000000,"expires":4000000000}');
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
INSERT INTO public.events VALUES (2791207051, '06gc8k3c02j5ss4bim72b9skbg', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4bim72b9skbg","at":1790000000,"kind":"granted","by":"user","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.events VALUES (398287871, '06gc8k3c00brqovvb4t31s1uro', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', '06gc8k3c00brqovv4hf7330p7s', '{"version":1,"id":"06gc8k3c00brqovvb4t31s1uro","at":1790000000,"kind":"granted","by":"user","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovv4hf7330p7s","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.families VALUES (2791207051, '06gc8k3c02j5ss4b49rilpjv1s', NULL, 1, 4026531840, '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4b49rilpjv1s","grant":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.families VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4', NULL, 1, 4026531840, '06gc8k3c00brqovv4hf7330p7s', '{"version":1,"id":"06gc8k3c00brqovvrioht7mkg4","grant":"06gc8k3c00brqovv4hf7330p7s","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk', 'kpf712vj3435krhu4oqqlo15io stefapp', 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'stefapp', '{"version":1,"id":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bc1aq7d4f78', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'web', '{"version":1,"id":"06gc8k3c02j5ss4bc1aq7d4f78","user":"kpf712vj3435krhu4oqqlo15io","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovv4hf7330p7s', '2uum7vva7q1ige59pem2h63mgg stefapp', 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'stefapp', '{"version":1,"id":"06gc8k3c00brqovv4hf7330p7s","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovvjolle12oi4', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'web', '{"version":1,"id":"06gc8k3c00brqovvjolle12oi4","user":"2uum7vva7q1ige59pem2h63mgg","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"limits":{"until":4000000000,"permissions":{"chirps.write":{"often":{"total":9}}}},"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795566379, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795562179,"mark":"116655684117d143"}');
INSERT INTO public.log VALUES (0, 2, 1795566379, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795562179,"mark":"490b6445014ead93"}');
INSERT INTO public.log VALUES (0, 3, 1795566379, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovv4hf7330p7s","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795562179,"mark":"e527585fa2b00627"}');
INSERT INTO public.log VALUES (0, 4, 1795566379, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvjolle12oi4","grant_version":1,"permissions":["chirps.read","chirps.write"],"limited":["chirps.write"],"until":4000000000,"at":1795562179,"mark":"35c290b9d7065149"}');
INSERT INTO public.log VALUES (0, 5, 1795566379, '{"kind":"all","status":"over","at":1795562179,"mark":"4e27c0a1132c64db"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', '3de387029225a1a25db3f901a6a877c27db5ccc27e8e5b961342da2083af35ee', 1, 1795562179);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c031tokca5r22mh2si0', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c031tokca5r22mh2si0","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvkntjaq37c4', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvkntjaq37c4","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '9cb7811886d61e2e', NULL, 1, 0, '{"version":1,"kid":"9cb7811886d61e2e","use":"ES256","sealed":"baahqJBcHc0nIBJ2FVo+oM+OZnjYAmK8KjZcw8zi2F8X1r9jjSQGNem4bbSY5NTsChbRIrGq98kZtLjvQBQrHG/iFbjqH2rs0h188vURPhCJAVPn5pAMKUn0xqZXoOSicqosaBNxg8KtXG6tIQkBgY99FlJ88bFXqfVN20/FtwvtLJcCQ7j0lCaZfEEo4ohihrCQk79RY8AKU+ncih5TnY/p44tFog==","status":"current","created":1795562176,"since":1795562176}');
INSERT INTO public.signing_keys VALUES (0, 'cd33349d5062da23', NULL, 1, 0, '{"version":1,"kid":"cd33349d5062da23","use":"ES256","sealed":"Q+A53ARQziGaqWeuXQkqCH8UR4M81xQpdbtLFv0XxcmQCncFSg+9Shxom/u7Da3PCDX90+SyTLRn542ch5/QFcl/In+VlHd8tSnZRQMOKqOQhuEElRrbKPg9YtJnHWpmxt/dTDeXJx9l8siaFb18xQlayAjp++pQpMGVeqjRB/sNT6U9F8d0KXFE5o3D9C1TEm1m6TN71Xkj1ZURICaP8+/wIyg1yQ==","status":"coming","created":1795562176,"since":1795562176}');
INSERT INTO public.signing_keys VALUES (0, 'a88bb8ee685ceafa', NULL, 1, 0, '{"version":1,"kid":"a88bb8ee685ceafa","use":"RS256","sealed":"bvvEQZxbrZjOYZFUfqss7AAXaDzpET2rBeg+HXY8sb5DXz1dPFGXdz8lkVINLr2tg/Hc77nw2Ha2PCtsjgPurs9LOGkNwQoNAlhOH7KBIpMYfJNrsumBZdh8ZmQu7eF4nOsOssengXmZ8U0LXmwYaW/ZqxAuplrYvStTLAKkdvREo0NIv1IG2AD9PBbaxJblCRcnFvCbn3jvfABQInpIgV0J5RoSma1rOK7Y7lDz61IJDUEXNy027YDalmoTazbxo+YH93S1o4AUaRBzsf3eevabCwenhhlX+WZbKirMysh7ilhypWAak3YFLfCsvCRyFnQ1xOp2W6Ie35kEx0WYTOhcHg3nEhapVlMkz9CG/we6vPNTbcs5rKdeCHtpzMA1ZQ3OXoJuBtMKOwJUg+dQhZhWqK8FStGFzh02+IHo5s4o0LpkdIn+wQskTNfQXt8AkMDch9stoHmYt1HJVZYyXV8P9wQCo9O4wYY6+uplB9ZpVju4YZZ30zgfWohLNzWY06Ru5hIutJGOj/deB9F+hkY3Usi5b9RTeKizTj0FEDneG/z1QfHFggZbCPqsjTtrMGvNs1g6gXBQop1OhD42Hmz9bzZCznFDZ5AfSd6zChDalTAZSyDpcVMMjD0gkPDQh5NqwzIyuLaxcSqUQK9SYn9DMZAQLtax7hhLXOAMVJwt6IPAv7zzpFmytw7ILrgpbkrZKPbQldd+6rP3bOuNeE2fLoPGFdO5RRmV76DLzs6RVVIrBvlS022RL3GBexPKc8rBd3f7VOBURT6aLFGX5azxkPDcBX+dHLYappmnfED8jqaWTZhxB6VL3pzVJue7r2XTHV5/x4dhHJdv1npez8K/CydrI1GZgK/3ss/+7ywQtuX0/hPj9hcIhIy0HO0O39zvwt7HYnCAScMcRZE65jP3bPq3U9+SQvtKOIovd2iLhe8Y5t0kIl3tZ+m9Tan5h0xwvas1bByFJTfo0A9oRHSSiBRzc+RNTG2A6QhikxEk843L3NwSc+e3UA/+NjeHifKrTOU1O095Cjz2ntKCCqBFBJgCeCMjB4w9WxhsbMVVPE8SyVc8nb3ta0HNEtT+rIPrKB31RikPWrc/Ec66YvumCSBt3xCspYd5g0LuQ8s6LRuPeLUwmcYHLuPE7sYhk7E++gZK0ddHMxj1e2bkdPdXLy8SwMYhn1Q+VPrsnhrJ6uTVc4eSV5ZyFmMlNv+TZYgdtbbCRMT0ki3uFN5gqA+lLs280KQrjQbx9YFSD06KBI6mqb98YSDF3BjBUivty6TAUqB0GNGFYVnUQVvXALBLfhDXpMpij0lzWBkH0fLg1G9Pb4FasdutMWjuhMqIFjoAaLwJOoLfsdQD1ldnporr/xqKEd54OAjWzUdmFQffjQT1/zm1DErc+emkBKBLHM9gQOb/hwXCKrC4e77wiIt1CnBLNRvFzq64BGjDXFtVuTSOojiwgxm3EL00yv0YWsWPKHWTw/RcsyZwD2RlEOOnmp/K03w1NGyZHJew76mJkkdnBx9P7QOGhOpkpJu635ElsafXg4JkLdu7Zc7giQii3XrDHVjwLXd7seK6+eigFGpYReI5U+RYTU11m/ulyY5EQHj49PbBZCzOJs2JaaJpYOHdtKtNDUrpwrJjZex61j99f9rUSemw","status":"current","created":1795562176,"since":1795562176}');
INSERT INTO public.signing_keys VALUES (0, 'c56eae1d5487df66', NULL, 1, 0, '{"version":1,"kid":"c56eae1d5487df66","use":"RS256","sealed":"4rXiB9fe5Y3LpViY3B7LWZ0bJD3mRSyTUFPne/HNnoxJNTc9ENqwgZiQNssmdbI0QpeqSX8WIKBO6uw0E72ya65MXo1wEzo2gZ6KyxXiJukXKi1Yzcdoy6mQUOLbYQhpJMwvznKh7hcR1KRxz9vw7tu9PkFRotgB0lW8TRTy4Q+5BrssXhy/mb+ALLXZg9KCesMCfaleYSYD9URkb/ajHpLo6rP3yg8HyZezlMYvMcpsZ5+4HUtk9nSnnh+/dULrCl60Jy0PdPejYFpYDKkDX2mFFCtJ61LCI7WjSSQBt11TnrCmK2/wXOQI78iHLWgAYDwR+XHpJp4dyu/5PCvSVS0JIqnEDISN4ov+yUyuun0J5nsHMeVlXicqlhFfQGKugGemRtZdWBsOSuy/uLL6f33kcfAG+8hhfP6q9Kme/tBlwgal3qj/eFmQbjSgc5X6msoeis8YNIKT1E9QK04g9eiDsu803QBLDgullC1jANBEQKqMyNtq/wsMyoAQUi79rEJM0r2p/M96CyBJJNFiAaB9IL154udD//gBV/+HvmcopXVJXLWSZ/uBppDSw0YUN9KlqMdVXWYAXdWvrShFH74Pih0ge84OQGvEnG0YGp5BktLwwUsal5M+0wBJtQmOcNtUx7hsTUGAHSF+ZrIdIX4sA91s0F0Yf41bUF7RIO4yiGZ2S59H9tn73MN3qByxXMisC3eEOC9BNWnwdS+lOmjqAXZyHsyZxFD7YmmsgB/tnP8IYKe5BwsFIqC7qfWSFG40g59earIsf/B0Qs2qJq+OdCK2d/xEyTvFAOg9MWZlTpuOVGnJpKaFrhIJrnjF8gGm5VCHfoz/CtnvBoaz4a9bBLos9++WuCZRSuPr9bkQC/aMnUixBBtOcJoJ9kF1LMEPH5Za+EA5eyATGX5ILDF1WWepHFLmvFr5fx6VCp9rVrVO0DqD5vr/PywEMV2WSMc9+Cm20+1NZQsyjVrEBktwMKto3veuIdpOrXwg7bFvbYT8iVlfKocusV7fgwl+9pLY8g8I0pFAAucN5GbqPM6b95SPcWg4u/cuZIx79ZqD+LJj46arCyaBbx6592LW+730HlnvCmPtR/PFWKQ0p4CzbR0C26ocxo9CkgiNd2i/VStMmNXDDNRccBaUzuIDiRGd1oILx+vfAXpqP3dO00WX1JbzQMGu/4B4dCV+U36U1U2xkWwadt/Dr+HsBMuNeYDAotFoHgl2zpIfHGFTHIaG9NiqMTkR4fs+Odri/aFG2PWj0sw7M8/oVvTQj9T5j77eSwDEUmf88dKnJFaFJcMG4DxR1ufbbMYtmOaFDoXQ3YODOQ7jY91uDMBTSaJ/tT3/lqsSBQzXBVWloWbzrTQdUWs7CGNvcTbjN5bhlSWu4rY/Eat2kMtxQWH6zN0joWGGemimxeH2qQb0pitjFfvt3IPJooXQpN7UkpW427C7yBPd5jo34YbbkRwixSY6/RYQj/obcvdja2dCWJoOO8KvL7nucGYFNnvYYCyWfBTje477vlXke4DtC7UN2q4sNW10k9edfkj1fMmAN6JoZYZgI4XR8OsbM9Liaad1I8kItM7RJ8TbnKhw0NGzwc735vPEwefP2hFm3lEVTDgwOxhIEz7fqf/bFBRiPO1aILw9nr14nzbp7Q7n2P27","status":"coming","created":1795562176,"since":1795562176}');
INSERT INTO public.signing_keys VALUES (0, '94b1e85c', NULL, 1, 0, '{"version":1,"kid":"94b1e85c","use":"seal","sealed":"YmpF+yjW0PIT30BAqu1ulDdQ+Yy4WrBtflMsVZs9b9leT+2muc+hW3WZXketna2kVrNGq2opMzzIJNPs","status":"current","created":1795562176,"since":1795562176}');
INSERT INTO public.signing_keys VALUES (0, '06c0af27', NULL, 1, 0, '{"version":1,"kid":"06c0af27","use":"seal","sealed":"FtqDocos5bhgtnuol521lGs2zoqgl3RncX1LWcyVVAl/K3wm86WolK15+9bdVKWdA+cjIQySOecVsZUu","status":"coming","created":1795562176,"since":1795562176}');
INSERT INTO public.signing_keys VALUES (0, '256f85d3', NULL, 1, 0, '{"version":1,"kid":"256f85d3","use":"mac","sealed":"eqYTCXuoxbOLzX+dJVPz/7zndPrEuUSExJhdOV9FHm3e1fWWdgtd+RQtHhNiCuAB/IiGYJ0PRBKOqZbp","status":"current","created":1795562176,"since":1795562176}');
INSERT INTO public.signing_keys VALUES (0, 'c8427459', NULL, 1, 0, '{"version":1,"kid":"c8427459","use":"mac","sealed":"oQ6NxQkeHAhH9ca0AmoGyV7gvGZU3LDPuZrY/BDNJ7uVItyzcUpsvvAIgyLGrgoaJ+UVK30SeTmCAStN","status":"coming","created":1795562176,"since":1795562176}');
INSERT INTO public.throttles VALUES (0, 'account miko', NULL, 1, 4000000000, '{"version":1,"bucket":"account miko","tried":1,"since":1790000000,"expires":4000000000}');
INSERT INTO public.users VALUES (2791207051, 'kpf712vj3435krhu4oqqlo15io', 'miko', 1, 0, '{"version":1,"id":"kpf712vj3435krhu4oqqlo15io","username":"miko","password":"$argon2id$v=19$m=19456,t=2,p=1$DFRCrxkt1tMUXhf1BUc0Ig$3IXTBIBZ0hH4/AlUfOnSuGzbZFhKmfhnGduZhxV9Dzo","email":"miko@example.org","claims":{"name":"Miko"},"created":1790000000,"changed":1790000000}');
INSERT INTO public.users VALUES (398287871, '2uum7vva7q1ige59pem2h63mgg', 'noor', 1, 0, '{"version":1,"id":"2uum7vva7q1ige59pem2h63mgg","username":"noor","password":"$argon2id$v=19$m=19456,t=2,p=1$9LtlzmcSQzJb4XJabppohA$cApywlrUNQsH42CvwG2aEDrWUq9qovMozqD44NEId9o","email":"noor@example.org","claims":{"name":"Noor"},"created":1790000000,"changed":1790000000}');
ALTER TABLE ONLY public.allowances
    ADD CONSTRAINT allowances_pkey PRIMARY KEY (place, key);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (place, key);
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
CREATE UNIQUE INDEX resource_servers_alias ON public.resource_servers USING btree (place, alias);
CREATE INDEX resource_servers_forget ON public.resource_servers USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX sessions_forget ON public.sessions USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX sessions_user ON public.sessions USING btree (place, "user", key);
CREATE INDEX signing_keys_forget ON public.signing_keys USING btree (forget_at) WHERE (forget_at > 0);
CREATE INDEX throttles_forget ON public.throttles USING btree (forget_at) WHERE (forget_at > 0);
CREATE UNIQUE INDEX users_alias ON public.users USING btree (alias);
CREATE INDEX users_forget ON public.users USING btree (forget_at) WHERE (forget_at > 0);
