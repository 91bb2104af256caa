"""From a request to an operation, and from its result to a reply.

The API takes access tokens alone, never a cookie, so no page of another site can act with a
browser's session.
"""

from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import msgspec

from valetkey.jose.objects import depth, read_object
from valetkey.server.admin.openapi import document
from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.perform import Result, perform
from valetkey.server.admin.problems import MEDIA, Problem
from valetkey.server.admin.services import Services
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.endpoints.admin.rate_limit import CallRules, RateLimiter
from valetkey.server.endpoints.admin.reference_page import operations, page, problems
from valetkey.server.endpoints.admin.routes import Match, Routes
from valetkey.server.endpoints.transport import ANY_ORIGIN, DEPTH, Transport
from valetkey.server.http import log
from valetkey.server.http.front import ALL_METHODS, MethodHandler, as_oauth_error
from valetkey.server.http.reply import JSON, NO_STORE, SAFE, Headers, Reply
from valetkey.server.http.request import Request
from valetkey.server.http.shared_counts import SharedCounts
from valetkey.server.http.shell import Shell
from valetkey.server.model.assurance import TWO_FACTORS
from valetkey.server.model.role import PATH
from valetkey.server.oauth.core.feature import Call as BearerCall
from valetkey.server.oauth.endpoints.administration import Actor, caller
from valetkey.spec.errors import InsufficientScope, InvalidToken, OAuthError
from valetkey.wire import address
from valetkey.wire.bearer import Challenge

MAX_PARAMETERS: Final = 30


def admin(shell: Shell, transport: Transport, rules: CallRules) -> MethodHandler:
    """The handler of everything below PATH."""
    one = AdminHandler(shell, transport, rules)
    return MethodHandler(ALL_METHODS, one.handle, tree=True, refuse=one.refuse)


PUBLIC: Final = frozenset({"/openapi.json", "/docs", "/problems"})
"""The paths of what everybody may read."""

DOCUMENT_SECONDS: Final = 3600
"""For which it may be cached."""


