"""The token endpoint (RFC 6749 3.2): authenticate the client, decide by grant type, issue
tokens."""

from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.query import CommitAlways, Rule
from valetkey.server.oauth.clients.authentication import authenticate, may_use
from valetkey.server.oauth.core.context import OPTIONAL_PARAMETERS, Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Refuse, with_changes
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature, TokenRequest, TokenStep
from valetkey.server.oauth.issue.tokens import issue
from valetkey.server.oauth.senders.binding import bind, required_key_is_proved
from valetkey.spec.errors import UnsupportedGrantType
from valetkey.spec.names import Cite
from valetkey.wire.form import REPEATABLE, Form


def token(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Issue tokens for a token request, or refuse it: by the steps of STEPS, then the rule of the
    grant type, then the steps of `core.issuing.ORDER`."""
    installation = context.installation
    grant_type = installation.grant_types.get(call.form.need("grant_type"))
    if grant_type is None:
        raise UnsupportedGrantType
    caller = yield from authenticate(call, context)
    request = TokenRequest(call, grant_type, caller, call.form)
    for step in installation.token_steps:
        if step.check is not None:
            step.check(request, context)
        elif step.rule is not None:
            request = yield from step.rule(request, context)
    caller = request.caller
    decision = yield from grant_type.decide(grant_type.parse(request.form), caller, context)
    outcome: Answer | Issued | Refuse
    match decision:
        case Issue():
            if caller.client.unused_until:
                yield from _keep_registration(caller.client)
            outcome = yield from issue(decision, context, confirmation=caller.confirmation)
        case Answer() | Refuse():
            outcome = decision
    return with_changes(outcome, request.proof) if request.proof else outcome


def client_may_use_the_grant_type(request: TokenRequest, context: Context) -> None:
    """RFC 6749 5.2: the client is registered for it, and such a client can be."""
    may_use(request.caller.client, request.grant_type)


def bind_to_the_proved_key(request: TokenRequest, context: Context) -> Rule[TokenRequest]:
    """RFC 9449 5, RFC 8705 3: the tokens are bound to the key that the client proves."""
    caller, proof = yield from bind(request.caller, request.call.request, context)
    if caller is request.caller:
        return request
    return TokenRequest(request.call, request.grant_type, caller, request.form, proof)


def leave_out_unread_parameters(request: TokenRequest, context: Context) -> Rule[TokenRequest]:
    """RFC 6749 3.2: what no feature reads is ignored, also by the grant type."""
    yield from ()
    form, ignored = request.form, context.installation.ignored_parameters
    if ignored.isdisjoint(form):
        return request
    one = {name: value for name, value in form.items() if name not in ignored}
    rest = Form(one, {name: form.all(name) for name in REPEATABLE})
    return TokenRequest(request.call, request.grant_type, request.caller, rest, request.proof)


def _some_key_can_be_proved(features: Iterable[Feature]) -> bool:
    return any(not one.binds(None) for of in features for one in of.senders)


def _some_parameters_are_unread(features: Iterable[Feature]) -> bool:
    return not OPTIONAL_PARAMETERS.issubset(name for of in features for name in of.token_parameters)


STEPS: Final = (
    TokenStep(name="grant type", check=client_may_use_the_grant_type),
    TokenStep(name="proof of a key", rule=bind_to_the_proved_key, needed=_some_key_can_be_proved),
    TokenStep(name="required proof", check=required_key_is_proved),
    TokenStep(
        name="unread parameters",
        rule=leave_out_unread_parameters,
        needed=_some_parameters_are_unread,
    ),
)
"""The steps of a token request between the authentication of its client (RFC 6749 3.2.1) and the
rule of its grant type, in their order."""


def _keep_registration(client: Client) -> Rule[None]:
    """Keep a self-registered client that is in use: it no longer expires."""
    yield (CommitAlways(Update(msgspec.structs.replace(client, unused_until=0))),)


TOKEN: Final = Feature(
    name="token endpoint",
    core=True,
    cites=(Cite("RFC 6749", "3.2"),),
    token_steps=STEPS,
    endpoints=(
        Endpoint(
            path="/token", metadata="token_endpoint", cite=Cite("RFC 6749", "3.2"), rule=token
        ),
    ),
    metadata=lambda context: {"grant_types_supported": tuple(context.installation.grant_types)},
)
