"""Apps and consents as files describe them, translated to records of this server."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from valetkey.cli.declaration import SHORTEST_SECRET
from valetkey.cli.imports.formats import Mistake, hash_at
from valetkey.cli.imports.hash_strings import from_string
from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.accounts.password_forms import is_password_hash
from valetkey.server.model.keys import Secret
from valetkey.spec import names

CODES: Final = (names.AUTHORIZATION_CODE, names.REFRESH_TOKEN)


class IncomingApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app of another system; `number` is its key there if that is not its id. `fields` are those
    of a client here, `scope` the names of its scopes there, `secret` the stored form of its secret,
    "" for none. `dropped` is what of the record has no counterpart. `why` is "", or the reason not
    to import it, as `field: reason`."""

    place: str
    id: str
    number: str = ""
    fields: Mapping[str, Any] = {}
    scope: tuple[str, ...] = ()
    secret: str = ""
    dropped: tuple[str, ...] = ()
    why: str = ""

    def __repr__(self) -> str:
        return f"IncomingApp({self.id!r}, …)"


class AppTerms(NamedTuple):
    """What the operator says about all apps: `scopes` maps names of scopes there to names here,
    `allowed` are the scopes of apps for which the file names none, `auth_method` is that of
    confidential apps for which it names none, `redirect_uris` has other addresses for some apps,
    `secrets` hashes or secrets that the file lacks, both by the app's id."""

    scopes: Mapping[str, str] = {}
    allowed: tuple[str, ...] = ()
    auth_method: str = "client_secret_basic"
    policy: str = "default"
    redirect_uris: Mapping[str, tuple[str, ...]] = {}
    secrets: Mapping[str, str] = {}

    def secret_of(
        self, name: str, field: str, text: str | None, *, is_hash: bool | None = None
    ) -> str:
        """The stored form of an app's secret: that of `secrets`, else the one in the record. Raises
        Mistake."""
        if (other := self.secrets.get(name)) is not None:
            return stored_secret("--secrets", other)
        if not text:
            raise Mistake(f"{field}: is missing; give it with --secrets")
        return stored_secret(field, text, is_hash=is_hash)

    def names_here(self, scope: Iterable[str]) -> tuple[str, ...]:
        """The names of scopes as they are here, each once."""
        return tuple(dict.fromkeys(self.scopes.get(one, one) for one in scope))


def stored_secret(field: str, text: str, *, is_hash: bool | None = None) -> str:
    """The stored form of a secret, or of its hash. `is_hash` None: judged by its form. A secret in
    the clear that is too short for a digest is hashed as a password is. Raises Mistake."""
    if is_hash is None:
        is_hash = _is_hash(text)
    if is_hash:
        return hash_at(field, lambda: from_string(text))
    if not text or len(text) > password.MAX_BYTES or not text.isascii() or not text.isprintable():
        raise Mistake(f"{field}: is empty, unprintable, or over {password.MAX_BYTES} characters")
    if len(text) >= SHORTEST_SECRET:
        return digest(text)
    return password.hash_password(Secret(text), salt=os.urandom(password.SALT))


def _is_hash(text: str) -> bool:
    try:
        return is_password_hash(from_string(text))
    except ValueError as error:
        # Of a known form, but with absurd costs: still no secret in the clear.
        return "known form" not in str(error)


def split(text: str | None) -> tuple[str, ...]:
    """The words of a text, each once."""
    return tuple(dict.fromkeys((text or "").split()))


def dropped_names(pairs: Mapping[str, object]) -> tuple[str, ...]:
    """The names of what is there."""
    return tuple(name for name, there in pairs.items() if there)
