"""Binding tokens to a key or a certificate, when they are issued and when they are presented."""

from typing import Final

import msgspec

from valetkey.server.model.change import Change
from valetkey.server.model.client import Client
from valetkey.server.model.query import CommitAlways, Rule
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.feature import (
    Authenticated,
    Feature,
    RequestInfo,
    Sender,
    SenderProof,
    TokenRequest,
)
from valetkey.server.oauth.tokens.state import Dead, check_token
from valetkey.spec.errors import InvalidDpopProof, InvalidRequest, InvalidToken
from valetkey.spec.names import Cite
from valetkey.wire.access_token import Confirmation


def senders(context: Context) -> tuple[Sender, ...]:
    """The enabled senders, in the order in which they are tried."""
    return context.installation.senders


def sender_of(cnf: Confirmation | None, context: Context) -> Sender:
    """The sender of a token with this confirmation. Raises InvalidToken if it is switched off: a
    bound token is never accepted as if it were unbound."""
    for sender in context.installation.senders:
        if sender.binds(cnf):
            return sender
    raise InvalidToken(detail="bound in a way that is not offered here")


def find_sender(cnf: Confirmation | None, at: Installation) -> Sender | None:
    """The enabled sender that accepts a token with this confirmation."""
    for sender in at.senders:
        if sender.binds(cnf):
            return sender
    return None


def is_offered(cnf: Confirmation | None, context: Context) -> bool:
    """Whether a sender accepts a token with this confirmation."""
    return find_sender(cnf, context.installation) is not None


def bind(
    caller: Authenticated, request: RequestInfo, context: Context
) -> Rule[tuple[Authenticated, tuple[Change, ...]]]:
    """The client with the key that it proves, and the changes that record the proof. For a
    confidential client the record is committed in any case. For a public one it is committed only
    with a result: otherwise anyone could fill the database with proofs of new keys."""
    if not request.headers and not request.certificate:
        return caller, ()  # The request has nothing that could be a proof.
    for sender in senders(context):
        proof = yield from sender.prove(request, caller.client.id, context)
        if proof is None:
            continue
        bound_to = msgspec.structs.replace(caller, confirmation=proof.cnf)
        if caller.client.is_public:
            return bound_to, proof.changes
        yield from _remember(proof)
        return bound_to, ()
    return caller, ()


def _remember(proof: SenderProof) -> Rule[None]:
    if proof.changes:
        yield tuple(CommitAlways(change) for change in proof.changes)


def required_key_is_proved(request: TokenRequest, context: Context) -> None:
    """FAPI 2.0 Security Profile 5.3.2.1, RFC 9449 5.2: raise InvalidRequest if the client's tokens
    have to be bound and the client proves no key of the required kind, or that kind is switched
    off."""
    caller = request.caller
    policy = context.installation.all_policies[caller.client.policy]
    if policy.bound == "required" and caller.confirmation is None:
        raise InvalidRequest("this client has to prove possession of a key")
    bound_by = caller.client.bound_by
    if not bound_by:
        return
    offered = {sender.name: sender for sender in senders(context)}
    for name in bound_by:
        sender = offered.get(name)
        if sender is None or caller.confirmation is None or not sender.binds(caller.confirmation):
            raise InvalidRequest(f"this client has to prove possession of a key: {name}")


def is_bound(client: Client, context: Context) -> bool:
    """Whether the client gets only bound tokens."""
    demanded = context.installation.all_policies[client.policy].bound == "required"
    return demanded or bool(client.bound_by)


def check_presented(scheme: str, request: RequestInfo, context: Context) -> Rule[None]:
    """Record the proof that comes with `request.token`, whatever the result of the call. Raises
    InvalidToken if the token is presented in another way than it is bound (ATTACKS A11),
    InvalidDpopProof if its proof is missing."""
    token = check_token(request.token, context)
    if isinstance(token, Dead):
        return  # The endpoint refuses the token itself.
    sender = sender_of(token.cnf, context)
    if scheme.lower() != sender.token_type.lower():
        raise InvalidToken("the access token is presented in another way than it is bound")
    proof = yield from sender.prove(request, token.client_id, context)
    if token.cnf is not None and proof is None:
        # RFC 9449 7.1, with the same error as the kit; for a certificate RFC 8705 3.
        lacking = InvalidDpopProof if token.cnf.jkt else InvalidToken
        raise lacking("the access token is bound, and no proof came with it")
    if proof is not None and proof.cnf != token.cnf:
        raise InvalidToken("the access token is bound to another key")
    if proof is not None:
        yield from _remember(proof)


def fits(confirmation: Confirmation | None, bound_to: Confirmation | None) -> bool:
    """Whether the caller proved the key that something is bound to. True if it is unbound."""
    return bound_to is None or confirmation == bound_to


def _prove_nothing(request: RequestInfo, client: str, context: Context) -> Rule[SenderProof | None]:
    yield from ()
    return None


_BEARER_SENDER: Final = Sender(
    name="bearer",
    cite=Cite("RFC 6750", "2.1"),
    token_type="Bearer",
    binds=lambda cnf: cnf is None,
    prove=_prove_nothing,
)

BEARER: Final = Feature(
    name="bearer tokens", core=True, cites=(_BEARER_SENDER.cite,), senders=(_BEARER_SENDER,)
)
"""Bearer tokens (RFC 6750): anyone who has one may use it."""
