-- Orders to stop many grants at once.
-- oldest: 1

CREATE TABLE bulk_stops (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bulk_stops_forget ON bulk_stops (forget_at) WHERE forget_at > 0;
