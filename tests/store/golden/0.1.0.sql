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
INSERT INTO public.clients VALUES (0, 'stefapp', NULL, 1, 0, '{"version":1,"id":"stefapp","name":"stefApp","redirect_uris":["http://127.0.0.1/callback","com.example.stefapp:/callback"],"scope":["openid","profile","email","offline_access","chirps","profile.write","dms.send"],"required":["chirps.read"],"reasons":{"chirps.write":"To post what you write here."},"uri":"https://stef.example","created":1790000000}');
INSERT INTO public.clients VALUES (0, 'web', NULL, 1, 0, '{"version":1,"id":"web","name":"Web app","auth_method":"client_secret_basic","secrets":[{"digest":"6bff7e4f2f1590edf24025330d3fe5acefe3775f40f4c85dc6ab5c4f68e72435","created":1790000000}],"redirect_uris":["https://web.example/callback","https://web.example/other?x=1"],"scope":["openid","profile","email","offline_access","chirps","photos.read"],"uri":"https://web.example","policy":"oidc","created":1790000000}');
INSERT INTO public.clients VALUES (0, 'post', NULL, 1, 0, '{"version":1,"id":"post","name":"Post app","auth_method":"client_secret_post","redirect_uris":["https://post.example/callback"],"scope":["openid","email","chirps.read"],"verified":false,"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'machine', NULL, 1, 0, '{"version":1,"id":"machine","name":"Machine","auth_method":"client_secret_basic","secrets":[{"digest":"d8aca5525eda2f3c89c20261abf103f0b8c254d5cf62e77d6c6de72f10932b25","created":1790000000}],"grant_types":["client_credentials"],"scope":["chirps","photos.read"],"created":1790000000}');
INSERT INTO public.clients VALUES (0, 'spa', NULL, 1, 0, '{"version":1,"id":"spa","name":"Page app","redirect_uris":["https://spa.example/callback"],"scope":["openid","chirps.read"],"created":1790000000}');
INSERT INTO public.epochs VALUES (0, 'current', NULL, 1, 0, '{"version":1,"number":1,"since":1790000000}');
INSERT INTO public.events VALUES (2791207051, '06gc8k3c02j5ss4b20gmj8csu4', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4b20gmj8csu4","at":1790000000,"kind":"granted","by":"user","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","grant":"06gc8k3c02j5ss4bd9ih2hbftk","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.events VALUES (398287871, '06gc8k3c00brqovvkntjaq37c4', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', '06gc8k3c00brqovvim72b9skbg', '{"version":1,"id":"06gc8k3c00brqovvkntjaq37c4","at":1790000000,"kind":"granted","by":"user","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","grant":"06gc8k3c00brqovvim72b9skbg","permissions":["chirps.read","chirps.write"]}');
INSERT INTO public.families VALUES (2791207051, '06gc8k3c02j5ss4b49rilpjv1s', NULL, 1, 4026531840, '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4b49rilpjv1s","grant":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.families VALUES (398287871, '06gc8k3c00brqovvjolle12oi4', NULL, 1, 4026531840, '06gc8k3c00brqovvim72b9skbg', '{"version":1,"id":"06gc8k3c00brqovvjolle12oi4","grant":"06gc8k3c00brqovvim72b9skbg","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk', 'kpf712vj3435krhu4oqqlo15io stefapp', 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'stefapp', '{"version":1,"id":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bc1aq7d4f78', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'web', '{"version":1,"id":"06gc8k3c02j5ss4bc1aq7d4f78","user":"kpf712vj3435krhu4oqqlo15io","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovvim72b9skbg', '2uum7vva7q1ige59pem2h63mgg stefapp', 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'stefapp', '{"version":1,"id":"06gc8k3c00brqovvim72b9skbg","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovv4hf7330p7s', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'web', '{"version":1,"id":"06gc8k3c00brqovv4hf7330p7s","user":"2uum7vva7q1ige59pem2h63mgg","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.log VALUES (0, 1, 1795562895, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795558695,"mark":"3dc89793579cdd77"}');
INSERT INTO public.log VALUES (0, 2, 1795562895, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795558695,"mark":"cd1d462e226cf848"}');
INSERT INTO public.log VALUES (0, 3, 1795562895, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovvim72b9skbg","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795558695,"mark":"a8817e3e82d1d455"}');
INSERT INTO public.log VALUES (0, 4, 1795562895, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovv4hf7330p7s","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795558695,"mark":"5e673b52f1e335f0"}');
INSERT INTO public.log VALUES (0, 5, 1795562895, '{"kind":"all","status":"over","at":1795558695,"mark":"23a99c61b6767a1c"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', 'd36fc00ee09651d9ac382fabcba524acf6d596df85528e33102a46827fc79636', 1, 1795558695);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c006g5p7tr7a1p4pas4', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c006g5p7tr7a1p4pas4","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[]},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[]},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[]},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[]},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"]},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[]}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[]}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvrioht7mkg4","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '4a1dfe32491617a2', NULL, 1, 0, '{"version":1,"kid":"4a1dfe32491617a2","use":"ES256","sealed":"mZ3ttCfto+Euvi4TmGPrbAgRgi5u/L7B0GMy8Xgp5Qs6N/co+JkD9OqgXi1GZonboztcA7e+uD0deh8N5d10T1PmYM19b1qm5KgaH7cE8WitL4IZO/Txxk6RHNRsUIuDlIOnSdfHudnZEz6uwTIijVx/lVEoiuUdt14Z07uuvypw0MkJAdrBoAt4TskZSBRFrNmrJo7jibfOiFq0zY2OBJpGtZqaYg==","status":"current","created":1795558691,"since":1795558691}');
INSERT INTO public.signing_keys VALUES (0, '93da5ee84e3b0a41', NULL, 1, 0, '{"version":1,"kid":"93da5ee84e3b0a41","use":"ES256","sealed":"ERy4/HomRdxDaNFWT1kXWkYOGwtnh3X/9jrjN0Oexx41XKI69+7J/KLm7KsqavPS9Y7dkfIRQVKDH8OLNAXINoYTQl43CCpFhmM6SO5wR+/KYGYicgtLvc1VNxxJGcTl96VFvwdrsOwezXkke+e8a2mEhriTBeHtWORsay1CC0TsxrCootSJtD0jPmx8k+gWH1THbMtZWynAb7Wwhfv9US2b8x9KlA==","status":"coming","created":1795558691,"since":1795558691}');
INSERT INTO public.signing_keys VALUES (0, '60c36b855e40e1f6', NULL, 1, 0, '{"version":1,"kid":"60c36b855e40e1f6","use":"RS256","sealed":"c6GtoWVHvLtRva+lWhZ6flxnYT15r84QJ1az5fb3MzqGjr6MZ5CnLQeclcvUM963PbnnFmbd8Mn5z+yyS6AyoPIXCqvvCutQAtu3NOrWgvEt1MdR+3J5caR7ukS60mlkSWHYGCYJnYev4ukI7uL6rOYJesQWLwlRoXG/dTi0VPdpTZj4UJ5CS+qg/N/hpBsv0w7iK6PbvrTj7W87ITfY3kY2zjax6YPpObV/1RSwgLGNACg8VRMIM1+uKX0hgX6KE7wnRwgUWZ+/mM2VESZ0Qjs7F4r8ZFmn1PnYBihZTDVszjWAXGC6W4u6C9Mws25q8tFmk+mbAx9s6shHFMW3UB5Elmmh1/3lPzEfghqjT+T8c+KaIPIgD9sqq75cHnH8ukSiKwufxNGekkA8ceoD3IyCqpT/JmhGC2aG72xGFgSRyNQhwdt17oz1soxiXsFRCf5wZK9FODWLTTdMJ1wjpG6/mo60XVDv1jlS5tmTmEX1/AIHBLHniQBW3gYSBNhMjWlDZcw6cts87IzGzyOhW6ZwFSWjrRVZVZFpMfJe7xzVWprYpnSxTfQcGXQ8lieaHaF81SR8rYM/AiZjVJkuA6oHwrr2OMtrXYpeM+AlMHCAqKHkqUmjtUv1Zbf+i6V4wFB8YWigLuTql1fNy7T+H+LKcWLnANHYEHJyQZu0ZX6LjiieRGs3LW5xuPaRWNsgSKI2Q8ngjxBja72A4HeXohmV4iLpO4SFutcHLbZy8XIkgh7fHnnOfpo0IFCLU2J8Z9xYyVG7Iz344JjsHUf0UaFXDzU/lTwSQvrTCgl0qwyqXX0EQTDh5Cy/fJ3rTriPlSB4f+S8wu7lWWe6hjNXSG6eW7HyU+Bs9g4WZ5f78/qN82/bRaQFozPubj+XHL5Zsp2yM/q1NlEjZn5y/73yAHohCW5sikFA1OZZBXNbkkPN99HTGuttUTA7IqnMTXaR2RMYTdHLGLKWW9HvVj6Zd303HrrujNh23jXGsB/zUN4P0vaCUC6jj8+F80235mfwneJu0hcTYNtEVN9vXVRv2UVP2ecZHcf/iNIQRGPeNJvFY7C9Ib52ZHJOSTzh0+iiAcwr4W15UP13BKN5T1GBFOOqFfw3bSo0aPtH3oU0lMefyXsNSmroAgGBEpxWwmGaQYAfJbtRaqepnKDptYBHJo3L1xgxB909D4sey/75GVaKK+AEoRah3ltc5sUs9eXNSkIQeUrzOfY8pMzzjo/C7GaersUoTCsTyQY56cKKFCD+5LoKipca5UFF0yyL4Oc99qy2eQlU/RqBuuq0B8g25yPWM+WI2MO5kiW5iVNZMTOioLe1Px/UBLo4puhzgi/g3CdCZ6Z+jmM3ZeniK4z6Aa+DiFVcYujXG7cSzkhB/I2c1lfKroGQcmFOKV2yLnqz4lE9WlWRYng+w4ws+CRG7W2XhwkCFSQuQSi7a/DZ9W8BgPyHM0n1Xw18Wl15byEnVzZ3ZzAeyyk1dmqWkj1Dw4ENnDPHXHMtlepV6sR5X0h9MxetNgGP72aD+p79J3MQHniTy68WzQmlYyMt0BfRuLuIucajZT57r11KiHAAtO4aaIsp3rIWxrB/TCEduEn9a2DhsU/rTfYd5iygDFbcllAaa2V5vKi2tatTT9XIB4bTYwpTWePCaZcpm+it","status":"current","created":1795558691,"since":1795558691}');
INSERT INTO public.signing_keys VALUES (0, '9d7b738f60018cd5', NULL, 1, 0, '{"version":1,"kid":"9d7b738f60018cd5","use":"RS256","sealed":"GKCs3FlMtsc7QsfIbuQIved+Q5aZ6Au+/D4KdRHqZZjeNsXElBlKpwvrBMvaDzKm/QaJxXSs6dLwuA10Dz6t5Y+LVlPuFrc9FtRMNHuJ1xER+WYDIg7V1Zg6ohlmYLDf+3TQJuKk4iGGGrk/WNuvdg041CL4CYi0rWShTFRVwvDzMfQfn0jM7BTrNh13ZFdYCpdw6IGLlm8NOroteCpqU+N8sAzQngbpB/ajCNY1wxmbsFQ1BTT5Esait2gOBb7KvITBXD0bxagkOoWjXTfPhZCGOQBpLcux1x0Ws44ff/2gWUqic1Zu2xUN5yTBth7u/atU0gpTjrcr/dWd57QLIh1eOUpSo+OfB8+pQPNvjnMo9+ybIcnXQQF1/304aaUZ164rC9XyOqAFLCS/wxKEuGBlneBfGlq9f2AZAG+zVBJ686GjwGDxwqMN0gBLutQ9hJu7DGv98JMlrKIp04rHOp926FKXoYUUx3uP7so7FfVXZLV4oEEPggRZC5vAffNvccLr58c0NdYf1nDYwICNoqmgjJMD8MJ79zN+pmEvStAJkQSTjagzYq3nqf+9Yh6yfC7oOzR1OVLdfZcyWDG0tG5PUeUJO+2gHdRdJjVx13eiQuGDIYp0Wwlfaap2x996kc5tMWA0WVkmIUDfiSF8sSoQkVQYF/knxSQTOJXNZ0wRg0j7JG3TgzmtD+7HF9dXUroxmk6lWdKPIszAqgdzXAo4PKbhGpPLoMWoN8dkxWskgLuYXT497rfWklIH5L8mOHU2/7GNPDLlnF4rrXBBZ3/3e3dkLb+J5/08d8DIv8M6X0R8W5IX2J4fjsAR7UdP5oR+26rqc5Xgc+GrnPVDpU1Au8YkKqI4XiFzheBcfwMoWgGc8xI5DGVLkEHctXGP5Ewmm5xD+fOlbG7oLR8AcN44XL7wpMnldzdmrY9wW9Mh0ps+cmZRNm+Z8lCcyktjyCT3CUept6pjKYGhsQuyvh1KdlurXhj5Ja56SRTtybp9bCeQcgCNstRdJhYQl0Ar9X/mg9Aixq96mX34J0zYk/AwbelA1+fQWhDZRUWqo9EdNbn3VXYbe8zCfThgTRAJDXVvr+vpSdUjGKPen1ZOZeYm89yepnlKKzcfgUdWzWSIUo0zoXtLLD0E+tbxQzhAtNIDlMhbaXPBK6AkqVAoob+GGVEArgTrjiVVUFQAgLD9JUaGg0wLkU+vQdcHVqnH9YYt1LasDA2R3ZXVPGO6aFxPEPw2CxWsqyt7ezpfhGdNpkORTUgtqLTcbJcCye1YxACwws0OOsBx9tIH/pVm82dF9c8R8a9gNnZK6fEEm44ME9cne9ZvQSPH7H1s7Txw4tOMS5790yoJe+x7lrEc6DL0Iu7xCM62H3gYBPRZ4dFrqN3/XOnQW6JEZA+RopwJIQ5MjXB26I9jcNeSNx2HLWms0lT5PFmVlwqlPFNln81Roc2BYbfwATt03W5sSPee4FZl0rTHHSdvOjcvXDojSPzqIlvyKSBBAnKLVN/atnWkKXwjJbNz4Ago1gMi8kQkrv/PT4LyYrzma0kUStvQnEsxXNIep12ihRHzDlbF9oIa+37lj54U7jRcqO5fEdzjNOAIGSNDhsgR+yQ2QeNLT5nsfjOYv9d6TJKMVaqzxgNgiOv3ZGK+Lx58O5Pk","status":"coming","created":1795558691,"since":1795558691}');
INSERT INTO public.signing_keys VALUES (0, 'c939fb33', NULL, 1, 0, '{"version":1,"kid":"c939fb33","use":"seal","sealed":"JEUKCZnEe/ErEHmsyZ4E24m3kM9zu9OuL+XNx0TwSpL8vE4eISu/oTTiPi9fZDQFYukkKgNJofHzdZmG","status":"current","created":1795558691,"since":1795558691}');
INSERT INTO public.signing_keys VALUES (0, '41f42bc1', NULL, 1, 0, '{"version":1,"kid":"41f42bc1","use":"seal","sealed":"zpLWWiyBBmCCcJ/6Wy2wFefuMqQ6bWFkxFOx1IYvF/7Xaj6mij4L9klolIq5La+EhWC+U+OGkLVkwzZl","status":"coming","created":1795558691,"since":1795558691}');
INSERT INTO public.signing_keys VALUES (0, '6e0176d3', NULL, 1, 0, '{"version":1,"kid":"6e0176d3","use":"mac","sealed":"crA4yJMdJS0rc3HbCD5RKSneClTdQiA+GGN+8Q61I3KRjC1C1vlYOwOcqMwYF4tChSmepnksXfxE4x1p","status":"current","created":1795558691,"since":1795558691}');
INSERT INTO public.signing_keys VALUES (0, '4201d0bb', NULL, 1, 0, '{"version":1,"kid":"4201d0bb","use":"mac","sealed":"IyrZ+20zYdTUsuMzbSVEZVtu2m0GxPVZTqvP5/PM3oaRiDFBZIE9hi0mnQuupnNTUORicOYthkQOsYVK","status":"coming","created":1795558691,"since":1795558691}');
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
