-- Every record is a row. Where nobody owns it, `body` is the whole of it as JSON, and the other
-- columns find it again. Where a user does, names are bytes, and `body` is an array in MessagePack
-- (see store/packed.py), which `valetkey db show` spells out. The partition comes first in every key,
-- so that a user's rows can be kept together; a user has so few that they need no other index.
-- oldest: 1

CREATE TABLE allowances (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "grant" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
) WITH (fillfactor = 80);
CREATE INDEX allowances_forget ON allowances (forget_at) WHERE forget_at > 0;
CREATE INDEX allowances_grant ON allowances (place, "grant", key);

CREATE TABLE approvals (
    place bigint NOT NULL,
    forget_at bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX approvals_forget ON approvals (forget_at) WHERE forget_at > 0;

CREATE TABLE catalogs (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "server" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX catalogs_forget ON catalogs (forget_at) WHERE forget_at > 0;
CREATE INDEX catalogs_server ON catalogs (place, "server", key);

CREATE TABLE clients (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX clients_forget ON clients (forget_at) WHERE forget_at > 0;

CREATE TABLE delegates (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);

CREATE TABLE epochs (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX epochs_forget ON epochs (forget_at) WHERE forget_at > 0;

CREATE TABLE events (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    "grant" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX events_told ON events (substring(key, 1, 6));

CREATE TABLE grants (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    alias bytea,
    "user" bytea,
    client text COLLATE "C",
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX grants_alias ON grants (place, alias);
CREATE INDEX grants_client ON grants (client);

CREATE TABLE jobs (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX jobs_forget ON jobs (forget_at) WHERE forget_at > 0;

CREATE TABLE once (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX once_forget ON once (forget_at) WHERE forget_at > 0;

CREATE TABLE pending (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX pending_forget ON pending (forget_at) WHERE forget_at > 0;

CREATE TABLE policies (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX policies_forget ON policies (forget_at) WHERE forget_at > 0;

CREATE TABLE receipts (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    "grant" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);

CREATE TABLE resource_servers (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX resource_servers_forget ON resource_servers (forget_at) WHERE forget_at > 0;
CREATE UNIQUE INDEX resource_servers_alias ON resource_servers (place, alias);

CREATE TABLE sessions (
    place bigint NOT NULL,
    forget_at bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX sessions_forget ON sessions (forget_at) WHERE forget_at > 0;

CREATE TABLE signals (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "stream" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX signals_forget ON signals (forget_at) WHERE forget_at > 0;
CREATE INDEX signals_stream ON signals (place, "stream", key);

CREATE TABLE signing_keys (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX signing_keys_forget ON signing_keys (forget_at) WHERE forget_at > 0;

CREATE TABLE streams (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX streams_forget ON streams (forget_at) WHERE forget_at > 0;

CREATE TABLE throttles (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
) WITH (fillfactor = 80);
CREATE INDEX throttles_forget ON throttles (forget_at) WHERE forget_at > 0;

CREATE TABLE families (
    place bigint NOT NULL,
    forget_at bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "grant" bytea,
    "user" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
) WITH (fillfactor = 80);
CREATE INDEX families_forget ON families (forget_at) WHERE forget_at > 0;

CREATE TABLE users (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    alias bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);
-- A sign-in name is looked up before its place is known: it is unique over all places.
CREATE UNIQUE INDEX users_alias ON users (alias);

-- The change log, and the last number that was given in it. Both lie in one place, which gives the
-- numbers.
CREATE TABLE log (
    place bigint NOT NULL,
    seq bigint NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, seq)
);

CREATE TABLE log_head (
    place bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (place)
) WITH (fillfactor = 20);
INSERT INTO log_head VALUES (0, 0);
