"""The drivers of endpoints that answer to whoever shows an access token."""

from collections.abc import Callable
from os import urandom
from typing import Final, TypeAlias

from valetkey.server.endpoints.transport import ANY_ORIGIN, Transport
from valetkey.server.http.front import Endpoint as Served
from valetkey.server.http.front import refuse_json
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, document_reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Refuse
from valetkey.server.oauth.core.feature import BearerEndpoint, ItemCall, ItemEndpoint
from valetkey.server.oauth.senders.binding import presented
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire import interaction
from valetkey.wire.bearer import read_header

Asked: TypeAlias = Callable[[Request, str, Context], Rule[Answer | Refuse]]
"""What a request that shows this token comes to."""

_INTERACTION: Final = interaction.HEADER.encode()

ITEM_METHODS: Final = frozenset({"GET", "DELETE", "OPTIONS"})


def bearer_handler(endpoint: BearerEndpoint, shell: Shell, transport: Transport) -> Served:
    """The endpoint as a handler."""

    def asked(request: Request, token: str, context: Context) -> Rule[Answer | Refuse]:
        return endpoint.rule(token, context)

    handler = _Handler(asked, shell, transport, preflight=transport.preflight)
    return Served(frozenset({"GET", "POST", "OPTIONS"}), handler)


def item_handler(endpoint: ItemEndpoint, shell: Shell, transport: Transport) -> Served:
    """The endpoint, and what is below it, as a handler."""

    def asked(request: Request, token: str, context: Context) -> Rule[Answer | Refuse]:
        name = request.path.removeprefix(endpoint.path).removeprefix("/")
        return endpoint.rule(ItemCall(method=request.method, name=name, token=token), context)

    preflight = transport.preflight_of(b"GET, DELETE")
    handler = _Handler(asked, shell, transport, preflight=preflight)
    return Served(ITEM_METHODS, handler, below=True)


class _Handler:
    def __init__(
        self, asked: Asked, shell: Shell, transport: Transport, *, preflight: Headers
    ) -> None:
        self._asked = asked
        self._shell = shell
        self._transport = transport
        self._preflight = preflight

    async def __call__(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(204, self._preflight)
        context = await self._shell.context()
        told = self._transport.sender_headers(request, context)
        request.interaction = _interaction(request)
        reply = await self._reply(request, context)
        return reply.having(*ANY_ORIGIN, *told, (_INTERACTION, request.interaction.encode()))

    async def _reply(self, request: Request, context: Context) -> Reply:
        scheme = ""
        try:
            _only_in_header(request)
            header = request.header(b"authorization")
            shown = read_header(header, schemes=self._transport.schemes)
            if shown is None:
                # RFC 6750 3.1: who sends no token is told nothing more.
                return Reply(401, (*SAFE, *NO_STORE, *self._transport.invitations()))
            scheme = shown[0]
            outcome = await self._outcome(request, shown, context)
        except OAuthError as error:
            return self._refused(request, error, scheme)
        match outcome:
            case Answer(document=None):
                return Reply(204, (*SAFE, *NO_STORE))
            case Answer(document=document):
                return document_reply(document)
            case Refuse():
                return self._refused(request, outcome.error, scheme)

    async def _outcome(
        self, request: Request, shown: tuple[str, str], context: Context
    ) -> Answer | Refuse:
        scheme, token = shown
        brought = self._transport.brought(request, token=token)

        def rule(context: Context) -> Rule[Answer | Refuse]:
            yield from presented(scheme, brought, context)
            return (yield from self._asked(request, token, context))

        return await self._shell.settled(rule, context)

    def _refused(self, request: Request, error: OAuthError, scheme: str) -> Reply:
        told = self._transport.at_a_resource(error)
        headers: Headers = ()
        if told.status in (401, 403):
            headers = (self._transport.challenge(told, scheme),)
        return refuse_json(request, told, headers=headers)


def _interaction(request: Request) -> str:
    """What the caller calls this call, or what it is called here."""
    sent = request.values(_INTERACTION)
    return (interaction.read(sent[0]) if len(sent) == 1 else "") or interaction.make(urandom(16))


def _only_in_header(request: Request) -> None:
    """Raises InvalidRequest for a token anywhere else, beside one in the header as well (RFC 6750
    2: not more than one way)."""
    if request.query and "access_token" in request.parameters():
        # OAuth 2.1 5.1: an address ends up in logs and histories, so none brings a token.
        raise InvalidRequest("a token may not travel in the query")
    if request.body and request.is_form and "access_token" in request.form():
        # RFC 6750 2.2 leaves it to the resource. RFC 9449 7.1 wants bound tokens in the header.
        raise InvalidRequest(
            "a token may not travel in a form: send it in the Authorization header, "
            "as Authorization: Bearer, or DPoP, and the token"
        )
