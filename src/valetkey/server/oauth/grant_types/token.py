"""The token endpoint (RFC 6749 3.2): authenticate the client, decide by grant type, issue
tokens."""

from collections.abc import Collection
from typing import Final

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.query import CommitAlways, Rule
from valetkey.server.oauth.clients.authentication import authenticate, may_use
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Refuse, with_changes
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.issue.tokens import issue
from valetkey.server.oauth.senders.binding import bind, check_required
from valetkey.spec.errors import UnsupportedGrantType
from valetkey.spec.names import Cite
from valetkey.wire.form import REPEATABLE, Form


def token(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Issue tokens for a token request, or refuse it."""
    name = call.form.need("grant_type")
    installation = context.installation
    grant_type = installation.grant_types.get(name)
    if grant_type is None:
        raise UnsupportedGrantType
    caller = yield from authenticate(call, context)
    may_use(caller.client, name)
    caller, proof = yield from bind(caller, call.request, context)
    check_required(caller, context)
    form = call.form
    if not installation.ignored_parameters.isdisjoint(form):
        form = _without(form, installation.ignored_parameters)
    decision = yield from grant_type.decide(grant_type.parse(form), caller, context)
    outcome: Answer | Issued | Refuse
    match decision:
        case Issue():
            if caller.client.unused_until:
                yield from _keep_registration(caller.client)
            outcome = yield from issue(decision, context, confirmation=caller.confirmation)
        case Answer() | Refuse():
            outcome = decision
    return with_changes(outcome, proof) if proof else outcome


def _without(form: Form, names: Collection[str]) -> Form:
    """Copy the form without these parameters."""
    one = {name: value for name, value in form.items() if name not in names}
    return Form(one, {name: form.all(name) for name in REPEATABLE})


def _keep_registration(client: Client) -> Rule[None]:
    """Keep a self-registered client that is in use: it no longer expires."""
    yield (CommitAlways(Update(msgspec.structs.replace(client, unused_until=0))),)


TOKEN: Final = Feature(
    name="token endpoint",
    core=True,
    cites=(Cite("RFC 6749", "3.2"),),
    endpoints=(
        Endpoint(
            path="/token", metadata="token_endpoint", cite=Cite("RFC 6749", "3.2"), rule=token
        ),
    ),
    metadata=lambda context: {"grant_types_supported": tuple(context.installation.grant_types)},
)
