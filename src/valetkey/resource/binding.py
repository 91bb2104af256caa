"""Sender-constrained tokens: a stolen one is useless (RFC 9449 7; RFC 8705 3)."""

import time
from typing import Final

import msgspec

from valetkey.spec.errors import InvalidDpopProof, InvalidToken
from valetkey.wire import client_certificate, dpop
from valetkey.wire.access_token import Confirmation
from valetkey.wire.address import path as path_of

SCHEMES: Final = ("Bearer", dpop.SCHEME)
SCHEME_NAMES: Final = frozenset(scheme.lower() for scheme in SCHEMES)


class SenderProof(msgspec.Struct, frozen=True, kw_only=True):
    """What a call presents beside its access token: its method and path, every value of its DPoP
    header, and the client certificate in DER, b"" for none."""

    method: str = ""
    path: str = "/"
    proofs: tuple[str, ...] = ()
    certificate: bytes = b""

    def __repr__(self) -> str:
        return f"SenderProof({self.method} {self.path})"


NO_PROOF: Final = SenderProof()

LONG: Final = 64
"""Characters of a `jti`. A shorter one is stored as it is, a longer one by its hash, so that long
names cannot fill the memory."""


class _UsedProof(msgspec.Struct, frozen=True, eq=False):
    until: int


class Binding:
    """Checks the sender constraint of tokens, at the API of this identifier.

    Behind a proxy the API knows its own address from its identifier, never from a header. This
    process remembers used proofs until they are too old; each process of an API accepts a proof
    once.
    """

    def __init__(self, resource: str) -> None:
        self._resource = resource.rstrip("/")
        self._path = path_of(self._resource)
        self._origin = self._resource.removesuffix(self._path) if self._path else self._resource
        self._seen: dict[tuple[str, str] | str, _UsedProof] = {}
        self._swept = 0

    def __len__(self) -> int:
        """The number of proofs that it remembers."""
        return len(self._seen)

    def check(
        self, scheme: str, ath: str, *, cnf: Confirmation | None, sender_proof: SenderProof
    ) -> None:
        """Raises InvalidToken or InvalidDpopProof if the call does not prove what the token of that
        hash is bound to, or if it uses another scheme than the token's."""
        jkt = "" if cnf is None else cnf.jkt
        if bool(jkt) != (scheme == dpop.SCHEME):
            raise InvalidToken("the access token is bound in another way than it is presented")
        proof = self._proof(ath, sender_proof) if jkt else None
        if proof is not None and proof.jkt != jkt:
            raise InvalidToken("the access token is bound to another key")
        if cnf is not None and cnf.x5t_s256 and not _is_of(sender_proof.certificate, cnf.x5t_s256):
            raise InvalidToken("the access token is bound to another certificate")
        if cnf is not None and not (cnf.jkt or cnf.x5t_s256):
            raise InvalidToken(detail="bound in a way that is not known here")
        if proof is not None:
            # Last: a proof of anyone else neither fills the memory nor uses up the holder's.
            self._remember(proof)

    def _proof(self, ath: str, sender_proof: SenderProof) -> dpop.Proof:
        """The DPoP proof of the call, for this very request."""
        if len(sender_proof.proofs) != 1:
            raise _bad("no proof, or more than one")
        try:
            return dpop.check(
                sender_proof.proofs[0],
                method=sender_proof.method,
                addresses=(self._address(sender_proof.path),),
                now=int(time.time()),
                ath=ath,
            )
        except dpop.BadProof as error:
            raise _bad(str(error)) from error

    def _remember(self, proof: dpop.Proof) -> None:
        """Raises InvalidDpopProof for a proof that was seen before."""
        now = int(time.time())
        if now > self._swept + dpop.AGE:
            self._forget(now)
        # One atomic step for all threads: a fork could leave a lock locked.
        mine = _UsedProof(proof.until)
        name = (proof.jkt, proof.jti) if len(proof.jti) <= LONG else proof.name
        if self._seen.setdefault(name, mine) is not mine:
            raise _bad("used before")

    def _address(self, path: str) -> str:
        """The address of the call: a proxy may have stripped the API's own path."""
        below = path == self._path or path.startswith(f"{self._path}/")
        return (self._origin if below else self._resource) + path

    def _forget(self, now: int) -> None:
        self._swept = now
        for name, seen in list(self._seen.items()):
            if seen.until <= now:
                self._seen.pop(name, None)


def _is_of(certificate: bytes, thumbprint: str) -> bool:
    return bool(certificate) and client_certificate.thumbprint(certificate) == thumbprint


def _bad(detail: str) -> InvalidDpopProof:
    return InvalidDpopProof(detail=detail, status=401)
