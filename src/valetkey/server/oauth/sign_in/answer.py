"""The platform's answer, over the back channel: who is there, or why nobody is.

The server checks the answer itself, as far as it can: times, levels, and the user whom the app
expects. An answer that can't be true is refused. One that is not enough ends the request with an
error for the app.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.jose.objects import depth, read_object
from valetkey.server.model.assurance import is_met
from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context, HandOff
from valetkey.server.oauth.core.decision import Answer, Outcome, Refuse
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.sign_in.interaction import (
    AnotherAnswer,
    Interaction,
    InteractionOver,
    PlatformAnswer,
    SignInQuestion,
    UnknownInteraction,
    find_interaction,
    restart_address,
    return_address,
    with_interaction,
)
from valetkey.spec import names
from valetkey.spec.errors import (
    AccessDenied,
    InteractionRequired,
    InvalidRequest,
    LoginRequired,
    OAuthError,
    TemporarilyUnavailable,
    UnauthorizedClient,
    UnmetAuthenticationRequirements,
)

SCOPE: Final = names.INTERACTIONS_ANSWER
"""The scope of clients that may answer."""

SKEW: Final = 10
"""Seconds that the platform's clock may be wrong."""

MAX_CLAIMS: Final = 8 * 1024
"""Characters of the claims about the user."""

MAX_LENGTH: Final = 255
"""Characters of a subject, a session's id, a level or a method."""

DEPTH: Final = 4
"""Levels to which claims may be nested."""

REJECTIONS: Final[dict[str, type[OAuthError]]] = {
    one.code: one
    for one in (
        AccessDenied,
        LoginRequired,
        InteractionRequired,
        UnmetAuthenticationRequirements,
        TemporarilyUnavailable,
    )
}
"""The errors that a platform may send back to the app."""

_DESCRIPTION: Final = re.compile(r"[ !#-\[\]-~]{0,200}", re.ASCII)
"""RFC 6749 4.1.2.1: the characters of a description."""

_WORD: Final = re.compile(r"[!-~]{1,255}", re.ASCII)


def answering_client(call: Call, context: Context) -> Rule[Client]:
    """The client that calls, which may answer. Raises InvalidClient, UnauthorizedClient."""
    by = yield from authenticate(call, context)
    check_may_answer(by.client, context)
    return by.client


def check_may_answer(client: Client, context: Context) -> None:
    """Raises UnauthorizedClient unless the client may answer."""
    setting = handoff(context)
    allowed = client.id == setting.client if setting.client else SCOPE in client.scope
    if client.is_public or client.origin != "declared" or not allowed:
        raise UnauthorizedClient(
            "this client may not answer interactions", detail=f"{client.id} may not answer"
        )


def handoff(context: Context) -> HandOff:
    """The settings of the hand-off. Raises UnauthorizedClient if it is off."""
    setting = context.installation.sign_in.handoff
    if setting is None:
        raise UnauthorizedClient("the hand-off is off")
    return setting


def read_acceptance(fields: Mapping[str, Any], client: Client, context: Context) -> PlatformAnswer:
    """A yes, from the fields of a form or of a signed answer. Raises InvalidRequest."""
    seconds, per_request = _remember(str(fields.get("remember", "")), handoff(context))
    return PlatformAnswer(
        client=client.id,
        subject=_text(fields, "subject", required=True),
        auth_time=_auth_time(fields.get("auth_time")),
        amr=_words(fields.get("amr", "")),
        acr=_text(fields, "acr"),
        claims=_claims(fields.get("claims", {}), context),
        sid=_text(fields, "sid"),
        seconds=seconds,
        per_request=per_request,
    )


