"""Browsers that an account knows: someone has signed in to it there before.

A cookie records that (OWASP, "device cookies"): for each account, a random name of the browser and
a MAC over both. The cookie gives access to nothing. It gives the browser a limit of its own for
passwords, which anonymous callers can't use up.
"""

from os import urandom
from typing import Final

from valetkey.jose import base64url, seal
from valetkey.server.model.keys import Keyring

PURPOSE: Final = b"known browser"
SECONDS: Final = 365 * 86400
MOST: Final = 5
"""Accounts in one browser's cookie: the most recently used."""

_NAME: Final = 12
_MAC: Final = 16
_ENTRY_LENGTH: Final = 16 + 22


def name_in(cookie: str, account: str, keyring: Keyring) -> str:
    """The browser's name for this account, "" if the account does not know the browser."""
    for entry in _entries(cookie):
        if any(seal.same(entry, _entry(entry[:16], account, key.raw)) for key in keyring.macs):
            return entry[:16]
    return ""


def with_account(cookie: str, account: str, keyring: Keyring) -> str:
    """The cookie of a browser after a sign-in to the account."""
    name = name_in(cookie, account, keyring)
    others = [entry for entry in _entries(cookie) if entry[:16] != name]
    name = name or base64url.encode(urandom(_NAME))
    return ".".join([_entry(name, account, keyring.macs[0].raw), *others][:MOST])


def _entries(cookie: str) -> list[str]:
    entries = cookie[: MOST * (_ENTRY_LENGTH + 1)].split(".")
    return [entry for entry in entries if len(entry) == _ENTRY_LENGTH and entry.isascii()]


def _entry(name: str, account: str, key: bytes) -> str:
    mac = seal.mac(key, PURPOSE, account.encode(), name.encode())
    return name + base64url.encode(mac[:_MAC])
