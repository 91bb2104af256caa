-- Second factors of users.
-- oldest: 1

CREATE TABLE factors (
    place bigint NOT NULL,
    version integer NOT NULL,
    key bytea NOT NULL,
    alias bytea,
    "user" bytea,
    body bytea NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE UNIQUE INDEX factors_alias ON factors (alias) WHERE alias IS NOT NULL;
