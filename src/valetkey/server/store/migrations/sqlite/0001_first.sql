-- Every record is a row. Where nobody owns it, `body` is the whole of it as JSON, and the other
-- columns find it again. Only where a kind of record has second names is there an index of them.
-- oldest: 1

-- What users own, the rows of a user side by side: `spot` says where (see store/tree.py), `body`
-- is an array in MessagePack (see store/packed.py), which `valetkey db show` spells out. The bits of
-- `spot` from the 29th to the 32nd are the kind: 1 users, 2 grants, 3 token families, 4 sessions,
-- 5 approvals, 6 receipts, 7 events, 8 delegates.
CREATE TABLE owned (
    spot INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    alias BLOB,
    user BLOB,
    "grant" BLOB,
    client TEXT,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX owned_alias ON owned (alias) WHERE alias IS NOT NULL;
CREATE INDEX owned_client ON owned (client) WHERE client IS NOT NULL;
CREATE INDEX owned_forget ON owned (forget_at) WHERE forget_at > 0;
CREATE INDEX owned_told ON owned (substr(key, 1, 6)) WHERE (spot >> 28) & 15 = 7;

CREATE TABLE allowances (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "grant" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX allowances_forget ON allowances (forget_at) WHERE forget_at > 0;
CREATE INDEX allowances_grant ON allowances ("grant", key);

CREATE TABLE catalogs (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    server TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX catalogs_forget ON catalogs (forget_at) WHERE forget_at > 0;
CREATE INDEX catalogs_server ON catalogs (server, key);

CREATE TABLE clients (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX clients_forget ON clients (forget_at) WHERE forget_at > 0;

CREATE TABLE epochs (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX epochs_forget ON epochs (forget_at) WHERE forget_at > 0;

CREATE TABLE jobs (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_forget ON jobs (forget_at) WHERE forget_at > 0;

CREATE TABLE once (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX once_forget ON once (forget_at) WHERE forget_at > 0;

CREATE TABLE pending (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_forget ON pending (forget_at) WHERE forget_at > 0;

CREATE TABLE policies (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX policies_forget ON policies (forget_at) WHERE forget_at > 0;

CREATE TABLE resource_servers (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_servers_forget ON resource_servers (forget_at) WHERE forget_at > 0;

CREATE TABLE signals (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    stream TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signals_forget ON signals (forget_at) WHERE forget_at > 0;
CREATE INDEX signals_stream ON signals (stream, key);

CREATE TABLE signing_keys (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signing_keys_forget ON signing_keys (forget_at) WHERE forget_at > 0;

CREATE TABLE streams (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX streams_forget ON streams (forget_at) WHERE forget_at > 0;

CREATE TABLE throttles (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttles_forget ON throttles (forget_at) WHERE forget_at > 0;

-- The change log, and the last number that was given in it: a single row.
CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO log_head VALUES (1, 0);
