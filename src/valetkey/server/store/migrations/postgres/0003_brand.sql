-- The brand on the pages, and the files that it uses.
-- oldest: 1

CREATE TABLE brands (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX brands_forget ON brands (forget_at) WHERE forget_at > 0;

CREATE TABLE brand_files (
    place bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    alias text,
    version integer NOT NULL,
    forget_at bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (place, key)
);
CREATE INDEX brand_files_forget ON brand_files (forget_at) WHERE forget_at > 0;
