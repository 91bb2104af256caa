"""Child keys: an app delegates a smaller key offline. This is the whole wire profile.

A call presents the access token and a block for each delegation, joined by `~`, under the scheme
`DPoP`: `TOKEN~BLOCK~BLOCK`. The proof is by the key of the last delegate, and its `ath` covers all
of that. A block is a JWS with the public key of the delegator in its header: the key that the text
before the block is bound to.

The profile is our own, and experimental: an API has to opt in.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from valetkey.jose import base64url, jws
from valetkey.jose.jwk import PrivateKey
from valetkey.jose.jwt import LEEWAY
from valetkey.jose.objects import read_object
from valetkey.jose.seal import same
from valetkey.spec.names import Cite
from valetkey.wire import dpop, split_token
from valetkey.wire.access_token import AccessToken, Confirmation

CITE: Final = Cite("RFC 7800", "3.1")
TYPE: Final = "child-key+jwt"
SEPARATOR: Final = "~"
"""The separator: no JWS contains it, and RFC 6750 2.1 allows it in a header."""

MAX_DEPTH: Final = 4
"""The largest number of delegations, whatever an API accepts."""

MAX_LENGTH: Final = 2048
"""Characters of a block."""

MAX_NAME: Final = 64

ALONE: Final = "child-key"
"""The name of all offline delegates together, for a user who does not allow offline delegation."""


class BadChild(ValueError):
    """The delegation is not valid. The message is for the log only."""


class Block(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One delegation. `parent` is the hash of all text before the block.

    `scope` are permissions, space-separated. `most` is the largest amount of one use, by
    permission, in the smallest unit. `depth` is how often the key may be delegated further. `sub`
    is a name of the delegate for logs, without proof. Times are in seconds since 1970."""

    parent: str
    cnf: Confirmation
    scope: str
    iat: int
    exp: int
    depth: int = 0
    most: dict[str, int] = {}
    sub: str = ""


class _End(msgspec.Struct):
    exp: int


class _Root(msgspec.Struct):
    childless: bool = False


C = TypeVar("C", bound=msgspec.Struct)


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A verified chain of delegations, as the last delegate has it. `keys` are the thumbprints of
    all delegates, the first one first, and `names` their names."""

    scopes: frozenset[str]
    until: int
    depth: int
    keys: tuple[str, ...]
    most: dict[str, int] = {}
    names: tuple[str, ...] = ()

    @property
    def jkt(self) -> str:
        """The thumbprint of the last delegate's key."""
        return self.keys[-1]


def delegate(
    presented: str,
    *,
    by: PrivateKey,
    to: str,
    permissions: tuple[str, ...],
    now: int,
    until: int,
    depth: int = 0,
    most: Mapping[str, int] | None = None,
    name: str = "",
    checked: bool = False,
) -> str:
    """Delegates the `presented` key, which is bound to `by`, to the holder of the key with the
    thumbprint `to`. With `checked`, it raises BadChild for a delegation that no API would accept;
    otherwise the API refuses it."""
    block = Block(
        parent=dpop.token_hash(presented),
        cnf=Confirmation(jkt=to),
        scope=" ".join(permissions),
        iat=now,
        exp=until,
        depth=depth,
        most=dict(most or {}),
        sub=name,
    )
    if checked:
        check_next(presented, block)
    return presented + SEPARATOR + jws.sign_embedded(msgspec.json.encode(block), key=by, typ=TYPE)


def split(presented: str) -> tuple[str, tuple[str, ...]]:
    """The access token, and the blocks behind it."""
    if SEPARATOR not in presented:
        return presented, ()
    token, *blocks = presented.split(SEPARATOR)
    return token, tuple(blocks)


def expires_at(presented: str) -> int:
    """When a presented key ends, in seconds since 1970, without verification: for its own holder.
    Raises BadChild."""
    last = presented.rpartition(SEPARATOR)[2]
    try:
        if split_token.is_app_half(last):
            return split_token.read(last).exp
        return msgspec.convert(read_object(base64url.decode(last.split(".")[1])), _End).exp
    except (IndexError, ValueError, msgspec.ValidationError) as error:
        raise BadChild("not a key that can be delegated") from error


