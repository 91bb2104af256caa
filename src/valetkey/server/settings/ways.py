"""The settings of the ways to sign in: their types, defaults and descriptions."""

import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from valetkey.server.model.keys import Secret
from valetkey.server.settings.other_systems import DirectorySettings, StillAllowedSettings
from valetkey.server.settings.upstream import UpstreamSettings


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


_Names: TypeAlias = tuple[str, ...]
_File: TypeAlias = Path | None


class HandoffSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A platform with a sign-in page of its own, which signs its users in."""

    url: Annotated[
        str,
        _is("the https address of your sign-in page, to which browsers are handed, or empty"),
    ] = ""
    name: Annotated[str, _is("the name of your platform on the sign-in button")] = ""
    client: Annotated[
        str,
        _is(
            "the id of the client that may answer for your sign-in page; empty for every client "
            "with the scope interactions.answer"
        ),
    ] = ""
    acr: Annotated[
        _Names, _is("a list of the levels (acr) that your sign-in page may vouch for")
    ] = ()
    amr: Annotated[
        _Names,
        _is(
            "a list of the methods (amr) that your sign-in page may name; empty for those of "
            "RFC 8176"
        ),
    ] = ()
    remember: Annotated[
        Literal["session", "platform"],
        _is(
            "session or platform: whether browsers stay signed in here, or each request of an app "
            "goes by your sign-in page; for answers that say neither"
        ),
    ] = "session"
    max_seconds: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=10 * 365 * 86400,
            description="the most seconds for which an answer counts; 0 for as long as sessions "
            "here",
        ),
    ] = 0
    form_post: Annotated[
        bool,
        _is("true or false: whether your sign-in page may send signed answers through the browser"),
    ] = False
    logout_url: Annotated[
        str,
        _is(
            "the https address of your sign-out page, to which browsers are sent that sign out "
            "here, or empty"
        ),
    ] = ""


class LazyMigration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Users who move at their first sign-in."""

    url: Annotated[
        str,
        _is("the https address at which the platform checks a password, or empty for no migration"),
    ] = ""
    client_id: Annotated[str, _is("the name of this server there")] = ""
    secret: Annotated[Secret | None, _is("the secret of this server there")] = None
    secret_file: Annotated[_File, _is("a file of mode 0600 that holds that secret")] = None
    until: Annotated[
        datetime.date | None,
        _is("the day (UTC), such as 2027-03-01, from which nothing is asked of the platform"),
    ] = None


class SignInSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people sign in."""

    password: Annotated[
        bool, _is("true or false: whether people may sign in with a password of this server")
    ] = True
    handoff: HandoffSettings = HandoffSettings()
    lazy: LazyMigration = LazyMigration()
    still_allowed: StillAllowedSettings = StillAllowedSettings()
    ldap: DirectorySettings = DirectorySettings()
    upstream: Annotated[
        tuple[UpstreamSettings, ...],
        _is("a list of tables, one for each provider at which people may sign in"),
    ] = ()
