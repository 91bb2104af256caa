"""Browsers that are known to an account: somebody has signed in to it there before.

A cookie says so (OWASP, "device cookies"): for each account the browser's name, drawn once, and a
MAC over both. It opens nothing. It gives the browser a budget of its own for passwords, which
strangers can't use up.
"""

from os import urandom
from typing import Final

from valetkey.jose import base64url, seal
from valetkey.server.model.keys import Keyring

PURPOSE: Final = b"known browser"
SECONDS: Final = 365 * 86400
MOST: Final = 5
"""Accounts that one browser remembers, those last used."""

_NAME: Final = 12
_MAC: Final = 16
_LETTERS: Final = 16 + 22


def name_in(cookie: str, account: str, keyring: Keyring) -> str:
    """What the browser is called for this account, "" where it is a stranger to it."""
    for entry in _entries(cookie):
        if any(seal.same(entry, _entry(entry[:16], account, key.raw)) for key in keyring.macs):
            return entry[:16]
    return ""


def with_account(cookie: str, account: str, keyring: Keyring) -> str:
    """The cookie of a browser in which somebody has just signed in to the account."""
    name = name_in(cookie, account, keyring)
    others = [entry for entry in _entries(cookie) if entry[:16] != name]
    name = name or base64url.encode(urandom(_NAME))
    return ".".join([_entry(name, account, keyring.macs[0].raw), *others][:MOST])


def _entries(cookie: str) -> list[str]:
    entries = cookie[: MOST * (_LETTERS + 1)].split(".")
    return [entry for entry in entries if len(entry) == _LETTERS and entry.isascii()]


def _entry(name: str, account: str, key: bytes) -> str:
    mac = seal.mac(key, PURPOSE, account.encode(), name.encode())
    return name + base64url.encode(mac[:_MAC])
