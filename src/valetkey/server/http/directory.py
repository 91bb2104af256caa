"""Checks passwords at an LDAP directory (RFC 4511): finds the one entry of a name, and binds as it.

The library is the extra `ldap`. A directory that is slow or down holds few connections, and each
for a few seconds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from valetkey.server.accounts.provisioning import Profile, lenient_profile
from valetkey.server.http import log
from valetkey.server.model.keys import Secret
from valetkey.spec.errors import TemporarilyUnavailable
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 4513", "5.1")

SECONDS: Final = 4.0
"""Seconds for a whole check: two connections, a search, a bind."""

AT_ONCE: Final = 16
"""Checks that may run at once, in one process. More are refused as busy."""

NAME: Final = "{username}"
"""The part of the filter that stands for the name that was typed, escaped (RFC 4515 3)."""

MAX_NAME: Final = 256
MAX_PASSWORD: Final = 1024
"""Characters, and bytes in UTF-8, that are sent to the directory."""

_ACCOUNT_DISABLED: Final = 0x2
"""The bit of Active Directory's userAccountControl."""

_STATUS: Final = ("userAccountControl", "nsAccountLock")
"""Attributes that say whether an account is disabled: Active Directory's, and 389 Directory
Server's."""


_AWAY: Final = frozenset({51, 52})
"""Result codes of a directory that judges nothing at the moment: busy, unavailable (RFC 4511
A.2)."""

_SEVERAL: Final = "the directory has several entries for one name"

_MOST: Final = 300
"""Characters of an error in the log."""


class DirectoryTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Where the directory is, and how its entries are read.

    `source` names it (see `model.user.Identity`). `filter` contains NAME. `id_attribute` never
    changes in an entry. `claims` are the attributes by claim. `groups` are the names of groups, of
    which a user has to be in one; () for everybody.
    """

    url: str
    source: str
    base: str
    filter: str
    bind_dn: str = ""
    bind_password: Secret = Secret("")
    start_tls: bool = False
    ca_file: str = ""
    id_attribute: str = "entryUUID"
    claims: Mapping[str, str] = {}
    email_verified: bool = False
    groups: tuple[str, ...] = ()


class DirectoryUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user whose password is right: the `subject` at the source, and the profile."""

    source: str
    subject: str
    profile: Profile


class DirectoryAway(TemporarilyUnavailable):
    """The directory doesn't answer, or doesn't let this server search: nobody judged the password.
    A check that has to wait its turn is no such case: callers bring that about."""


class PasswordDirectory(Protocol):
    """Checks passwords elsewhere."""

    async def check(self, username: str, password: Secret) -> DirectoryUser | None:
        """The user, None for a name or password that is wrong, or a user who may not sign in.
        Raises TemporarilyUnavailable for too many checks at once, and DirectoryAway."""
        ...


