"""The platform's answer as a signed token, which its page posts through the browser: for platforms
that can't call this server (`sign_in.handoff.form_post`).

The form comes from another site, without our cookies. So the answer is stored, and the browser goes
on with the secret; only then its cookie is checked, as for every answer.
"""

from typing import Final

import msgspec

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.jws import BadSignature
from valetkey.jose.objects import read_object
from valetkey.jose.seal import digest
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.single_use import use_up
from valetkey.server.oauth.sign_in.answer import (
    Recorded,
    check_may_answer,
    handoff,
    read_acceptance,
    read_rejection,
    record,
)
from valetkey.server.oauth.sign_in.interaction import InteractionOver, restart_address
from valetkey.spec.errors import InvalidRequest

TYPE: Final = "interaction-answer+jwt"
SECONDS: Final = 60
"""The longest lifetime of a signed answer."""

MAX_LENGTH: Final = 16 * 1024
USED: Final = "signed answer"
"""The purpose of the single-use values of signed answers."""


class BadAnswer(InvalidRequest):
    """The signed answer is malformed, not signed as it has to be, or not of this moment."""

    says = "the answer of the sign-in page is not valid"


class SignedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The claims that every signed answer has, beside those of the answer itself. Times are in
    seconds since 1970."""

    iss: str
    aud: str
    iat: float
    exp: float
    jti: str
    interaction: str


def record_signed(text: str, context: Context) -> Rule[Recorded]:
    """Verify a signed answer, and store it. Raises BadAnswer, UnauthorizedClient, and what `record`
    raises."""
    if not handoff(context).form_post or len(text) > MAX_LENGTH:
        raise BadAnswer(detail="signed answers are off, or too long")
    client = yield from _client(text)
    check_may_answer(client, context)
    algorithms = keys.algorithms_of(client, client.auth_algorithm, context)
    try:
        payload = yield from keys.verify(text, client, typ=(TYPE,), algorithms=algorithms)
        fields = read_object(payload)
        claims = msgspec.convert(fields, SignedAnswer)
    except (BadSignature, ValueError, msgspec.ValidationError) as error:
        raise BadAnswer(detail=f"{client.id}: {error}") from error
    yield from _count(claims, client, context)
    answer = (
        read_rejection(fields, client)
        if "error" in fields
        else read_acceptance(fields, client, context)
    )
    return (yield from record(claims.interaction, answer, context))


def _client(text: str) -> Rule[Client]:
    """The client that the answer names, before anything is verified. Raises BadAnswer."""
    try:
        jws.read_header(text)
        name = read_object(base64url.decode(text.split(".")[1])).get("iss")
    except ValueError as error:
        raise BadAnswer(detail="not a signed token") from error
    query = One(Client, name if isinstance(name, str) else "")
    client = (yield (query,)).one(query)
    if client is None or client.status != "active":
        raise BadAnswer(detail="no active client has that name")
    return client


def _count(claims: SignedAnswer, client: Client, context: Context) -> Rule[None]:
    """Check an answer whose signature was verified: it is the client's, for this server, of now,
    and not seen before. Raises BadAnswer, InteractionOver."""
    why = jwt.why_not(context.env.now, exp=claims.exp, iat=claims.iat, longest=SECONDS)
    rules: tuple[tuple[object, str], ...] = (
        (claims.iss == client.id, "another client's"),
        (claims.aud == context.installation.issuer, "for another server"),
        (claims.exp - claims.iat <= SECONDS, f"lives longer than {SECONDS} s"),
        (0 < len(claims.jti) <= 255, "no jti"),
        (not why, why),
    )
    for holds, wrong in rules:
        if not holds:
            raise BadAnswer(detail=f"{client.id}: {wrong}")
    marker = SingleUse(
        purpose=USED,
        value=f"{client.id} {digest(claims.jti)}",
        expires=int(claims.exp) + 2 * jwt.SKEW,
    )
    if not (yield from use_up(marker)):
        restart = {"restart": restart_address(claims.interaction, context)}
        raise InteractionOver(detail=f"{client.id}: the answer was posted before", members=restart)
