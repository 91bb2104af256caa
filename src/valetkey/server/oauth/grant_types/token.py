"""The token endpoint (RFC 6749 3.2): authenticate, decide by grant type, pass the choke point."""

from typing import Final

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.query import CommitAlways, Rule
from valetkey.server.oauth.clients.authentication import authenticate, may_use
from valetkey.server.oauth.core import profile, rar
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Refuse, with_changes
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature, GrantType
from valetkey.server.oauth.issue.status import assign_place
from valetkey.server.oauth.issue.tokens import issue
from valetkey.server.oauth.senders.binding import bind, check_required
from valetkey.spec.cite import Cite
from valetkey.spec.errors import UnsupportedGrantType


def token(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Tokens for what the client brings, or a refusal."""
    name = call.form.need("grant_type")
    grant_type = grant_types(context).get(name)
    if grant_type is None:
        raise UnsupportedGrantType
    by = yield from authenticate(call, context)
    may_use(by.client, name)
    by, proof = yield from bind(by, call.request, context)
    check_required(by, context)
    profile.check_tokens(by, context)
    decision = yield from grant_type.begin(rar.drop_if_disabled(call.form, context), by, context)
    match decision:
        case Issue():
            yield from _used(by.client)
            decision = yield from assign_place(decision, context)
            return with_changes(issue(decision, context, holds=by.confirmation), proof)
        case Answer() | Refuse():
            return with_changes(decision, proof)


def _used(client: Client) -> Rule[None]:
    """A registration that was used stays."""
    if client.unused_until:
        yield (CommitAlways(Update(msgspec.structs.replace(client, unused_until=0))),)


def grant_types(context: Context) -> dict[str, GrantType[object]]:
    """The enabled grant types by name."""
    return context.installation.grant_types


TOKEN: Final = Feature(
    name="token endpoint",
    core=True,
    cites=(Cite("RFC 6749", "3.2"),),
    endpoints=(
        Endpoint(
            path="/token", metadata="token_endpoint", cite=Cite("RFC 6749", "3.2"), rule=token
        ),
    ),
    metadata=lambda context: {"grant_types_supported": tuple(grant_types(context))},
)
