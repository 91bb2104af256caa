"""An app whose server keeps each user's key in its database. `python app_database.py USER`"""

import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import httpx2
import msgspec

from valetkey.client import (
    App,
    Key,
    StoreCorrupted,
    StoreError,
    StoreFull,
    Tokens,
    raise_for_refusal,
)

API = os.environ["API"]
DATABASE = os.environ.get("DATABASE", "app.db")
SECONDS = 60
"""For which a worker may hold the lock: longer than any renewal, in case that it dies."""

app = App(
    issuer=os.environ["ISSUER"],
    client_id="stefapp",
    scope=("openid", "offline_access", "chirps"),
)


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """One transaction. What the database refuses becomes the SDK's own error."""
    try:
        with closing(sqlite3.connect(DATABASE)) as db, db:
            db.execute("pragma synchronous = full")
            db.execute(
                "create table if not exists keys ("
                "user text primary key, tokens blob, room blob, holder text, until real default 0)"
            )
            yield db
    except sqlite3.Error as error:
        full = error.sqlite_errorname == "SQLITE_FULL"
        raise (StoreFull if full else StoreError)(f"the database: {error}") from error


class DatabaseStore:
    """One user's tokens. Anyone who can read the table can use them: encrypt the column if the
    database can, or encrypt the bytes before you store them."""

    def __init__(self, user: str) -> None:
        self.user = user

    def load(self) -> Tokens | None:
        with database() as db:
            row = db.execute("select tokens from keys where user = ?", (self.user,)).fetchone()
        if row is None or row[0] is None:
            return None
        try:
            return msgspec.json.decode(row[0], type=Tokens)
        except msgspec.DecodeError as error:
            raise StoreCorrupted(f"there is no key of {self.user}") from error

    def save(self, tokens: Tokens | None) -> None:
        raw = None if tokens is None else msgspec.json.encode(tokens)
        with database() as db:
            db.execute("insert or ignore into keys (user) values (?)", (self.user,))
            db.execute("update keys set tokens = ?, room = null where user = ?", (raw, self.user))

    def ready(self) -> None:
        # Reserve room now, while the server still accepts the old token.
        with database() as db:
            db.execute("insert or ignore into keys (user) values (?)", (self.user,))
            db.execute("update keys set room = randomblob(16384) where user = ?", (self.user,))

    def take(self) -> Callable[[], None] | None:
        # Workers on other machines wait for each other as well: the lock is a row.
        mine, now = secrets.token_hex(8), time.time()
        with database() as db:
            db.execute("insert or ignore into keys (user) values (?)", (self.user,))
            locked = db.execute(
                "update keys set holder = ?, until = ? where user = ? and until < ?",
                (mine, now + SECONDS, self.user, now),
            )
        return (lambda: self._let_go(mine)) if locked.rowcount else None

    def _let_go(self, mine: str) -> None:
        with database() as db:
            db.execute("update keys set until = 0 where user = ? and holder = ?", (self.user, mine))


def main(user: str) -> None:
    """Shows the user's timeline; asks for a key first, where there is none."""
    with closing(Key(app, DatabaseStore(user))) as key:
        if key.tokens is None:
            key.connect()
        with httpx2.Client(auth=key.auth()) as api:
            print(user, len(raise_for_refusal(api.get(f"{API}/chirps")).json()), "chirps")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "miko")
