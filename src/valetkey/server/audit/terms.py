"""The settings of the audit log, as it reads them, and the environment of its rules."""

from os import urandom
from pathlib import Path

import msgspec

from valetkey.server.model.audit import Category
from valetkey.server.model.environment import Env
from valetkey.server.store.port import milliseconds


class AuditTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the audit log. `retention` is in seconds. `heads` is the folder to which
    heads are shipped, None for none. `document` describes all of it, for the record of a change."""

    issuer: str
    retention: dict[Category, int]
    heads: Path | None = None
    document: dict[str, str] = {}


def now_env() -> Env:
    """The time and randomness of now."""
    at = milliseconds()
    return Env(at // 1000, urandom, at % 1000)
