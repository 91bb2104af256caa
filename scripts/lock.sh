#!/bin/sh
# Renews the locks: versions and hashes, no addresses. Arguments go to uv.
set -eu

compile() {
    file=$1
    shift
    .venv/bin/uv pip compile \
        --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --no-header --no-emit-index-url \
        --quiet --output-file "requirements/$file" "$@"
}

compile dev.txt pyproject.toml --extra server --extra postgres --extra import --extra scim --extra metrics --extra otel --extra aws --extra pkcs11 --extra holders --extra cli --extra docs --group dev "$@"
# The small lock holds the same versions: whatever the demo shows is what the tests ran.
compile server.txt pyproject.toml --extra demo --group project --constraint requirements/dev.txt
# What the image and the Debian package hold: no tools, and the driver of PostgreSQL.
compile image.txt pyproject.toml --extra server --extra postgres --constraint requirements/dev.txt
# What has to be built, for the tests of LDAP alone.
compile ldap.txt pyproject.toml --extra ldap --constraint requirements/dev.txt
# Others' servers, for the bench alone.
compile bench.txt --group pyproject.toml:bench "$@"

if ! command -v npm >/dev/null; then
    echo "npm is missing: tests/clients/node/package-lock.json stays as it is"
    exit 0
fi
cd tests/clients/node
npm install --package-lock-only --no-audit --no-fund --loglevel=error
# npm also notes where to send money; that is an address too.
node - package-lock.json <<'JS'
const fs = require("node:fs");
const file = process.argv[2];
const lock = JSON.parse(fs.readFileSync(file, "utf8"));
for (const entry of Object.values(lock.packages)) delete entry.funding;
fs.writeFileSync(file, JSON.stringify(lock, null, 2) + "\n");
JS
