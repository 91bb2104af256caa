"""The driver of endpoints that take and answer JSON, for parties that prove who they are."""

import asyncio
import time
from typing import Final

from valetkey.server.endpoints.managed import read_json
from valetkey.server.endpoints.transport import Transport
from valetkey.server.http.front import Endpoint as Served
from valetkey.server.http.front import refuse_json
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.oauth.core.decision import Answer, Refuse
from valetkey.server.oauth.core.feature import Call, JsonCall, JsonEndpoint
from valetkey.spec.errors import InvalidClient, InvalidRequest, OAuthError
from valetkey.wire.bearer import read_header
from valetkey.wire.form import Form

LOOK: Final = 0.25
"""Seconds between two looks for what somebody waits for."""

LONGEST: Final = 20.0
"""Seconds that an answer may wait for something to say."""


def json_handler(endpoint: JsonEndpoint, shell: Shell, transport: Transport) -> Served:
    """The endpoint as a handler."""
    stopping = asyncio.Event()

    async def handle(request: Request) -> Reply:
        try:
            call = _call(request, transport)
            outcome = await settled(call)
            until = time.monotonic() + LONGEST
            while not stopping.is_set() and time.monotonic() < until and _waits(call, outcome):
                await asyncio.sleep(LOOK)
                outcome = await settled(call)
        except OAuthError as refused:
            return _refused(request, refused, transport)
        if isinstance(outcome, Refuse):
            return _refused(request, outcome.error, transport)
        if outcome.document is None:
            status = endpoint.status if request.method == "POST" else 204
            return Reply(status, (*SAFE, *NO_STORE))
        return json_reply(
            outcome.document, status=endpoint.status if request.method == "POST" else 200
        )

    async def settled(call: JsonCall) -> Answer | Refuse:
        outcome, _ = await shell.settle(lambda context: endpoint.rule(call, context))
        return outcome

    def _waits(call: JsonCall, outcome: Answer | Refuse) -> bool:
        return isinstance(outcome, Answer) and endpoint.waits(call, outcome)

    return Served(frozenset(endpoint.methods), handle, stopping.set)


def _call(request: Request, transport: Transport) -> JsonCall:
    """The call as the rule sees it. Raises InvalidRequest."""
    query = request.parameters()
    if "access_token" in query:
        # OAuth 2.1 5.1: an address ends up in logs and histories, so none brings a token.
        raise InvalidRequest("a token may not travel in the query")
    header = request.header(b"authorization")
    shown = (
        None if header[:6].lower() == "basic " else read_header(header, schemes=transport.schemes)
    )
    scheme, token = shown or ("", "")
    if not header or (shown is None and header[:6].lower() != "basic "):
        raise InvalidClient("nobody says who calls")
    return JsonCall(
        method=request.method,
        query=dict(query),
        document=read_json(request) if request.method in {"POST", "PUT", "PATCH"} else {},
        scheme=scheme,
        brought=transport.brought(request, token=token),
        call=Call(form=Form({}), authorization=header, address=request.address),
    )


def _refused(request: Request, error: OAuthError, transport: Transport) -> Reply:
    told = transport.at_a_resource(error)
    headers: Headers = ()
    if told.status in (401, 403) and not isinstance(error, InvalidClient):
        headers = (transport.challenge(told, "Bearer"),)
    return refuse_json(request, told, headers=headers)