def read_rejection(fields: Mapping[str, Any], client: Client) -> PlatformAnswer:
    """A no, with the error for the app. Raises InvalidRequest."""
    error, description = fields.get("error"), str(fields.get("error_description", ""))
    if not isinstance(error, str) or error not in REJECTIONS:
        raise InvalidRequest(f"error is none of {', '.join(REJECTIONS)}")
    if not _DESCRIPTION.fullmatch(description):
        raise InvalidRequest("error_description is over 200 long, or has other characters")
    return PlatformAnswer(client=client.id, error=error, description=description)


def _text(fields: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise InvalidRequest(f"{name} is missing")
    if len(value) > MAX_LENGTH or not value.isprintable():
        raise InvalidRequest(f"{name} is not printable, or over {MAX_LENGTH} long")
    return value


def _words(value: object) -> tuple[str, ...]:
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list) or len(words) > 20:
        raise InvalidRequest("amr is no list of methods")
    if not all(isinstance(one, str) and _WORD.fullmatch(one) for one in words):
        raise InvalidRequest("amr is no list of methods")
    return tuple(dict.fromkeys(words))


def _auth_time(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value, re.ASCII):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**10:
        raise InvalidRequest("auth_time is no number of seconds since 1970")
    return value


def _remember(text: str, setting: HandOff) -> tuple[int | None, bool]:
    """For how many seconds the answer counts, and whether for its request only."""
    most = setting.max_seconds or None
    match text or setting.remember:
        case "session":
            return most, False
        case "platform":
            return None, True
        case seconds if re.fullmatch(r"[1-9][0-9]{0,9}", seconds, re.ASCII):
            return min(int(seconds), most or int(seconds)), False
        case _:
            raise InvalidRequest("remember is neither session, nor platform, nor a number")


def _claims(value: object, context: Context) -> dict[str, Any]:
    if isinstance(value, str):
        if len(value) > MAX_CLAIMS:
            raise InvalidRequest(f"claims is over {MAX_CLAIMS} long")
        try:
            value = read_object(value)
        except ValueError as error:
            raise InvalidRequest("claims is no JSON object") from error
    if not isinstance(value, dict) or depth(value) > DEPTH:
        raise InvalidRequest("claims is no JSON object, or nested too deep")
    handoff(context).check_claims(value)
    return value


# What is checked against the question.


def checked(
    answer: PlatformAnswer, interaction: Interaction, *, created: int, context: Context
) -> PlatformAnswer:
    """The answer as it counts, without what the operator did not allow. `created` is when the
    browser was handed over. Raises InvalidRequest for what can't be, LoginRequired and
    UnmetAuthenticationRequirements for what is not enough."""
    if answer.error:
        return answer
    question, now, setting = interaction.question, context.env.now, handoff(context)
    if answer.auth_time > now + SKEW:
        why = "auth_time is in the future"
        raise InvalidRequest(why, detail=f"{answer.client}: {why}")
    if question.subject and answer.subject != question.subject:
        raise LoginRequired("the app expects another user")
    if question.silent and answer.auth_time > created + SKEW:
        raise LoginRequired("auth_time is after the start of a silent interaction")
    amr = tuple(one for one in answer.amr if one in (setting.amr or AMR))
    acr = answer.acr if answer.acr in setting.acr else ""
    if question.essential and not is_met(amr, question.acr_values, acr):
        raise UnmetAuthenticationRequirements("acr is not a level that the app requires")
    auth_time = _recent(answer, question, since=interaction.since, now=now)
    return msgspec.structs.replace(answer, auth_time=auth_time, amr=amr, acr=acr)


def _recent(answer: PlatformAnswer, question: SignInQuestion, *, since: int, now: int) -> int:
    """The time of the sign-in by this server's clock. Raises LoginRequired if it is too old."""
    auth_time = min(answer.auth_time, now)
    if auth_time >= since:
        return auth_time
    if question.is_new_sign_in:
        if auth_time < since - SKEW:
            raise LoginRequired("auth_time is before the request began")
        return since
    if question.max_age is not None and since - auth_time > question.max_age:
        raise LoginRequired("auth_time is longer ago than max_age")
    return auth_time


