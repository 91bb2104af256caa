"""DPoP (RFC 9449): tokens are bound to a key that the app creates and proves.

Nonces are derived from the time, so they have no rows. A proof is remembered until it expires, with
or without a nonce: a nonce makes proofs short-lived, but only the record makes them single-use.
"""

from collections.abc import Mapping
from typing import Final

from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.policy import DEFAULT
from valetkey.server.model.query import One, RecentOne, Rule
from valetkey.server.oauth.clients import attestation
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature, RequestInfo, Sender, SenderProof
from valetkey.spec.errors import InvalidDpopProof, UseDpopNonce
from valetkey.spec.names import Cite
from valetkey.wire import dpop
from valetkey.wire.access_token import Confirmation
from valetkey.wire.dpop import Proof

PROOF_PURPOSE: Final = "DPoP proof"
"""The purpose of the single-use values of proofs."""

NONCE: Final = b"DPoP nonce"

_MARGIN: Final = 60
"""Seconds for which a proof is remembered after its end: the clocks of two nodes may differ."""


def prove(request: RequestInfo, client: str, context: Context) -> Rule[SenderProof | None]:
    """The key that the request proves, or None without a proof. Raises InvalidDpopProof,
    UseDpopNonce."""
    proofs = request.headers.get(dpop.HEADER.lower(), ())
    if not proofs:
        return None
    if len(proofs) > 1:
        # RFC 9449 4.3: not more than one.
        raise InvalidDpopProof("more than one DPoP header")
    try:
        proof = dpop.check(
            proofs[0],
            method=request.method,
            addresses=[base + request.path for base in context.installation.base_urls],
            now=context.env.now,
            access_token=request.token,
        )
    except dpop.BadProof as error:
        raise InvalidDpopProof(detail=str(error)) from error
    marker = SingleUse(purpose=PROOF_PURPOSE, value=proof.name, expires=proof.until + _MARGIN)
    marker_query, who = One(SingleUse, marker.key), RecentOne(Client, client)
    found = yield (marker_query, who)
    _check_nonce(proof, found.one(who), context)
    if found.one(marker_query) is not None:
        raise InvalidDpopProof("this proof was used before")
    return SenderProof(Confirmation(jkt=proof.jkt), changes=(Create(marker),))


def _check_nonce(proof: Proof, client: Client | None, context: Context) -> None:
    policy = DEFAULT if client is None else context.installation.all_policies[client.policy]
    if not proof.nonce and policy.dpop_nonce == "optional":
        return
    if not attestation.is_ours(proof.nonce, NONCE, context):
        raise UseDpopNonce


def nonce(context: Context) -> str:
    """The nonce of this moment, the same on every node."""
    return attestation.new_challenge(NONCE, context)


def _tell(request: RequestInfo, context: Context) -> Mapping[str, str]:
    """The response header with a nonce, for a caller that uses proofs, with every answer (RFC 9449
    8.2)."""
    used = dpop.HEADER.lower() in request.headers
    return {dpop.NONCE_HEADER: nonce(context)} if used else {}


SENDER: Final = Sender(
    name="dpop",
    cite=dpop.CITE,
    token_type=dpop.SCHEME,
    request_headers=(dpop.HEADER,),
    response_headers=(dpop.NONCE_HEADER,),
    errors=(InvalidDpopProof.code, UseDpopNonce.code),
    challenge={"algs": " ".join(dpop.ALGORITHMS)},
    binds=lambda cnf: cnf is not None and bool(cnf.jkt),
    prove=prove,
    write_headers=_tell,
)

DPOP: Final = Feature(
    name="DPoP",
    cites=(dpop.CITE, Cite("RFC 9449", "8"), Cite("RFC 9449", "10")),
    senders=(SENDER,),
    metadata=lambda _: {"dpop_signing_alg_values_supported": dpop.ALGORITHMS},
)
