"""The JWT profile for access tokens (RFC 9068): the server writes, a resource server reads."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from valetkey.jose import jwt
from valetkey.jose.jwk import ALGORITHMS, SERVER_ALGORITHMS, Algorithm, PublicKey
from valetkey.spec.cite import Cite
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
    """What the bearer of a token has to hold beside it (RFC 7800 3.1): the thumbprint of a key
    (RFC 9449 6.1), or of a certificate (RFC 8705 3.1)."""

    jkt: str = ""
    x5t_s256: str = ""


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acts for the subject, and for whom that one acted before (RFC 8693 4.1)."""

    sub: str
    act: "Actor | None" = None

    @property
    def chain(self) -> tuple[str, ...]:
        """Everybody in it, the present one first."""
        return (self.sub, *(self.act.chain if self.act is not None else ()))


class AccessToken(jwt.Claims, frozen=True, kw_only=True, omit_defaults=True):
    """The claims. `grant`, its version and `family` say whose shadow the token is.

    `aud` names the resource servers; `scope` is space-separated; `limited` names those permissions
    whose uses the user has limited, so that they are leased first (see `wire.lease`). A client
    acting for itself has neither grant nor family, and its `sub` is `client:` and its id, which no
    user's is (RFC 9068 2.2 and 5). `act` says who acts for the user, where a token was exchanged
    (RFC 8693 4.1); `client_id` is then the one that exchanged it. `authorization_details` say
    once more what of the scope was asked by details, and within which limits (RFC 9396 9.1).
    `status` says in which status list the token has its place, where its API looks there.
    `childless`: its user lets nobody hand it on alone (see `wire.child_key`). `ath` is the hash of
    the other half, in one half of a token that was split (see `wire.split_token`).
    """

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

    @classmethod
    def read(cls, claims: dict[str, Any]) -> dict[str, Any]:
        # RFC 7519 4.1.3: one audience may stand alone; ours never does.
        one = claims.get("aud")
        return {**claims, "aud": [one]} if isinstance(one, str) else claims

    @property
    def delegates(self) -> tuple[str, ...]:
        """Everybody through whose hands it went, the first one first."""
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
    """An access token meant for `audience` (RFC 9068 4), or what else says the same under a `typ`
    of its own. Raises jwt.BadToken."""
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
"""Tokens whose proof is remembered."""


class VerifiedToken(msgspec.Struct, frozen=True):
    """What an access token says, proved, and its hash, by which others speak of it (the `ath` of a
    proof). Only `Proofs` makes one."""

    claims: AccessToken
    ath: str


class VerifiedTokens:
    """Access tokens of one issuer that its keys have proved, so that a token is proved once and not
    at each call. Whatever may change between two calls is checked at each: the keys, by which it
    was proved, the time, and whom it is for. No token is kept: what names it is its hash."""

    def __init__(self, issuer: str, *, typ: str = TYPE) -> None:
        self._issuer = issuer
        self._typ = typ
        # One attribute, so that a thread never sees the proofs of one set of keys beside another.
        self._known: tuple[Sequence[PublicKey], dict[str, VerifiedToken]] = (), {}

    def __len__(self) -> int:
        return len(self._known[1])

    def verify(
        self, token: str, *, keys: Sequence[PublicKey], audience: str, now: int
    ) -> VerifiedToken:
        """What `verify` says of the token. Raises jwt.BadToken."""
        proved = self._by(keys)
        name = token_hash(token)
        token_proof = proved.get(name)
        if token_proof is None:
            fresh = verify(
                token,
                keys=keys,
                issuer=self._issuer,
                audience=audience,
                now=now,
                typ=self._typ,
                # What its metadata says: each of the keys is for one of those.
                algorithms=SERVER_ALGORITHMS,
            )
            token_proof = proved[name] = VerifiedToken(fresh.claims, name)
        else:
            jwt.check_time(token_proof.claims, now, leeway=jwt.LEEWAY)
            _check_audience(token_proof.claims, audience)
        return token_proof

    def _by(self, keys: Sequence[PublicKey]) -> dict[str, VerifiedToken]:
        """What these keys have proved. Of other keys, or when there is no more room, nothing is
        known any more."""
        by, proved = self._known
        if by is not keys or len(proved) >= MOST:
            proved = {}
            self._known = keys, proved
        return proved
