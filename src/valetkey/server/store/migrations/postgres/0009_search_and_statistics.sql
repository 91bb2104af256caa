-- The search index (see model/search.py): terms, and the keys of the records that have them; and the
-- days on which grants and accounts were last used.
-- oldest: 1

CREATE TABLE search (
    place bigint NOT NULL,
    key bytea NOT NULL,
    term bytea NOT NULL,
    PRIMARY KEY (place, key, term)
);
CREATE INDEX search_term ON search (term, key);

CREATE TABLE last_uses (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    "user" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
) WITH (fillfactor = 80);

CREATE TABLE index_states (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX index_states_forget ON index_states (forget_at) WHERE forget_at > 0;

CREATE TABLE statistics (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "start" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
) WITH (fillfactor = 80);
CREATE INDEX statistics_forget ON statistics (forget_at) WHERE forget_at > 0;
CREATE INDEX statistics_start ON statistics (place, "start", key);
