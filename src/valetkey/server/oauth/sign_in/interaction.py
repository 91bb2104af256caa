"""An interaction: this server hands a browser to a platform, which signs its user in and answers.

The browser carries only a handle. The platform reads what is behind it over the back channel, and
its reply there has the secret with which the browser comes back. The secret is derived from the
handle with a key that is not in the database, so a stolen database has none.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey.jose import base64url, seal
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import Identity
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.interaction import ANOTHER
from valetkey.server.oauth.authorize.request_stages import ValidRequest, find_waiting
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.subjects import find_user
from valetkey.spec.errors import InvalidRequest, LoginRequired

WAY: Final = "platform"
"""The name of the way, and the source of its identities."""

RETURN: Final = "/interaction/return"
RESTART: Final = "/interaction/restart"
FORM_POST: Final = "/interaction/answer"
"""Pages of the browser that comes back from the platform."""

MOST: Final = 5
"""Interactions of one authorization request: more is a loop."""

PURPOSE: Final = b"answered interaction"

Page: TypeAlias = Literal["authorization", "account"]


class UnknownInteraction(InvalidRequest):
    """There is no such interaction, or it is another client's: the answers are alike."""

    says = "there is no such interaction"
    default_status = 404


class InteractionOver(InvalidRequest):
    """The interaction has lapsed, or its answer was used."""

    says = "the interaction is over"
    default_status = 410


class AnotherAnswer(InvalidRequest):
    """The interaction has another answer already."""

    says = "the interaction has another answer already"
    default_status = 409


class SignInLoop(LoginRequired):
    """The platform has answered often, and it is never enough."""

    says = "the sign-in goes round in circles: nobody there can sign in for this request"


class AppInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The app that asks. `logo_uri` is its own address for a picture, "" for none."""

    client_id: str
    name: str
    verified: bool
    logo_uri: str = ""


class SignInQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the platform is asked.

    `app` is None for a page of the user's own. `prompt` has what one visit to the platform uses up:
    `login`, `select_account`, `create`. `max_age` is in seconds, None for any. With `essential`,
    one of `acr_values` has to be met. `login_hint` is the app's own word, not verified. `subject`
    is the only user who will do, by the platform's id, "" for any. `silent`: the platform may show
    nothing.
    """

    page: Page
    app: AppInfo | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    essential: bool = False
    login_hint: str = ""
    ui_locales: str = ""
    subject: str = ""
    silent: bool = False

    @property
    def is_new_sign_in(self) -> bool:
        """Whether only a sign-in of now will do (OpenID Connect Core 3.1.2.1)."""
        return "login" in self.prompt or self.max_age == 0


class PlatformAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the platform answered. `client` gave the answer. After a no, `error` is its registered
    code. `auth_time` is in seconds since 1970; `sid` is the platform's session, "" for none;
    `seconds` is how long the answer counts, None for as long as sessions of this server.
    `per_request`: it counts for this request only."""

    client: str
    subject: str = ""
    auth_time: int = 0
    amr: tuple[str, ...] = ()
    acr: str = ""
    claims: dict[str, Any] = {}
    sid: str = ""
    seconds: int | None = None
    per_request: bool = False
    error: str = ""
    description: str = ""

    def is_same(self, other: "PlatformAnswer") -> bool:
        """Whether both say the same. The first one's time and claims stay."""
        plain = {"auth_time": 0, "claims": {}, "description": ""}
        return msgspec.structs.replace(self, **plain) == msgspec.structs.replace(other, **plain)


class Interaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An interaction as it is stored. `pending` is the authorization request that waits, "" for
    none; then `target` is the page of the user's own. `since` is when the request began, in seconds
    since 1970. `ended`: the answer was used, or a wrong browser came back."""

    question: SignInQuestion
    pending: str = ""
    target: str = ""
    since: int
    answer: PlatformAnswer | None = None
    ended: Literal["", "used", "burned"] = ""


class Begun(Outcome, frozen=True, kw_only=True, eq=False):
    """The handle to send the browser away with. `new`: there was none that waits."""

    handle: str
    new: bool = True


def begin_for_request(name: str, browser: Browser, context: Context) -> Rule[Begun]:
    """Begin an interaction for a waiting request, or go on with the one that waits. Raises
    SignInLoop, and OAuthError, for a page."""
    valid_request, pending = yield from find_waiting(name, browser, context)
    question = yield from _question(valid_request, pending, context)
    if pending.handoff:
        query = One(Pending, pending.handoff)
        before = (yield (query,)).one(query)
        if before is not None and _still_asks(before, question, now=context.env.now):
            return Begun(handle=before.id, new=False)
    if pending.handoffs >= MOST:
        raise SignInLoop(detail=f"{pending.client}: {MOST} interactions for one request")
    interaction = Interaction(question=question, pending=pending.id, since=pending.created)
    row = _row(interaction, browser, context)
    row = msgspec.structs.replace(
        row,
        client=pending.client,
        parameters=pending.parameters,
        resources=pending.resources,
        pushed=pending.pushed,
        expires=min(row.expires, pending.expires),
    )
    noted = msgspec.structs.replace(pending, handoff=row.id, handoffs=pending.handoffs + 1)
    return Begun(handle=row.id, changes=(Create(row), Update(noted)))


def _still_asks(row: Pending, question: SignInQuestion, *, now: int) -> bool:
    return now < row.expires and not row.confirmed and read_row(row).question == question


def begin_for_page(target: str, *, browser: Browser, context: Context) -> Rule[Begun]:
    """Begin an interaction for the page `target` of the user's own."""
    yield from ()
    question = SignInQuestion(page="account")
    interaction = Interaction(question=question, target=target, since=context.env.now)
    row = _row(interaction, browser, context)
    return Begun(handle=row.id, changes=(Create(row),))


