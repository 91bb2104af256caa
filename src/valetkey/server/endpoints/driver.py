"""The driver of endpoints: from a request to the rule, and from its answer to a reply."""

import time
from asyncio import sleep
from collections.abc import Callable, Mapping
from functools import partial
from os import urandom
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.jose.objects import depth, read_object
from valetkey.server.endpoints.admin.lazy import LazyAdmin
from valetkey.server.endpoints.admin.rate_limit import CallRules
from valetkey.server.endpoints.status_lists import StatusLists
from valetkey.server.endpoints.stream import stream
from valetkey.server.endpoints.transport import ANY_ORIGIN, DEPTH, DOCUMENT_PREFLIGHT, Transport
from valetkey.server.http.cookies import device
from valetkey.server.http.front import MethodHandler, refuse_json
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, document_reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.http.tls import Certificates
from valetkey.server.http.waiting_room import PendingQuota
from valetkey.server.model.query import Rule
from valetkey.server.model.role import PATH as ADMIN_PATH
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature, StatusList, Stream
from valetkey.server.oauth.endpoints.administration import ADMINISTRATION
from valetkey.server.oauth.endpoints.scim import SCIM
from valetkey.server.oauth.issue.tokens import response
from valetkey.server.oauth.senders.binding import check_presented
from valetkey.server.store.batching import yield_once
from valetkey.spec.errors import InvalidClient, InvalidRequest, OAuthError
from valetkey.wire import bearer
from valetkey.wire.bearer import read_header

# From a request to the call that a rule sees.

_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


def read_call(request: Request, endpoint: Endpoint, transport: Transport) -> Call:
    """The call as the rule sees it. Raises InvalidRequest, InvalidClient."""
    if endpoint.reads == "form":
        return _read_form(request, transport)
    query = _read_query(request)
    if endpoint.who == "bearer":
        _check_no_token_in_form(request)
    authorization = request.header(b"authorization")
    # Only bearer tokens identify a registration; senders' schemes do not apply there.
    schemes = ("Bearer",) if endpoint.who == "nobody" else transport.schemes
    scheme, token = read_header(authorization, schemes=schemes) or ("", "")
    reads_json = endpoint.reads == "json"
    if reads_json and endpoint.who == "client" and not token:
        _check_basic(authorization)
    return Call(
        method=request.method,
        item=request.path.removeprefix(endpoint.path).removeprefix("/"),
        query=query,
        document=read_json(request) if reads_json and request.method in _BODY_METHODS else {},
        authorization=authorization,
        scheme=scheme,
        address=request.address,
        request=transport.describe(request, token=token),
    )


def _read_form(request: Request, transport: Transport) -> Call:
    if request.query:
        # OAuth 2.1 3.2: parameters travel in the body, which no log and no history stores.
        raise InvalidRequest("parameters belong into the body")
    return Call(
        form=request.form(),
        authorization=request.header(b"authorization"),
        agent=device(request.joined(b"user-agent")),
        address=request.address,
        accept=request.joined(b"accept"),
        request=transport.describe(request),
    )


def _read_query(request: Request) -> Mapping[str, str]:
    """The query's parameters. Raises InvalidRequest, for an access token too."""
    if not request.query:
        return {}
    query = request.parameters()
    if "access_token" in query:
        # OAuth 2.1 5.1: addresses end up in logs and histories, so a token has no place there.
        raise InvalidRequest("a token may not travel in the query")
    return dict(query)


def _check_no_token_in_form(request: Request) -> None:
    """Raises InvalidRequest for a token in the body, even beside one in the header (RFC 6750 2)."""
    if request.body and request.is_form and "access_token" in request.form():
        # RFC 6750 2.2 leaves it to the resource. RFC 9449 7.1 wants bound tokens in the header.
        raise InvalidRequest(
            "a token may not travel in a form: send it in the Authorization header, "
            "as Authorization: Bearer, or DPoP, and the token"
        )


def _check_basic(authorization: str) -> None:
    if authorization[:6].lower() != "basic ":
        raise InvalidClient("nobody says who calls")


