"""A feature is one file that exports one `Feature`, and one line in `features.py`.

Discovery, documentation and the conformance table are folds over the enabled features.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from valetkey.server.model.change import Change
from valetkey.server.model.change_log import Log
from valetkey.server.model.client import AuthMethod, Client
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Refuse
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.server.oauth.core.message_delivery import Delivery
from valetkey.spec.names import Cite
from valetkey.wire.access_token import Confirmation
from valetkey.wire.change_log import Entry, Piece
from valetkey.wire.form import Form

P = TypeVar("P")


class RequestInfo(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a request has for senders to check. `headers` are the headers that senders read, in
    lower case, with every value; `token` is the access token that the request presents, "" for
    none. `certificate` is the caller's, in DER, b"" for none; `certificate_trusted`: a trusted
    authority issued it."""

    method: str = "POST"
    path: str = ""
    headers: Mapping[str, tuple[str, ...]] = {}
    token: str = ""
    certificate: bytes = b""
    certificate_trusted: bool = False

    def __repr__(self) -> str:
        return f"RequestInfo({self.method} {self.path})"


class Call(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A request to an endpoint, as its rule sees it.

    `item` is the path segment below the endpoint's path, "" for none. `query` is empty where the
    endpoint reads a form; `form` and `document` (the JSON object in the body) are empty where the
    endpoint does not read them. `authorization` is the header's value; `scheme` is the one under
    which an access token was presented, "" for none. `agent` is a readable name of the program that
    calls, `address` its network address, `accept` the media types that it takes.
    """

    method: str = "POST"
    item: str = ""
    query: Mapping[str, str] = {}
    form: Form = Form({})
    document: Mapping[str, Any] = {}
    authorization: str = ""
    scheme: str = ""
    agent: str = ""
    address: str = ""
    accept: str = ""
    request: RequestInfo = RequestInfo()

    @property
    def token(self) -> str:
        """The access token that the caller presents, "" for none."""
        return self.request.token

    def __repr__(self) -> str:
        return f"Call({self.method})"


class Authenticated(msgspec.Struct, frozen=True, eq=False):
    """A client that authenticated, or a public one that gave its name. Only
    `clients.authentication.authenticate` creates one. `confirmation` is the key that it proved;
    only `senders.binding.bind` sets it. `instance` is the copy of the app, by its key, where copies
    have keys (see `clients.attestation`)."""

    client: Client
    confirmation: Confirmation | None = None
    instance: str = ""


class GrantType(msgspec.Struct, Generic[P], frozen=True, kw_only=True):
    """An exchange at the token endpoint. `parse` reads its parameters. `decide` issues tokens,
    refuses, or answers with a document that is no token of this server.

    `confidential_only`: a public client may not use it. `declared_only`: only an administrator can
    register a client for it. A client that registers itself gets no token without a user's consent,
    can't ask users unprompted, and can't present others' tokens (ATTACKS A100). Registration and
    the token endpoint check both."""

    name: str
    cite: Cite
    confidential_only: bool
    declared_only: bool
    parse: Callable[[Form], P]
    decide: Callable[[P, Authenticated, Context], Rule[Issue | Answer | Refuse]]


class TokenRequest(msgspec.Struct, frozen=True, eq=False):
    """A request to the token endpoint, after its client authenticated. `form` has the parameters
    that the grant type may read, `proof` the changes that record a proof of the client's key."""

    call: Call
    grant_type: GrantType[Any]
    caller: Authenticated
    form: Form
    proof: tuple[Change, ...] = ()


class TokenStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a token request, before its grant type decides. It has either a `check`, which
    raises OAuthError, or a `rule`, which may read, and returns the request for the next step. A
    step that is not `needed`, by the features that are on, is not on the way."""

    name: str
    check: Callable[[TokenRequest, Context], None] | None = None
    rule: Callable[[TokenRequest, Context], Rule[TokenRequest]] | None = None
    needed: Callable[[Iterable["Feature"]], bool] = lambda features: True


class Credentials(msgspec.Struct, frozen=True):
    """The client that a call names, and its secret or signed assertion, with the `proof` that goes
    with the assertion; or the certificate of its connection. `path` is the path of the call,
    `address` the network address that it comes from."""

    client_id: str
    secret: str = msgspec.field(default="")
    proof: str = ""
    certificate: bytes = b""
    certificate_trusted: bool = False
    path: str = ""
    address: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r}, …)"


class ClientAuth(msgspec.Struct, frozen=True, kw_only=True):
    """A way for a client to authenticate.

    `read` finds its credentials in a call, or None; `prove` raises InvalidClient if they are not
    the client's, and may return the copy of the app that calls. `by_name_only`: the form has the
    client's name and no proof, so several methods may be meant, and the registration decides;
    `by_assertion`: the same for an assertion. `request_headers`, `response_headers` and
    `write_headers` are as in `Sender`.
    """

    name: AuthMethod
    cite: Cite
    by_name_only: bool = False
    by_assertion: bool = False
    read: Callable[[Call], Credentials | None]
    prove: Callable[[Client, Credentials, Context], Rule[str | None]]
    request_headers: tuple[str, ...] = ()
    response_headers: tuple[str, ...] = ()
    write_headers: Callable[[RequestInfo, Context], Mapping[str, str]] = lambda request, context: {}


class SenderProof(msgspec.Struct, frozen=True, eq=False):
    """The key that a caller proved, and the changes that record the proof."""

    cnf: Confirmation
    changes: tuple[Change, ...] = ()


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """A way to bind tokens to the client that requests them.

    `token_type` is also the scheme under which its tokens are presented. `request_headers` are the
    headers that it reads; `response_headers` are those that `write_headers` writes; `challenge` has
    its own parameters for WWW-Authenticate; `errors` are the codes for a bad proof. `binds` tells
    whether a token with this confirmation is its own; a client whose `bound_by` has the name gets
    only such tokens. `prove` finds the key that a request of this client proves, or None, and
    raises OAuthError for a bad proof.
    """

    name: str
    cite: Cite
    token_type: str
    binds: Callable[[Confirmation | None], bool]
    prove: Callable[[RequestInfo, str, Context], Rule[SenderProof | None]]
    request_headers: tuple[str, ...] = ()
    response_headers: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    challenge: Mapping[str, str] = {}
    write_headers: Callable[[RequestInfo, Context], Mapping[str, str]] = lambda request, context: {}


class StatusList(msgspec.Struct, frozen=True, kw_only=True):
    """A status list: its name, the client whose tokens it covers, which of the client's lists it
    is, and the status of a position for which nothing is recorded (`rest`)."""

    name: str
    client: str
    number: int
    rest: int


class StatusListWriter(msgspec.Struct, frozen=True, kw_only=True):
    """Signs status lists. `statuses` derives the statuses that entries of the change log lead to,
    by position; `write` signs a list; a reader may cache it for `max_age` seconds."""

    statuses: Callable[[Iterable[Entry], Context], Rule[Mapping[str, int]]]
    write: Callable[[StatusList, Mapping[str, int], Context], str]
    max_age: int


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint for programs: it reads a request, runs its rule, and writes the rule's answer.

    `metadata` is the member of the discovery document that has the endpoint's address, "" for none.

    `who` calls:
    - "client": a client or an API that authenticates itself; the rule checks that
    - "bearer": anyone who presents an access token in the Authorization header; the driver checks
      that the caller holds the token's key, the rule checks the token
    - "nobody": no authentication is required

    `reads` says what the body holds: "form", "json" (in POST, PUT and PATCH), or "nothing".

    A POST is answered with `status`. `tries` is how often the rule may be run where it loses a
    race. `items`: the endpoint also answers at paths with one more segment, which names an item.
    `cross_origin`: pages of other origins may call it (CORS). `max_age`: how many seconds anyone
    may cache the answer, which is the same for everyone; None: answers are never cached. `waits`:
    whether to run the rule again in a moment instead of sending this answer. `lists` signs the
    `StatusList` that the rule answers with.
    """

    path: str
    metadata: str
    cite: Cite
    rule: Callable[[Call, Context], Rule[Answer | Issued | Refuse]]
    methods: tuple[str, ...] = ("POST",)
    who: Literal["client", "bearer", "nobody"] = "client"
    reads: Literal["form", "json", "nothing"] = "form"
    status: Literal[200, 201, 204] = 200
    tries: int = 3
    items: bool = False
    cross_origin: bool = True
    max_age: Callable[[Context], int] | None = None
    waits: Callable[[Call, Answer], bool] | None = None
    lists: StatusListWriter | None = None


def document(
    write: Callable[[Context], Mapping[str, Any]],
) -> Callable[[Call, Context], Rule[Answer]]:
    """A rule that reads nothing and answers with this document."""

    def rule(call: Call, context: Context) -> Rule[Answer]:
        yield from ()
        return Answer(document=write(context))

    return rule


class Follower(msgspec.Struct, frozen=True):
    """A resource server that follows the change log, by its identifier."""

    resource: str


class LogPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where a follower starts to read: after this number, or None for the oldest entry in the log.
    `wait` is how many seconds to wait for an entry; `nonce` is the follower's own."""

    after: int | None = None
    wait: float = 0.0
    nonce: str = ""


class LogRead(msgspec.Struct, frozen=True, kw_only=True):
    """When and where the log is read, and after which number: `at` is in milliseconds since 1970,
    by the clock of the process `node`, before the read."""

    at: int
    node: str
    after: int
    nonce: str = ""


class WritePiece(Protocol):
    """Writes a part of the log for a follower."""

    def __call__(
        self, follower: Follower, log: Log, read: LogRead, *, context: Context
    ) -> Piece: ...


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Sends a resource server what changes: as server-sent events while it listens, or once.
    `rule` authenticates the follower, `position` reads its query, `write` answers it."""

    path: str
    metadata: str
    cite: Cite
    rule: Callable[[Call, Context], Rule[Follower]]
    position: Callable[[Form], LogPosition]
    write: WritePiece


class ClientScopes(msgspec.Struct, frozen=True, kw_only=True):
    """Scopes for what a client has at this server for itself, such as the grants that it holds. No
    user gives them, and no page shows them. `may_use` says whether the client may have them.
    `registered`: an administrator registers them with the client, which has to authenticate."""

    names: tuple[str, ...]
    may_use: Callable[[Client, Context], bool]
    registered: bool = False


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the protocol that can be switched on or off.

    `on_by_default` holds unless a setting says otherwise; `core`: no setting can switch it off. It
    is off where a feature that it `requires` is off. `pages` are the paths of its pages for people.
    `issuing` is its step when tokens are issued, `token_parameters` are the parameters of token
    requests that only it reads, `token_steps` are the steps of those requests, in order.
    `metadata` are the members that it adds to the discovery document;
    lists of the same name are joined."""

    name: str
    cites: tuple[Cite, ...]
    on_by_default: bool = True
    core: bool = False
    requires: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    grant_types: tuple[GrantType[Any], ...] = ()
    client_auth: tuple[ClientAuth, ...] = ()
    senders: tuple[Sender, ...] = ()
    issuing: IssuingStep | None = None
    token_parameters: tuple[str, ...] = ()
    token_steps: tuple[TokenStep, ...] = ()
    client_scopes: tuple[ClientScopes, ...] = ()
    endpoints: tuple[Endpoint | Stream, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    response_modes: tuple[str, ...] = ()
    metadata: Callable[[Context], Mapping[str, Any]] = lambda _: {}
