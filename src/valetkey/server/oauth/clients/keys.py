"""A client's own keys, and the signatures that they make (RFC 7591 2: `jwks`, `jwks_uri`)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from valetkey.jose import jws
from valetkey.jose.jwk import CLIENT_ALGORITHMS, Algorithm, PublicKey, public_of, read_public
from valetkey.jose.jws import BadSignature
from valetkey.jose.objects import read_object
from valetkey.server.model.client import Client
from valetkey.server.model.query import Document, DocumentRequest, Party, Rule, Unreachable
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import TemporarilyUnavailable
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7591", "2")

MOST: Final = 20
"""The most keys of a set that are tried."""

_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeyOwner(Protocol):
    """A party that signs, with keys that it registered or keys that it publishes."""

    @property
    def jwks(self) -> Mapping[str, Any]: ...

    @property
    def jwks_uri(self) -> str: ...

    @property
    def party(self) -> Party: ...


def verify(
    text: str, client: KeyOwner, *, typ: Collection[str], algorithms: Collection[Algorithm]
) -> Rule[bytes]:
    """Verify a JWS by one of the client's keys, in one of the algorithms. Returns the payload.
    Published keys are fetched again if the named key is not among them. Raises BadSignature, or
    TemporarilyUnavailable if the keys can't be fetched at the moment."""
    header = jws.read_header(text)
    if header.get("alg") not in algorithms:
        # Before any key is looked up (ATTACKS A59).
        raise BadSignature(f"algorithm {header.get('alg')!r} is not accepted here")
    keys = find_keys(client.jwks, header)
    if client.jwks_uri:
        keys = yield from _published(client, header)
    if not keys:
        raise BadSignature("no key of the client's has that kid and algorithm")
    return verify_with(text, keys, typ=typ, algorithms=algorithms)


def is_key_of(client: Client, key: object) -> Rule[bool]:
    """Whether a public key of `cryptography` is one of the client's. Published keys are fetched
    again if it is not among them."""
    for algorithm in CLIENT_ALGORITHMS:
        try:
            public_key = public_of(key, algorithm)
        except ValueError:
            continue
        header = {"alg": algorithm}
        candidates = find_keys(client.jwks, header)
        if client.jwks_uri:
            candidates = yield from _published(client, header, public_key.thumbprint())
        return any(one.thumbprint() == public_key.thumbprint() for one in candidates)
    return False


def algorithms_of(client: Client, registered: str, context: Context) -> tuple[Algorithm, ...]:
    """The algorithms that the client may sign with: those of its policy, or the one that it
    registered."""
    allowed = context.installation.all_policies[client.policy].client_algorithms
    return tuple(one for one in allowed if registered in ("", one))


def find_keys(jwks: Mapping[str, Any], header: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    """The keys of a set that may have signed a JWS with this header. A key without a `kid` fits any
    header, and a header without one fits any key."""
    keys, kid = jwks.get("keys"), header.get("kid")
    if not isinstance(keys, list) or not isinstance(kid, str | None):
        return ()
    algorithm = next((one for one in CLIENT_ALGORITHMS if one == header.get("alg")), None)
    return () if algorithm is None else tuple(_candidates(keys[:MOST], algorithm, kid))


def _candidates(keys: Sequence[Any], algorithm: Algorithm, kid: str | None) -> Iterator[PublicKey]:
    for members in keys:
        if not isinstance(members, dict):
            continue
        name = members.get("kid")
        if None not in (name, kid) and name != kid:
            continue
        try:
            yield read_public(members, algorithm, kid=kid or "")
        except ValueError:
            continue


def _published(
    holder: KeyOwner, header: Mapping[str, Any], thumbprint: str = ""
) -> Rule[tuple[PublicKey, ...]]:
    for again in (False, True):
        public_key = DocumentRequest(
            url=holder.jwks_uri, kind="keys", again=again, party=holder.party
        )
        document = (yield (public_key,)).document(public_key)
        if isinstance(document, Unreachable) and document.temporary:
            # Nobody knows yet whether the signature is good, so this is no refusal.
            raise TemporarilyUnavailable(detail=f"keys cannot be fetched: {document.why}")
        if not isinstance(document, Document):
            raise BadSignature(f"the client's keys cannot be fetched: {document.why}")
        try:
            keys = find_keys(read_object(document.body), header)
        except ValueError as error:
            raise BadSignature("what the client publishes is not a JWK Set") from error
        if any(thumbprint in ("", key.thumbprint()) for key in keys):
            return keys
    return ()


def verify_with(
    text: str,
    keys: Sequence[PublicKey],
    *,
    typ: Collection[str],
    algorithms: Collection[Algorithm],
) -> bytes:
    """Verify a JWS by one of these keys. Returns the payload. Raises BadSignature."""
    for key in keys[:-1]:
        try:
            return jws.verify(text, [key], algorithms=algorithms, typ=typ)
        except BadSignature:
            continue
    return jws.verify(text, keys[-1:], algorithms=algorithms, typ=typ)


def mistakes(client: Client) -> Iterator[str]:
    """Find what is wrong with the keys that a client registers."""
    if not client.jwks:
        return
    keys = client.jwks.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        yield "is not a JWK Set: an object whose keys are a list of objects"
        return
    if len(keys) > MOST:
        yield f"has more than {MOST} keys"
    names = [key["kid"] for key in keys if "kid" in key]
    if not all(isinstance(name, str) and 0 < len(name) <= 255 for name in names):
        yield "has a kid that is not a short text"
    elif len(set(names)) < len(names):
        yield "has two keys with the same kid"
    if any(_SECRET_MEMBERS & key.keys() for key in keys):
        # Anyone who reads the registration would have the private key.
        yield "has a private or shared key: only public keys are allowed"
    elif not any(_usable(key) for key in keys):
        yield f"has no key for {', '.join(CLIENT_ALGORITHMS)}"


def _usable(members: Mapping[str, Any]) -> bool:
    for algorithm in CLIENT_ALGORITHMS:
        try:
            read_public(members, algorithm)
        except ValueError:
            continue
        return True
    return False
