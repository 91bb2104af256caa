"""Who has signed in at a provider: from its ID Token and its userinfo to a user here."""

import contextlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.jwk import PublicKey
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.sign_in.attempt import Attempt
from valetkey.server.oauth.sign_in.provider import Provider, find_keys
from valetkey.server.oauth.sign_in.token_request import Tokens
from valetkey.server.oauth.sign_in.upstream import SignInFailed, Upstream
from valetkey.spec.names import Cite
from valetkey.wire import id_token
from valetkey.wire.id_token import IdToken

CITE: Final = Cite("OpenID Connect Core", "3.1.3.7")
LONGEST: Final = 3600
"""Seconds since an ID Token was issued, at the most. The exchange takes seconds."""

MAX_GROUPS: Final = 200
MAX_GROUP: Final = 128
"""Groups of a user that are stored, and the characters of each name."""

SKEW: Final = 60
"""Seconds that the provider's clock may be behind."""


class SignedInUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user at a provider: `subject` at `source` (see `model.user.Identity`).

    `auth_time` is when they signed in there, in seconds since 1970, 0 if the provider does not say.
    `acr` is a level of this server, "" for none; `sid` the provider's session, "" for none.
    `claims` are standard claims (OpenID Connect Core 5.1); `groups` are None if none are
    configured.
    """

    source: str
    subject: str
    auth_time: int = 0
    acr: str = ""
    sid: str = ""
    claims: dict[str, Any] = {}
    groups: tuple[str, ...] | None = None


def verify_id_token(
    tokens: Tokens, attempt: Attempt, upstream: Upstream, *, provider: Provider, context: Context
) -> Rule[tuple[IdToken, dict[str, Any]]]:
    """The ID Token of this attempt, and all of its claims. If no key fits, the keys are fetched
    again, at most once in some seconds. Raises SignInFailed, ProviderDown."""
    try:
        _check_supported(tokens.id_token)
        claims = id_token.unverified_claims(tokens.id_token)
        issuer = upstream.issuer_of(claims)
        verified = yield from _verified(
            tokens, attempt, upstream, issuer=issuer, provider=provider, context=context
        )
    except jwt.BadToken as error:
        raise SignInFailed("broken", detail=f"ID Token: {error}") from error
    now = context.env.now
    if verified.iat < now - LONGEST or not 0 < len(verified.sub) <= _SUBJECT:
        raise SignInFailed("broken", detail="ID Token: too old, or sub is empty or too long")
    if attempt.fresh and 0 < verified.auth_time < attempt.began - SKEW:
        raise SignInFailed("not_fresh", detail="the user signed in before")
    return verified, claims


_SUBJECT: Final = 255


def _check_supported(token: str) -> None:
    """Tell the operator what to change at the provider. Raises jwt.BadToken."""
    if token.count(".") == ENCRYPTED_PARTS - 1:
        raise jwt.BadToken("is encrypted, which is not supported: switch it off at the provider")
    with contextlib.suppress(jws.BadSignature):  # It is reported where the token is verified.
        algorithm = str(jws.read_header(token).get("alg"))
        if algorithm in SHARED_SECRET:
            raise jwt.BadToken(
                f"is signed with {algorithm}, a shared secret, which is not supported: "
                "choose RS256 or ES256 at the provider"
            )


ENCRYPTED_PARTS: Final = 5
"""Parts of a JWE (RFC 7516 3.1); a JWS has three."""
SHARED_SECRET: Final = frozenset({"HS256", "HS384", "HS512"})


def _verified(
    tokens: Tokens,
    attempt: Attempt,
    upstream: Upstream,
    *,
    issuer: str,
    provider: Provider,
    context: Context,
) -> Rule[IdToken]:
    keys = yield from keys_for(tokens.id_token, provider)
    return id_token.verify(
        tokens.id_token,
        keys=keys,
        issuer=issuer,
        client_id=upstream.client_id,
        nonce=attempt.nonce,
        access_token=tokens.access_token,
        now=context.env.now,
        algorithms=provider.algorithms,
    ).claims


def keys_for(token: str, provider: Provider) -> Rule[tuple[PublicKey, ...]]:
    """The provider's keys; fetched again if the token names one that is not among them, as after a
    rotation. Raises jwt.BadToken, ProviderDown, SignInFailed."""
    try:
        kid = jws.read_header(token).get("kid")
    except jws.BadSignature as error:
        raise jwt.BadToken(str(error)) from error
    keys = yield from find_keys(provider)
    if kid is None or any(key.kid == kid for key in keys):
        return keys
    return (yield from find_keys(provider, again=True))


def from_id_token(
    verified: IdToken,
    claims: Mapping[str, Any],
    userinfo: Mapping[str, Any] | None,
    *,
    upstream: Upstream,
) -> SignedInUser:
    """The user of an ID Token; `userinfo` is None if it was not requested. Raises SignInFailed."""
    if userinfo is not None and userinfo.get("sub") != verified.sub:
        # OpenID Connect Core 5.3.2.
        raise SignInFailed("broken", detail="userinfo is about another user")
    more = userinfo or {}
    # What one document says of its address is no word about the other's.
    dropped = {flag for name, flag in _FLAGS.items() if name in more}
    own = {name: value for name, value in claims.items() if name not in dropped}
    every = {**own, **more, "iss": verified.iss, "sub": verified.sub}
    _check_required(every, upstream)
    return SignedInUser(
        source=upstream.source_of(verified.iss),
        subject=verified.sub,
        auth_time=verified.auth_time,
        acr=upstream.levels.get(verified.acr, ""),
        sid=verified.sid,
        claims=mapped(every, upstream),
        groups=groups(every, upstream),
    )


def from_userinfo(userinfo: Mapping[str, Any], upstream: Upstream) -> SignedInUser:
    """The user of an OAuth 2 server, which tells neither when nor how they signed in. Raises
    SignInFailed."""
    subject = member(userinfo, upstream.subject)
    # GitHub has numbers.
    if isinstance(subject, int) and not isinstance(subject, bool):
        subject = str(subject)
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT:
        raise SignInFailed("broken", detail=f"userinfo: {upstream.subject} is no subject")
    _check_required(userinfo, upstream)
    return SignedInUser(
        source=upstream.source_of(""),
        subject=subject,
        claims=mapped(userinfo, upstream),
        groups=groups(userinfo, upstream),
    )


def member(claims: Mapping[str, Any], path: str) -> Any:
    """The value at a path such as `resource_access.app.roles`, None if there is none. A claim whose
    own name has dots is found by that name."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


