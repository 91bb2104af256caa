-- Roles of administrators, and calls of the administration API that count once.
-- oldest: 1

CREATE TABLE role_bindings (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "user" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX role_bindings_forget ON role_bindings (forget_at) WHERE forget_at > 0;
CREATE INDEX role_bindings_user ON role_bindings (place, "user", key);

CREATE TABLE idempotent_calls (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX idempotent_calls_forget ON idempotent_calls (forget_at) WHERE forget_at > 0;
