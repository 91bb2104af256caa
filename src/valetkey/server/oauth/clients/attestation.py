"""attest_jwt_client_auth: each copy of an app proves that its publisher vouches for it, and that it
is this copy (draft-ietf-oauth-attestation-based-client-auth). The keys that the client registers
are its attester's. Tokens belong to one copy, and to no other copy of the app.

Challenges are derived from the time, so they have no rows. A proof is remembered until it expires.
"""

from collections.abc import Mapping
from typing import Final

from valetkey.jose import base64url, jws, seal
from valetkey.jose.jwk import CLIENT_ALGORITHMS
from valetkey.jose.jws import BadSignature
from valetkey.jose.seal import digest
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import (
    Call,
    ClientAuth,
    Credentials,
    Endpoint,
    Feature,
    RequestInfo,
)
from valetkey.server.oauth.core.single_use import use_up
from valetkey.spec.errors import (
    InvalidClient,
    InvalidRequest,
    UseAttestationChallenge,
    UseFreshAttestation,
)
from valetkey.spec.names import Cite
from valetkey.wire import client_attestation as wire
from valetkey.wire.client_attestation import BadAttestation, Pop

# Challenges that are derived from the time, so they have no rows. A caller that returns one has
# asked for it within the last minutes.

STEP: Final = 60
"""Seconds after which the challenge changes. The previous one stays valid."""

_MAC: Final = 16
_COUNT: Final = 6


def new_challenge(purpose: bytes, context: Context) -> str:
    """The challenge of this moment: the same on every node, and different for each purpose."""
    return _written(purpose, context.env.now // STEP, context.installation.keyring.macs[0].raw)


def is_ours(text: str, purpose: bytes, context: Context) -> bool:
    """Whether this is the current challenge, the previous one, or the next one: the clocks of two
    nodes may differ."""
    present = context.env.now // STEP
    return any(
        seal.same(text.encode(), _written(purpose, count, key.raw).encode())
        for key in context.installation.keyring.macs
        for count in (present, present - 1, present + 1)
    )


def _written(purpose: bytes, count: int, key: bytes) -> str:
    raw = count.to_bytes(_COUNT, "big")
    return base64url.encode(seal.mac(key, purpose, raw)[:_MAC])


PROOF_PURPOSE: Final = "client attestation"
"""The purpose of the single-use values of proofs."""

CHALLENGE: Final = b"attestation challenge"

_MARGIN: Final = 60
"""Seconds for which a proof is remembered after its end: the clocks of two nodes may differ."""


def read(call: Call) -> Credentials | None:
    """Read the attestation and its proof from a call. Raises InvalidClient, InvalidRequest."""
    attestation = call.request.headers.get(wire.HEADER.lower(), ())
    proof = call.request.headers.get(wire.POP_HEADER.lower(), ())
    if not attestation:
        return None
    if len(attestation) != 1 or len(proof) != 1:
        raise InvalidClient("there has to be one attestation, and one proof for it")
    try:
        name = wire.unverified_client_id(attestation[0])
    except BadAttestation as error:
        raise InvalidClient(detail=str(error)) from error
    if call.form.get("client_id", name) != name:
        raise InvalidRequest("client_id differs from the authenticated client")
    return Credentials(name, attestation[0], proof=proof[0])


def prove(client: Client, credentials: Credentials, context: Context) -> Rule[str]:
    """Verify that the attester vouches for a key and that the caller has it. Returns the thumbprint
    of the key. Raises InvalidClient, UseFreshAttestation, UseAttestationChallenge."""
    algorithms = keys.algorithms_of(client, client.auth_algorithm, context)
    try:
        payload = yield from keys.verify(
            credentials.secret, client, typ=(wire.TYPE,), algorithms=algorithms
        )
        members = wire.check(payload, client_id=client.id, now=context.env.now)
        key = wire.key_of(members, jws.read_header(credentials.proof).get("alg"))
        pop = wire.check_pop(
            credentials.proof, key, issuer=context.installation.issuer, now=context.env.now
        )
    except wire.Stale as error:
        raise UseFreshAttestation(detail=client.id) from error
    except (BadAttestation, BadSignature) as error:
        raise InvalidClient(detail=f"{client.id}: {error}") from error
    if not is_ours(pop.challenge, CHALLENGE, context):
        raise UseAttestationChallenge
    yield from _count(pop, key.thumbprint(), context)
    return key.thumbprint()


def _count(pop: Pop, thumbprint: str, context: Context) -> Rule[None]:
    marker = SingleUse(
        purpose=PROOF_PURPOSE, value=digest(f"{thumbprint} {pop.jti}"), expires=pop.until + _MARGIN
    )
    if not (yield from use_up(marker)):
        raise InvalidClient(detail="the proof was used before")


def challenge(context: Context) -> str:
    """The challenge of this moment, the same on every node."""
    return new_challenge(CHALLENGE, context)


def _tell(request: RequestInfo, context: Context) -> Mapping[str, str]:
    """The response header with a challenge, for a caller that uses attestations, with every
    answer."""
    used = wire.HEADER.lower() in request.headers
    return {wire.CHALLENGE_HEADER: challenge(context)} if used else {}


def _ask(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Answer with a challenge. No authentication is required."""
    yield from ()
    return Answer(document={"attestation_challenge": challenge(context)})


ATTESTATION: Final = Feature(
    name="client attestation",
    cites=(wire.CITE, wire.POP),
    on_by_default=False,
    client_auth=(
        ClientAuth(
            name="attest_jwt_client_auth",
            cite=wire.CITE,
            by_name_only=True,
            read=read,
            prove=prove,
            request_headers=(wire.HEADER, wire.POP_HEADER),
            response_headers=(wire.CHALLENGE_HEADER,),
            write_headers=_tell,
        ),
    ),
    endpoints=(
        Endpoint(
            path="/attestation-challenge",
            metadata="challenge_endpoint",
            cite=Cite("draft-ietf-oauth-attestation-based-client-auth", "6.1"),
            reads="nothing",
            rule=_ask,
        ),
    ),
    metadata=lambda _: {
        "client_attestation_signing_alg_values_supported": CLIENT_ALGORITHMS,
        "client_attestation_pop_signing_alg_values_supported": CLIENT_ALGORITHMS,
    },
)
