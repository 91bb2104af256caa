"""Child keys: an app hands a smaller key on, without asking anybody. The wire profile, whole.

What is shown is the access token, and behind it a block for each hand through which it went, joined
by `~`, under the scheme `DPoP`: `TOKEN~BLOCK~BLOCK`. The proof is of the last hand's key, and its
`ath` is over all of that. A block is a JWS whose header holds the public key of the hand before it,
the very one to which what stands before the block is bound.

The profile is ours and experimental: an API takes such keys only where it says so.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from valetkey.jose import base64url, jws
from valetkey.jose.jwk import PrivateKey
from valetkey.jose.jwt import LEEWAY
from valetkey.jose.objects import read_object
from valetkey.jose.seal import same
from valetkey.spec.cite import Cite
from valetkey.wire import dpop, split_token
from valetkey.wire.access_token import AccessToken, Confirmation

CITE: Final = Cite("RFC 7800", "3.1")
TYPE: Final = "child-key+jwt"
SEPARATOR: Final = "~"
"""Between the parts: it stands in no JWS, and RFC 6750 2.1 lets it stand in a header."""

MAX_DEPTH: Final = 4
"""Hands through which a key may go, whatever an API would take."""

MAX_LENGTH: Final = 2048
"""Characters of a block."""

MAX_NAME: Final = 64

ALONE: Final = "child-key"
"""What all children of a key are called together, where its user lets nobody hand it on alone."""


class BadChild(ValueError):
    """The key was not handed on like this. Says why, for the log only."""


class Block(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a hand says of the next one. `parent` is the hash of all that stands before the block.

    `scope` are permissions, space-separated; `most` the largest amount of one use, by permission,
    in the smallest unit. `depth` is how often the key may go on. `sub` is what the hand calls the
    next one: a name in a log, and a proof of nothing. Times in seconds since 1970.
    """

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
    """A key as the last hand holds it. `keys` are those of all hands, the first one's first;
    `names` what the hands call each other."""

    scopes: frozenset[str]
    until: int
    depth: int
    keys: tuple[str, ...]
    most: dict[str, int] = {}
    names: tuple[str, ...] = ()

    @property
    def jkt(self) -> str:
        """The key of the last hand."""
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
    """The key `shown`, which is bound to `by`, made smaller for the holder of the key whose
    thumbprint is `to`. Where `checked`, what no API would take raises BadChild, and nothing is
    signed; else the API refuses it."""
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
    """When what is shown ends, in seconds since 1970, as its own holder reads it: that proves
    nothing. Raises BadChild."""
    last = presented.rpartition(SEPARATOR)[2]
    try:
        if split_token.is_app_half(last):
            return split_token.read(last).exp
        return msgspec.convert(read_object(base64url.decode(last.split(".")[1])), _End).exp
    except (IndexError, ValueError, msgspec.ValidationError) as error:
        raise BadChild("nothing that could be handed on") from error


def check_next(presented: str, block: Block) -> None:
    """Raises BadChild where what is shown may not go on by this block, as its own holder reads it:
    what no API would take is not signed."""
    token, blocks = split(presented)
    if len(blocks) >= MAX_DEPTH:
        raise BadChild(f"{len(blocks) + 1} hands are too many")
    if not blocks and _unproved(token, _Root).childless:
        raise BadChild("its user lets nobody hand it on alone")
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
    """What a JWS says. Raises BadChild."""
    try:
        if kind is _Root and split_token.is_app_half(text):
            return kind()
        return msgspec.convert(read_object(base64url.decode(text.split(".")[1])), kind)
    except (IndexError, ValueError, msgspec.ValidationError) as error:
        raise BadChild("nothing that could be handed on") from error


def check(presented: str, token: AccessToken, *, depth: int, now: int) -> Delegation:
    """The key as the last hand holds it, where every hand only made it smaller; `token` is the
    proved access token, `depth` how many hands the API allows. Raises BadChild."""
    text, blocks = split(presented)
    if token.cnf is None or not token.cnf.jkt or token.cnf.x5t_s256:
        raise BadChild("the token is not bound to a key, or not to a key alone")
    if len(blocks) > min(depth, MAX_DEPTH):
        raise BadChild(f"{len(blocks)} hands are too many")
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
            raise BadChild("it belongs behind another key")
        for holds, why in _rules(block, parent, began=began, now=now):
            if not holds:
                raise BadChild(why)
        parent, began, text = _next(block, parent), block.iat, text + SEPARATOR + one
    return parent


def _read(text: str, jkt: str) -> Block:
    """The block that the holder of that key has signed."""
    if len(text) > MAX_LENGTH:
        raise BadChild("longer than any block")
    try:
        payload, key = jws.verify_embedded(text, algorithms=dpop.ALGORITHMS, typ=(TYPE,))
        block = msgspec.convert(read_object(payload), Block)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadChild(str(error)) from error
    if key.thumbprint() != jkt:
        raise BadChild("not by the hand before")
    return block


def _rules(
    block: Block, parent: Delegation, *, began: int, now: int
) -> tuple[tuple[bool, str], ...]:
    """What has to hold of a block behind these hands, in order, and what is wrong otherwise."""
    scopes, most = frozenset(block.scope.split()), block.most
    return (
        (bool(scopes), "it opens nothing"),
        (scopes <= parent.scopes, "it opens more than the key before it"),
        (block.exp <= parent.until, "it ends after the key before it"),
        (now < block.exp, "it is over"),
        (began - LEEWAY <= block.iat <= now + LEEWAY, "it began before the key, or begins later"),
        (0 <= block.depth < parent.depth, "it goes deeper than the key before it allows"),
        (dpop.is_thumbprint(block.cnf.jkt), "it is bound to no key"),
        (not block.cnf.x5t_s256, "it is bound to a certificate"),
        (block.cnf.jkt not in parent.keys, "a hand has the key of one before it"),
        (most.keys() <= scopes, "it limits what it does not open"),
        (all(one >= 0 for one in most.values()), "an amount below nothing"),
        (
            all(
                most.get(name, -1) in range(top + 1)
                for name, top in parent.most.items()
                if name in scopes
            ),
            "it lets more through than the key before it",
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
