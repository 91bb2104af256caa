"""Outcomes: closed unions, matched exhaustively. Changes and events are committed together."""

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from valetkey.server.model.change import Change
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.user import User
from valetkey.server.oauth.core.claims import Claim
from valetkey.spec.errors import OAuthError
from valetkey.wire.access_token import AccessToken, Actor
from valetkey.wire.id_token import IdToken


class Outcome(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a rule returns: the facts of its answer, and what has to be written first."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


OutcomeT = TypeVar("OutcomeT", bound=Outcome)


def with_changes(outcome: OutcomeT, changes: tuple[Change, ...]) -> OutcomeT:
    """The same outcome, with more to write. A refusal that writes nothing of its own stays so:
    strangers can have as many of those as they like."""
    if not changes or (isinstance(outcome, Refuse) and not outcome.changes):
        return outcome
    return msgspec.structs.replace(outcome, changes=(*outcome.changes, *changes))


class Refuse(Outcome, frozen=True, kw_only=True, eq=False):
    """No, in a registered code. A refusal may write too: close a family, count an attempt."""

    error: OAuthError


class TextDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is not JSON: its text, and its media type."""

    body: str
    media_type: str

    def __repr__(self) -> str:
        return f"Written({self.media_type})"


class Answer(Outcome, frozen=True, kw_only=True, eq=False):
    """A JSON document, or a `Written` one; None for an empty answer. `stranger` names a
    request that waits now for a client for whom nobody vouches: an older one may have to go."""

    document: object
    unregistered_client: str = ""


class Standing(msgspec.Struct, frozen=True, eq=False):
    """Who said yes, to what, on which device."""

    user: User
    grant: Grant
    family: TokenFamily


class Delegation(msgspec.Struct, frozen=True, eq=False):
    """The key of one client in the hands of another: `owner` is the one whose grant it is, `act`
    says who acts, `until` is when the token that was exchanged ends."""

    owner: Client
    act: Actor | None
    until: int


class Issue(Outcome, frozen=True, kw_only=True, eq=False):
    """A grant type's yes: what to make tokens from. `standing` is None for a client that acts for
    itself. `scope` holds the names that the client asked by; `resources` narrow the audience.
    `delegation` says whose key the client holds, where that is another's. `more` are members of
    the response that the grant type adds; `shard` is the number of the one that the refresh token
    is, 0 for that of an ordinary key. `own` are scopes of the client itself, which no user
    gives (see `clients.managing`). `details` are types in which the token is asked for by details,
    besides those of its family."""

    client: Client
    standing: Standing | None
    permissions: tuple[str, ...]
    scope: tuple[str, ...]
    resources: tuple[str, ...] = ()
    nonce: str = ""
    with_id_token: bool = False
    with_refresh_token: bool = False
    delegation: Delegation | None = None
    own: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    members: Mapping[str, Any] = {}
    shard: int = 0


class Issued(Outcome, frozen=True, kw_only=True, eq=False):
    """Tokens that have passed the choke point, to be signed once the changes are written."""

    client: Client
    access_token: AccessToken
    id_token: IdToken | None
    id_token_claims: dict[str, Claim] = {}
    refresh_token: str
    scope: str
    members: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        return f"Issued(to={self.client.id!r})"


TokenDecision: TypeAlias = Issue | Refuse