AMR: Final = frozenset(
    {
        *("face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd"),
        *("rba", "retina", "sc", "sms", "swk", "tel", "user", "vbm", "wia"),
    }
)
"""The registered methods (RFC 8176 2; the registry adds `pop`)."""


class Recorded(Outcome, frozen=True, kw_only=True, eq=False):
    """The answer is stored, as it counts. `address` is where the browser goes now."""

    address: str
    answer: PlatformAnswer

    def __repr__(self) -> str:
        return "Recorded(…)"


def record(handle: str, answer: PlatformAnswer, context: Context) -> Rule[Recorded]:
    """Store an answer, or find that it is stored. Raises UnknownInteraction, InteractionOver,
    AnotherAnswer, and InvalidRequest as `checked`."""
    row, interaction = yield from open_interaction(handle, answer.client, context)
    before = interaction.answer
    try:
        counts = checked(answer, interaction, created=row.created, context=context)
    except (LoginRequired, UnmetAuthenticationRequirements) as error:
        counts = PlatformAnswer(
            client=answer.client, error=error.code, description=error.description
        )
    if before is not None:
        if not before.is_same(counts):
            raise AnotherAnswer(
                detail=f"{answer.client}: answered before", members=_restart(handle, context)
            )
        return Recorded(address=return_address(handle, context), answer=before)
    noted = with_interaction(row, msgspec.structs.replace(interaction, answer=counts))
    address = return_address(handle, context)
    return Recorded(address=address, answer=counts, changes=(Update(noted),))


def open_interaction(
    handle: str, client: str, context: Context
) -> Rule[tuple[Pending, Interaction]]:
    """The interaction, while its answer was not used. Raises UnknownInteraction if another client
    answered, InteractionOver."""
    row, interaction = yield from find_interaction(handle)
    if interaction.answer is not None and interaction.answer.client != client:
        raise UnknownInteraction(detail=f"{client}: another client has answered")
    if interaction.ended or context.env.now >= row.expires:
        why = interaction.ended or "lapsed"
        raise InteractionOver(detail=f"{client}: {why}", members=_restart(handle, context))
    return row, interaction


def _restart(handle: str, context: Context) -> dict[str, str]:
    return {"restart": restart_address(handle, context)}


# The endpoints.


def read(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """What the platform is asked."""
    client = yield from answering_client(call, context)
    handle = call.form.need("interaction")
    row, interaction = yield from open_interaction(handle, client.id, context)
    question = interaction.question
    members: dict[str, Any] = {
        "interaction": handle,
        "page": question.page,
        "client": question.app,
        "prompt": question.prompt,
        "max_age": question.max_age,
        "acr_values": question.acr_values,
        "acr_essential": question.essential,
        "login_hint": question.login_hint,
        "ui_locales": question.ui_locales,
        "subject": question.subject,
        "silent": question.silent,
        "created": row.created,
        "expires": row.expires,
    }
    always = ("interaction", "page", "prompt", "acr_values", "max_age", "created", "expires")
    return Answer(
        document={
            name: value
            for name, value in members.items()
            if value or (name in always and value is not None)
        }
    )


def accept(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Take a yes."""
    client = yield from answering_client(call, context)
    return (yield from _recorded(call, read_acceptance(call.form, client, context), context))


def reject(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Take a no."""
    client = yield from answering_client(call, context)
    return (yield from _recorded(call, read_rejection(call.form, client), context))


def _recorded(call: Call, answer: PlatformAnswer, context: Context) -> Rule[Answer]:
    recorded = yield from record(call.form.need("interaction"), answer, context)
    counts = recorded.answer
    # A yes that was not enough: the platform's developer reads why.
    why = {"error": counts.error, "error_description": counts.description} if counts.error else {}
    return Answer(document={"redirect_to": recorded.address, **why}, changes=recorded.changes)
