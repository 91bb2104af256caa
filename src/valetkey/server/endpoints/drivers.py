"""The drivers: each turns one kind of endpoint into a raw ASGI handler."""

from typing import Final

import msgspec

from valetkey.server.endpoints.bearer import bearer_handler, item_handler
from valetkey.server.endpoints.json_calls import json_handler
from valetkey.server.endpoints.managed import managed_handler
from valetkey.server.endpoints.status_lists import status_lists
from valetkey.server.endpoints.stream import stream
from valetkey.server.endpoints.transport import ANY_ORIGIN, DOCUMENT_PREFLIGHT, Transport
from valetkey.server.http.client_certificate import Certificates
from valetkey.server.http.device_name import device
from valetkey.server.http.front import Endpoint as Served
from valetkey.server.http.front import refuse_json
from valetkey.server.http.pending_quota import Room
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, document_reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import (
    BearerEndpoint,
    Call,
    DocumentEndpoint,
    Endpoint,
    Feature,
    FormEndpoint,
    ItemEndpoint,
    JsonEndpoint,
    ListEndpoint,
    ManagedEndpoint,
    StreamEndpoint,
)
from valetkey.server.oauth.issue.tokens import response
from valetkey.server.store.batching import turn
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire.form import Form

OPEN: Final[Headers] = (*NO_STORE, *ANY_ORIGIN)

NO_CERTIFICATES: Final = Certificates()
"""No proxy may tell any."""


def endpoints(
    features: tuple[Feature, ...], shell: Shell, certificates: Certificates = NO_CERTIFICATES
) -> dict[str, Served]:
    """Every machine endpoint of the features, by path."""
    senders = tuple(sender for feature in features for sender in feature.senders)
    ways = tuple(way for feature in features for way in feature.client_auth)
    return {
        endpoint.path: serve(endpoint, shell, Transport(senders, certificates, ways))
        for feature in features
        for endpoint in feature.endpoints
    }


def serve(endpoint: Endpoint, shell: Shell, transport: Transport) -> Served:
    """The endpoint as a handler."""
    match endpoint:
        case FormEndpoint():
            return _form(endpoint, shell, transport)
        case BearerEndpoint():
            return bearer_handler(endpoint, shell, transport)
        case DocumentEndpoint():
            return _document(endpoint, shell)
        case StreamEndpoint():
            return stream(endpoint, shell)
        case ListEndpoint():
            return status_lists(endpoint, shell)
        case ManagedEndpoint():
            return managed_handler(endpoint, shell, transport)
        case ItemEndpoint():
            return item_handler(endpoint, shell, transport)
        case JsonEndpoint():
            return json_handler(endpoint, shell, transport)


def _form(endpoint: FormEndpoint, shell: Shell, transport: Transport) -> Served:
    room = Room(shell)

    async def handle(request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(204, transport.preflight)
        context = shell.fresh() or await shell.context()
        told = transport.sender_headers(request, context)
        try:
            call = _call(request, endpoint, transport)
            outcome = await shell.settled(
                lambda context: endpoint.rule(call, context), context, tries=endpoint.tries
            )
            if isinstance(outcome, Answer) and outcome.stranger:
                await room.made(outcome.stranger, request.address)
            reply = await _replied(outcome, endpoint, context)
        except OAuthError as refused:
            return refuse_json(request, refused, headers=(*ANY_ORIGIN, *told))
        return reply.having(*told) if told else reply

    return Served(frozenset({"POST", "OPTIONS"}), handle)


def _call(request: Request, endpoint: FormEndpoint, transport: Transport) -> Call:
    """The call as the rule sees it. Raises InvalidRequest."""
    if request.query:
        # OAuth 2.1 3.2: parameters travel in the body, where no log and no history keeps them.
        raise InvalidRequest("parameters belong into the body")
    return Call(
        form=Form({}) if endpoint.empty and not request.body else request.form(),
        authorization=request.header(b"authorization"),
        agent=device(request.joined(b"user-agent")),
        address=request.address,
        accept=request.joined(b"accept"),
        brought=transport.brought(request),
    )


async def _replied(
    outcome: Answer | Issued | Refuse, endpoint: FormEndpoint, context: Context
) -> Reply:
    await turn()
    match outcome:
        case Issued():
            document = response(outcome, context)
            await turn()
            return json_reply(document, status=endpoint.status, headers=OPEN)
        case Answer(document=None):
            return Reply(endpoint.status, (*SAFE, *OPEN))
        case Answer(document=document):
            return document_reply(document, status=endpoint.status, headers=OPEN)
        case Refuse(error=error):
            raise error


def _document(endpoint: DocumentEndpoint, shell: Shell) -> Served:
    kept: tuple[object, Reply] | None = None

    async def handle(request: Request) -> Reply:
        nonlocal kept
        if request.method == "OPTIONS":
            return Reply(204, DOCUMENT_PREFLIGHT)
        # It decides nothing, so it goes on where the store is out of reach.
        context = await shell.known()
        if kept is None or kept[0] is not context.at:
            # Made once for each state of the installation.
            cache = f"public, max-age={endpoint.seconds(context)}".encode()
            headers = ((b"cache-control", cache), *ANY_ORIGIN)
            document = msgspec.to_builtins(endpoint.document(context))
            kept = (context.at, json_reply(document, headers=headers))
        return kept[1]

    return Served(frozenset({"GET", "HEAD", "OPTIONS"}), handle)
