-- Orders to stop many grants at once.
-- oldest: 1

CREATE TABLE bulk_stops (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX bulk_stops_forget ON bulk_stops (forget_at) WHERE forget_at > 0;
