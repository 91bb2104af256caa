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
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk', 'kpf712vj3435krhu4oqqlo15io stefapp', 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'stefapp', '{"version":1,"id":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bc1aq7d4f78', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'web', '{"version":1,"id":"06gc8k3c02j5ss4bc1aq7d4f78","user":"kpf712vj3435krhu4oqqlo15io","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovv4hf7330p7s', '2uum7vva7q1ige59pem2h63mgg stefapp', 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'stefapp', '{"version":1,"id":"06gc8k3c00brqovv4hf7330p7s","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovvjolle12oi4', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'web', '{"version":1,"id":"06gc8k3c00brqovvjolle12oi4","user":"2uum7vva7q1ige59pem2h63mgg","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795566172, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561972,"mark":"dfafb80737eea12c"}');
INSERT INTO public.log VALUES (0, 2, 1795566172, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561972,"mark":"98d2a78005c8bb24"}');
INSERT INTO public.log VALUES (0, 3, 1795566172, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovv4hf7330p7s","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561972,"mark":"549752be33c0254d"}');
INSERT INTO public.log VALUES (0, 4, 1795566172, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovvjolle12oi4","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561972,"mark":"24851f3881e7054f"}');
INSERT INTO public.log VALUES (0, 5, 1795566172, '{"kind":"all","status":"over","at":1795561972,"mark":"0fc59b1cf467130a"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', '0e32c615933f11be0d8a15344656e682babf58a4d8261b608f0033b7a78e86e9', 1, 1795561971);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c031tokca5r22mh2si0', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c031tokca5r22mh2si0","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvkntjaq37c4', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvkntjaq37c4","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, 'b0dcba02be869f50', NULL, 1, 0, '{"version":1,"kid":"b0dcba02be869f50","use":"ES256","sealed":"msivrHE1t3FXl/ad1goRMCCSLzJPPzC2IsUnNNwtp+KiLthAkxiczfaXLdNGtDkgGvK8ixuxZXsQF5SAOFy4Ge1kPB23HZMw91oXtnfeuVr4S6e57TSanx0ar1lhyeiZRHT1YF7x2Q5Ww9sv+ABbfeLZila+Gs62wkMdJZHvEFNX/TYfwTfUqnnoUN6k8Dd3IBMaYnMeEnwgemnB8iBftQh4uTxNCw==","status":"current","created":1795561968,"since":1795561968}');
INSERT INTO public.signing_keys VALUES (0, 'eea7f87e7ce47a32', NULL, 1, 0, '{"version":1,"kid":"eea7f87e7ce47a32","use":"ES256","sealed":"FDTHhlWX7WjqCVSSJTyC0SRqhpYI5jqRWrKQh2BQaxm5qsgsAlghCBnCzV0EinjJEAb9e5ydcPAolaTVGb5n8rpNz2EozJS/jGu6SQ0mYEbooEgWt+dLNOsDjPeT1ITmHpCdivwQi4iXrqKWb4TwJDzVl6NOGiIlk79jus3gbh3r1+x5FbHfumDElp6HZVXugs5HTk8g5vxkbLzdFaSlUzNvp5IwlQ==","status":"coming","created":1795561968,"since":1795561968}');
INSERT INTO public.signing_keys VALUES (0, 'af17ef45bd9106e5', NULL, 1, 0, '{"version":1,"kid":"af17ef45bd9106e5","use":"RS256","sealed":"9XxFDKZKb9K9GxBgtitGiWWUpYvV0dZT89YkCV8guu7VWfmaSXaOV+TRT1bmksimFrNy8s7YBGGgXOSzxDTlQLXb06bpXggA0TtCzPhE6M3Hwc833T3wzNA5LshSs4KUubQPD+keSYyZA/rSRMnQkFTfjuv3N7TDS32cv6rPosg2bgbBmD+4uzal2gnBZbQAwS5nHevu4bE2MR/M3Ss/5RYnBXsxy91rvbTxYWp29KhvDrDDSyJevWS1+lyL29xynOaS6E8bAn9rhgIwM+1zm65eoATFXg4xKTv77W7i6v8klgGNV+knrThiz1elg5X2v/rzMI9Wb9zEowapnGabPSBJScGE9A8s8FykWDio15IonSAyXnp77xhU5b4aBL5QfIpUEMDeKUHb6/fa4ANhcxbSxRrXSddYTXCrxIPZksPLvilmXiToASdWKbCOq5ZqPSABBBuj0yH9coiItw49Wy+n/BZ/h7KRcq7mt8ShTNCdThYCCAm+RGiS5cU19dPHawxGFXymV+CdcCqxDL9ZBiU+zDrQiHBzquUIgXqDoyaz3pfLNVoB2QayB1bOpmTE9va6Yk0ydLqu8N2+s8kbSllncxpTvkF1UODQw1klLrO3T5WYoRWLOMOgaSAggsUgUIK+sVbGqYAZ0un9lcDp0QkPNPDtbozpnjFqVuTy79Zjz6gImxBabdbL9z9eVHUGd+DTAOXI0S9ObdhZNdhSavNfVtjTxENpMbcD/DNVp2TWbC/v3fqpSUqRIwfB/xMZt5XPK9MS5MsYwp0zohyyQutBeLIzFJZdjSzUqp+Uc1YOqF8m/Q9rJUGf9Z/xnsv09x0lq+vGvEou3YU3e5mUcpq7SP0ijyu/X36NsBF+jMDht3/KsLag22TwNVDi1MsuQF0q4+a5oRC6KFG+j/l8ludOYXiuegbyB6lPoGw7BvnpB6W40luppTF2mHAnE0N3u2XLHGXg+GGeccTxSoToA+s/Ka1S4QplDOrsh+R3PqBPjj6aFkckDHrpgIbrAO8likcQ902EKYOuNeGF+wKfvjj908K8RWzgMu3gh5T1cMEIipJrnGXzuAY8b9XmrTLm3MX+q7ShR8joQWEDZY8YlrrQDJComgiu5I9rO44D8kKVVsmwIxybQoEEs7R9ZczyW1x5TV0yVfKRJf1e2kOOqjVfHDpuJmJ3ntHm4awsShEJL5/o3uBVm/iFsCzkFLX3Kv57VVnX0rfgUNAoL01uAyQLJwt+38VUS8mhv9Q5fYNIZmv8C3LufdX0rbxOCc8A/8mHh9uwqtt6RrCcFr+1P9f1cB9B+soSckasgvIg82I/KAbfhML+ueTlGOHdD3NwB9+ePiP6TTrhi+XvNnF2DHpXi/+7ZgSaXjh8svEreRzvvMvNZm31TzwE1qbBMvX7kb+aGTn5DIMrP7isL72szyoEg+neEmauC8yaCxATXBDMy2wuNBUJc9nIgSPTmBSaSTc9VJ4PD+uG8cjkKzdQbJ/LzIVveaaRdyUJrTokWm23Ag56mfP3c+s1gSYDlc2alcd+6DnI+00c6mg56RFAY4o0avrTM9HkEL6/I9QIca/59dS2BtXXDYmh6CN1ED6xxTzHD4ENd/4SpGBPIxorx7FbxepJbvNZ1WYkYeJijO6q017SWIeg5gt0jPWlWg==","status":"current","created":1795561968,"since":1795561968}');
INSERT INTO public.signing_keys VALUES (0, '569ae92e8810d388', NULL, 1, 0, '{"version":1,"kid":"569ae92e8810d388","use":"RS256","sealed":"fVGGYM8csseIH6p1CphC1NC/NBtrkvjkYzriyrDvr2Ga9kxS4Rvbrg8GxGJiZ89IKxQC6k5bk0msXXGiE8B/o5zG/e+eF1G3qdGXURjnRhfzW8COBrEJIt1uSVeHJTSRUoiZnng8oN85M8q7BcSewrPYn9NUIzjhsjizFMrShEOTQIXSSp8inFdqc5yXfibixg9bosWxZ7v+jUCjutPBVS1lUWilP3j1tZwlaiCMZeSaSKoc8myy+PEmFBG/MUvZZ1nc6jYRq7b+VNS6cgfvGss4QxZdDay5kJ6tQiBj7l/7vNJ33PCpQs5cXCICk/7rFKMSKut8J2kyzctJI9eqI30+XK33CzA3CeFhMlgiQfVXrrUxoIiDWTVg4qLApI81fQQQ3hekLu7efIvAy2FLboUfuX9Ou7sxP/oDpNC7RV/DfWZ5QYsWrbXxPe6ESJ382MPs/X5zV8trOhAyFKT4IHia0EpgjS2eeSRBDBnThRQXvASy22LLb3ANGPjuULv/KAXaKgq9qDwZLsfg1BjcX09NTSPCjCnNST6jysTgcUuHxHONJ2UUlRtzHEHXPXPykjZ7dydePoeB/G4j805Sd/itOjxV/dg4GdyOiUypzEPNAgpyc6UVGJouQFOXNiyBT45F9ajxfIbHIbNU1cIMUm5Vzr8qPPVW7SRXoX0+hnS7HvoPcZiPy2lomTrk32zbA3DTkk9FokzLM0H+sGvn8r6K+vTuGEE6xDxLu9IW8qbgjOPNbubhP97jUUxp7txjliVZLb4OZAVKqoJsjNM6P74D2FLODxjCN/v+ONDl59gnJEXKDtwLsPZt5ipmWQjleZWCDs9OYEYDqJZnPvwIgPvDSZKjrbdSFaNt9gU5KTjchZlr84RYBZIic8H2XncZrUYn1TAa/RxhjF8DvhzYXtxEZEx4vJnL345w4UpXbB/CSFe6L08ne4oNc65LSTUmez4KQQxrisNWz8ZV/xgX4l6OasqIo3RXJrNJSfK37TRCs+vO9QDsxpRKc9b7cBpOrxHFBbWB1g3BndMjEMdTQ93Yr5h2nTiechtVnZVMMXH3vm6alpLlOp8tOtEanX1BK+9lKiKFHNPDIlMiLG7T87UPuE6d1t4VdDF1H8dpLa9Elcv6IPFHTLZgPKKwJknJZZsxq2rt25ghaS8AXOfSJekmEUKYxjG2tOEyeVxe6W5rYRKoxqip5eRJazk5qt6e9jkKschdl8pwCYjhZMUNOu3coNkK9DqpXu8PfM1FxMzccZDK4xyqgfkoWpz1TvafRNC6iEIJ4y1Mc8zFZf4CKfo461obPN9+oIzSAbj3un0+HlSZFHZS22QY5nK5QJTyFvQ9VQxNLZIa0zo75JSNAevG5cS+RFTcsbMtevSAKPq399Q1FlTJsDUIA8rm6YDzEp/eRE1L39ABTGW2Yeu+Dd44v8xXEbITnx/Pc5GGcqE1qHNwOfR1dEW51JdYwijoI93IysI/TAEY92WGwK/PscmJFp3ir4S092KigRACsW4S9EQvWj3zKE4druV6gcsjuQHgmtd3pz8u8XGvqDGa/EyzmLVZ1AQF3grOkIhHJB+TdnvjX3rt6F7FbfQ+uNR6Z0uiaNqRxowU61crkxJppmQm9j11hZBNfv/Q3o5GzIYxLy2JaXZ2m0rwEpw=","status":"coming","created":1795561968,"since":1795561968}');
INSERT INTO public.signing_keys VALUES (0, 'b950de66', NULL, 1, 0, '{"version":1,"kid":"b950de66","use":"seal","sealed":"b5+ETxWnmwXIu0ElIuHhj2yMLwlOHdIWTvQFjM/OpnFQOjkGpegxu0q3EUbV7UiLx+vY3+ZVlC5dAxOb","status":"current","created":1795561968,"since":1795561968}');
INSERT INTO public.signing_keys VALUES (0, 'ff75aa3f', NULL, 1, 0, '{"version":1,"kid":"ff75aa3f","use":"seal","sealed":"NLUAGQGyWCyLPGBhQeu0M9Mm790Omhls8LBCH810KS/pXS41z1fBLkpZVhv+y4oSWp+TPa1RMsjWWnd3","status":"coming","created":1795561968,"since":1795561968}');
INSERT INTO public.signing_keys VALUES (0, 'cc41fa16', NULL, 1, 0, '{"version":1,"kid":"cc41fa16","use":"mac","sealed":"O22ih7ynqT3B1vkMsYTci2BFlnIXqQ8dEawdm4zZE6WOh8LPRKVY+e0AykFhi4L+mw5b7IzcD1bi+zWJ","status":"current","created":1795561968,"since":1795561968}');
INSERT INTO public.signing_keys VALUES (0, 'b6a579e2', NULL, 1, 0, '{"version":1,"kid":"b6a579e2","use":"mac","sealed":"vw5X57gjctrr9AY7bKCVfW3tymP24c/2NjewizyXSG/Eeioel5WOQLreAhKo4bgMpz5MTs5otXLarUuO","status":"coming","created":1795561968,"since":1795561968}');
INSERT INTO public.throttles VALUES (0, 'account miko', NULL, 1, 4000000000, '{"version":1,"bucket":"account miko","tried":1,"since":1790000000,"expires":4000000000}');
INSERT INTO public.users VALUES (2791207051, 'kpf712vj3435krhu4oqqlo15io', 'miko', 1, 0, '{"version":1,"id":"kpf712vj3435krhu4oqqlo15io","username":"miko","password":"$argon2id$v=19$m=19456,t=2,p=1$DFRCrxkt1tMUXhf1BUc0Ig$3IXTBIBZ0hH4/AlUfOnSuGzbZFhKmfhnGduZhxV9Dzo","email":"miko@example.org","claims":{"name":"Miko"},"created":1790000000,"changed":1790000000}');
INSERT INTO public.users VALUES (398287871, '2uum7vva7q1ige59pem2h63mgg', 'noor', 1, 0, '{"version":1,"id":"2uum7vva7q1ige59pem2h63mgg","username":"noor","password":"$argon2id$v=19$m=19456,t=2,p=1$9LtlzmcSQzJb4XJabppohA$cApywlrUNQsH42CvwG2aEDrWUq9qovMozqD44NEId9o","email":"noor@example.org","claims":{"name":"Noor"},"created":1790000000,"changed":1790000000}');
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
