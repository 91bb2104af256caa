"""What Chirp keeps, in one SQLite file: accounts, chirps, direct messages."""

import time
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

LONGEST: Final = 280
"""Characters of a chirp or a message."""

TIMELINE: Final = 30
"""Chirps, or messages, at once."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, handle TEXT NOT NULL UNIQUE, name TEXT NOT NULL, line TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chirps (
    id INTEGER PRIMARY KEY, author TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    text TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, sender TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    reader TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    text TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
"""


class Profile(msgspec.Struct, frozen=True):
    """An account as others see it. `line` is what its owner says of themselves."""

    handle: str
    name: str
    line: str


class Chirp(msgspec.Struct, frozen=True):
    """A chirp. `by` is the app that posted it, "" for Chirp itself; `at`: seconds since 1970."""

    id: int
    handle: str
    name: str
    text: str
    at: int
    by: str


class DirectMessage(msgspec.Struct, frozen=True):
    """A direct message from one account to another, by their handles."""

    id: int
    sender: str
    reader: str
    text: str
    at: int


class Records:
    """The file, opened. `account` is always the id of an account: the token's `sub`."""

    def __init__(self, file: Path) -> None:
        self._file = apsw.Connection(str(file))
        self._file.set_busy_timeout(2000)
        self._run("PRAGMA foreign_keys = ON")
        self._file.execute(_SCHEMA)

    def close(self) -> None:
        """Closes it."""
        self._file.close()

    def add_account(self, account: str, profile: Profile) -> None:
        """Makes an account, unless it is there."""
        self._run(
            "INSERT INTO accounts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            account,
            profile.handle,
            profile.name,
            profile.line,
        )

    def profile(self, account: str) -> Profile | None:
        """The account, or None where there is none."""
        rows = self._run("SELECT handle, name, line FROM accounts WHERE id = ?", account)
        return Profile(*rows[0]) if rows else None

    def change_profile(self, account: str, *, name: str, line: str) -> Profile | None:
        """The account with another name and line."""
        self._run("UPDATE accounts SET name = ?, line = ? WHERE id = ?", name, line, account)
        return self.profile(account)

    def delete_account(self, account: str) -> bool:
        """Removes the account, with all that is in it."""
        return bool(self._run("DELETE FROM accounts WHERE id = ? RETURNING id", account))

    def timeline(self) -> list[Chirp]:
        """The newest chirps of everybody, newest first."""
        rows = self._run(
            "SELECT c.id, a.handle, a.name, c.text, c.at, c.by FROM chirps c"
            " JOIN accounts a ON a.id = c.author ORDER BY c.id DESC LIMIT ?",
            TIMELINE,
        )
        return [Chirp(*row) for row in rows]

    def post(self, account: str, text: str, *, by: str = "", at: int | None = None) -> Chirp:
        """Adds a chirp of the account."""
        rows = self._run(
            "INSERT INTO chirps (author, text, at, by) VALUES (?, ?, ?, ?) RETURNING id",
            account,
            text,
            int(time.time()) if at is None else at,
            by,
        )
        return next(chirp for chirp in self.timeline() if chirp.id == rows[0][0])

    def take_back(self, account: str, chirp: int) -> bool:
        """Removes a chirp of the account's own; False where there is none."""
        rows = self._run(
            "DELETE FROM chirps WHERE id = ? AND author = ? RETURNING id", chirp, account
        )
        return bool(rows)

    def messages(self, account: str) -> list[DirectMessage]:
        """The newest messages to and from the account, newest first."""
        rows = self._run(
            "SELECT m.id, s.handle, r.handle, m.text, m.at FROM messages m"
            " JOIN accounts s ON s.id = m.sender JOIN accounts r ON r.id = m.reader"
            " WHERE ?1 IN (m.sender, m.reader) ORDER BY m.id DESC LIMIT ?2",
            account,
            TIMELINE,
        )
        return [DirectMessage(*row) for row in rows]

    def send(self, account: str, *, to: str, text: str, at: int | None = None) -> bool:
        """Sends a message to a handle; False where nobody has it."""
        rows = self._run(
            "INSERT INTO messages (sender, reader, text, at)"
            " SELECT ?, id, ?, ? FROM accounts WHERE handle = ? RETURNING id",
            account,
            text,
            int(time.time()) if at is None else at,
            to,
        )
        return bool(rows)

    def _run(self, statement: str, *values: Any) -> list[Any]:
        return list(self._file.execute(statement, values))


# What is on Chirp before the story begins.

MIKO: Final = Profile("miko", "Miko", "Gardener of small things.")

OTHERS: Final = {
    "noor": Profile("noor", "Noor", "Trains, tea, and the sea."),
    "ada": Profile("ada", "Ada", "I count things."),
}

CHIRPS: Final = (
    ("ada", 26, "Counted the swifts over the square again: 41. Two more than yesterday."),
    ("noor", 9, "The night train has a tea trolley. The night train has a tea trolley!"),
    ("miko", 5, "First tomato. It is the size of a marble and I am very proud."),
    ("ada", 2, "Somebody left a jar of plum jam on my stairs. Thank you, somebody."),
)
"""Who wrote what, how many hours ago."""

MESSAGES: Final = (
    ("noor", "miko", 8, "Shall we meet at the station on Friday? The 18:04, platform 3."),
    ("ada", "miko", 3, "Was the jam you?"),
)


def seed(records: Records, *, miko: str) -> None:
    """Fills an empty file. `miko` is Miko's account: the `sub` that tokens of his carry."""
    if records.timeline():
        return
    now, ids = int(time.time()), {"miko": miko, **{name: f"chirp-{name}" for name in OTHERS}}
    for handle, profile in {"miko": MIKO, **OTHERS}.items():
        records.add_account(ids[handle], profile)
    for author, hours, text in CHIRPS:
        records.post(ids[author], text, at=now - 3600 * hours)
    for sender, reader, hours, text in MESSAGES:
        records.send(ids[sender], to=reader, text=text, at=now - 3600 * hours)
