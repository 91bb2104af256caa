-- The brand on the pages, and the files that it uses.
-- oldest: 1

CREATE TABLE brands (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX brands_forget ON brands (forget_at) WHERE forget_at > 0;

CREATE TABLE brand_files (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX brand_files_forget ON brand_files (forget_at) WHERE forget_at > 0;
