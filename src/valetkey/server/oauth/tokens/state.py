"""The state of one of our tokens at this moment, for introspection, userinfo and revocation."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from valetkey.jose import jwt, seal
from valetkey.jose.jwk import PublicKey
from valetkey.server.model.client import Client
from valetkey.server.model.counters import REVOKED, SingleUse
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import RawKey
from valetkey.server.model.query import One, RecentOne, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context, SignedTokens
from valetkey.server.oauth.core.decision import Issue, Standing
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.server.oauth.core.liveness import is_over, still_allowed, why_dead, why_suspended
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.tokens.account_check import WHY, is_refused
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import access_token, split_token
from valetkey.wire.access_token import AccessToken, Actor
from valetkey.wire.token_response import ACCOUNT_DISABLED

# Split access tokens (`wire.split_token`): this module writes and reads the app half.
#
# The app half contains the sealed token, so it has no row. The API half is derived from it when the
# API asks.

NAME: Final = "split access tokens"
"""The name of the feature in settings."""

PURPOSE: Final = b"app's half of an access token"
KID: Final = 4

SALT: Final = 16
"""Bytes of salt. Each app half has a key of its own, since one key has too few nonces for all
tokens."""

MEMO_SIZE: Final = 4096
"""How many app halves are remembered with their contents."""


def is_enabled(context: Context) -> bool:
    """Whether the feature is switched on."""
    return NAME in context.installation.enabled_features


def is_split(token: AccessToken, context: Context) -> bool:
    """Whether the token is for an API that gets API halves. One such API is enough: a whole token
    would be visible in that API's log."""
    offer = context.installation.offer
    split = offer.split_token_resources
    return bool(split) and not split.isdisjoint(offer.find_resources(token.aud))


def check_bound(token: AccessToken, decision: Issue, context: Context) -> AccessToken:
    """Raise InvalidRequest for a split token that is not bound to a key: anyone who reads the app
    half in a log could use it as the app does."""
    if token.cnf is None and is_split(token, context):
        raise InvalidRequest("a token for this API has to be bound: prove possession of a key")
    return token


def write(token: AccessToken, context: Context) -> str:
    """Write the app half, or "" for a token that is not split."""
    if not is_split(token, context):
        return ""
    key, salt = context.installation.keyring.sealing[0], context.env.random_bytes(SALT)
    sealed = seal.seal(
        seal.mac(key.raw, PURPOSE, salt),
        msgspec.msgpack.encode(token),
        nonce=context.env.random_bytes(seal.NONCE),
        purpose=PURPOSE,
    )
    signing = context.installation.keyring.signing["ES256"]
    return split_token.write(bytes.fromhex(key.kid) + salt + sealed, exp=token.exp, key=signing)


def read(text: str, context: Context) -> AccessToken:
    """The token that an app half belongs to, even if it has expired. Raises jwt.BadToken."""
    if not is_enabled(context):
        raise jwt.BadToken("split access tokens are not offered here")
    ring = context.installation.keyring
    open_half = context.installation.memo.of(_read, size=MEMO_SIZE)
    token = open_half(text, ring.published, tuple(ring.sealing))
    if token.iss != context.installation.issuer:
        raise jwt.BadToken(f"issued by {token.iss!r}")
    return token


def _read(text: str, keys: tuple[PublicKey, ...], sealing: tuple[RawKey, ...]) -> AccessToken:
    """Cached, since every API of the token asks for its half, and then for its state."""
    try:
        half = split_token.read(text)
        split_token.prove(half, keys)
        kid, salt = half.sealed[:KID].hex(), half.sealed[KID : KID + SALT]
        raw = next((key.raw for key in sealing if key.kid == kid), None)
        if raw is None:
            raise jwt.BadToken("its key is gone")
        own = seal.mac(raw, PURPOSE, salt)
        plain = seal.unseal(own, half.sealed[KID + SALT :], purpose=PURPOSE)
        return msgspec.msgpack.decode(plain, type=AccessToken)
    except (split_token.NotHalf, seal.BadSeal, msgspec.DecodeError) as error:
        raise jwt.BadToken(f"app's half: {error}") from error


STEP: Final = IssuingStep(complete=check_bound, write=write)


PROVED: Final = 4096
"""How many verified signatures are remembered."""


class Live(msgspec.Struct, frozen=True, eq=False):
    """A token that is valid now. `permissions` is the part of its scope that its grant still
    allows. The object stays the same as long as everything that it depends on does."""

    token: AccessToken
    client: Client
    standing: Standing | None
    permissions: tuple[str, ...]

    @property
    def scope(self) -> tuple[str, ...]:
        """The names that the app requested."""
        return tuple(self.token.scope.split())


class Dead(msgspec.Struct, frozen=True):
    """A token that is not valid. `why` is for the log; `reason` says why the token is suspended
    (see `wire.token_response`), "" if it is not valid for good."""

    why: str
    reason: str = ""


Wants: TypeAlias = tuple[RecentOne[Client], One[User], One[Grant], One[TokenFamily]]


class ProvenClaims(msgspec.Struct, frozen=True, eq=False):
    """Claims that one of our keys signed, and the queries for the records that they depend on.
    `is_remembered`: the same text gets the same object, so its status is remembered too."""

    token: AccessToken
    wants: Wants
    is_remembered: bool = False

    def __repr__(self) -> str:
        return "ProvenClaims(…)"


