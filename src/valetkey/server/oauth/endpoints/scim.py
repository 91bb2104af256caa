"""Who may provision users: a client with a token of its own for SCIM (RFC 7644 2)."""

from typing import Final

from valetkey.server.model.client import Client, Provisioning
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.feature import Call, ClientScopes, Feature
from valetkey.server.oauth.senders.binding import check_presented
from valetkey.server.oauth.tokens.state import Dead, token_state
from valetkey.spec.errors import InsufficientScope, InvalidToken
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7644", "2")

NAME: Final = "scim"
"""The name of the feature in settings, and the scope of the token."""

PATH: Final = "/scim/v2"
"""Below it are the endpoints (`server.endpoints.scim`)."""

MAX_PAGE: Final = 100
"""Resources on a page of a list."""

MAX_MEMBERS: Final = 10_000
"""Members of a group."""


class Provisioner(Outcome, frozen=True, kw_only=True, eq=False):
    """A client that provisions the users of one source, in one of its calls."""

    client: str
    terms: Provisioning

    @property
    def source(self) -> str:
        """The source. The client reaches nobody else's users and groups."""
        return self.terms.source


def may_provision(client: Client, context: Context) -> bool:
    """Whether an administrator registered the client for it."""
    is_declared = client.origin == "declared" and not client.is_public
    return is_declared and client.scim is not None and NAME in client.scope


def provisioner(call: Call, context: Context) -> Rule[Provisioner]:
    """The client that calls. Raises InvalidToken, InsufficientScope."""
    yield from check_presented(call.scheme, call.request, context)
    state = yield from token_state(call.token, context)
    if isinstance(state, Dead):
        raise InvalidToken(detail=state.why)
    if state.standing is not None or not context.installation.offer.is_for(
        state.token.aud, context.installation.issuer
    ):
        raise InvalidToken(detail="a token of a user, or for another server")
    terms = state.client.scim
    if NAME not in state.scope or terms is None or not may_provision(state.client, context):
        raise InsufficientScope
    return Provisioner(client=state.client.id, terms=terms)


SCIM: Final = Feature(
    name=NAME,
    cites=(CITE,),
    on_by_default=False,
    requires=("client credentials",),
    client_scopes=(ClientScopes(names=(NAME,), may_use=may_provision, registered=True),),
)
