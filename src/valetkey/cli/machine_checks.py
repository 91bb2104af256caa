"""Checks of the machine: libraries and limits."""

import resource
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

import apsw

from valetkey.server.accounts import password
from valetkey.server.http import file_limit

Verdict: TypeAlias = Literal["ok", "warn", "fail"]

SQLITE: Final = (3, 51, 3)
"""Versions of SQLite from 3.7.0 on and before this one can corrupt a database when its write-ahead
log is reset."""


class Row(NamedTuple):
    """One check: its name, the verdict, and the details."""

    what: str
    verdict: Verdict
    says: str


def machine() -> Iterator[Row]:
    """Check the libraries and the limit of open files."""
    yield _argon2()
    yield sqlite(apsw.sqlite_lib_version())
    yield open_files(*resource.getrlimit(resource.RLIMIT_NOFILE))


def open_files(soft: int, hard: int) -> Row:
    """Check that a server may open enough files. It raises its soft limit to the hard limit
    itself."""
    most = file_limit.ENOUGH if hard == resource.RLIM_INFINITY else min(hard, file_limit.ENOUGH)
    most = max(soft, most)
    if most < file_limit.FEW:
        says = f"at most {most}, one for each connection: raise the limit (ulimit -Hn)"
        return Row("open files", "warn", says)
    return Row("open files", "ok", f"up to {most}")


def _argon2() -> Row:
    if not password.possible():
        why = "this build of cryptography lacks it (OpenSSL before 3.2): install its wheel"
        return Row("Argon2id", "fail", why)
    return Row("Argon2id", "ok", "passwords can be hashed")


def sqlite(version: str) -> Row:
    """Check that this version of SQLite does not lose data."""
    if tuple(int(part) for part in version.split(".")[:3]) < SQLITE:
        return Row("SQLite", "fail", f"{version} can corrupt a database: install a newer apsw")
    return Row("SQLite", "ok", version)
