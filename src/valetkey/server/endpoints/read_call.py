"""From a request to the call that a rule sees."""

from collections.abc import Mapping
from typing import Any, Final

from valetkey.jose.objects import depth, read_object
from valetkey.server.endpoints.transport import Transport
from valetkey.server.http.device_name import device
from valetkey.server.http.request import Request
from valetkey.server.oauth.core.feature import Call, Endpoint
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire.bearer import read_header

DEPTH: Final = 16
"""Levels to which a JSON document may be nested."""

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
