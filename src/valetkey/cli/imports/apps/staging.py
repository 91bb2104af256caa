"""A scratch file for what has to be put together from several records of an export: whose consent
it is, and all scopes of it. So memory does not grow with the number of users. It is deleted at the
end; no tokens or secrets are in it."""

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE users (subject TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;
CREATE TABLE apps (number TEXT PRIMARY KEY, client TEXT) WITHOUT ROWID;
CREATE TABLE consents (
    user TEXT, app TEXT, scope TEXT, place TEXT, created INTEGER, token TEXT, expires INTEGER);
CREATE TABLE refreshed (token TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE app_scopes (app TEXT, scope TEXT, PRIMARY KEY (app, scope)) WITHOUT ROWID;
"""


class Consent(NamedTuple):
    """What one user lets one app do, from all records about it. `username` is "" if the file has no
    such user."""

    subject: str
    username: str
    client: str
    scope: tuple[str, ...]
    created: int
    place: str


class Staging:
    """The file. Users and apps are named by their ids in the export."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "staging.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(_SCHEMA)
        self._connection.execute("BEGIN")
        self.size = 0

    def add_user(self, subject: str, name: str) -> None:
        """Note a user."""
        self._do("INSERT OR REPLACE INTO users VALUES (?, ?)", subject, name)

    def add_app(self, number: str, client: str) -> None:
        """Note the client_id of an app that consents name by a number."""
        self._do("INSERT OR REPLACE INTO apps VALUES (?, ?)", number, client)

    def add_consent(
        self,
        user: str,
        app: str,
        scope: str,
        *,
        place: str,
        created: int = 0,
        token: str = "",
        expires: int = 0,
    ) -> None:
        """Note a consent, or a part of one. `expires` is when it ends, 0 for never, unless its
        `token` can be refreshed."""
        self._do(
            "INSERT INTO consents VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(user, app, scope, place, created, token, expires),
        )
        self.add_app_scope(app, scope)

    def add_refreshable(self, token: str) -> None:
        """Note that a token can be refreshed."""
        self._do("INSERT OR IGNORE INTO refreshed VALUES (?)", token)

    def add_app_scope(self, app: str, scope: str) -> None:
        """Note that an app has requested scopes."""
        for one in scope.split():
            self._do("INSERT OR IGNORE INTO app_scopes VALUES (?, ?)", app, one)

    def scopes_of(self, app: str) -> tuple[str, ...]:
        """All scopes that the app has requested, in alphabetic order."""
        rows = self._connection.execute(
            "SELECT scope FROM app_scopes WHERE app = ? ORDER BY 1", (app,)
        )
        return tuple(one for (one,) in rows)

    def drop_ended(self, now: int) -> int:
        """Remove the consents that have ended. Returns how many users' consents to an app do not
        stand any more."""
        before = self._pairs()
        self._do(
            "DELETE FROM consents WHERE expires > 0 AND expires <= ?"
            " AND token NOT IN (SELECT token FROM refreshed)",
            now,
        )
        self.size = self._pairs()
        return before - self.size

    def consents(self) -> Iterator[Consent]:
        """The consents, one for each user and app."""
        rows = self._connection.execute(
            "SELECT consents.user, users.name, coalesce(apps.client, consents.app),"
            " group_concat(scope, ' '), min(created), min(place) FROM consents"
            " LEFT JOIN users ON users.subject = consents.user"
            " LEFT JOIN apps ON apps.number = consents.app"
            " GROUP BY consents.user, consents.app"
        )
        for subject, name, client, scope, created, place in rows:
            words = tuple(dict.fromkeys(scope.split()))
            yield Consent(subject, name or "", client, words, created, place)

    def _pairs(self) -> int:
        count = "SELECT count(*) FROM (SELECT DISTINCT user, app FROM consents)"
        (pairs,) = self._connection.execute(count).fetchone()
        return int(pairs)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _do(self, statement: str, *values: object) -> None:
        self._connection.execute(statement, values)


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder of mode 0700, which is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="valetkey-import-") as folder:
        yield Path(folder)
