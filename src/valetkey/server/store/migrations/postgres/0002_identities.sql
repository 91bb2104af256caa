-- Who a user is elsewhere, and sessions that are found by another system's id of them.
-- oldest: 1

CREATE TABLE identities (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    alias bytea,
    "user" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE UNIQUE INDEX identities_alias ON identities (alias);

ALTER TABLE sessions ADD COLUMN alias bytea;
CREATE UNIQUE INDEX sessions_alias ON sessions (alias) WHERE alias IS NOT NULL;
