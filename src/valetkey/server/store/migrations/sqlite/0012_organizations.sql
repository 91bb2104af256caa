-- Organizations, their members, and the apps that members ask for.
-- oldest: 1

CREATE TABLE organizations (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX organizations_forget ON organizations (forget_at) WHERE forget_at > 0;

CREATE TABLE memberships (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "organization" TEXT NOT NULL,
    "user" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_forget ON memberships (forget_at) WHERE forget_at > 0;
CREATE INDEX memberships_organization ON memberships ("organization", key);
CREATE INDEX memberships_user ON memberships ("user", key);

CREATE TABLE app_requests (
    key TEXT PRIMARY KEY,
    alias TEXT,
    version INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,
    "organization" TEXT NOT NULL,
    "user" TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX app_requests_forget ON app_requests (forget_at) WHERE forget_at > 0;
CREATE INDEX app_requests_organization ON app_requests ("organization", key);
CREATE INDEX app_requests_user ON app_requests ("user", key);
