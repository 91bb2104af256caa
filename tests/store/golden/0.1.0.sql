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
INSERT INTO public.families VALUES (2791207051, '06gc8k3c02j5ss4b49rilpjv1s', NULL, 1, 4026531840, '06gc8k3c02j5ss4bd9ih2hbftk', '{"version":1,"id":"06gc8k3c02j5ss4b49rilpjv1s","grant":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.families VALUES (398287871, '06gc8k3c00brqovvjolle12oi4', NULL, 1, 4026531840, '06gc8k3c00brqovvim72b9skbg', '{"version":1,"id":"06gc8k3c00brqovvjolle12oi4","grant":"06gc8k3c00brqovvim72b9skbg","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","scope":["chirps","offline_access"],"permissions":["chirps.read","chirps.write"],"resources":["https://chirp.example"],"refreshable":true,"auth_time":1790000000,"device":"Firefox on Linux","created":1790000000,"used":1790000000,"expires":4000000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bd9ih2hbftk', 'kpf712vj3435krhu4oqqlo15io stefapp', 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'stefapp', '{"version":1,"id":"06gc8k3c02j5ss4bd9ih2hbftk","user":"kpf712vj3435krhu4oqqlo15io","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (2791207051, '06gc8k3c02j5ss4bc1aq7d4f78', NULL, 1, 0, 'kpf712vj3435krhu4oqqlo15io', 'web', '{"version":1,"id":"06gc8k3c02j5ss4bc1aq7d4f78","user":"kpf712vj3435krhu4oqqlo15io","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovvim72b9skbg', '2uum7vva7q1ige59pem2h63mgg stefapp', 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'stefapp', '{"version":1,"id":"06gc8k3c00brqovvim72b9skbg","user":"2uum7vva7q1ige59pem2h63mgg","client":"stefapp","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.grants VALUES (398287871, '06gc8k3c00brqovv4hf7330p7s', NULL, 1, 0, '2uum7vva7q1ige59pem2h63mgg', 'web', '{"version":1,"id":"06gc8k3c00brqovv4hf7330p7s","user":"2uum7vva7q1ige59pem2h63mgg","client":"web","permissions":["chirps.read","chirps.write"],"refused":["dms.send"],"status":"stopped","epoch":1,"created":1790000000,"changed":1790000000}');
INSERT INTO public.migrations VALUES (1, 'first', 'a4b700fcb73db4ded23ce7c97e20df3b181dbc52b8119452d3b8c1cff80f67fe', 1, 1795557442);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c006g5p7tr7a1p4pas4', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c006g5p7tr7a1p4pas4","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[]},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[]},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[]},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[]},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"]},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[]}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[]}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvrioht7mkg4","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '07eaf1b13c02ba84', NULL, 1, 0, '{"version":1,"kid":"07eaf1b13c02ba84","use":"ES256","sealed":"+UkVkVeqQnXsLTOiAj8slF74w0CwkIa/hZ8Tqr4JknTQtyQia0sScWafZOVYukmw0OwdkKFBRCsyTM9oHSh2Y9uddap/GGJXT3+94fIIEQDdot2aHxhX8VhYTotlbRxHXPC+0AFshfmZUtb6w/fBfdS755PYPfEIijzyObk/dTMblZ44ftteqwzT8k1nNmNJvHSO9AS5p0aUDXlyuovbnMlnvNCspg==","status":"current","created":1795557440,"since":1795557440}');
INSERT INTO public.signing_keys VALUES (0, 'c51971596d16e646', NULL, 1, 0, '{"version":1,"kid":"c51971596d16e646","use":"ES256","sealed":"2lP9/ExBwMde1wnCEUxq33e245bXS5rK51ny820sB2FeEfzFRFHFHm8+7VpCr3g4E/mnUuP+qOFhaljTqGpWpGewsxOiGlG6nB+wIxayUjxxe10KnNYfbGLxCGPMWq5VkJ3QCQins4tIksNJySrtpEfEefZ0aqpDaldRP6/EqrXoRDQh4jqWiAEparhfWYR7ffd5jKk3p/9T37IsYGo5Aegw5+r3Sg==","status":"coming","created":1795557440,"since":1795557440}');
INSERT INTO public.signing_keys VALUES (0, '5325178a3ff7fe5d', NULL, 1, 0, '{"version":1,"kid":"5325178a3ff7fe5d","use":"RS256","sealed":"DjD4vS9KI0FVSvcCXiyQ9cYn4ySK8EhcrAwA4cSt4gPROzBYjsAcFH/eO2GI7Tp27eerOxk1jy+xGGHW9ApRCstCJYDAl8yQwdPAzyxcOsKmuJGKECxHFIO30w7cyFMiPcE0k7j2HcgRfqxA2KLNdhGKs3fCQLVwzQh4FZX425gnHwSfUCZYWTD9+j5zwnVG7RCDwccAubLQOa7M+GYEwrTiLi7W4uU7q8VawDQ28k0bzAWIkkyUR2nAqwdM/w33sGRdXOC07ZCqqosWIwcWVX+bie9V5S+Y6F95sQQ8R4NyO9dxLtmojFbtcIUNg9XvL77nmcjjO/I2HQVl0IMBfHTIqyCVJMtIWS+Zk1MpWo2Bcmby6IVPnZTlHg0fITRX/d3w6tColB9EWPsGh+rCAy4jukITXTmkN9v3/0R4QatuFvVzi4c/0UTq+6/Cg82BNwDyZrfyDazmAnqRXC7FVTO3oEhm4/ESkGIneUptgZW2DTJ9u2IzZHpwL8iS6jWXxm2ZEbD3LrbR7ee/ncbPARKd7snz03XKJn60V/KXHDWOUpkXO2MKeoPCdmY/UX5iyGufwN0+9m1Awo7khTgykfWF2uRRfVVOiCe73Pum8xrtsn1wBK2ZOE5iFFH/eo/SuPnvfr47JRmGi0Q2mSNiucowz9Rddnra7XHFJMHCA7Icawoht6tAsvYo8R0HKlEDck0fTE17WW4vOC142Nx1+i2tOfoPq2oeHyDyHA5MjNV6SGSiClwvN9dJoU42eeGal58CPx/M2xuus/8hb/RUBpEx92CjD2CYr7m96/8YqueJ2gFhWoGcbPGKIQk/4c8Ip3hvZtBQfCCq5XoiwQ7Tn0+St24Hiq63JNhxA0wVxllz2QG8NM5EIeaQ0m7jazyNbDOw4kbtDITzlnBcRjdV/UfiL26gXuSoLqQTLJ+EG5jzyUbWXL5xoCkXXwsBLw5cUk/+jBcylGA7Ir5Tex3gRy/56wjukgkAmfaxk7c/GG93HQSHbg4sNLG4Ev2+EnS89jFvsuER7q7MIxId5SvnKwiPkHvHx9NTwDOTTdtTF4N08G0xSXC/8Qvq9EWfZg+iN0GcAXPdac2X2tJ8OoX6vY5PHuPsyu7BdG5rbVL6DeBXNOy635ifuqp9lgMkSdZFybCo0F18EngATsN9XWlMOI6wvL8DeEaqcA8NZhDBzS0t7hn4/6E95ZrQvr6wWR8ZZApXGUeZZDgaR9mmWkwbPn4AAIOARqltWMPlYkwBe7xg8CezjjLdmPmoHrcLkQA1STHaZu9yVUji4q4dJf2ZaRCu9CM2piJEcB8g88e9hOs5qzFXhJR1QVJH3Y/cLsc+Ef7QKQuq3c7YLJmlMor4pYqcBGErAt95iS5xyXknUoffVF8f0/bWpkXSUC11uOrwvs6emoBnO49o7N0kNi3TnME3ABPlr1bE+Z2BBclvMKQ15u53hvv6u/QvzzqwnD1GStloW583qLONUidK3BmPNOq8ShaE2Yp+IVgcTcsAqzpzEBrlkIkrOTkhdGDe0F9Rj1tc2U1ta15rKxeixsenE68VsOI/VzuShSZM1nguAOv6DSOJfbG1/yMM8kspjxMzX4pXcQGYYlCMBwcGn4iJplczH+BZ61HhBJrr8Tkv2FQ5KGuCiOQ1K6M5R2c=","status":"current","created":1795557440,"since":1795557440}');
INSERT INTO public.signing_keys VALUES (0, '1a5239ef05ad2156', NULL, 1, 0, '{"version":1,"kid":"1a5239ef05ad2156","use":"RS256","sealed":"CGe+0Wvo95QzeUURFXmM7MMwMAWhDMC2OjeAayKdIx2j4bPHkgnauXBT5CizBHcmNgT7rRGaoyVocdtH5nVPlgo/HztcPC+2EfHaLhL9HQFex5x272RB4LCL6dQI4LRALDxI+w/dLwBtMfPvhw18EcRuBTuhG2hYrVslHPoIW73sR78gGOJ+ehxKdBDWZs6nNZyloqPbJ2OAgsYTnYcsLLKMUDqzJBaH5PnlzSXOocFkrm/CER+QBhrcEcJzM0Td68ws4dyWu1FErpzeF5V8lZyhw/y8XJWrJH+TmEe0mdzs88ZnLFyVc5cYIFjRfNBDoAzQWJXLsGHQVyrf1lvWuVJUvChEPzxw+39ne1/whXpWYC1XMIiGceztGA1qW69bxMBSlEID3+33fvuVbdFxsvUmo8QnsJYRzxXWJIm8Jcm9S50p997FLd7TMeN6+z2p9B+ddQOdX8xhhMDxYARr3Z4hY3VXeZUSOGG7hGtUTkDn6wwSIkiTW6rDyQdEOlpWjdZtyempPjylkHS7DOK3Xf8HFBTsbjZXOXguuasZWUKngmln5/1ljD+akFWLVK6RUV6RvF6QA2Ncobx7iE8z+MpA5lBm7ept32meCqQf1LxbFr2Qml28bPlWhXfphy3WUiYYNSU2Cw2oADgrALtcpiOhgTCFtWaBR3+e89KTUESzv8XUqBnmsKLSYHq87ZNxfaoMTBjReeW+8qpayBGIZdFwbnRfVQ7m0kLgt4qEk8azXZXURnMtSwK5cOYMM80rOrcoTcwPR+6N2frW/odR3TiZU5R91iniH/ezECPBYT2fuwM3SZTZF36em+yHTJ/39MwpXCOWq3AMkBf423lxPH/jlbKRnXQ0SMK+ZF+gkATcPUJqYtm0rGIG4oy7Vg4RzEYuXURQ7RaDEtPMp530yRrD0S19QZ5N95UXVPf/1TeVpSG+7KW2ivzcpLT/IHhSklHtZ+IKfF3gZghE6E5KCzs9ybgUtD8BTX46ha7ZnL7jgLPlyrpxj4rgo6213TYudqig1G9eH+nF3MzTQNcCJyvL77mdmWZCatD25O3FjAUzBB30Btfc63eVIyZhm9bnSV5DxEdUYdoefdila7MzQAvwrmHJeO7ynm9XVLZ69gJNDlEsz9LaFjtc4vQT/9bMO6yo51YltPZGpBSVqfo5ODC4s5kMzIFqFPNaq9aKWIkOrlEQNA2vdyoHoU/O6/9B2G+pf0yHKcCNC+DhJwWXFG7J4YsTPhPJ+I3NzHVcQtYOctXKYvuoeGpDZIq6jk0UbpJ405MjkUF7/r9m9EbDGniHAJNpLZWMOlXfZlSUKZ+cILLdnEMiB0/V9wesIK7K978wbY4WRVtOwKWcRrKMQSNFM8ftEnyhCjjzGiA1IsamknhdLe8zw1lmRED7P7cqc91DyQmHlhTmZntz2f1oIRNHodZ557j0K+Qx518RWj851e2zTxGzwtAbQFaGT31FZsFysR5ssvxbdSCkXSrdpHzA+K/3k8ZSe3ezsqX24euK/qE2GhrRBMuHg+Ol9HO3+mLbNkEZQZLEhCW510nxlKaJSJGN2fVPyk0Pi9osDVT+Irtgs34Rc3w0hKYfMRljHH8+h44cRfvnJUBRBmoRiLWqrFfwT+LGd3LA7jEIYSxYFBuN9N9WG0hesmjE","status":"coming","created":1795557440,"since":1795557440}');
INSERT INTO public.signing_keys VALUES (0, 'ebe6d4cf', NULL, 1, 0, '{"version":1,"kid":"ebe6d4cf","use":"seal","sealed":"7HF9CgnSUDD55A2/hE7DQenHR6F8sOG0xYlho7etYZPsWGefvvanFiNtezCEn8iZ7nmQXza5CXkjbzJr","status":"current","created":1795557440,"since":1795557440}');
INSERT INTO public.signing_keys VALUES (0, 'baed59ce', NULL, 1, 0, '{"version":1,"kid":"baed59ce","use":"seal","sealed":"GsVnDR8o1k9sVhtinlGNbLXJ/RlQqc5J7oge9jZTl+nBqmP7ld91uYMSXLSnbuj4qkUpYL7tS0mqp5bX","status":"coming","created":1795557440,"since":1795557440}');
INSERT INTO public.signing_keys VALUES (0, 'f4f91738', NULL, 1, 0, '{"version":1,"kid":"f4f91738","use":"mac","sealed":"sQk6WQf493sVXVUK8V4sm8qmvDchuD2mAxjGOUr8zs2asQl1oACiJ5Hs8VR2iv2S4sX3QHrvmCzD7278","status":"current","created":1795557440,"since":1795557440}');
INSERT INTO public.signing_keys VALUES (0, '18800030', NULL, 1, 0, '{"version":1,"kid":"18800030","use":"mac","sealed":"J785tSyD2jYtOPoDuRRiIwHQyYR+HxzOyzo9Hj5e2cOCntBmtY4O4oB+eWaK7xNK/EHwDZhbprDGrkmG","status":"coming","created":1795557440,"since":1795557440}');
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
