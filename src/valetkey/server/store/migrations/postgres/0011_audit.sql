-- The audit log: its records, the segments that seal them, its keys and its cursors.
-- oldest: 1

CREATE TABLE audit_records (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "person" text COLLATE "C" NOT NULL,
    "client" text COLLATE "C" NOT NULL,
    "actor" text COLLATE "C" NOT NULL,
    "operation" text COLLATE "C" NOT NULL,
    "request" text COLLATE "C" NOT NULL,
    "category" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX audit_records_forget ON audit_records (forget_at) WHERE forget_at > 0;
CREATE INDEX audit_records_person ON audit_records (place, "person", key);
CREATE INDEX audit_records_client ON audit_records (place, "client", key);
CREATE INDEX audit_records_actor ON audit_records (place, "actor", key);
CREATE INDEX audit_records_operation ON audit_records (place, "operation", key);
CREATE INDEX audit_records_request ON audit_records (place, "request", key);
CREATE INDEX audit_records_category ON audit_records (place, "category", key);

CREATE TABLE audit_unsealed (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX audit_unsealed_forget ON audit_unsealed (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_segments (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX audit_segments_forget ON audit_segments (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_keys (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX audit_keys_forget ON audit_keys (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_person_keys (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX audit_person_keys_forget ON audit_person_keys (forget_at) WHERE forget_at > 0;

CREATE TABLE audit_state (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX audit_state_forget ON audit_state (forget_at) WHERE forget_at > 0;
