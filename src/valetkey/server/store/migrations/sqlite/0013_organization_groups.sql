-- The groups whose users are members of an organization.
-- oldest: 1

CREATE TABLE organization_groups (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "organization" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX organization_groups_forget ON organization_groups (forget_at) WHERE forget_at > 0;
CREATE INDEX organization_groups_organization ON organization_groups ("organization", key);
