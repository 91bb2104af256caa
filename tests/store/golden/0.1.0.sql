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
INSERT INTO public.log VALUES (0, 1, 1795565857, '{"kind":"grant","status":"active","subject":"06gc8k3c02j5ss4bd9ih2hbftk","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561657,"mark":"7ee5bb431e6f5db9"}');
INSERT INTO public.log VALUES (0, 2, 1795565857, '{"kind":"grant","status":"stopped","subject":"06gc8k3c02j5ss4bc1aq7d4f78","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561657,"mark":"336e02082cdcb72a"}');
INSERT INTO public.log VALUES (0, 3, 1795565857, '{"kind":"grant","status":"active","subject":"06gc8k3c00brqovvim72b9skbg","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561657,"mark":"6ca1e876ec734674"}');
INSERT INTO public.log VALUES (0, 4, 1795565857, '{"kind":"grant","status":"stopped","subject":"06gc8k3c00brqovv4hf7330p7s","grant_version":1,"permissions":["chirps.read","chirps.write"],"at":1795561657,"mark":"eb25d956dd708013"}');
INSERT INTO public.log VALUES (0, 5, 1795565857, '{"kind":"all","status":"over","at":1795561657,"mark":"23e1e9cadaacae97"}');
INSERT INTO public.log_head VALUES (0, 5);
INSERT INTO public.migrations VALUES (1, 'first', 'd36fc00ee09651d9ac382fabcba524acf6d596df85528e33102a46827fc79636', 1, 1795561657);
INSERT INTO public.once VALUES (0, 'request_uri seen', NULL, 1, 4000000000, '{"version":1,"purpose":"request_uri","value":"seen","expires":4000000000}');
INSERT INTO public.pending VALUES (0, '06gc8k3c006g5p7tr7a1p4pas4', NULL, 1, 4000000000, '{"version":1,"id":"06gc8k3c006g5p7tr7a1p4pas4","kind":"pushed","client":"web","parameters":{"state":"é&= "},"created":1790000000,"expires":4000000000}');
INSERT INTO public.policies VALUES (0, 'oidc', NULL, 1, 0, '{"version":1,"name":"oidc","pkce":"optional"}');
INSERT INTO public.resource_servers VALUES (0, 'chirp', 'https://chirp.example', 1, 0, '{"version":1,"id":"chirp","catalog":{"resource":"https://chirp.example","name":"Chirp","permissions":[{"id":"chirps.read","can":"read your timeline","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0},{"id":"chirps.write","can":"post chirps in your name","cannot":"","risk":"medium","group":"act","implies":[],"counted":true,"unit":"","decimals":0},{"id":"profile.write","can":"change your profile","cannot":"","risk":"medium","group":"act","implies":[],"counted":false,"unit":"","decimals":0},{"id":"dms.read","can":"read your direct messages","cannot":"","risk":"high","group":"view","implies":[],"counted":false,"unit":"","decimals":0},{"id":"dms.send","can":"send direct messages","cannot":"","risk":"high","group":"act","implies":["dms.read"],"counted":false,"unit":"","decimals":0},{"id":"account.delete","can":"delete your account","cannot":"","risk":"high","group":"act","implies":[],"counted":false,"unit":"","decimals":0}],"scopes":{"chirps":["chirps.read","chirps.write"]}},"secrets":[{"digest":"f231080e8b70723cf998b786b9e69bab183a22eabf333a9249812af7ae1012c2","created":1790000000}],"created":1790000000}');
INSERT INTO public.resource_servers VALUES (0, 'photos', 'https://photos.example', 1, 0, '{"version":1,"id":"photos","catalog":{"resource":"https://photos.example","name":"Photos","permissions":[{"id":"photos.read","can":"see your photos","cannot":"","risk":"low","group":"view","implies":[],"counted":false,"unit":"","decimals":0}]},"created":1790000000}');
INSERT INTO public.sessions VALUES (2791207051, '06gc8k3c02j5ss4bepvgbon51c', NULL, 1, 4000000000, 'kpf712vj3435krhu4oqqlo15io', '{"version":1,"id":"06gc8k3c02j5ss4bepvgbon51c","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"kpf712vj3435krhu4oqqlo15io","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.sessions VALUES (398287871, '06gc8k3c00brqovvrioht7mkg4', NULL, 1, 4000000000, '2uum7vva7q1ige59pem2h63mgg', '{"version":1,"id":"06gc8k3c00brqovvrioht7mkg4","digest":"5e237939e582ea603a73a7aa82ab0e391b8ea87f6cd1cb5ec59a1cbfa023f086","user":"2uum7vva7q1ige59pem2h63mgg","auth_time":1790000000,"amr":["pwd"],"epoch":1,"expires":4000000000}');
INSERT INTO public.signing_keys VALUES (0, '71bdec04ef1ab974', NULL, 1, 0, '{"version":1,"kid":"71bdec04ef1ab974","use":"ES256","sealed":"qnt2JcV8nbuz6KD+w66ti9XM8rUYBLbLKdQ785/OL6IHp4ngJDjilnwGkpx/8t01NmCeBMQxJDYxNkO4fxFOpZ4MhGhbkBaz/qJMdD2znDuRvbWs2471f1fnrusnNv9MLgjQwnJW4ixY/gkVC6RxNzDvDyc8ztPzwOpPIoKFZRYurvqwZCnlOsY5xecaMStbImeipD7SXKtsfjYzS/gzFv5NBn4AFg==","status":"current","created":1795561650,"since":1795561650}');
INSERT INTO public.signing_keys VALUES (0, '37a0412dc7f7aa2b', NULL, 1, 0, '{"version":1,"kid":"37a0412dc7f7aa2b","use":"ES256","sealed":"ePYpsd5PbR3XmIxrh/abZk0HjcMAtkm7JkpTEBzrF8Jw2eu/Z1rcO7ZjEUIG4TdNHPtC8nvyLTpjJh0G7JgBAFVxuWGLmyrGVJ9GwZh/3vaeSiFzT7oPJldFOgXgRvi3xZHFMi3f52uv4iPuoOGu0yTE4y8SnSGgwCy6XGk9g6SGGmzzyZF7pw1DxSgl5B7+rcPCp+ZbTFZNNYZgv+S35H6ZWjncQA==","status":"coming","created":1795561650,"since":1795561650}');
INSERT INTO public.signing_keys VALUES (0, '58a38288fc108eb1', NULL, 1, 0, '{"version":1,"kid":"58a38288fc108eb1","use":"RS256","sealed":"OsCHOV+/uy2UQAjVfR+sIMkIFcls51uM1lTkqI217Ta4oAozfOEWKWbn5Cii7OqGJ+w8Iphii93YdkT2WjlicQWb8vOazCdRdAVgPbNIlk6xqz9U+HLwdCD43VjTv0V55q6iqM6G01ntXiihYLhZjGJo9Rw3s1rkArLmkbZeod/2u5tGM1XWnotvdD3zGMdN5qNY5RksZxutjA9O70mzr9I4LIr1dGsgMgM+wqEsSbpz7KCuvRMIrbwi4lnod7QW+apDqjQpCw+uPD6Se6u4jpz0I2rISC2IlCE9RBA2nKVBxHQhqzLR5Bw2gpBxJKu6J24eHjurEnCxmnjO6vlgS7pEkOOXMCLaEQvBWhRiabDW5m8/T7KOmffESkb3EErvZpB+qXF67uGx/6ZwIk1HuzvI21B17f1Eh4RGC5Z1LGHyRIhQfpGcr+V8GeeN/ST29YXHu2KnkalGhqp8J99XrR9XllN+uD/+faT2xKQl6IY1bTnaTlor/in1uv7qRP7DG9PeCLUAl3r7lRfDSHFxqPBNGzsFDhtHyLuwIHsdXhis3C59geCWZqNGSh/nKWj9ogQHJtGbLeHD7VEKA6eYixQbNS+rTFSo0jqYXIABMGUiY0ivGydoqv/bC5dZp4VnYVYTpSYRuYsmRhxguv32a56toDqAQsDpIDogiX2BdDDE/+dNR+jdOQ/rRv+HG2YDsIqu1fbucvhBwh1+TP2le/w/h82vS28g8ldmKR3Vj+CRQD2jV2Xpk/vXEFg/4EU7llxVWCzWdWzGCR/Np0Iqy6ql3BkMmqnL6XaunRlkPw87DNsVDM0ktELUEgX5JbgcPraecApDWSI5MzX0cc7xxCdqADYIsWRoYclxHrhNd6pJV2Dpi5+8KLCXm6dS6tyYFZFFZRyq7UohUVG+CnMbfZUmAEJX/DnNaHweYY3rY2zYuHipvkIDfvkxA8C3LwFeH9mnitOZOC55wN0a71B2nirQyVMmxif9O1Gusg1z2E4sAGsQmDCLgQXKZpL3s861PzFtMjKaYt/TC36E+HnZ6ICf01G5GzWTVOtOHKLN2Q6s5Cm/VAGqOobap3l/UFq0I8ulP8kF/F0KKwlXla00PD0tqU+na5LgJX1n4mrzpQ+bry4YMzvW0jY29UsGYcsUK1+R9W27n5G9+fIYdfw6+eLRtajDpSGa8UnSRWD8K7EWnLfW5JCMkc2dxdCK76WjLa9udPSYVl1QXy9GtrOHegtAzYsK4U2uN7yWXfy5XNHh5vJ5bqsGi9gKgUzMGKdE7s5Jl2SBCZzmmw3VzHsRYYOlE9as/vBi3Rg8W6UrS/rSEBXJ43+TxIf10D19KQBMKK4WhTzy7i7ou1NwljCCZQrFjGNMIjXWxzfUz+TnydHs9vLfsw+VR94USICh0p8tDGeYVxkthvERsV8pIBtb/LX5WeelFu19EacIQWVSvqMbwtEqRx3ESDAZ+m5Sc9z4Xg0lJuzeJ7dyzLT3jFyCRL+mJ558BTXqSjAXg3ZOROcUgXUUbMEa+hqWv0jZ/mD03MGjDCxGGNbaK8fIuT4deQoat88o1sEThqDyVXTF43OrWoyWDjY4UlbDlCbeP6cGzh10+YzIOVMfYVDu6fR4tdZoH0nqluE6/ktMqSeYrp4/usNmHlUTKPdAfzlVnw==","status":"current","created":1795561650,"since":1795561650}');
INSERT INTO public.signing_keys VALUES (0, '339543b3a34964dc', NULL, 1, 0, '{"version":1,"kid":"339543b3a34964dc","use":"RS256","sealed":"OEWJzLmE3BitNc0W5kBBBWGD2nHWu9TLLcTBnrabyfOq7hu7YOUbglflugXdBMPiNJNhUxHHHZCggjXjR2G9HFNNVwJUkslMJSmlYadP9o24bI6LT0JvA0foSl3dWr75d6JuYPUwxCuHHJXvY0pcmlXSYkDOOYP0LNnvPlSgYobFR/kTBxCq0lcJqSPwWEp3TNI2EPxUG+JWd1gkGwO9AqyCW3MvGHrYE5VkNHcuE+kdXx/KyGQgAejvbC5uVFsaW2XGFv0VmURyFulBNfChtq8WBUJEV1jumf0joQ6MEPsS9m7ay6NrOhQxE/JRTLevkMcbT8yXE6yF90IS5FzvsK5+szKuOxpoO7Lba/IUnsKRWxa+RYSMIIirkUIDdwSPUJVRSSPltFzBQV2SbralgZcIEf+3UQPgytRdYpbypvLIoGRjfWCJBMx8AD+j5SEP6Y8hxoSQy+q9PIv5qIgNhBZ2dHUfxiIki1eeSZo6jDeQURfYYB3hUxLA4lKHmaF1C0/woaIIarYlofW2/YlEmp3PCtFfn5e91ndZxhwoBtjewXEWRj+2DrD9x5jDQ935kja9YOvyoBmKqAa+ZZXuo2ftXiaTVaJnCUvKiKyI+uvLk3iUUgUrfZ+4icx4Ysk8j3tszq6VjJ4/grofBZVEejYLFqLK9oPJ7c8lrwO1wwMRcF1RODvV5P4QySgIGX+k2ryZ88/KAgKTji2/3+lerDcao7OPgBIq8SI6Za4NLkpeJtn9BhSMPWBOMI68NWu6ff2WyKKIQfx10+o2kXdU9Lc5QEzXOWe19v7LjoMOP15MWbAZeySlw4P52A5LFHBhdLvR2QbVple/akdvBKJ/YvvXYSYKYBF8SgZasGcFm3caYfhGb8Iku/k7ZqbOyVctJ2840NoWAVmbyaobuVUtUIiXG2zHcEwmadY1g+MMnJ+3A6IPPbSuVTcKPgHalUoKU2KFKr4GNUHU7/7zdUu7UsG/DpUI3ZoRaD2L1Xw8m8HI3INV7ePCqGaY9KH6yJMTScd4xU8wOO+/hpeuPN2bxefgaviKc9reNCySMc6EHCiwLKztdr5PtdxT561APpZPYvsyn6M84Am0fwIbr/FS9cp3Sha6eNVmMrgWi2x97B1wdMi+dxgqCrkenR69dgB/JhXq+cYSfcGo0t3jg23Vi/I1kvNXmOH1wnuQFLZmrgfOMHHcc120zl2aBJyB8NNPnax4S8wh7vBlL0Fg6TWqihJ118mG2fLlpALQoF8fhi/Y+2Nt0ELvOlppPvocgw+EcDSQsF3jZuEP3Kq7s6yBypXMsEseV/1MKqGavUbKtW3iZlEEtRM4o/dKgsWennFzMlHl1vK7VyDkUwxODgOZLRJELM+rd+5sbhim5IsgZIFHdvo9B78eDfQGSSKvfO1mQQjn2D2pPqbBnxCdanEEcYc/Q/m8py+AqjQzhxZ9WApTyZbT+M+qkyDITtSzMsDbpslph/ivH40bAC5kufJiMp5A+6rnAIStYxe+/6elaLbn2jK5vH1kckx2I4SLEL1eBK67QKIpnROveYXJSN95sun7taZLCfKFQr3QnHAHcjkBOXMgemHu5Pq6/b0mwa1jy3ee0aKGSFnVCEc/Erbr5UYaekjcDIOYKVvaHYo1HYP1cBNBwdJH58zLEHJj","status":"coming","created":1795561651,"since":1795561651}');
INSERT INTO public.signing_keys VALUES (0, '03c5773a', NULL, 1, 0, '{"version":1,"kid":"03c5773a","use":"seal","sealed":"g/Xjm4V1iie6Czn2LJuqZa++GTs2w0GKurBor0LGrSxkWEwDvAdYSoM6UvvCSxJGkB7fKc06vMRw/0p0","status":"current","created":1795561651,"since":1795561651}');
INSERT INTO public.signing_keys VALUES (0, '3eb93c72', NULL, 1, 0, '{"version":1,"kid":"3eb93c72","use":"seal","sealed":"iSX/ZINVXdp2bDSk9h+FoKCd+5V1ALTCip8V097dK+mp1hTDcZ2TZbi17UlolK57nzS7oGF672CgS0Pe","status":"coming","created":1795561651,"since":1795561651}');
INSERT INTO public.signing_keys VALUES (0, '3724f674', NULL, 1, 0, '{"version":1,"kid":"3724f674","use":"mac","sealed":"Q1w0VAwRRZKO72SOTGS9Bcos3OO6TBUQ1QMl/ckfxI7IUP0zova7E0hMHvUSXYCinr7QXdYTZPiOH9+u","status":"current","created":1795561651,"since":1795561651}');
INSERT INTO public.signing_keys VALUES (0, 'fed79f83', NULL, 1, 0, '{"version":1,"kid":"fed79f83","use":"mac","sealed":"bGvU77axk5leuTWeFmP2AAnyAAUzzLhAJanQux7GKSPcRxRGw+2XAKTqa615ByTTYpCu2IPjBsa0q4Hz","status":"coming","created":1795561651,"since":1795561651}');
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
