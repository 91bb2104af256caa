-- The audit log: its records, the segments that seal them, its keys and its cursors.
-- oldest: 1

CREATE TABLE audit_records (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "person" TEXT NOT NULL,
    "client" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "request" TEXT NOT NULL,
    "category" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_records_forget ON audit_records (forget_at) WHERE forget_at > 0;
CREATE INDEX audit_records_person ON audit_records ("person", key);
CREATE INDEX audit_records_client ON audit_records ("client", key);
CREATE INDEX audit_records_actor ON audit_records ("actor", key);
CREATE INDEX audit_records_operation ON audit_records ("operation", key);
CREATE INDEX audit_records_request ON audit_records ("request", key);
CREATE INDEX audit_records_category ON audit_records ("category", key);

CREATE TABLE audit_unsealed (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_unsealed_forget ON audit_unsealed (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_segments (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_segments_forget ON audit_segments (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_keys (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_keys_forget ON audit_keys (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_person_keys (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_person_keys_forget ON audit_person_keys (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_state (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_state_forget ON audit_state (forget_at) WHERE forget_at > 0;