def _row(interaction: Interaction, browser: Browser, context: Context) -> Pending:
    return Pending(
        id=ids.to_text(context.env.random_bytes(ids.LENGTH)),
        kind="handoff",
        client="",
        contents=msgspec.msgpack.encode(interaction),
        browser=browser.id,
        created=context.env.now,
        expires=context.env.now + context.installation.lifetimes.interaction,
    )


def _question(
    valid_request: ValidRequest, pending: Pending, context: Context
) -> Rule[SignInQuestion]:
    request, form = valid_request.request, valid_request.client_request.form
    client = request.client
    user = valid_request.of
    if request.hinted and not user:
        user = find_user(request.hinted, client, context.installation.keyring)
    subject = yield from _subject_of(user)
    prompts = {"login", "select_account", "create"} & request.prompts
    if pending.chosen == ANOTHER:
        prompts = prompts | {"select_account"}
    acr = request.requested_claims.acr
    essential = bool(acr) and request.requested_claims.essential
    return SignInQuestion(
        page="authorization",
        app=AppInfo(
            client_id=client.id,
            name=client.name,
            verified=client.verified,
            logo_uri=client.logo_uri if client.verified else "",
        ),
        prompt=tuple(sorted(prompts)),
        max_age=request.max_age,
        acr_values=acr if essential else tuple(dict.fromkeys((*acr, *request.acr_values))),
        essential=essential,
        login_hint=request.login_hint,
        ui_locales=form.get("ui_locales", "")[:255],
        subject=subject,
        silent="none" in request.prompts,
    )


def _subject_of(user: str) -> Rule[str]:
    """The platform's subject of a user, "" for none."""
    if not user:
        return ""
    query = Many(Identity, "user", user)
    found = (yield (query,)).many(query)
    return next((one.subject for one in found if one.source == WAY), "")


# What is stored, and what travels.


def read_row(row: Pending) -> Interaction:
    """The interaction in a row."""
    return msgspec.msgpack.decode(row.contents, type=Interaction)


def with_interaction(row: Pending, interaction: Interaction) -> Pending:
    """The row with the interaction in its new state."""
    return msgspec.structs.replace(
        row,
        contents=msgspec.msgpack.encode(interaction),
        confirmed=interaction.answer is not None or bool(interaction.ended),
    )


def ended(row: Pending, interaction: Interaction, how: Literal["used", "burned"]) -> Change:
    """The change that ends an interaction, and deletes the answer."""
    return Update(
        with_interaction(row, msgspec.structs.replace(interaction, answer=None, ended=how))
    )


def find_interaction(handle: str) -> Rule[tuple[Pending, Interaction]]:
    """The interaction behind a handle. Raises UnknownInteraction."""
    query = One(Pending, handle)
    row = (yield (query,)).one(query)
    if row is None or row.kind != "handoff":
        raise UnknownInteraction
    return row, read_row(row)


def return_address(handle: str, context: Context) -> str:
    """The address at which the browser comes back. Its secret is the same each time."""
    secret = next(_secrets(handle, context))
    return f"{context.installation.issuer}{RETURN}?answer={handle}.{secret}"


def is_secret_of(handle: str, secret: str, context: Context) -> bool:
    """Whether a browser brings the secret of that interaction."""
    return any(seal.same(one.encode(), secret.encode()) for one in list(_secrets(handle, context)))


def _secrets(handle: str, context: Context) -> Iterator[str]:
    for key in context.installation.keyring.macs:
        yield base64url.encode(seal.mac(key.raw, PURPOSE, handle.encode()))


def restart_address(handle: str, context: Context) -> str:
    """The address at which a browser starts again, whatever has become of the interaction."""
    return f"{context.installation.issuer}{RESTART}?interaction={handle}"
