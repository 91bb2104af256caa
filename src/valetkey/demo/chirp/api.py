"""Chirp's API: each route, the permission that it needs, and what it does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from valetkey.demo.chirp.records import LONGEST, Records
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, documents

MAX_BYTES: Final = 8 * 1024
"""Of a body."""

_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST, pattern=r"\S")]
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"\S")]

T = TypeVar("T")


class Post(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chirp to post."""

    text: _Text


class Send(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to send. `to` is a handle."""

    to: _Name
    text: _Text


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The profile as it should be."""

    name: _Name
    line: Annotated[str, msgspec.Meta(max_length=160)]


async def timeline(records: Records, account: str, request: Request) -> Response:
    """The newest chirps."""
    return _json(records.timeline())


async def post(records: Records, account: str, request: Request) -> Response:
    """Posts a chirp."""
    body = await _read(request, Post)
    by = request.state.principal.client_id
    return _json(records.post(account, body.text, by=by), status=201)


async def take_back(records: Records, account: str, request: Request) -> Response:
    """Removes a chirp of the caller's own."""
    if not records.take_back(account, request.path_params["chirp"]):
        raise HTTPException(404, "there is no such chirp of yours")
    return Response(status_code=204)


async def profile(records: Records, account: str, request: Request) -> Response:
    """The caller's profile."""
    return _json(records.profile(account))


async def edit(records: Records, account: str, request: Request) -> Response:
    """Changes the caller's profile."""
    body = await _read(request, Edit)
    return _json(records.change_profile(account, name=body.name, line=body.line))


async def messages(records: Records, account: str, request: Request) -> Response:
    """The caller's direct messages."""
    return _json(records.messages(account))


async def send(records: Records, account: str, request: Request) -> Response:
    """Sends a direct message."""
    body = await _read(request, Send)
    if not records.send(account, to=body.to, text=body.text):
        raise HTTPException(404, "nobody has this handle")
    return Response(status_code=201)


async def delete(records: Records, account: str, request: Request) -> Response:
    """Deletes the caller's account, with all that is in it."""
    records.delete_account(account)
    return Response(status_code=204)


Handler: TypeAlias = Callable[[Records, str, Request], Awaitable[Response]]

ROUTES: Final[tuple[tuple[str, str, str, Handler], ...]] = (
    ("GET", "/chirps", "chirps.read", timeline),
    ("POST", "/chirps", "chirps.write", post),
    ("DELETE", "/chirps/{chirp:int}", "chirps.write", take_back),
    ("GET", "/profile", "profile.read", profile),
    ("PUT", "/profile", "profile.write", edit),
    ("GET", "/messages", "dms.read", messages),
    ("POST", "/messages", "dms.send", send),
    ("DELETE", "/account", "account.delete", delete),
)
"""Method, path, permission, and what is done."""


def create(records: Records, server: ResourceServer) -> Starlette:
    """The application. The kit stands before every route."""
    needs = Needs(server)

    @asynccontextmanager
    async def closing(app: Starlette) -> AsyncIterator[None]:
        server.start()
        yield
        await server.close()
        records.close()

    routes = [
        Route(path, needs(permission)(partial(_of_account, records, handler)), methods=[method])
        for method, path, permission, handler in ROUTES
    ]
    return Starlette(
        routes=[*routes, *documents(server)],
        exception_handlers={HTTPException: _refused},
        lifespan=closing,
    )


async def _of_account(records: Records, handler: Handler, request: Request) -> Response:
    """Runs the handler for the caller's account: users only, and only those who have one."""
    account = request.state.principal.user
    if records.profile(account) is None:
        raise HTTPException(404, "you have no account at Chirp")
    return await handler(records, account, request)


async def _read(request: Request, kind: type[T]) -> T:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            raise HTTPException(413, "the body is too large")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPException(400, str(error)) from error


def _json(document: object, *, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    body = msgspec.json.encode(document)
    return Response(body, status, headers=headers, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    return JSONResponse({"error_description": detail}, status)
