-- Roles of administrators, and calls of the administration API that count once.
-- oldest: 1

CREATE TABLE role_bindings (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "user" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX role_bindings_forget ON role_bindings (forget_at) WHERE forget_at > 0;
CREATE INDEX role_bindings_user ON role_bindings ("user", key);

CREATE TABLE idempotent_calls (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotent_calls_forget ON idempotent_calls (forget_at) WHERE forget_at > 0;