def check_next(presented: str, block: Block) -> None:
    """Raises BadChild if a presented key may not be delegated by this block. It reads the key
    without verification, as its own holder does, before it signs the block."""
    token, blocks = split(presented)
    if len(blocks) >= MAX_DEPTH:
        raise BadChild(f"{len(blocks) + 1} delegations are too many")
    if not blocks and _unproved(token, _Root).childless:
        raise BadChild("the user does not allow offline delegation")
    if blocks:
        last = _unproved(blocks[-1], Block)
        parent = Delegation(
            scopes=frozenset(last.scope.split()),
            until=last.exp,
            depth=last.depth,
            keys=(last.cnf.jkt,),
            most=last.most,
        )
    else:
        parent = Delegation(
            scopes=frozenset(block.scope.split()), until=block.exp, depth=MAX_DEPTH, keys=("",)
        )
    for holds, why in _rules(block, parent, began=block.iat, now=block.iat):
        if not holds:
            raise BadChild(why)


def _unproved(text: str, kind: type[C]) -> C:
    """The content of a JWS, without verification. Raises BadChild."""
    try:
        if kind is _Root and split_token.is_app_half(text):
            return kind()
        return msgspec.convert(read_object(base64url.decode(text.split(".")[1])), kind)
    except (IndexError, ValueError, msgspec.ValidationError) as error:
        raise BadChild("not a key that can be delegated") from error


def check(presented: str, token: AccessToken, *, depth: int, now: int) -> Delegation:
    """Verifies a presented key, in which every delegation may only reduce the one before. `token`
    is the verified access token, and `depth` how many delegations the API accepts. Raises
    BadChild."""
    text, blocks = split(presented)
    if token.cnf is None or not token.cnf.jkt or token.cnf.x5t_s256:
        raise BadChild("the token is not bound to a key, or not to a key alone")
    if len(blocks) > min(depth, MAX_DEPTH):
        raise BadChild(f"{len(blocks)} delegations are too many")
    parent = Delegation(
        scopes=token.scopes,
        until=token.exp,
        depth=MAX_DEPTH,
        keys=(token.cnf.jkt,),
    )
    began = token.iat
    for one in blocks:
        block = _read(one, parent.jkt)
        if not same(block.parent.encode(), dpop.token_hash(text).encode()):
            raise BadChild("it belongs to another key")
        for holds, why in _rules(block, parent, began=began, now=now):
            if not holds:
                raise BadChild(why)
        parent, began, text = _next(block, parent), block.iat, text + SEPARATOR + one
    return parent


def _read(text: str, jkt: str) -> Block:
    """Reads a block that the holder of that key has signed."""
    if len(text) > MAX_LENGTH:
        raise BadChild("longer than any block")
    try:
        payload, key = jws.verify_embedded(text, algorithms=dpop.ALGORITHMS, typ=(TYPE,))
        block = msgspec.convert(read_object(payload), Block)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadChild(str(error)) from error
    if key.thumbprint() != jkt:
        raise BadChild("not signed by the delegate before")
    return block


def _rules(
    block: Block, parent: Delegation, *, began: int, now: int
) -> tuple[tuple[bool, str], ...]:
    """The rules for a block after this chain, in order, each with its error."""
    scopes, most = frozenset(block.scope.split()), block.most
    return (
        (bool(scopes), "it has no permissions"),
        (scopes <= parent.scopes, "it has more permissions than the key before it"),
        (block.exp <= parent.until, "it ends after the key before it"),
        (now < block.exp, "it is over"),
        (began - LEEWAY <= block.iat <= now + LEEWAY, "it began before the key, or begins later"),
        (0 <= block.depth < parent.depth, "it goes deeper than the key before it allows"),
        (dpop.is_thumbprint(block.cnf.jkt), "it is bound to no key"),
        (not block.cnf.x5t_s256, "it is bound to a certificate"),
        (block.cnf.jkt not in parent.keys, "a delegate has the key of one before it"),
        (most.keys() <= scopes, "it limits a permission that it does not have"),
        (all(one >= 0 for one in most.values()), "a negative amount"),
        (
            all(
                most.get(name, -1) in range(top + 1)
                for name, top in parent.most.items()
                if name in scopes
            ),
            "it allows larger amounts than the key before it",
        ),
        (len(block.sub) <= MAX_NAME and block.sub.isprintable(), "a name that is none"),
    )


def _next(block: Block, parent: Delegation) -> Delegation:
    return Delegation(
        scopes=frozenset(block.scope.split()),
        until=block.exp,
        depth=block.depth,
        keys=(*parent.keys, block.cnf.jkt),
        most=block.most,
        names=(*parent.names, block.sub),
    )
