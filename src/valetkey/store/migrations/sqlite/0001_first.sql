-- Every record is a row: `body` is the whole of it as JSON, the other columns find it again.
-- Only where a kind of record has second names is there an index of them.
-- oldest: 1

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

CREATE TABLE approvals (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    user TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_forget ON approvals (forget_at) WHERE forget_at > 0;
CREATE INDEX approvals_user ON approvals (user, key);

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

CREATE TABLE events (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    user TEXT NOT NULL,
    "grant" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX events_forget ON events (forget_at) WHERE forget_at > 0;
CREATE INDEX events_user ON events (user, key);
CREATE INDEX events_grant ON events ("grant", key);

CREATE TABLE grants (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    user TEXT NOT NULL,
    client TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_forget ON grants (forget_at) WHERE forget_at > 0;
CREATE INDEX grants_user ON grants (user, key);
CREATE INDEX grants_client ON grants (client, key);

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

CREATE TABLE receipts (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    user TEXT NOT NULL,
    "grant" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_forget ON receipts (forget_at) WHERE forget_at > 0;
CREATE INDEX receipts_user ON receipts (user, key);
CREATE INDEX receipts_grant ON receipts ("grant", key);

CREATE TABLE resource_servers (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_servers_forget ON resource_servers (forget_at) WHERE forget_at > 0;

CREATE TABLE sessions (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    user TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_forget ON sessions (forget_at) WHERE forget_at > 0;
CREATE INDEX sessions_user ON sessions (user, key);

CREATE TABLE signing_keys (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signing_keys_forget ON signing_keys (forget_at) WHERE forget_at > 0;

CREATE TABLE throttles (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttles_forget ON throttles (forget_at) WHERE forget_at > 0;

CREATE TABLE families (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "grant" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX families_forget ON families (forget_at) WHERE forget_at > 0;
CREATE INDEX families_grant ON families ("grant", key);

CREATE TABLE users (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX users_forget ON users (forget_at) WHERE forget_at > 0;

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
