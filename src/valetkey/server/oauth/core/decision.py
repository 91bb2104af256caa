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


class RefreshToken(msgspec.Struct, frozen=True):
    """What a refresh token names: its family, its shard (0 is the device's, and the only one of an
    ordinary token) and its generation."""

    family: str
    shard: int
    generation: int


class StepState(msgspec.Struct, frozen=True, eq=False):
    """What a grant type leaves for an issuing step (see `core.issuing`). Each step has its own."""


class Issue(Outcome, frozen=True, kw_only=True, eq=False):
    """A grant type's yes: what to make tokens from.

    `standing` is None for a client that acts for itself. `scope` holds the names that the client
    requested; `resources` narrow the audience. `delegation` says whose grant it is, where that is
    another client's. `refresh_token` is the one to issue, if any. `members` are members of the
    response that the grant type adds. `state` is for the issuing steps of features."""

    client: Client
    standing: Standing | None
    permissions: tuple[str, ...]
    scope: tuple[str, ...]
    resources: tuple[str, ...] = ()
    nonce: str = ""
    with_id_token: bool = False
    refresh_token: RefreshToken | None = None
    delegation: Delegation | None = None
    members: Mapping[str, Any] = {}
    state: tuple[StepState, ...] = ()


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

StateT = TypeVar("StateT", bound=StepState)


def state_of(decision: Issue, kind: type[StateT]) -> StateT | None:
    """What the grant type left for the step that this class belongs to, None for nothing."""
    return next((one for one in decision.state if isinstance(one, kind)), None)
