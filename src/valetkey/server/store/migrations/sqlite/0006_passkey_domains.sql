-- The domain to which passkeys belong.
-- oldest: 1

CREATE TABLE passkey_domains (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_domains_forget ON passkey_domains (forget_at) WHERE forget_at > 0;