class AdminHandler:
    """Answers everything below PATH."""

    def __init__(self, shell: Shell, transport: Transport, rules: CallRules) -> None:
        self._shell = shell
        self._rules = rules
        self._limiter = RateLimiter(rules.per_minute, rules.counts or SharedCounts())
        self._document: tuple[str, bytes] = ("", b"")
        self._transport = transport
        self._services = Services(shell, passwords=rules.passwords)
        self._routes = Routes(OPERATIONS)
        self._base = ""

    async def handle(self, request: Request) -> Reply:
        """The reply. Every refusal is a problem document (RFC 9457)."""
        scheme = ""
        limits: Headers = ()
        try:
            context = await self._shell.context()
            self._base = context.installation.issuer + PATH
            if _below(request) in PUBLIC:
                return self._public(request, context.installation.issuer)
            call = self._transport.bearer_call(request)
            scheme = call.scheme
            self._check_token(call)
            actor, _ = await self._shell.settle(partial(caller, call))
            limits = self._count(actor)
            match = self._routes.find(_below(request), request.method)
            result = await self._perform(request, match, actor)
            return self._reply(result, request).having(*limits)
        except Problem as problem:
            reply = self._problem(request, problem, scheme)
        except Exception as failure:
            error = self._transport.at_a_resource(as_oauth_error(failure, request))
            reply = self._problem(request, as_problem(error), scheme, why=error.log_text)
        return reply.having(*limits)

    def _public(self, request: Request, issuer: str) -> Reply:
        """The OpenAPI document, and the pages that explain it."""
        if request.method not in ("GET", "HEAD"):
            raise Problem("method-not-allowed")
        base = address.path(issuer)
        if _below(request) == "/problems":
            return page("Problems", problems(), base=base)
        if _below(request) == "/docs":
            parts = operations(OPERATIONS, base=base)
            return page("Administration API", parts, base=base)
        if self._document[0] != issuer:
            self._document = issuer, msgspec.json.encode(document(issuer))
        cache = (b"cache-control", f"public, max-age={DOCUMENT_SECONDS}".encode())
        return Reply(200, (*JSON, *SAFE, *ANY_ORIGIN, cache), self._document[1])

    def _count(self, actor: Actor) -> Headers:
        """Counts the call; the headers that say how many are left. Raises Problem."""
        remaining = self._limiter.count(f"{actor.client} {actor.id}")
        headers = self._limiter.headers(remaining)
        if remaining.calls < 0:
            problem = Problem("too-many-requests")
            problem.headers = (*headers, (b"retry-after", str(remaining.seconds).encode()))
            raise problem
        return headers

    def _check_token(self, call: BearerCall) -> None:
        # RFC 6750 3.1: a caller without a token learns nothing but the schemes.
        if not call.token:
            problem = Problem("invalid-token", "no access token was sent")
            problem.headers = self._transport.invitations()
            raise problem

    async def _perform(self, request: Request, match: Match, actor: Actor) -> Result:
        operation = match.operation
        return await perform(
            operation,
            actor,
            self._services,
            path=match.path,
            read=lambda: (_query(request, operation), _body(request, operation)),
            if_match=request.joined(b"if-match"),
            idempotency_key=request.header(b"idempotency-key"),
            needs_two_factors=self._rules.two_factors,
        )

    def _reply(self, result: Result, request: Request) -> Reply:
        headers: Headers = (*SAFE, *NO_STORE)
        for name, value in result.headers.items():
            text = self._base + quote(value, safe="/") if name == "location" else value
            headers = (*headers, (name.encode(), text.encode()))
        if result.replayed:
            headers = (*headers, (b"idempotent-replayed", b"true"))
        if not result.body:
            return Reply(204, headers)
        tag = result.headers.get("etag", "")
        if request.method in ("GET", "HEAD") and tag and tag in request.joined(b"if-none-match"):
            return Reply(304, headers)
        return Reply(result.status, (*JSON, *headers), result.body)

    def _problem(
        self, request: Request, problem: Problem, scheme: str = "", *, why: str = ""
    ) -> Reply:
        """The reply, and one line in the log. `why` is for the log alone."""
        log.info(
            "refused",
            path=request.path[:256],
            error=problem.type,
            detail=why or problem.detail,
        )
        headers = (*problem.headers, *self._challenge(problem, scheme))
        body = problem.document(base=self._base, request_id=request.id)
        media = (b"content-type", MEDIA.encode())
        own = (media, *SAFE, *NO_STORE)
        return Reply(problem.status, (*own, *headers), msgspec.json.encode(body))

    def _challenge(self, problem: Problem, scheme: str) -> Headers:
        """What a resource server says when it refuses a token (RFC 6750 3, RFC 9470 3)."""
        if problem.headers or not scheme:
            return ()
        if problem.type == "two-factors-needed":
            challenge = Challenge(
                scheme=scheme,
                error="insufficient_user_authentication",
                error_description=problem.detail or problem.title,
                acr_values=TWO_FACTORS,
                max_age=str(problem.members.get("max_age", "")),
            )
            return ((b"www-authenticate", challenge.header().encode()),)
        errors = {"invalid-token": InvalidToken(), "not-allowed": InsufficientScope()}
        error = errors.get(problem.type)
        return () if error is None else (self._transport.challenge(error, scheme),)

    def refuse(self, request: Request, error: OAuthError) -> Reply:
        """A refusal by the server's own checks, before the request came here."""
        return self._problem(request, as_problem(error), why=error.log_text)


_TYPES: Final = {
    400: "invalid-request",
    401: "invalid-token",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media",
    429: "too-many-requests",
    503: "unavailable",
}


def as_problem(error: OAuthError) -> Problem:
    """A registered error of OAuth, as a problem."""
    kind = _TYPES.get(error.status, "invalid-request" if error.status < 500 else "server-error")
    return Problem(kind, error.description)


def _below(request: Request) -> str:
    """The path below the API, as it was sent. The path of the issuer comes before."""
    raw = request.raw_path or quote(request.path).encode()
    return raw.partition(PATH.encode())[2].decode("ascii", "replace")


def _query(request: Request, operation: AnyOperation) -> Any:
    """The parameters in the query. Raises Problem."""
    try:
        pairs = parse_qsl(
            request.query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError as error:
        raise Problem("invalid-request", "the query cannot be read") from error
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise Problem("invalid-request", "a parameter is repeated")
    return _convert(parameters, operation.query, strict=False)


def _body(request: Request, operation: AnyOperation) -> Any:
    """The document in the body. Raises Problem."""
    if not operation.has_body:
        return operation.body()
    if not request.body and not operation.body.__struct_fields__:
        return operation.body()
    media = request.header(b"content-type").partition(";")[0].strip().lower()
    if request.body and media != "application/json":
        raise Problem("unsupported-media")
    try:
        document = read_object(request.body or b"{}")
    except ValueError as error:
        raise Problem("invalid-request", "the body is no JSON object") from error
    if depth(document) > DEPTH:
        raise Problem("invalid-request", "the document is nested too deep")
    return _convert(document, operation.body, strict=True)


def _convert(values: Any, kind: type[msgspec.Struct], *, strict: bool) -> Any:
    try:
        return msgspec.convert(values, type=kind, strict=strict)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `")
        pointer = where.rstrip("`").removeprefix("$").removeprefix(".")
        raise Problem(
            "invalid-request", what, **({"pointer": pointer} if pointer else {})
        ) from error
