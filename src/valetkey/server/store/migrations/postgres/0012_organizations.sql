-- Organizations, their members, and the apps that members ask for.
-- oldest: 1

CREATE TABLE organizations (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX organizations_forget ON organizations (forget_at) WHERE forget_at > 0;

CREATE TABLE memberships (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "organization" text COLLATE "C" NOT NULL,
    "user" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX memberships_forget ON memberships (forget_at) WHERE forget_at > 0;
CREATE INDEX memberships_organization ON memberships (place, "organization", key);
CREATE INDEX memberships_user ON memberships (place, "user", key);

CREATE TABLE app_requests (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    "organization" text COLLATE "C" NOT NULL,
    "user" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX app_requests_forget ON app_requests (forget_at) WHERE forget_at > 0;
CREATE INDEX app_requests_organization ON app_requests (place, "organization", key);
CREATE INDEX app_requests_user ON app_requests (place, "user", key);