_FLAGS: Final = {"email": "email_verified", "phone_number": "phone_number_verified"}
"""Claims, and those that tell whether they are verified."""


def mapped(claims: Mapping[str, Any], upstream: Upstream) -> dict[str, Any]:
    """The standard claims: those of the same name, or as the operator maps them."""
    own = {name: member(claims, path) for name, path in upstream.claims.items() if path}
    dropped = {name for name, path in upstream.claims.items() if not path}
    # The flag is about the claim of its own name, not about what stands for it.
    dropped |= {flag for name, flag in _FLAGS.items() if name in own and flag not in own}
    standard = {name: value for name, value in {**claims, **own}.items() if name not in dropped}
    match upstream.email_verified:
        case "always":
            standard["email_verified"] = True
        case "never":
            standard["email_verified"] = False
        case "claim":
            pass
    return standard


def groups(claims: Mapping[str, Any], upstream: Upstream) -> tuple[str, ...] | None:
    """The names in the groups claim, sorted and without doubles. None if none is configured."""
    if not upstream.groups:
        return None
    return group_names(member(claims, upstream.groups))


def group_names(value: object) -> tuple[str, ...]:
    """The names in a claim of groups, a text or a list, sorted and without doubles; at most
    MAX_GROUPS."""
    names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    fit = {one for one in names if isinstance(one, str) and 0 < len(one) <= MAX_GROUP}
    return tuple(sorted(fit)[:MAX_GROUPS])


def _check_required(claims: Mapping[str, Any], upstream: Upstream) -> None:
    for path, allowed in upstream.require.items():
        value = member(claims, path)
        values = value if isinstance(value, list) else [value]
        if not any(isinstance(one, str) and one in allowed for one in values):
            raise SignInFailed("refused", detail=f"{path} has no allowed value")
