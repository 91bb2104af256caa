"""The drivers: each turns one kind of endpoint into a raw ASGI handler."""

from typing import Final

import msgspec

from valetkey.http.front import Endpoint as Served
from valetkey.http.front import refuse_json
from valetkey.http.reply import NO_STORE, SAFE, Headers, Reply, json_reply
from valetkey.http.request import Request
from valetkey.http.shell import Shell
from valetkey.oauth.decision import Answer, Issued, Refuse
from valetkey.oauth.feature import (
    BearerEndpoint,
    Call,
    DocumentEndpoint,
    Endpoint,
    Feature,
    FormEndpoint,
)
from valetkey.oauth.issue.tokens import response
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire import bearer
from valetkey.wire.bearer import Challenge

ANY_ORIGIN: Final[Headers] = ((b"access-control-allow-origin", b"*"),)
"""Apps in browsers may call, without cookies: nothing here rests on a cookie."""

PREFLIGHT: Final[Headers] = (
    *ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
    (b"access-control-max-age", b"600"),
)


def endpoints(features: tuple[Feature, ...], shell: Shell) -> dict[str, Served]:
    """Every machine endpoint of the features, by path."""
    return {
        endpoint.path: serve(endpoint, shell)
        for feature in features
        for endpoint in feature.endpoints
    }


def serve(endpoint: Endpoint, shell: Shell) -> Served:
    """The endpoint as a handler."""
    match endpoint:
        case FormEndpoint():
            return _form(endpoint, shell)
        case BearerEndpoint():
            return _bearer(endpoint, shell)
        case DocumentEndpoint():
            return _document(endpoint, shell)


def _form(endpoint: FormEndpoint, shell: Shell) -> Served:
    async def handle(request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(204, PREFLIGHT)
        try:
            return (await _answer(request)).having(*ANY_ORIGIN)
        except OAuthError as refused:
            return refuse_json(request, refused, headers=ANY_ORIGIN)

    async def _answer(request: Request) -> Reply:
        if request.query:
            # OAuth 2.1 3.2: parameters travel in the body, where no log and no history keeps them.
            raise InvalidRequest("parameters belong into the body")
        call = Call(
            form=request.form(),
            authorization=request.header(b"authorization"),
            agent=request.joined(b"user-agent"),
        )
        outcome, context = await shell.settle(lambda context: endpoint.rule(call, context))
        match outcome:
            case Issued():
                return json_reply(response(outcome, context), status=endpoint.status)
            case Answer(document=None):
                return Reply(endpoint.status, (*SAFE, *NO_STORE))
            case Answer(document=document):
                return json_reply(document, status=endpoint.status)
            case Refuse(error=error):
                raise error

    return Served(frozenset({"POST", "OPTIONS"}), handle)


def _bearer(endpoint: BearerEndpoint, shell: Shell) -> Served:
    async def handle(request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(204, PREFLIGHT)
        try:
            token = _token(request)
            if token is None:
                # RFC 6750 3.1: who sends no token is told nothing more.
                challenge = Challenge(realm="valetkey").header().encode()
                return Reply(401, (*SAFE, *NO_STORE, *ANY_ORIGIN, (b"www-authenticate", challenge)))
            outcome, _ = await shell.settle(lambda context: endpoint.rule(token, context))
        except OAuthError as refused:
            return _challenged(request, refused)
        match outcome:
            case Answer(document=document):
                return json_reply(document).having(*ANY_ORIGIN)
            case Refuse(error=error):
                return _challenged(request, error)

    return Served(frozenset({"GET", "POST", "OPTIONS"}), handle)


def _token(request: Request) -> str | None:
    if request.query and "access_token" in request.parameters():
        # OAuth 2.1 5.1: an address ends up in logs and histories, so none brings a token.
        raise InvalidRequest("a token may not travel in the query")
    return bearer.read_header(request.header(b"authorization"))


def _challenged(request: Request, error: OAuthError) -> Reply:
    reply = refuse_json(request, error, headers=ANY_ORIGIN)
    if error.status not in (401, 403):
        return reply
    challenge = Challenge(error=error.code, error_description=error.description)
    return reply.having((b"www-authenticate", challenge.header().encode()))


def _document(endpoint: DocumentEndpoint, shell: Shell) -> Served:
    kept: tuple[object, Reply] | None = None

    async def handle(request: Request) -> Reply:
        nonlocal kept
        # It decides nothing, so it goes on where the store is out of reach.
        context = await shell.known()
        if kept is None or kept[0] is not context.at:
            # Made once for each state of the installation.
            cache = f"public, max-age={endpoint.seconds(context)}".encode()
            headers = ((b"cache-control", cache), *ANY_ORIGIN)
            document = msgspec.to_builtins(endpoint.document(context))
            kept = (context.at, json_reply(document, headers=headers))
        return kept[1]

    return Served(frozenset({"GET", "HEAD"}), handle)
