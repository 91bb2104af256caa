-- The domain to which passkeys belong.
-- oldest: 1

CREATE TABLE passkey_domains (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX passkey_domains_forget ON passkey_domains (forget_at) WHERE forget_at > 0;
