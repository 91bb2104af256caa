"""JWT assertions as grants (RFC 7523 2.1): another server names the user.

The client's policy has to trust that server, and the user has to have allowed this app before: an
assertion opens what their grant opens. Each assertion is accepted once. With `identity assertion`
switched on, an ID-JAG is accepted too.
"""

from typing import Final

import msgspec

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.objects import read_object
from valetkey.jose.seal import digest
from valetkey.server.model import ids
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.grant import Grant, live_grant_alias
from valetkey.server.model.policy import TrustedIssuer
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.clients.documents import check_resources
from valetkey.server.oauth.core.consent_limits import is_used_up
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, Refuse
from valetkey.server.oauth.core.feature import Authenticated, Feature, GrantType
from valetkey.server.oauth.core.single_use import use_up
from valetkey.server.oauth.grant_types import authorization_code, identity_assertion, narrowing
from valetkey.server.oauth.grant_types.narrowing import Narrowing
from valetkey.server.oauth.tokens.code import Code
from valetkey.spec import names
from valetkey.spec.errors import InvalidGrant
from valetkey.spec.names import Cite
from valetkey.wire.form import Form

CITE: Final = Cite("RFC 7523", "2.1")

ASSERTION_PURPOSE: Final = "assertion of a user"
"""The purpose of the single-use values of assertions."""

LONGEST: Final = 3600
"""The longest time, in seconds, from now to the end of an assertion."""

MAX_JTI: Final = 512


class AssertionRequest(msgspec.Struct, frozen=True):
    """The parameters of a token request with an assertion."""

    assertion: str
    narrowing: Narrowing

    def __repr__(self) -> str:
        return "Asserting(…)"


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """Claims of the other server's assertion. `client_id` and `scope` are those of an ID-JAG: which
    client may present it, and for what."""

    iss: str
    sub: str
    aud: str
    jti: str
    exp: float
    iat: float | None = None
    nbf: float | None = None
    client_id: str = ""
    scope: str = ""


class Over(InvalidGrant):
    """The assertion was valid, and has expired or was used."""


def parse(form: Form) -> AssertionRequest:
    """Read the parameters of RFC 7523 2.1."""
    return AssertionRequest(form.need("assertion"), narrowing.parse(form))


def decide(
    request: AssertionRequest, caller: Authenticated, context: Context
) -> Rule[Issue | Refuse]:
    """Issue a token for the user that a trusted server names, within what that user granted."""
    check_resources(caller.client, request.narrowing.resources, context)
    jag = identity_assertion.is_on(context)
    typ = ("jwt", "", identity_assertion.TYPE) if jag else ("jwt", "")
    assertion, user = yield from about(request.assertion, caller, context, typ=typ)
    if user is None:
        raise InvalidGrant(detail="the assertion names no user of this server")
    grant = yield from _yes(user, caller)
    if is_used_up(grant, context.env.now):
        # A grant that allows one use was for its own code.
        raise InvalidGrant("the user's grant is used up")
    code = _code(assertion, request.narrowing, user, grant=grant, context=context)
    redemption = authorization_code.Redemption("", "", "", request.narrowing)
    issued = yield from authorization_code.redeem(code, redemption, caller, context=context)
    if isinstance(issued, Refuse):
        return issued
    # RFC 7521 4.1: the client gets its next token with its next assertion.
    return msgspec.structs.replace(issued, refresh_token=None, with_id_token=False)


def about(
    text: str, caller: Authenticated, context: Context, *, typ: tuple[str, ...]
) -> Rule[tuple[Assertion, User | None]]:
    """The claims of a JWT of one of these types by an issuer that the client's policy trusts, and
    the user that it names. Each JWT is accepted once. Raises InvalidGrant."""
    trusted = _issuer(text, caller, context)
    assertion = yield from _read_assertion(text, trusted, caller, typ=typ, context=context)
    yield from _once(assertion)
    return assertion, (yield from _of(assertion, trusted))


def _issuer(text: str, caller: Authenticated, context: Context) -> TrustedIssuer:
    """The issuer that the assertion claims to be from, if the client's policy trusts it."""
    try:
        jws.read_header(text)
        claimed = read_object(base64url.decode(text.split(".")[1])).get("iss")
    except ValueError as error:
        raise InvalidGrant(detail=f"assertion: {error}") from error
    for one in context.installation.all_policies[caller.client.policy].trusts:
        if one.issuer == claimed:
            return one
    raise InvalidGrant(detail="the issuer of the assertion is not trusted")


