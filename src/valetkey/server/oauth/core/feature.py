"""A feature is one file that exports one `Feature`, and one line in `features.py`.

Discovery, documentation and the conformance table are folds over the enabled features.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from valetkey.server.model.change import Change
from valetkey.server.model.change_log import Log
from valetkey.server.model.client import AuthMethod, Client
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Refuse
from valetkey.server.oauth.core.outbound_message import Delivery
from valetkey.spec.cite import Cite
from valetkey.wire.access_token import Confirmation
from valetkey.wire.change_log import Entry, Piece
from valetkey.wire.form import Form

P = TypeVar("P")


class Brought(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """How a request came: what senders are told of it. `headers` are those that they read, in lower
    case, with every value; `token` is the access token that it shows, "" for none. `certificate` is
    the caller's, in DER, b"" for none; `vouched`: an authority that is trusted here issued it."""

    method: str = "POST"
    path: str = ""
    headers: Mapping[str, tuple[str, ...]] = {}
    token: str = ""
    certificate: bytes = b""
    vouched: bool = False

    def __repr__(self) -> str:
        return f"Brought({self.method} {self.path})"


class Call(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A form that somebody posted. `authorization` is the header's value, `agent` says in words
    what program called, `address` from where, `accept` in which forms it takes the answer,
    `brought` what may bind tokens to the caller."""

    form: Form
    authorization: str = ""
    agent: str = ""
    address: str = ""
    accept: str = ""
    brought: Brought = Brought()

    def __repr__(self) -> str:
        return "Call(…)"


class Authenticated(msgspec.Struct, frozen=True, eq=False):
    """A client that proved who it is, or a public one that said so. Only
    `clients.authentication.authenticate` makes one. `holds` is what it has proved to hold: only
    `senders.binding.bind` says so. `instance` is the copy of the app, by its key, where copies are
    told apart (see `clients.attestation`)."""

    client: Client
    holds: Confirmation | None = None
    instance: str = ""


class GrantType(msgspec.Struct, Generic[P], frozen=True, kw_only=True):
    """An exchange at the token endpoint. `parse` reads its parameters, `decide` says yes or no, or
    answers with what opens nothing here."""

    name: str
    cite: Cite
    parse: Callable[[Form], P]
    decide: Callable[[P, Authenticated, Context], Rule[Issue | Answer | Refuse]]

    def begin(
        self, form: Form, by: Authenticated, context: Context
    ) -> Rule[Issue | Answer | Refuse]:
        """Parse, then decide. Raises OAuthError for parameters that cannot be read."""
        return self.decide(self.parse(form), by, context)


class Credentials(msgspec.Struct, frozen=True):
    """Who a call claims to be, and the secret or signed proof that it brings, with the `proof` that
    goes with that; or the certificate that came with its connection, which may be `vouched` for.
    `path` is where the call went.
    """

    client_id: str
    secret: str = msgspec.field(default="")
    proof: str = ""
    certificate: bytes = b""
    vouched: bool = False
    path: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r}, …)"


class ClientAuth(msgspec.Struct, frozen=True, kw_only=True):
    """A way for a client to prove who it is. `read` finds its credentials in a call, or None;
    `prove` raises InvalidClient where they are not those of the client. `bare`: the form holds
    nothing but the client's name, so its registration says which way is meant; so it does of those
    that are `asserted`: the form holds an assertion. `prove` may name the copy of the app that
    calls. `headers`, `tells` and `tell` are as those of a `Sender`."""

    name: AuthMethod
    cite: Cite
    bare: bool = False
    asserted: bool = False
    read: Callable[[Call], Credentials | None]
    prove: Callable[[Client, Credentials, Context], Rule[str | None]]
    headers: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    tell: Callable[[Brought, Context], Mapping[str, str]] = lambda brought, context: {}


class Held(msgspec.Struct, frozen=True, eq=False):
    """What a caller has proved to hold, and what has to be remembered of the proof."""

    cnf: Confirmation
    changes: tuple[Change, ...] = ()


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """A way to bind tokens to whoever asks for them.

    `token_type` is also the scheme under which its tokens are shown. `headers` are those that it
    reads, `tells` those that it writes, by `tell`; `challenge` has the parameters of its own in
    WWW-Authenticate; `errors` are the codes in which a proof is refused. `binds` says whether a
    token with this confirmation is its own; a client whose `bound_by` has the name gets no other.
    `prove` finds what the request of the client of that id proves to hold, or None; raises
    OAuthError for a proof that is wrong.
    """

    name: str
    cite: Cite
    token_type: str
    binds: Callable[[Confirmation | None], bool]
    prove: Callable[[Brought, str, Context], Rule[Held | None]]
    headers: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    challenge: Mapping[str, str] = {}
    tell: Callable[[Brought, Context], Mapping[str, str]] = lambda brought, context: {}


class FormEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Takes a POSTed form from a client (JSON answers, never cached). `tries` says how many races
    its rule may lose; `empty`: nothing has to be in it, not even a form."""

    path: str
    metadata: str
    cite: Cite
    rule: Callable[[Call, Context], Rule[Answer | Issued | Refuse]]
    status: Literal[200, 201] = 200
    tries: int = 3
    empty: bool = False


class BearerEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Answers to whoever brings an access token."""

    path: str
    metadata: str
    cite: Cite
    rule: Callable[[str, Context], Rule[Answer | Refuse]]


class DocumentEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Publishes a document that is the same for everybody. `seconds` says how long it keeps."""

    path: str
    metadata: str
    cite: Cite
    document: Callable[[Context], Mapping[str, Any]]
    seconds: Callable[[Context], int]


class Follower(msgspec.Struct, frozen=True):
    """A resource server that follows the change log, by its identifier."""

    resource: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """From where on it wants to be told: after this number, or None for the oldest entry that is
    kept. `wait` is in seconds; `nonce` is the asker's own."""

    after: int | None = None
    wait: float = 0.0
    nonce: str = ""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When and where it is told, and after which number: `at` in milliseconds since 1970, by the
    clock of the process `node`, before the log was read."""

    at: int
    node: str
    after: int
    nonce: str = ""


class Tell(Protocol):
    """What a follower is told of a part of the log."""

    def __call__(
        self, follower: Follower, log: Log, moment: Moment, *, context: Context
    ) -> Piece: ...


class StreamEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Tells a resource server what changes: as server-sent events for as long as it listens, or
    once. `rule` says who it is, `asked` reads its question, `tell` answers it."""

    path: str
    metadata: str
    cite: Cite
    rule: Callable[[Call, Context], Rule[Follower]]
    asked: Callable[[Form], Asked]
    tell: Tell


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A status list: the client whose tokens it is about, which of its lists, and what stands at a
    place of which nothing is known."""

    name: str
    client: str
    number: int
    rest: int


class ListEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Publishes signed status lists by their names below its path, to be kept for so many
    `seconds`, and tells resource servers where they are. `named` says whether there is such a list,
    `standings` what entries of the change log come to, by places, and `write` signs."""

    path: str
    metadata: str
    cite: Cite
    named: Callable[[str, Context], Rule[Listing]]
    standings: Callable[[Iterable[Entry], Context], Rule[Mapping[str, int]]]
    write: Callable[[Listing, Mapping[str, int], Context], str]
    aggregated: Callable[[Call, Context], Rule[tuple[str, ...]]]
    seconds: int


class DocumentCall(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A call on a document: its method, the `client_id` in its query, its bearer token, the JSON
    that it brings, and the caller's address; "" and {} for what is missing."""

    method: str
    name: str = ""
    token: str = ""
    document: Mapping[str, Any] = {}
    address: str = ""

    def __repr__(self) -> str:
        return f"DocumentCall({self.method})"


class ManagedEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps documents for those who hold a bearer token: POST makes one, GET, PUT and DELETE are
    for one that is there. Answers are never cached."""

    path: str
    metadata: str
    cite: Cite
    rule: Callable[[DocumentCall, Context], Rule[Answer | Refuse]]


class JsonCall(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A call that brings and gets JSON: its method, its query, the object that it brings, and who
    calls: by a token in `brought`, shown under `scheme`, or as `call` says."""

    method: str
    query: Mapping[str, str] = {}
    document: Mapping[str, Any] = {}
    scheme: str = ""
    brought: Brought = Brought()
    call: Call

    def __repr__(self) -> str:
        return f"JsonCall({self.method})"


class JsonEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Takes and gives JSON, with these methods, for parties that prove who they are; never cached.
    A POST is answered with `status`. `waits`: the answer would rather be asked for again in a
    moment, for some time."""

    path: str
    metadata: str
    cite: Cite
    methods: tuple[str, ...]
    rule: Callable[[JsonCall, Context], Rule[Answer | Refuse]]
    status: Literal[200, 201, 204] = 200
    waits: Callable[[JsonCall, Answer], bool] = lambda call, answer: False


class ItemCall(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A call on one of many things: its method, the thing's name ("" for none), and the access
    token that was shown."""

    method: str
    name: str
    token: str

    def __repr__(self) -> str:
        return f"ItemCall({self.method})"


class ItemEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Has things by their names below its path, for whoever brings an access token: GET tells of
    one, DELETE ends it. Answers are never cached."""

    path: str
    metadata: str
    cite: Cite
    rule: Callable[[ItemCall, Context], Rule[Answer | Refuse]]


Endpoint: TypeAlias = (
    FormEndpoint
    | BearerEndpoint
    | DocumentEndpoint
    | StreamEndpoint
    | ListEndpoint
    | ManagedEndpoint
    | ItemEndpoint
    | JsonEndpoint
)


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the protocol that can be switched on or off: `on` says what it is unless a setting
    says otherwise, `core` that no setting may. It goes with those that it `needs`, by their names,
    and takes along the `pages` for people at these paths. `metadata` are the members that it adds
    to the discovery document; lists of the same name are joined."""

    name: str
    cites: tuple[Cite, ...]
    on: bool = True
    core: bool = False
    needs: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    grant_types: tuple[GrantType[Any], ...] = ()
    client_auth: tuple[ClientAuth, ...] = ()
    senders: tuple[Sender, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    response_modes: tuple[str, ...] = ()
    metadata: Callable[[Context], Mapping[str, Any]] = lambda _: {}
