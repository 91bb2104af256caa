"""The driver of endpoints that keep documents for whoever holds the token that goes with one."""

from collections.abc import Mapping
from typing import Any, Final

from valetkey.jose.objects import depth, read_object
from valetkey.server.endpoints.transport import ANY_ORIGIN, Transport
from valetkey.server.http.front import Endpoint as Served
from valetkey.server.http.front import refuse_json
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.oauth.core.decision import Answer, Refuse
from valetkey.server.oauth.core.feature import DocumentCall, ManagedEndpoint
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire.bearer import read_header

METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS"})

PREFLIGHT: Final[Headers] = (
    *ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
    (b"access-control-max-age", b"600"),
)

DEPTH: Final = 16
"""To which a JSON document may be nested."""


def managed_handler(endpoint: ManagedEndpoint, shell: Shell, transport: Transport) -> Served:
    """The endpoint as a handler."""

    async def handle(request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(204, PREFLIGHT)
        try:
            call = _call(request)
            outcome, _ = await shell.settle(lambda context: endpoint.rule(call, context))
        except OAuthError as refused:
            return _refused(request, refused, transport)
        match outcome:
            case Answer(document=None):
                return Reply(204, (*SAFE, *NO_STORE, *ANY_ORIGIN))
            case Answer(document=document):
                status = 201 if request.method == "POST" else 200
                return json_reply(document, status=status).having(*ANY_ORIGIN)
            case Refuse(error=error):
                return _refused(request, error, transport)

    return Served(METHODS, handle)


def _call(request: Request) -> DocumentCall:
    """The call as the rule sees it. Raises InvalidRequest."""
    query = request.parameters()
    if "access_token" in query:
        # OAuth 2.1 5.1: an address ends up in logs and histories, so none brings a token.
        raise InvalidRequest("a token may not travel in the query")
    shown = read_header(request.header(b"authorization"))
    return DocumentCall(
        method=request.method,
        name=query.get("client_id", ""),
        token="" if shown is None else shown[1],
        document=read_json(request) if request.method in {"POST", "PUT"} else {},
        address=request.address,
    )


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


def _refused(request: Request, error: OAuthError, transport: Transport) -> Reply:
    headers: Headers = ANY_ORIGIN
    if error.status in (401, 403):
        headers = (*headers, transport.challenge(error, "Bearer"))
    return refuse_json(request, error, headers=headers)