def token_state(text: str, context: Context) -> Rule[Live | Dead]:
    """The state of an access token."""
    verified = _check_signature(text, context)
    if isinstance(verified, Dead):
        return verified
    if verified.token.grant_id:
        state = yield from _of_user(verified, context)
        if isinstance(state, Live) and (yield from is_refused(verified.token.sub, context)):
            return Dead(WHY, ACCOUNT_DISABLED)
        return state
    return (yield from _of_client(verified.token, context))


def check_token(text: str, context: Context) -> AccessToken | Dead:
    """The claims of a token that is ours and has not expired, whatever has become of its grant."""
    verified = _check_signature(text, context)
    return verified if isinstance(verified, Dead) else verified.token


def _check_signature(text: str, context: Context) -> ProvenClaims | Dead:
    try:
        if split_token.is_app_half(text):
            verified = _resting(read(text, context))
        else:
            at = context.installation
            prove = at.memo.of(_ours, size=PROVED)
            verified = prove(text, at.keyring.published, at.issuer, signed=at.signed_tokens)
        # Leeway is for two clocks; here there is one.
        jwt.check_time(verified.token, context.env.now, leeway=0)
    except jwt.BadToken as error:
        return Dead(str(error))
    return verified


def _ours(
    text: str, keys: tuple[PublicKey, ...], issuer: str, *, signed: SignedTokens
) -> ProvenClaims:
    """What is proved once stays proved for as long as the keys are the same: an API asks about a
    token again and again. Raises jwt.BadToken."""
    claims = jwt.prove(
        text,
        AccessToken,
        keys=keys,
        typ=(access_token.TYPE,),
        issuer=issuer,
        signed_here=signed.has,
    )
    return _resting(claims, is_remembered=True)


def _resting(token: AccessToken, *, is_remembered: bool = False) -> ProvenClaims:
    client, user = RecentOne(Client, token.client_id), One(User, token.sub)
    grant, family = One(Grant, token.grant_id), One(TokenFamily, token.family_id)
    return ProvenClaims(token, (client, user, grant, family), is_remembered)


def _of_user(verified: ProvenClaims, context: Context) -> Rule[Live | Dead]:
    token, wants = verified.token, verified.wants
    results = yield wants
    client, user, grant, family = wants
    app, person = results.one(client), results.one(user)
    yes, descent = results.one(grant), results.one(family)
    if app is None or person is None or yes is None or descent is None:
        return Dead("its client, user, grant or family is gone")
    standing = Standing(person, yes, descent)
    if (same := _as_before(verified, app, standing, context=context)) is not None:
        return same
    owner, scope = app, context.installation.offer.ordered(token.scope.split())
    if token.act is not None:
        passed = yield from _passed_on(token, token.act, yes)
        if isinstance(passed, Dead):
            return passed
        owner, scope = passed, _registered(scope, app, context.installation.offer)
    epoch, now = context.installation.epoch, context.env.now
    dead = why_dead(owner, standing, act=token.act, epoch=epoch, now=now)
    if dead:
        return Dead(dead, why_suspended(owner, standing, act=token.act, epoch=epoch, now=now))
    granted = still_allowed(scope, client=owner, grant=yes, offer=context.installation.offer)
    live = Live(token, app, standing, granted)
    # The status of an exchanged token depends on more records than these.
    if verified.is_remembered and token.act is None:
        context.installation.memo.live_tokens.put(verified, live)
    return live


def _as_before(
    verified: ProvenClaims, app: Client, now: Standing, *, context: Context
) -> Live | None:
    """Its last status, if nothing has changed since: the records that were just read are equal to
    those of then, the installation is the same, and nothing has expired."""
    live: Live | None = context.installation.memo.live_tokens.get(verified)
    if live is None or live.standing is None:
        return None
    then = live.standing
    before = live.client, then.user, then.grant, then.family
    if before != (app, now.user, now.grant, now.family) or is_over(now, context.env.now):
        return None
    return live


def _passed_on(token: AccessToken, act: Actor, grant: Grant) -> Rule[Client | Dead]:
    """The client of the grant, if the token was delegated. Every delegate in the chain has to be
    active."""
    owner = One(Client, grant.client)
    delegates = [One(Client, name.removeprefix("client:")) for name in act.chain]
    revoked = One(SingleUse, f"{REVOKED} {token.jti}")
    results = yield (owner, *delegates, revoked)
    clients = [results.one(one) for one in (owner, *delegates)]
    if any(one is None or one.status != "active" for one in clients):
        return Dead("a client through whose hands it went is gone or suspended")
    if results.one(revoked) is not None:
        return Dead("revoked")
    app = clients[0]
    return Dead("its client is gone") if app is None else app


def _registered(scope: Sequence[str], client: Client, offer: Offer) -> tuple[str, ...]:
    registered = frozenset(offer.expand_known(client.scope))
    return tuple(one for one in scope if one in registered)


def _of_client(token: AccessToken, context: Context) -> Rule[Live | Dead]:
    client, revoked = RecentOne(Client, token.client_id), One(SingleUse, f"{REVOKED} {token.jti}")
    results = yield (client, revoked)
    app = results.one(client)
    if app is None:
        return Dead("its client is gone")
    if results.one(revoked) is not None:
        return Dead("revoked")
    dead = why_dead(app, None, epoch=context.installation.epoch, now=context.env.now)
    if dead:
        return Dead(dead)
    registered = context.installation.offer.expand_known(app.scope)
    return Live(token, app, None, tuple(one for one in registered if one in token.scopes))
