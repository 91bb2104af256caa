-- Users and groups that another system provisions.
-- oldest: 1

CREATE TABLE provisioned_users (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "source" text COLLATE "C" NOT NULL,
    "external" text COLLATE "C" NOT NULL,
    "email" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX provisioned_users_forget ON provisioned_users (forget_at) WHERE forget_at > 0;
CREATE INDEX provisioned_users_source ON provisioned_users (place, "source", key);
CREATE INDEX provisioned_users_external ON provisioned_users (place, "external", key);
CREATE INDEX provisioned_users_email ON provisioned_users (place, "email", key);
CREATE UNIQUE INDEX provisioned_users_alias ON provisioned_users (place, alias) WHERE alias IS NOT NULL;

CREATE TABLE provisioned_groups (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "source" text COLLATE "C" NOT NULL,
    "external" text COLLATE "C" NOT NULL,
    "name" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX provisioned_groups_forget ON provisioned_groups (forget_at) WHERE forget_at > 0;
CREATE INDEX provisioned_groups_source ON provisioned_groups (place, "source", key);
CREATE INDEX provisioned_groups_external ON provisioned_groups (place, "external", key);
CREATE INDEX provisioned_groups_name ON provisioned_groups (place, "name", key);

CREATE TABLE group_members (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "group" text COLLATE "C" NOT NULL,
    "user" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX group_members_forget ON group_members (forget_at) WHERE forget_at > 0;
CREATE INDEX group_members_group ON group_members (place, "group", key);
CREATE INDEX group_members_user ON group_members (place, "user", key);
