"""Bound tokens: a stolen one opens nothing (RFC 9449 7; RFC 8705 3)."""

import time
from typing import Final

import msgspec

from valetkey.spec.errors import InvalidDpopProof, InvalidToken
from valetkey.wire import client_certificate, dpop
from valetkey.wire.access_token import Confirmation
from valetkey.wire.address import path as path_of

SCHEMES: Final = ("Bearer", dpop.SCHEME)
KNOWN: Final = frozenset(scheme.lower() for scheme in SCHEMES)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a call brings beside its access token: its method and path, and every value of its
    DPoP header; the caller's certificate in DER, b"" for none."""

    method: str = ""
    path: str = "/"
    proofs: tuple[str, ...] = ()
    certificate: bytes = b""

    def __repr__(self) -> str:
        return f"Shown({self.method} {self.path})"


NOTHING: Final = Shown()

LONG: Final = 64
"""Characters of a `jti`. A shorter one is remembered as it is, a longer one by its hash, so that
nobody fills the memory by long names."""


class _Seen(msgspec.Struct, frozen=True, eq=False):
    until: int


class Binding:
    """Checks what tokens are bound to, at the API of this identifier.

    Behind a proxy the API knows its own address from its identifier, never from a header. Proofs
    that were seen are remembered until they are too old, by this process: an API of several
    processes lets a proof pass once in each.
    """

    def __init__(self, resource: str) -> None:
        self._resource = resource.rstrip("/")
        self._path = path_of(self._resource)
        self._origin = self._resource.removesuffix(self._path) if self._path else self._resource
        self._seen: dict[tuple[str, str] | str, _Seen] = {}
        self._swept = 0

    def __len__(self) -> int:
        """How many proofs it remembers."""
        return len(self._seen)

    def check(self, scheme: str, ath: str, *, cnf: Confirmation | None, shown: Shown) -> None:
        """Raises InvalidToken or InvalidDpopProof where the token of that hash is bound to what the
        call does not show, or is shown under another scheme than its own."""
        jkt = "" if cnf is None else cnf.jkt
        if bool(jkt) != (scheme == dpop.SCHEME):
            raise InvalidToken("the access token is bound in another way than it is shown")
        proof = self._proof(ath, shown) if jkt else None
        if proof is not None and proof.jkt != jkt:
            raise InvalidToken("the access token is bound to another key")
        if cnf is not None and cnf.x5t_s256 and not _is_of(shown.certificate, cnf.x5t_s256):
            raise InvalidToken("the access token is bound to another certificate")
        if cnf is not None and not (cnf.jkt or cnf.x5t_s256):
            raise InvalidToken(detail="bound in a way that is not known here")
        if proof is not None:
            # Last: a stranger's proof neither fills the memory nor uses up the holder's.
            self._remember(proof)

    def _proof(self, ath: str, shown: Shown) -> dpop.Proof:
        """The proof that the call brings, for this very request."""
        if len(shown.proofs) != 1:
            raise _bad("no proof, or more than one")
        try:
            return dpop.check(
                shown.proofs[0],
                method=shown.method,
                addresses=(self._address(shown.path),),
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
        # One step for every thread, without a lock that a fork could leave shut.
        mine = _Seen(proof.until)
        name = (proof.jkt, proof.jti) if len(proof.jti) <= LONG else proof.name
        if self._seen.setdefault(name, mine) is not mine:
            raise _bad("used before")

    def _address(self, path: str) -> str:
        """Where the call went: the API's own path may have been taken off on the way."""
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
