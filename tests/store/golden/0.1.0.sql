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
INSERT INTO public.clients VALUES (0, 'stefapp', NULL, 1, 0, '{"version":1,"id":"stefapp","name":"stefApp","redirect_uris":["http://127.0.0.1/callback","com.example.stefapp:/callback"],"scope":["openid","profile","email","offline_access","chirps","profile.write","dms.send"],"required":["chirps.read"],"reasons":{"chirps.write":"To post what you write here."},"uri":"https://stef.example","created":1790000000}');
INSERT INTO public.clients VALUES (0, 'web', NULL, 1, 0, '{"version":1,"id":"web","name":"Web app","auth_method":"client_secret_basic","secrets":[{"digest":"6bff7e4f2f1590edf24025330d3fe5acefe3775f40f4c85dc6ab5c4f68e72435","created":1790000000}],"redirect_uris":["https://web.example/callback","https://web.example/other?x=1"],"scope":["openid","profile","email","offline_access","chirps","photos.read"],"uri":"https://web.example","policy":"oidc","created":1790000000}');
INSERT INTO public.clients VALUES (0, 'post', NULL, 1, 0, '{"version":1,"id":"post","name":"Post app","auth_method":"client_secret_post","redirect_uris":["https://post.example/callback"],"scope":["openid","email","chirps.read"],"verified":false,"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'machine', NULL, 1, 0, '{"version":1,"id":"machine","name":"Machine","auth_method":"client_secret_basic","secrets":[{"digest":"d8aca5525eda2f3c89c20261abf103f0b8c254d5cf62e77d6c6de72f10932b25","created":1790000000}],"grant_types":["client_credentials"],"scope":["chirps","photos.read"],"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'spa', NULL, 1, 0, '{"version":1,"id":"spa","name":"Page app","redirect_uris":["https://spa.example/callback"],"scope":["openid","chirps.read"],"created":1790000000}');
INSERT INTO public.epochs VALUES (0, 'current', NULL, 1, 0, '{"version":1,"number":1,"since":1790000000}');
INSERT INTO public.events VALUES (2791207051, '06gc8k3c02j5ss4b20gmj8csu4', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4b20gmj8csu4","at":1790000000,"kind":"granted","by":"user","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.events VALUES (398287871, '06gc8k3c00brqovvkntjaq37c4', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', '06gc8k3c00brqovvim72b9skbg', '{"version":1,"id":"06gc8k3c00brqovvkntjaq37c4","at":1790000000,"kind":"granted","by":"user","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovvim72b9skbg","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.families VALUES (2791207051, '06gc8k3c02j5ss4b49rilpjv1s', NULL, 1, 4000000000, '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4b49rilpjv1s","grant":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.families VALUES (398287871, '06gc8k3c00brqovvjolle12oi4', NULL, 1, 4000000000, '06gc8k3c00brqovvim72b9skbg', '{"version":1,"id":"06gc8k3c00brqovvjolle12oi4","grant":"06gc8k3c00brqovvim72b9skbg","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk', 'kpf712vj3435krhu4oqqlo15io stefapp', 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'stefapp', '{"version":1,"id":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bc1aq7d4f78', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'web', '{"version":1,"id":"06gc8k3c02j5ss4bc1aq7d4f78","user":"kpf712vj3435krhu4oqqlo15io","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovvim72b9skbg', '2uum7vva7q1ige59pem2h63mgg stefapp', 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'stefapp', '{"version":1,"id":"06gc8k3c00brqovvim72b9skbg","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovv4hf7330p7s', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'web', '{"version":1,"id":"06gc8k3c00brqovv4hf7330p7s","user":"2uum7vva7q1ige59pem2h63mgg","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.migrations VALUES (1, 'first', 'a4b700fcb73db4ded23ce7c97e20df3b181dbc52b8119452d3b8c1cff80f67fe', 1, 1795517407);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c006g5p7tr7a1p4pas4', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c006g5p7tr7a1p4pas4","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[]},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[]},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[]},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[]},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"]},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[]}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[]}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvrioht7mkg4","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '315914c36308ea55', NULL, 1, 0, '{"version":1,"kid":"315914c36308ea55","use":"ES256","sealed":"hxLrykNPH+CJF1NhRTQP0Ecs4U2q540QLxjsWX5uUd7qRTVjHuyRv1KLhQQZnZc5jj+turhk/xEWJDjandoaR1NRCazcsDOKC1KV/zwfqhElnaXI7I2Dqh6UpvilTdV9eDZSLdBo3jwSKszR6KpjKt7l40epR94HPXNBj/dm9yf8wUiHHu8lSIHeYOSB7ta/xlQMhIghCKj0SQJD8gtnejwB6DvJqA==","status":"current","created":1795517406,"since":1795517406}');
INSERT INTO public.signing_keys VALUES (0, '228ba879ec9a0ce9', NULL, 1, 0, '{"version":1,"kid":"228ba879ec9a0ce9","use":"ES256","sealed":"U02xYVFURYdgJNrYJOzDx1GNZaRyHk+mVVhqJGT25ehxhJjvBMPSD2kJooBcdTDAmWhD0SgTNKrZoutnTQ+drxzZqDUMVP+9PgH7oP1eRydBNL8n+GG+cJ7RfCyEpKl8ageMuA7AEUfvrcL6H3OMDL7L8kxGatW4ImObwFNkLneBJ708qnzwV+UB5XXq3pdqDz4GsbYDIPwWyvcXb2joexhe+5Qs6w==","status":"coming","created":1795517406,"since":1795517406}');
INSERT INTO public.signing_keys VALUES (0, '2bab8d42426461ef', NULL, 1, 0, '{"version":1,"kid":"2bab8d42426461ef","use":"RS256","sealed":"Un64K1tIEV3UppzzONZVYSPGc7T10KQ/QxrEC01OM2GSb0vnpRpm38dqWaNwKGQfiWTvCqrYpQYztMi3w8TOJhb8dgEHTf2kWZ0TmAbPVX40HGepW25/HACWDmM0WQJWoyuYr1et754xUxu5HI8c5tgZd/uBFdwxSQQS+hEuIHcBIBDmsql4fnTH3aH8VUOq0XQwh7Jeph4CwbxiLJlHEnFtqxnRw4KkYwJThlkLuqFPhmCrOLpkd8VCFF6+hOA0L00F00wHkSLOl5yeYM1xdL/Eetxpwl8iCAlSyiXCyuFrZ9xaX9WqXg6Kg1eSE6XNkuao/w2jwFAcNBa4Pai1lZohohuU3yJz/vkSMmByN4hUhUaRDinPaT6szC1iLU+ujC6jalvukyu8ljmyB+uOq7mBADShA+PXeCuY/gkn7/P0DTQpZFKy4NBn0RdfRfx842FZhkn0kXBY087+m0pJ30yhdgx+yYubnaqCbnKGObfawa6RXsSm4QOJMp13SbRHU99UHoiCMAa/n7PiaIGjpUzACpWens1M+dBBHYOaDLJIZx3O1M0p3tyTTDAxklLk4XDFnXgkUt4hqcxnvW78j19hssYfGEb9KAK7kqR7Ud1SMYvszAzl8K9WMdRMKLw2+6SczBKkBmJ90a7stCftPCxxOSDOhT099YrX4BQRHbOynJ8wcKZSThwSfMwnyebK9v8WxS7VZU7JA8KIl2F7oMHyLRKRLBsuN6dobjE1cDxgNkmXTUr8N21M6xDsjy6C+2bHG+b2YWjVdqiejoqP8PoV7Ajg6nEsqInMH0Ai5m9yKZ02VbIGFD7KfhtChKBdp9SrSlmJjnunqltrlqSwmP4BtsKtYPiVKPGzz//RvxYO7gC8E7T5p586He7jiYibDHqvV1oY2VV3abTFmL8tJ8/V468uAs23RhHdDmDaL+UXk7/aR5PkSeYqyOXaMxjWX/NyzPm6Rj5w4lwtyVyhOck6CFcN3BupfCPxBLNL02YdWsckojd5SNvrVJni4orfOsnTWOEOxiB1l5elLfAX5Lboum80BFZjtBUAHx82DQhpQJxyVYQmNKCa66WA0aVRB90aJ2edI054CGIuD/oGpbQY7sXwu7eRl/kkqYq/aimXDx7EmmfP0txJEDc0uqM2rIzdfgjztayIVTMGSYOITZoD26wLIoaYd+vSNFRWycnNZFlTsdk22iD0z7uzwFRadQKk+buVZxJZ8kai+Z89GXhel9yySOvaL73NX5dBJERwQQRiSUFZ2nlB2VERm25RwSrMyedC7vQKkXU5+L9ZfOiG4dkhIRx9B30xmJXGg52633P85+QvXujsKp1Ls7RbzFs3pS39MPIAfuQ9Ql0j2ET1vwRWgrvxJzw0aa46lv5g0as53wb8cSChrseWrtY8RU7cBiXbyC1UoSddfT+ZxMbntnsBsH4FapRmVd+wqfRWGymveWKFsvPwnuNmn7PYAxj0vtEgAEf96WeI8kjbntZlavkoDiQ28CoLAXYSFvm3Wf/o5zF5mcdExSSLWqZxbXgvtCE5P0npOaIU9v9zrgD4lhUUpVUgciUt6IaSgN27iJgqenDR36DKgMtcKgK63eehSmu4xodSybvN7uOTXQnv+hF0yAXduPpvUG1sJfy1vPJQcJZsSE+H5MBpDg==","status":"current","created":1795517406,"since":1795517406}');
INSERT INTO public.signing_keys VALUES (0, '9e6e31f3225e3c7c', NULL, 1, 0, '{"version":1,"kid":"9e6e31f3225e3c7c","use":"RS256","sealed":"fHooWeHx0nrmFJuxqDbgyXPFBq4krN2wWUV8imnk2A4TD1FwmPYR9X5zp4BRrFQeVl56Bii7QLXLg9QyJU7LEIKTArhUso3QEwSO27TzZ8k7B7f8lhg2zcidJgz4iVvft6OK6E0gCVy4Spx9dylD57JVW5f0dEJfIj+dL3CAgfGGFLz/uOE4dhIrq9hP3Ky9QmkLaP54gVtiW+OBSs60rEIu+q3UCNvopXE/8XS4nady3ht8ZQG9SFFz2nRZP1T3RF2jP321WsNNqbV1HoPrjJOQGhJl9V7ZexvNf188yqvCyNTRN/hqTGK5xueI6hrFlOJF4KDkWtd4iYygzadF/Db1zxvIO6AJKtiXIW47XZov9wj+E5jS6h4obbsoiGiOin4DScukBW44gLAf6WFPf2cVjdAwbXAxc+iC550CBSZoI80Fv6V0hnXhAueWaEqM0wvxGFG9QXhMtT/Qagq1gVL/4In18/SaRz2Uyma8mh8McwnRK7QuWfC0BDmEq5upSk5Ic79X2P8EtosrA6acixfYjFwYcPO53wNxVe5ZTrLltSGmw7FyVpQr8vK44yASHZxCQhCMpFms2fuRdA4xpxnaThB3JyNBi3buz+gKwEnBiz17ilQZlomtOaRI7ESRHNXyUPj8mtruofZ5oq2QT/ACrTOUPJWh1Mtg2SNorS+FogFlnz1QnnHElbx4vl8fxO7LtDt7PQUEAv5HCsir4Kp6++xGQOYiETEE9iG7hpKEruIPb5qUghRYDKedZNsVvTOHrMM1iYLMnFdpYvRT3odpP3R/TJWCH83wlxr3LhJDhPJOENEo6JufJzDhEHxN3d5zbsR/t8OUQT1xkzhizljRHU5piu9UNbo1gvVwsg067oxQwu1RsKLrdz+0mOKibWwc4h+6KiI7Yrz93GbFu01zcz98qNN83PSmj5gBbUbHMGnhtT39ssumuU7FmAATyg5Nf37JRJjAiR/MpGVXTOpiqbeD+AwMkWozZk2FzGFD689IloEeYWpPylTCeuUd8JJW6kh3uxq/Os5cMHGXDJmIFIQmT8ndX4LR4PSuIQiuwg/6iUAXW3of1Tu40GSegRZa3uz2xIGHFhuN+4UxH1Dce5Xzu7MeItG0YV2TpXRSWpmWWG/NYrz00+jEXgU10IhUiQOq3uwUeTzcIVmvMTZizL508AFzCVUBygpYWJtO9xF+EyoixzUt6Qq3WHH3NqbyuMtIyxd1y4LivI0MSOcUuzVQbYInQ+9uMNW2lgQ6pTd/5Z1ZIp14LVspq7FyqG/gfayBTvANFPbX2AnfEOlCTNr0ovr4xdmW/iIs2AXTEKI8e94kr5/cBTR0iao8Ni6xA4fgIrgqGGyM4m3WyEQbvpBiAwKzy4F0tjXtPAJP3bT9q6EQ4y8SFvaS98xY5AS7xyVSV0YDxByWqihwKM3oqToNT0Jz2fvsB6tb+Dppx09eLxscGths91AZBiQxLC4vD3kbaamZRo4bYbK6m3GsADV46E7CI8ljTNOCW7dBq4VPCSfbSmWXfgrZvI/wca5UfP6MA3BNDkhBeMC3UTNi0xi6wNFZ1U/OdzRN9g3y3h0fy5NBEj2p8q1Z6fQjKu9Fu3G/joIB1i3zynkRCXV+NQ41xsu0aJxGjQ6IzFsjj70GzJMKIyQfTy8=","status":"coming","created":1795517406,"since":1795517406}');
INSERT INTO public.signing_keys VALUES (0, '2c1ecc25', NULL, 1, 0, '{"version":1,"kid":"2c1ecc25","use":"seal","sealed":"EJdESi6xZcmJ6JLFQMd9SRxXxqUUDXbNEwtKZQ9YcFkgx1rhZ3qyLM7HLWPPdf+97unHiWvnEPLKUf8m","status":"current","created":1795517406,"since":1795517406}');
INSERT INTO public.signing_keys VALUES (0, '6f82ac47', NULL, 1, 0, '{"version":1,"kid":"6f82ac47","use":"seal","sealed":"WwUqrgwrY8vx6jfXAUwTWm9niC19AeVP8OYAvuKq1DBBTf/yPFDXg0FL5dh+YVS5NCKfLpIw7RDhyFc/","status":"coming","created":1795517406,"since":1795517406}');
INSERT INTO public.signing_keys VALUES (0, 'cda52f5d', NULL, 1, 0, '{"version":1,"kid":"cda52f5d","use":"mac","sealed":"v+JWwKFvAmuRj4c46KVJJJKzHoV58x4QRYUFHFxCoavqqXT2qfF3a+TUyRp7O3wmv+SOglSyKBBA/Em0","status":"current","created":1795517406,"since":1795517406}');
INSERT INTO public.signing_keys VALUES (0, 'ca87e484', NULL, 1, 0, '{"version":1,"kid":"ca87e484","use":"mac","sealed":"ae7CiPkQzooWhU6Ueia9lnz/4A8GtXaocTckb2Ezao3ku0biBDFb21mjHMa/LLYzFP6ccfLjUn87oaqO","status":"coming","created":1795517406,"since":1795517406}');
INSERT INTO public.throttles VALUES (0, 'account miko', NULL, 1, 4000000000, '{"version":1,"bucket":"account miko","tried":1,"since":1790000000,"expires":4000000000}');
INSERT INTO public.users VALUES (2791207051, 'kpf712vj3435krhu4oqqlo15io', 'miko', 1, 0, '{"version":1,"id":"kpf712vj3435krhu4oqqlo15io","username":"miko","password":"$argon2id$v=19$m=19456,t=2,p=1$DFRCrxkt1tMUXhf1BUc0Ig$3IXTBIBZ0hH4/AlUfOnSuGzbZFhKmfhnGduZhxV9Dzo","email":"miko@example.org","claims":{"name":"Miko"},"created":1790000000,"changed":1790000000}');
INSERT INTO public.users VALUES (398287871, '2uum7vva7q1ige59pem2h63mgg', 'noor', 1, 0, '{"version":1,"id":"2uum7vva7q1ige59pem2h63mgg","username":"noor","password":"$argon2id$v=19$m=19456,t=2,p=1$9LtlzmcSQzJb4XJabppohA$cApywlrUNQsH42CvwG2aEDrWUq9qovMozqD44NEId9o","email":"noor@example.org","claims":{"name":"Noor"},"created":1790000000,"changed":1790000000}');
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
