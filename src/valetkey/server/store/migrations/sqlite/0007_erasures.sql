-- Accounts that are going to be erased, and those that were.
-- oldest: 1

CREATE TABLE erasures (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_forget ON erasures (forget_at) WHERE forget_at > 0;