def read_json(request: Request) -> Mapping[str, Any]:
    """The JSON object in the body. Raises InvalidRequest."""
    kind = request.header(b"content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise InvalidRequest("the body must be application/json", status=415)
    try:
        document = read_object(request.body)
    except ValueError as error:
        raise InvalidRequest("the body is no JSON object", detail=str(error)) from error
    if depth(document) > DEPTH:
        raise InvalidRequest("the document is nested too deep")
    return document


Outcome: TypeAlias = Answer | Issued | Refuse

RECHECK_SECONDS: Final = 0.25
"""Seconds between two runs of a rule whose answer waits for something to say."""

MAX_WAIT: Final = 20.0
"""Seconds that an answer may wait for something to say."""

_INTERACTION: Final = bearer.HEADER.encode()

NO_CERTIFICATES: Final = Certificates()
"""No proxy may forward client certificates."""

ADMINISTRATORS: Final = CallRules()


def endpoints(
    features: tuple[Feature, ...],
    shell: Shell,
    certificates: Certificates = NO_CERTIFICATES,
    *,
    administrators: CallRules = ADMINISTRATORS,
) -> Mapping[str, MethodHandler]:
    """Handlers of the features' endpoints, by path. `administrators` are the rules for those who
    call the administration API."""
    senders = tuple(sender for feature in features for sender in feature.senders)
    ways = tuple(way for feature in features for way in feature.client_auth)
    transport = Transport(senders, certificates, ways)
    handlers = {
        endpoint.path: serve(endpoint, shell, transport)
        for feature in features
        for endpoint in feature.endpoints
    }
    if SCIM in features:
        handlers |= _scim(shell, transport)
    if ADMINISTRATION in features:
        lazy = LazyAdmin(shell, transport, administrators)
        handlers[ADMIN_PATH] = lazy.method_handler
    return handlers


def _scim(shell: Shell, transport: Transport) -> dict[str, MethodHandler]:
    # Imported here: the library is an extra, and takes a second to load.
    from valetkey.server.endpoints.scim.handlers import scim  # noqa: PLC0415

    return scim(shell, transport)


def serve(endpoint: Endpoint | Stream, shell: Shell, transport: Transport) -> MethodHandler:
    """The endpoint as a handler."""
    if isinstance(endpoint, Stream):
        return stream(endpoint, shell)
    preflight = _preflight(endpoint, transport)
    methods = frozenset(endpoint.methods)
    if endpoint.max_age is not None:
        return MethodHandler(methods | {"OPTIONS"}, _Published(endpoint, shell, preflight).handle)
    if endpoint.cross_origin:
        methods |= {"OPTIONS"}
    driver = _Driver(endpoint, shell, transport, preflight=preflight)
    return MethodHandler(methods, driver.handle, driver.stop, items=endpoint.items)


def _preflight(endpoint: Endpoint, transport: Transport) -> Reply:
    if endpoint.who == "nobody" and endpoint.reads == "nothing":
        return Reply(204, DOCUMENT_PREFLIGHT)
    return Reply(204, transport.preflight_of(", ".join(endpoint.methods).encode()))


class _Driver:
    """Runs the endpoint's rule once per request."""

    def __init__(
        self, endpoint: Endpoint, shell: Shell, transport: Transport, *, preflight: Reply
    ) -> None:
        self._endpoint = endpoint
        self._rule = partial(_with_proof, endpoint) if endpoint.who == "bearer" else endpoint.rule
        self._shell = shell
        self._transport = transport
        self._preflight = preflight
        self._room = PendingQuota(shell)
        self._lists = None if endpoint.lists is None else StatusLists(endpoint.lists, shell)
        self._origins = ANY_ORIGIN if endpoint.cross_origin else ()
        self._headers = (*NO_STORE, *self._origins)
        # A token may be presented here, so a refusal carries a challenge for its scheme.
        self._challenges = endpoint.who == "bearer" or endpoint.reads == "json"
        self._stopping = False

    def stop(self) -> None:
        """Sends the answers that still wait for something to say."""
        self._stopping = True

    async def handle(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return self._preflight
        endpoint = self._endpoint
        context = self._shell.fresh_context() or await self._shell.context()
        headers = self._transport.sender_headers(request, context)
        if endpoint.who == "bearer":
            request.interaction = _interaction(request)
            headers = (*headers, (_INTERACTION, request.interaction.encode()))
        call: Call | None = None
        try:
            call = read_call(request, endpoint, self._transport)
            if endpoint.who == "bearer" and not call.token:
                reply = self._without_token()
            else:
                outcome = await self._shell.settle_in(
                    partial(self._rule, call), context, tries=endpoint.tries
                )
                if endpoint.waits is not None:
                    outcome = await self._wait(call, outcome, endpoint.waits)
                if isinstance(outcome, Answer) and outcome.unregistered_client:
                    await self._room.add(outcome.unregistered_client, request.address)
                reply = await self._reply(outcome, call, context)
        except OAuthError as error:
            reply = self._refuse(request, error, "" if call is None else call.scheme)
        return reply.having(*headers) if headers else reply

    async def _wait(
        self, call: Call, outcome: Outcome, waits: Callable[[Call, Answer], bool]
    ) -> Outcome:
        """The outcome, once it has something to say or has waited long enough."""
        until = time.monotonic() + MAX_WAIT
        while isinstance(outcome, Answer) and waits(call, outcome):
            if self._stopping or time.monotonic() >= until:
                break
            await sleep(RECHECK_SECONDS)
            outcome, _ = await self._shell.settle(lambda context: self._rule(call, context))
        return outcome

    async def _reply(self, outcome: Outcome, call: Call, context: Context) -> Reply:
        await yield_once()
        is_post = call.method == "POST"
        status = self._endpoint.status if is_post else 200
        match outcome:
            case Issued():
                document = response(outcome, context)
                # No call: every token comes by here.
                self._shell.collector.issued.append(
                    (
                        call.form.get("grant_type", ""),
                        outcome.client.id,
                        outcome.access_token.grant_id,
                    )
                )
                await yield_once()
                return json_reply(document, status=status, headers=self._headers)
            case Answer(document=None):
                return Reply(status if is_post else 204, (*SAFE, *self._headers))
            case Answer(document=StatusList() as listed) if self._lists is not None:
                return (await self._lists.reply(listed)).having(*self._origins)
            case Answer(document=document):
                if outcome.dead[0]:
                    api, why = outcome.dead
                    self._shell.collector.refusal(why, api)
                return document_reply(document, status=status, headers=self._headers)
            case Refuse(error=error):
                raise error

    def _without_token(self) -> Reply:
        # RFC 6750 3.1: a caller without a token learns nothing but the schemes.
        invitations = self._transport.invitations()
        return Reply(401, (*SAFE, *NO_STORE, *invitations, *self._origins))

    def _refuse(self, request: Request, error: OAuthError, scheme: str) -> Reply:
        headers: Headers = self._origins
        self._shell.collector.refusal(error.code)
        if self._challenges:
            error = self._transport.at_a_resource(error)
            if error.status in (401, 403) and not isinstance(error, InvalidClient):
                headers = (*headers, self._transport.challenge(error, scheme))
        return refuse_json(request, error, headers=headers)


class _Published:
    """Answers everyone with the same document, written once for each state of the installation."""

    def __init__(self, endpoint: Endpoint, shell: Shell, preflight: Reply) -> None:
        self._endpoint = endpoint
        self._shell = shell
        self._preflight = preflight
        self._written: tuple[object, Reply] | None = None

    async def handle(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return self._preflight
        # The last known state will do: the document is served while the store is out of reach.
        context = await self._shell.last_known()
        if self._written is None or self._written[0] is not context.installation:
            self._written = (context.installation, await self._write(context))
        return self._written[1]

    async def _write(self, context: Context) -> Reply:
        endpoint = self._endpoint
        outcome = await self._shell.settle_in(
            lambda context: endpoint.rule(Call(method="GET"), context), context
        )
        if not isinstance(outcome, Answer) or endpoint.max_age is None:
            raise TypeError(f"{endpoint.path} publishes no document")
        cache = f"public, max-age={endpoint.max_age(context)}".encode()
        headers = ((b"cache-control", cache), *ANY_ORIGIN)
        return json_reply(msgspec.to_builtins(outcome.document), headers=headers)


def _with_proof(endpoint: Endpoint, call: Call, context: Context) -> Rule[Outcome]:
    """The endpoint's rule, once the caller has proved that it holds the token's key."""
    yield from check_presented(call.scheme, call.request, context)
    return (yield from endpoint.rule(call, context))


def _interaction(request: Request) -> str:
    """The caller's identifier of this call, or a new one."""
    values = request.values(_INTERACTION)
    return (bearer.read(values[0]) if len(values) == 1 else "") or bearer.make(urandom(16))
