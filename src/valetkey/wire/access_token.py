"""JWT access tokens (RFC 9068)."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from valetkey.jose import jwt
from valetkey.jose.jwk import ALGORITHMS, SERVER_ALGORITHMS, Algorithm, PublicKey
from valetkey.spec.names import Cite
from valetkey.wire.address import same
from valetkey.wire.authorization_details import Detail
from valetkey.wire.dpop import token_hash
from valetkey.wire.status_list import Status

TYPE: Final = "at+jwt"
CITE: Final = Cite("RFC 9068", "2")


class Confirmation(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"x5t_s256": "x5t#S256"},
):
    """What the sender of a token has to prove (RFC 7800 3.1): the thumbprint of a key (RFC 9449
    6.1), or of a certificate (RFC 8705 3.1)."""

    jkt: str = ""
    x5t_s256: str = ""


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The actor of a delegated token, and the actors before (RFC 8693 4.1)."""

    sub: str
    act: "Actor | None" = None

    @property
    def chain(self) -> tuple[str, ...]:
        """All actors, the present one first."""
        return (self.sub, *(self.act.chain if self.act is not None else ()))


class OpaqueId(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag="opaque"):
    """A subject by an id of another party (RFC 9493 3.2.4)."""

    id: str


class AccessToken(jwt.Claims, frozen=True, kw_only=True, omit_defaults=True):
    """The claims of an access token. It belongs to a version of a grant, and to a token family.

    `aud` are the resource servers, and `scope` is space-separated. `limited` are the permissions
    that the user has limited: the API leases their uses first (see `wire.lease`). A client that
    acts for itself has no grant and no family, and its `sub` is `client:` and its id, which no user
    has (RFC 9068 2.2 and 5). `act` is the actor in an exchanged token (RFC 8693 4.1); `client_id`
    is then the client that exchanged it. `authorization_details` repeat the part of the scope that
    was requested by details, with its limits (RFC 9396 9.1). `status` is the token's place in a
    status list, if its API uses them. `childless`: the token may not be delegated offline (see
    `wire.child_key`). `ath` is the hash of the app half, in the API half of a split token (see
    `wire.split_token`). `sub_id` is the platform's own id of the user, None if the user does not
    come from the platform (RFC 9493 4.1)."""

    sub: str
    aud: tuple[str, ...]
    client_id: str
    jti: str
    scope: str = ""
    auth_time: int = 0
    acr: str = ""
    grant_id: str = ""
    grant_version: int = 0
    family_id: str = ""
    cnf: Confirmation | None = None
    act: Actor | None = None
    limited: tuple[str, ...] = ()
    authorization_details: tuple[Detail, ...] = ()
    status: Status | None = None
    childless: bool = False
    ath: str = ""
    sub_id: OpaqueId | None = None

    @classmethod
    def read(cls, claims: dict[str, Any]) -> dict[str, Any]:
        # RFC 7519 4.1.3: one audience may stand alone; ours never does.
        one = claims.get("aud")
        return {**claims, "aud": [one]} if isinstance(one, str) else claims

    @property
    def delegates(self) -> tuple[str, ...]:
        """All delegates, the first one first."""
        return () if self.act is None else self.act.chain[::-1]

    @property
    def scopes(self) -> frozenset[str]:
        """The scope as a set."""
        return frozenset(self.scope.split())


def verify(
    token: str,
    *,
    keys: Sequence[PublicKey],
    issuer: str,
    audience: str,
    now: int,
    typ: str = TYPE,
    algorithms: Collection[Algorithm] = ALGORITHMS,
) -> jwt.Verified[AccessToken]:
    """Verifies an access token for `audience` (RFC 9068 4), or another token with the same claims
    and its own `typ`. Raises jwt.BadToken."""
    verified = jwt.verify(
        token,
        AccessToken,
        keys=keys,
        typ=(typ,),
        issuer=issuer,
        now=now,
        algorithms=algorithms,
    )
    _check_audience(verified.claims, audience)
    return verified


def _check_audience(claims: AccessToken, audience: str) -> None:
    if audience not in claims.aud and not any(same(one, audience) for one in claims.aud):
        raise jwt.BadToken("meant for another resource server")


MOST: Final = 4096
"""Tokens that are cached."""


class VerifiedToken(msgspec.Struct, frozen=True):
    """The verified claims of an access token, and its hash (the `ath` of a DPoP proof). Only
    `VerifiedTokens` makes one."""

    claims: AccessToken
    ath: str


class VerifiedTokens:
    """A cache of verified access tokens of one issuer: the signature is verified once, and the time
    and the audience at each call. Other keys of the issuer clear the cache. It stores the hash of a
    token, never the token."""

    def __init__(self, issuer: str, *, typ: str = TYPE) -> None:
        self._issuer = issuer
        self._typ = typ
        # One attribute, so that a thread never sees the tokens of one key set with another set.
        self._cache: tuple[Sequence[PublicKey], dict[str, VerifiedToken]] = (), {}

    def __len__(self) -> int:
        return len(self._cache[1])

    def verify(
        self, token: str, *, keys: Sequence[PublicKey], audience: str, now: int
    ) -> VerifiedToken:
        """The verified token. Raises jwt.BadToken."""
        proved = self._cache_for(keys)
        name = token_hash(token)
        cached = proved.get(name)
        if cached is None:
            fresh = verify(
                token,
                keys=keys,
                issuer=self._issuer,
                audience=audience,
                now=now,
                typ=self._typ,
                # The keys are restricted to the algorithms in the issuer's metadata.
                algorithms=SERVER_ALGORITHMS,
            )
            cached = proved[name] = VerifiedToken(fresh.claims, name)
        else:
            jwt.check_time(cached.claims, now, leeway=jwt.LEEWAY)
            _check_audience(cached.claims, audience)
        return cached

    def _cache_for(self, keys: Sequence[PublicKey]) -> dict[str, VerifiedToken]:
        """The cache for these keys. It is cleared for other keys, and when it is full."""
        by, proved = self._cache
        if by is not keys or len(proved) >= MOST:
            proved = {}
            self._cache = keys, proved
        return proved
