"""What an app asks of the platform's sign-in, and what to do about it. Without I/O."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

import msgspec

from valetkey.wire import redirect

PARAMETER = "interaction"
"""The query parameter with the handle of an interaction."""

RETURNED = "returned"
"""Marks the address to which the sign-in page returns: the user has been there."""

CANCEL = "cancel"
"""Marks the address that cancels: for a link on the sign-in page."""

SKEW = 5
"""Seconds by which the clocks of the platform and of valetkey may differ."""


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's user in this browser, and how they signed in.

    `subject` is the platform's stable id of the user: no e-mail address, which can change hands.
    `auth_time` is when they signed in, in seconds since 1970. `amr` are the methods that they used
    (RFC 8176, such as "pwd" and "otp"), `acr` the level that this amounts to, "" for none. `claims`
    are standard claims (OpenID Connect Core 5.1), such as name and email. `sid` is the platform's
    id of its session, so that either side can end it; "" for none. `remember` says how long
    valetkey may skip the platform: "session" for as long as its own sessions last, "platform" for
    this request only, or a number of seconds.
    """

    subject: str
    auth_time: int
    amr: tuple[str, ...] = ()
    acr: str = ""
    claims: Mapping[str, Any] = {}
    sid: str = ""
    remember: Literal["session", "platform"] | int = "session"


class RequestingClient(msgspec.Struct, frozen=True, kw_only=True):
    """The app that asks. `verified`: an operator has checked who is behind it."""

    client_id: str = ""
    name: str = ""
    verified: bool = False
    logo_uri: str = ""


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that valetkey waits for.

    `prompt`, `max_age` (in seconds, None for any age), `acr_values` and `ui_locales` are what the
    app requests (OpenID Connect Core 3.1.2.1). `login_hint` is the app's own text about the user:
    nobody has verified it. `subject` is the platform's user who has to be the one, "" for any.
    `silent`: no page may be displayed. `page` is "account" for valetkey's own pages. `created` and
    `expires` are in seconds since 1970.
    """

    interaction: str
    client: RequestingClient = RequestingClient()
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    login_hint: str = ""
    ui_locales: str = ""
    subject: str = ""
    silent: bool = False
    page: str = "authorization"
    created: int
    expires: int


class LoginPage(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the page to which valetkey sends users. `query` is the request's query, and
    `here` its path. `sign_in` is the platform's own sign-in page, which gets the way back in the
    parameter `next_parameter`."""

    query: Mapping[str, str]
    here: str
    sign_in: str
    next_parameter: str = "next"


class ToSignIn(msgspec.Struct, frozen=True):
    """Lead the user to the platform's sign-in page. `why` is "" if nobody is signed in, or "login"
    (sign in again), "account" (as another user), or "level" (with a stronger method)."""

    why: Literal["", "login", "account", "level"] = ""


class Refuse(msgspec.Struct, frozen=True):
    """Refuse the request. `error` is a registered code."""

    error: str
    description: str = ""


Move: TypeAlias = SignedIn | ToSignIn | Refuse


def move(
    interaction: Interaction, signed_in: SignedIn | None, *, now: float, returned: bool = False
) -> Move:
    """The next move: answer with the user, lead them to the sign-in page, or refuse. `returned`:
    they have been to the sign-in page for this interaction. They are not sent there twice, unless
    they did not sign in at all."""
    why = _why(interaction, signed_in, now=now, returned=returned)
    if why is None and signed_in is not None:
        return signed_in
    if interaction.silent:
        return Refuse("login_required", "nobody is signed in as this app needs it")
    if signed_in is not None and returned:
        return Refuse("login_required", "the user did not sign in as this app needs it")
    return ToSignIn(why or "")


def _why(
    interaction: Interaction, signed_in: SignedIn | None, *, now: float, returned: bool
) -> Literal["", "login", "account", "level"] | None:
    """Why the user has to go to the sign-in page; None if they need not."""
    if signed_in is None:
        return ""
    if interaction.subject and signed_in.subject != interaction.subject:
        return "account"
    if "select_account" in interaction.prompt and not returned:
        return "account"
    if not _is_recent(interaction, signed_in, now=now, returned=returned):
        return "login"
    levels = interaction.acr_values
    # The app may do with less: after one visit, valetkey decides.
    return "level" if levels and signed_in.acr not in levels and not returned else None


def _is_recent(
    interaction: Interaction, signed_in: SignedIn, *, now: float, returned: bool
) -> bool:
    # A sign-in of the same second as the request is not yet one for the request.
    is_new = returned and signed_in.auth_time >= interaction.created - SKEW
    if "login" in interaction.prompt or interaction.max_age == 0:
        return is_new
    return is_new or interaction.max_age is None or now - signed_in.auth_time <= interaction.max_age


def sign_in_address(page: LoginPage, interaction: Interaction, to: ToSignIn) -> str:
    """The platform's sign-in page, with what it may need."""
    back = f"{page.here}?{urlencode({PARAMETER: interaction.interaction, RETURNED: '1'})}"
    parameters = {
        page.next_parameter: back,
        "prompt": {"login": "login", "account": "select_account", "level": "login"}.get(to.why, ""),
        "acr_values": " ".join(interaction.acr_values) if to.why == "level" else "",
        "login_hint": interaction.login_hint,
        "ui_locales": interaction.ui_locales,
    }
    return redirect.with_parameters(
        page.sign_in, {name: one for name, one in parameters.items() if one}
    )