def _read_assertion(
    text: str,
    trusted: TrustedIssuer,
    caller: Authenticated,
    *,
    typ: tuple[str, ...],
    context: Context,
) -> Rule[Assertion]:
    """The verified claims of an assertion that is valid now and meant for this server (RFC 7523
    3)."""
    try:
        algorithms = context.installation.all_policies[caller.client.policy].client_algorithms
        payload = yield from keys.verify(text, trusted, typ=typ, algorithms=algorithms)
        assertion = msgspec.convert(read_object(payload), Assertion)
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidGrant(detail=f"assertion: {error}") from error
    is_jag = jws.media_type(jws.read_header(text).get("typ")) == identity_assertion.TYPE
    why = jwt.why_not(
        context.env.now, exp=assertion.exp, nbf=assertion.nbf, iat=assertion.iat, longest=LONGEST
    ) or next(
        (why for wrong, why in _wrong(assertion, caller, context, is_jag=is_jag) if wrong), ""
    )
    if why:
        kind = Over if jwt.is_over(context.env.now, assertion.exp) else InvalidGrant
        raise kind(detail=f"assertion: {why}")
    return assertion


def _wrong(
    assertion: Assertion, caller: Authenticated, context: Context, *, is_jag: bool
) -> tuple[tuple[bool, str], ...]:
    return (
        (assertion.aud != context.installation.issuer, f"for {assertion.aud[:200]!r}"),
        (not assertion.sub, "about nobody"),
        (not 0 < len(assertion.jti) <= MAX_JTI, "jti is empty or too long"),
        (is_jag and assertion.client_id != caller.client.id, "for another client"),
        (assertion.client_id not in ("", caller.client.id), "for another client"),
    )


def _once(assertion: Assertion) -> Rule[None]:
    marker = SingleUse(
        purpose=ASSERTION_PURPOSE,
        value=digest(f"{assertion.iss} {assertion.jti}"),
        expires=int(assertion.exp) + 2 * jwt.SKEW,
    )
    if not (yield from use_up(marker)):
        raise InvalidGrant(detail="the assertion was used before")


def _of(assertion: Assertion, trusted: TrustedIssuer) -> Rule[User | None]:
    """The user that the assertion names, if any. `issue.tokens` checks that the user is active."""
    if trusted.subject == "id":
        named = One(User, assertion.sub)
        return (yield (named,)).one(named)
    called = OneByAlias(User, sign_in_name(assertion.sub[:255]))
    user = (yield (called,)).one(called)
    # RFC 7519 4.1.2: a sub has one spelling. People sign in with any spelling of their name, but
    # another server may have given two spellings to two people.
    return user if user is not None and user.username == assertion.sub else None


def _yes(user: User, caller: Authenticated) -> Rule[Grant]:
    """The user's grant to this app."""
    wanted = OneByAlias(Grant, live_grant_alias(user.id, caller.client.id))
    grant = (yield (wanted,)).one(wanted)
    if grant is None:
        raise InvalidGrant("the user has not allowed this app")
    return grant


def _code(
    assertion: Assertion, requested: Narrowing, user: User, *, grant: Grant, context: Context
) -> Code:
    """A code for the grant as it stands, within what the assertion is for."""
    scope = tuple(assertion.scope.split())
    allowed = (
        grant.allows(context.installation.offer.expand_known(scope)) if scope else grant.permissions
    )
    return Code(
        client=grant.client,
        redirect_uri="",
        redirect_sent=False,
        challenge="",
        nonce="",
        user=user.id,
        grant=grant.id,
        family=ids.owned_id(context.env, owner=user.id),
        session="",
        auth_time=0,
        # Without offline_access, this family can't be refreshed.
        scope=(names.OFFLINE_ACCESS, *(requested.scope or scope)),
        permissions=tuple(one for one in allowed if one != names.OFFLINE_ACCESS),
        resources=requested.resources,
        device="",
        expires=context.env.now + 1,
    )


JWT_BEARER: Final = Feature(
    name="JWT assertion grants",
    cites=(CITE, Cite("RFC 7521", "4.1")),
    grant_types=(
        GrantType(
            name=names.JWT_BEARER,
            cite=CITE,
            confidential_only=True,
            declared_only=True,
            parse=parse,
            decide=decide,
        ),
    ),
)
