-- Accounts that are going to be erased, and those that were.
-- oldest: 1

CREATE TABLE erasures (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX erasures_forget ON erasures (forget_at) WHERE forget_at > 0;
CREATE UNIQUE INDEX erasures_alias ON erasures (place, alias) WHERE alias IS NOT NULL;
