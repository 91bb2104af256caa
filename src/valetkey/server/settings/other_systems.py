"""The settings of users whom another system knows: whether they are still allowed there, and
directories that check passwords."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import msgspec

from valetkey.server.model.keys import Secret
from valetkey.server.model.user import ADMINISTRATOR, PLATFORM
from valetkey.wire import address
from valetkey.wire.metadata import is_local

_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class StillAllowedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A platform without SCIM, which says whether its users are still allowed."""

    url: Annotated[
        str,
        _is("the https address that is asked whether a user is still allowed, or empty"),
    ] = ""
    source: Annotated[str, _is("the source whose users it knows, such as platform")] = "platform"
    seconds: Annotated[
        int,
        msgspec.Meta(
            ge=1, le=3600, description="the seconds for which an answer counts, from 1 to 3600"
        ),
    ] = 300
    grace_seconds: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=86400,
            description="the seconds for which an answer still counts while the platform does not "
            "answer; 0 to refuse at once",
        ),
    ] = 0


class DirectorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An LDAP directory that checks passwords."""

    url: Annotated[
        str, _is("the address of the directory, such as ldaps://ldap.chirp.example, or empty")
    ] = ""
    source: Annotated[
        str, _is("the name of the directory among the sources of users; it never changes")
    ] = "directory"
    start_tls: Annotated[
        bool, _is("true or false: whether to use StartTLS; not for ldaps addresses")
    ] = False
    ca_file: Annotated[
        Path | None,
        _is("a PEM file of the authorities to trust; by default, those of the operating system"),
    ] = None
    bind_dn: Annotated[
        str, _is("the entry that may search the directory, or empty for an anonymous search")
    ] = ""
    bind_password: Annotated[Secret | None, _is("the password of that entry")] = None
    bind_password_file: Annotated[
        Path | None, _is("a file of mode 0600 that holds that password")
    ] = None
    base: Annotated[str, _is("the entry below which users are searched")] = ""
    filter: Annotated[
        str, _is("the filter that finds a user, with {username} for the typed name, escaped")
    ] = "(uid={username})"
    id_attribute: Annotated[
        str,
        _is(
            "the attribute that identifies an entry and never changes: entryUUID, or objectGUID in "
            "Active Directory"
        ),
    ] = "entryUUID"
    attributes: Annotated[
        tuple[str, ...], _is("a list of claims and the attributes that have them, as claim=name")
    ] = ("name=cn", "given_name=givenName", "family_name=sn", "email=mail")
    email_verified: Annotated[
        bool, _is("true or false: whether the directory's e-mail addresses are verified")
    ] = False
    groups: Annotated[
        tuple[str, ...],
        _is("a list of groups, of which a user has to be in one; empty for every user"),
    ] = ()

    @property
    def claims(self) -> dict[str, str]:
        """The attributes by claim."""
        pairs = (one.partition("=") for one in self.attributes)
        return {claim.strip(): attribute.strip() for claim, _, attribute in pairs}

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why."""
        if not self.url:
            return
        parts = address.read(self.url.replace("ldap", "http", 1))
        is_safe = self.url.startswith("ldaps://") or self.start_tls
        attributes = (self.id_attribute, *self.claims.values())
        rules = (
            (find_spec("bonsai") is not None, "url", "needs: pip install 'valetkey[ldap]'"),
            (
                self.url.startswith(("ldap://", "ldaps://"))
                and parts is not None
                and not parts.path
                and not parts.has_user,
                "url",
                "is no ldap:// or ldaps:// address of a host",
            ),
            (
                parts is None or is_safe or is_local(parts.host),
                "url",
                "sends passwords in the clear: use ldaps, or start_tls",
            ),
            (
                not (self.url.startswith("ldaps:") and self.start_tls),
                "start_tls",
                "is not for ldaps addresses",
            ),
            (bool(self.base), "base", "is missing"),
            ("{username}" in self.filter, "filter", "has no {username}"),
            (
                self.filter.startswith("(") and self.filter.count("(") == self.filter.count(")"),
                "filter",
                "is no filter in parentheses",
            ),
            (
                not self.bind_dn or bool(self.bind_password or self.bind_password_file),
                "bind_dn",
                "needs VALETKEY_SIGN_IN__LDAP__BIND_PASSWORD or bind_password_file",
            ),
            (
                self.source.isprintable() and self.source not in ("", ADMINISTRATOR, PLATFORM),
                "source",
                "is empty, or stands for something else",
            ),
            (
                all(_ATTRIBUTE.fullmatch(one) for one in attributes),
                "attributes",
                "must be a list of claim=attribute",
            ),
        )
        yield from ((name, why) for holds, name, why in rules if not holds)


def monitoring_mistakes(metrics_port: int, trace_collector: str) -> Iterator[tuple[str, str]]:
    """Why a setting is wrong, with its name."""
    if metrics_port and find_spec("prometheus_client") is None:
        yield "metrics_port", "needs the extra: pip install 'valetkey[metrics]'"
    if not trace_collector:
        return
    parts = address.read(trace_collector)
    if parts is None or not parts.is_web or parts.has_user:
        yield "trace_collector", "is not a web address, or has a user name"
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        yield "trace_collector", "needs the extra: pip install 'valetkey[otel]'"
