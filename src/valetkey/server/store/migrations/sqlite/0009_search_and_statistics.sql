-- The search index (see model/search.py): terms, and the keys of the records that have them. Last
-- uses are kind 12 of the rows in `owned`, which need no new column.
-- oldest: 1

CREATE TABLE search (
    term BLOB NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (term, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_key ON search (key);

CREATE TABLE index_states (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX index_states_forget ON index_states (forget_at) WHERE forget_at > 0;

CREATE TABLE statistics (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    start TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX statistics_forget ON statistics (forget_at) WHERE forget_at > 0;
CREATE INDEX statistics_start ON statistics (start, key);
