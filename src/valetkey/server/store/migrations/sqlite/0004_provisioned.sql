-- Users and groups that another system provisions.
-- oldest: 1

CREATE TABLE provisioned_users (
    key TEXT PRIMARY KEY,
    alias TEXT UNIQUE,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "source" TEXT NOT NULL,
    "external" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX provisioned_users_forget ON provisioned_users (forget_at) WHERE forget_at > 0;
CREATE INDEX provisioned_users_source ON provisioned_users ("source", key);
CREATE INDEX provisioned_users_external ON provisioned_users ("external", key);
CREATE INDEX provisioned_users_email ON provisioned_users ("email", key);

CREATE TABLE provisioned_groups (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "source" TEXT NOT NULL,
    "external" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX provisioned_groups_forget ON provisioned_groups (forget_at) WHERE forget_at > 0;
CREATE INDEX provisioned_groups_source ON provisioned_groups ("source", key);
CREATE INDEX provisioned_groups_external ON provisioned_groups ("external", key);
CREATE INDEX provisioned_groups_name ON provisioned_groups ("name", key);

CREATE TABLE group_members (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "group" TEXT NOT NULL,
    "user" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_forget ON group_members (forget_at) WHERE forget_at > 0;
CREATE INDEX group_members_group ON group_members ("group", key);
CREATE INDEX group_members_user ON group_members ("user", key);
