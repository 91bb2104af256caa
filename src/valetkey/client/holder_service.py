"""The app's backend as a holder of shards: an ASGI application to be mounted.

    service = HolderService(backend, store_of, who=signed_in)
    app.mount("/shard", service)                    # in FastAPI; Mount("/shard", …) in Starlette

It stores one shard for each device, and gives a handle to the device that `who` recognizes. It
sends a shard only to the server that issued it."""

import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from valetkey import renamed
from valetkey.client.drivers import AsyncDriver
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import (
    ClientError,
    KeyInterrupted,
    KeyStopped,
    KeySuspended,
    NoKey,
    TicketSpent,
)
from valetkey.client.locked_store import LockedStore
from valetkey.client.shard_client import CLAIM, FORGET, HANDLE, NO_SHARD, UNKNOWN, ShardClient
from valetkey.client.store import TokenStore
from valetkey.client.tokens import App
from valetkey.spec.errors import OAuthError
from valetkey.wire import dpop
from valetkey.wire.form import Form, parse_form
from valetkey.wire.key_shards import TICKET
from valetkey.wire.token_response import REASON

Who: TypeAlias = Callable[[Request], str | Awaitable[str | None] | None]
"""Finds the calling device by the app's own sign-in; None for an unknown one."""

MAX_BYTES: Final = 4096

MOST_SEEN: Final = 10_000
"""Proofs that are remembered. Beyond that, the oldest are dropped."""

_REFUSED: Final[dict[type[ClientError], tuple[int, str]]] = {
    NoKey: (404, NO_SHARD),
    TicketSpent: (400, "invalid_grant"),
    KeySuspended: (403, "key_suspended"),
    KeyStopped: (403, "invalid_grant"),
}
"""The answer to the device for each error. Any other error is 503, to be tried again."""


class HolderService:
    """The service. `app` is the backend as it is registered at the server. `store_of` gives the
    store of one device's shard: a `SealedStore` in a folder, or a store in the app's own
    database."""

    def __init__(
        self,
        app: App,
        store_of: Callable[[str], TokenStore],
        *,
        who: Who,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        """Raises ValueError for a backend that cannot authenticate."""
        if app.is_public:
            raise ValueError("a backend needs a secret or a private key")
        self._endpoints = Endpoints(app)
        self._store_of = store_of
        self._who = who
        self._tasks = AsyncDriver(http)
        self._app = Starlette(
            routes=[
                Route(CLAIM, self._for_somebody(self._claim), methods=["POST"]),
                Route(HANDLE, self._for_somebody(self._handle), methods=["POST"]),
                Route(FORGET, self._for_somebody(self._forget), methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def aclose(self) -> None:
        """Closes connections."""
        await self._tasks.close()

    async def _claim(self, who: str, form: Form) -> Any:
        await self._tasks.run(self._shard_client(who).claim(form.need(TICKET)))
        return None

    async def _handle(self, who: str, form: Form) -> Any:
        delivered = await self._tasks.run(self._shard_client(who).deliver())
        return {"handle": delivered.handle, "expires_in": delivered.expires_in}

    async def _forget(self, who: str, form: Form) -> Any:
        kept = LockedStore(self._store_of(who))
        await self._tasks.run(kept.locked(kept.save(None, instead_of=None)))
        return None

    def _shard_client(self, who: str) -> ShardClient:
        return ShardClient(self._endpoints, LockedStore(self._store_of(who)))

    def _for_somebody(
        self, act: Callable[[str, Form], Awaitable[Any]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            answer = self._who(request)
            who = await answer if inspect.isawaitable(answer) else answer
            if not who:
                return _answer(401, {"error": UNKNOWN})
            try:
                document = await act(who, await _form(request))
            except OAuthError as error:
                return _answer(400, {"error": error.code})
            except ClientError as error:
                return _refusal(error)
            return _answer(200, document or {})

        return endpoint


def _answer(status: int, document: dict[str, Any]) -> Response:
    return JSONResponse(document, status, headers={"Cache-Control": "no-store"})


def _refusal(error: ClientError) -> Response:
    """The answer to the device, without details of the backend."""
    kinds = (kind for kind in type(error).__mro__ if kind in _REFUSED)
    status, code = _REFUSED.get(next(kinds, ClientError), (503, "temporarily_unavailable"))
    passing = {REASON: error.reason} if isinstance(error, KeyInterrupted) else {}
    return _answer(status, {"error": code, **passing})


async def _form(request: Request) -> Form:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            break
    return parse_form(body[: MAX_BYTES + 1], repeatable=frozenset())


class ProofOfKey:
    """Recognizes a device by a proof of its DPoP key, for an app without a sign-in of its own.

    `address` is the address of the service, as devices see it. `is_known` says whether a device has
    this key: proofs of unknown keys, of which anyone can make any number, are not remembered.

    Anyone who has the device can use the service. An app with a sign-in should use that instead.
    """

    @renamed.parameters
    def __init__(
        self,
        address: str,
        *,
        is_known: Callable[[str], bool] = lambda thumbprint: True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = address.rstrip("/")
        self._known = is_known
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._swept = 0

    def __call__(self, request: Request) -> str | None:
        """The thumbprint of the key; None without a valid proof, or for a used one."""
        now = int(self._clock())
        path = request.url.path.rpartition("/")[2]
        try:
            proof = dpop.check(
                request.headers.get(dpop.HEADER, ""),
                method=request.method,
                addresses=(f"{self._address}/{path}",),
                now=now,
            )
        except dpop.BadProof:
            return None
        if not self._known(proof.jkt):
            return None
        self._sweep(now)
        if proof.name in self._seen:
            return None
        self._seen[proof.name] = proof.until
        return proof.jkt

    def _sweep(self, now: int) -> None:
        if now > self._swept + dpop.AGE:
            self._swept = now
            self._seen = {name: until for name, until in self._seen.items() if until > now}
        while len(self._seen) >= MOST_SEEN:
            del self._seen[next(iter(self._seen))]
