-- The groups whose users are members of an organization.
-- oldest: 1

CREATE TABLE organization_groups (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "organization" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX organization_groups_forget ON organization_groups (forget_at) WHERE forget_at > 0;
CREATE INDEX organization_groups_organization ON organization_groups (place, "organization", key);
