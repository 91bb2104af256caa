"""The outcomes of rules: closed unions, matched exhaustively. Changes and events are committed
together."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from valetkey.server.model.change import Change
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Keyring
from valetkey.server.model.user import User
from valetkey.server.oauth.core.claims import Claim
from valetkey.spec.errors import OAuthError
from valetkey.wire.access_token import AccessToken, Actor
from valetkey.wire.id_token import IdToken


class Outcome(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The result of a rule: the facts of its answer, and the changes to commit before the answer is
    sent."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


OutcomeT = TypeVar("OutcomeT", bound=Outcome)

T = TypeVar("T")


def with_changes(outcome: OutcomeT, changes: tuple[Change, ...]) -> OutcomeT:
    """Add changes to an outcome. A refusal without changes stays without: otherwise anonymous
    callers could cause any number of writes."""
    if not changes or (isinstance(outcome, Refuse) and not outcome.changes):
        return outcome
    return msgspec.structs.replace(outcome, changes=(*outcome.changes, *changes))


class Refuse(Outcome, frozen=True, kw_only=True, eq=False):
    """A refusal with a registered error. A refusal may have changes too: close a family, count an
    attempt."""

    error: OAuthError


class TextDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is not JSON: its text and its media type."""

    body: str
    media_type: str

    def __repr__(self) -> str:
        return f"Written({self.media_type})"


class Unsigned(msgspec.Struct, frozen=True, eq=False):
    """What is signed between the decision and its commit: `make` signs, and returns the rest."""

    make: Callable[[], Any]


def signed_by(keyring: Keyring, make: Callable[[], T]) -> T | Unsigned:
    """What `make` signs: at once, unless a service far away does it."""
    return make() if keyring.pool is None else Unsigned(make)


class Answer(Outcome, frozen=True, kw_only=True, eq=False):
    """A JSON document, or a `TextDocument`; None for an empty answer. `unregistered_client` names a
    client that nobody vouches for and that now has a waiting request: its oldest one may have to be
    dropped. `dead` is the API that learns that a token is not valid, and why, for statistics."""

    document: object
    unregistered_client: str = ""
    dead: tuple[str, str] = ("", "")


class Standing(msgspec.Struct, frozen=True, eq=False):
    """A user's grant, and the family of tokens on one device."""

    user: User
    grant: Grant
    family: TokenFamily


class Delegation(msgspec.Struct, frozen=True, eq=False):
    """One client's grant that another client uses: `owner` is the client of the grant, `act` names
    the actor, `until` is the end of the token that was exchanged."""

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
    """Tokens that passed the choke point. They are signed after the changes are committed, unless
    `document` has the signed response already."""

    client: Client
    access_token: AccessToken
    id_token: IdToken | None
    id_token_claims: dict[str, Claim] = {}
    refresh_token: str
    scope: str
    members: Mapping[str, Any] = {}
    document: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Issued(to={self.client.id!r})"


StateT = TypeVar("StateT", bound=StepState)


def state_of(decision: Issue, kind: type[StateT]) -> StateT | None:
    """What the grant type left for the step that this class belongs to, None for nothing."""
    for state in decision.state:
        if isinstance(state, kind):
            return state
    return None