class Directory:
    """An LDAP directory."""

    def __init__(self, terms: DirectoryTerms) -> None:
        # Imported here: the library is an extra.
        import bonsai  # noqa: PLC0415

        self._library: Any = bonsai
        self._terms = terms
        self._running = 0

    async def check(self, username: str, password: Secret) -> DirectoryUser | None:
        """As in `PasswordDirectory`."""
        typed = password.reveal()
        # RFC 4513 5.1.2: a bind without a password succeeds, and proves nothing.
        if not typed or "\x00" in typed or len(typed.encode()) > MAX_PASSWORD:
            return None
        if not username or not username.isprintable() or len(username) > MAX_NAME:
            return None
        if self._running >= AT_ONCE:
            raise TemporarilyUnavailable(detail="too many checks at the directory")
        self._running += 1
        try:
            async with asyncio.timeout(SECONDS):
                return await self._check(username, typed)
        except (TimeoutError, OSError, self._library.LDAPError) as error:
            why = describe(error)
            log.warning("the directory does not answer", detail=why)
            raise DirectoryAway(detail=f"the directory does not answer: {why}") from error
        finally:
            self._running -= 1

    async def why_not(self) -> str:
        """Why nobody can sign in with a password of the directory, "" if the search works. Raises
        DirectoryAway if nothing can be said, as it doesn't answer."""
        terms, library = self._terms, self._library
        who = terms.bind_dn or "an anonymous search"
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._connected(terms.bind_dn, terms.bind_password.reveal()) as connection,
            ):
                with contextlib.suppress(library.SizeLimitError):
                    if not await connection.search(
                        terms.base,
                        library.LDAPSearchScope.SUBTREE,
                        f"({terms.id_attribute}=*)",
                        ["1.1"],
                        sizelimit=1,
                    ):
                        return (
                            f"{who} finds no entry with {terms.id_attribute} below {terms.base}: "
                            "check base and id_attribute, and what bind_dn may read"
                        )
        except library.AuthenticationError as error:
            return f"it refuses {who}: check bind_dn and its password ({describe(error)})"
        except library.NoSuchObjectError:
            return f"{who} finds no {terms.base}: check base, and what bind_dn may read"
        except library.InvalidDN as error:
            return f"bind_dn or base is no name of an entry ({describe(error)})"
        except (TimeoutError, OSError, library.LDAPError) as error:
            raise DirectoryAway(detail=describe(error)) from error
        return ""

    async def _check(self, username: str, password: str) -> DirectoryUser | None:
        entry = await self._find(username)
        # Bind all the same: else the time would tell which names exist.
        dn = str(entry.dn) if entry is not None else f"cn=nobody,{self._terms.base}"
        if not await self._binds(dn, password) or entry is None:
            return None
        return self._read(entry)

    async def _find(self, username: str) -> Any | None:
        """The one entry of this name that may sign in."""
        terms, library = self._terms, self._library
        condition = terms.filter.replace(NAME, library.escape_filter_exp(username))
        attributes = [*terms.claims.values(), *_STATUS, terms.id_attribute]
        async with self._connected(terms.bind_dn, terms.bind_password.reveal()) as connection:
            try:
                results = await connection.search(
                    terms.base, library.LDAPSearchScope.SUBTREE, condition, attributes, sizelimit=2
                )
            except library.SizeLimitError:
                log.warning(_SEVERAL)
                return None
            entries = [one for one in results if one.dn is not None]
            if len(entries) != 1:
                if entries:
                    log.warning(_SEVERAL)
                return None
            if _is_disabled(entries[0]) or not await self._is_member(connection, entries[0]):
                return None
        return entries[0]

    async def _is_member(self, connection: Any, entry: Any) -> bool:
        """Whether the entry is in one of the groups."""
        if not self._terms.groups:
            return True
        name = self._library.escape_filter_exp(str(entry.dn))
        condition = f"(|(member={name})(uniqueMember={name}))"
        for group in self._terms.groups:
            with contextlib.suppress(self._library.NoSuchObjectError):
                scope = self._library.LDAPSearchScope.BASE
                if await connection.search(group, scope, condition, ["1.1"]):
                    return True
        return False

    async def _binds(self, dn: str, password: str) -> bool:
        """Whether the password is right for the entry."""
        library = self._library
        try:
            async with self._connected(dn, password):
                return True
        except (library.AuthenticationError, library.InsufficientAccess):
            return False
        except library.LDAPError as error:
            failures = (library.ConnectionError, library.ClosedConnection, library.TimeoutError)
            if isinstance(error, failures) or error.code in _AWAY:
                raise
            # Such as an account that is locked or has expired: not a failure of the directory.
            log.info("the directory refuses a bind", detail=describe(error))
            return False

    @contextlib.asynccontextmanager
    async def _connected(self, dn: str, password: str) -> AsyncIterator[Any]:
        """A connection that is bound as the entry; anonymously for "". Raises LDAPError."""
        terms = self._terms
        client = self._library.LDAPClient(terms.url, terms.start_tls)
        # A referral would send the password wherever the directory says.
        client.set_server_chase_referrals(False)
        client.set_ignore_referrals(True)
        client.set_cert_policy("demand")
        client.set_raw_attributes([terms.id_attribute])
        if terms.ca_file:
            client.set_ca_cert(terms.ca_file)
        if dn:
            client.set_credentials("SIMPLE", user=dn, password=password)
        connection = await client.connect(is_async=True, timeout=SECONDS)
        try:
            yield connection
        finally:
            connection.close()

    def _read(self, entry: Any) -> DirectoryUser | None:
        terms = self._terms
        identifiers = _values(entry, terms.id_attribute)
        if len(identifiers) != 1:
            log.warning("the directory's entry has no id", attribute=terms.id_attribute)
            return None
        claims: dict[str, Any] = {
            claim: str(values[0])
            for claim, attribute in terms.claims.items()
            if (values := _values(entry, attribute))
        }
        claims["email_verified"] = terms.email_verified
        return DirectoryUser(
            source=terms.source,
            subject=_subject(identifiers[0]),
            profile=lenient_profile(claims),
        )


def describe(error: Exception) -> str:
    """What the library or the directory says, for the log: neither has the password."""
    text = "".join(one if one.isprintable() else " " for one in str(error))
    return f"{type(error).__name__}: {' '.join(text.split())[:_MOST]}".rstrip(": ")


def _values(entry: Any, attribute: str) -> Sequence[Any]:
    """The values of an attribute, whose name has no case."""
    values: Iterable[Any] = entry.get(attribute, ())
    return tuple(values)


def _subject(raw: bytes) -> str:
    """The id as text. Active Directory's objectGUID is sixteen bytes."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw.hex()
    return text if text.isprintable() else raw.hex()


def _is_disabled(entry: Any) -> bool:
    control = next(iter(_values(entry, _STATUS[0])), 0)
    locked = next(iter(_values(entry, _STATUS[1])), "")
    return bool(int(control) & _ACCOUNT_DISABLED) or str(locked).lower() == "true"
