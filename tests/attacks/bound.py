"""Calls with proofs to the running server, and to an API behind the kit."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.attacks.play import STEFAPP
from tests.browser import Asking, authorize
from tests.installation import CHIRP, CHIRP_CATALOG, SECRETS
from tests.live import Live
from tests.proofs import MINE, Wish, proof

from valetkey.jose.jwk import PrivateKey
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan

THUMBPRINT: Final = MINE.public().thumbprint()


class Place(msgspec.Struct):
    """Where tokens are shown: its address as the caller knows it, and how to call it with headers
    and, where there is any, a query."""

    address: str
    call: Callable[..., Any]


def redeem(
    server: Live, by: Asking = STEFAPP, *, key: PrivateKey = MINE, **more: str
) -> dict[str, Any]:
    """The tokens of a whole sign-in, bound to the key."""
    code = authorize(server.browser(), msgspec.structs.replace(by, more={**by.more, **more}))
    answer = posted(server, "/token", by.redemption(code), by, key=key)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["token_type"] == "DPoP"
    return found


def posted(
    server: Live, path: str, form: dict[str, str], by: Asking = STEFAPP, **wish: Any
) -> httpx2.Response:
    """A form with a proof. `key` signs it; `text` is sent in its place."""
    text = wish.pop("text", None) or proof(
        Wish(address=server.issuer + path, by=wish.pop("key", MINE), **wish)
    )
    headers = {"DPoP": text}
    if by.client_id == "web":
        return server.http.post(path, data=form, headers=headers, auth=("web", SECRETS["web"]))
    return server.http.post(path, data={**form, "client_id": by.client_id}, headers=headers)


@contextlib.contextmanager
def at(name: str, server: Live) -> Iterator[Place]:
    """Where tokens are shown: `userinfo`, or the `api`."""
    if name == "userinfo":
        yield userinfo(server)
        return
    with api(server) as place:
        yield place


def userinfo(server: Live) -> Place:
    """The UserInfo endpoint."""

    def call(headers: list[tuple[str, str]], query: str = "") -> httpx2.Response:
        return server.http.get(f"/userinfo{query}", headers=headers)

    return Place(f"{server.issuer}/userinfo", call)


@contextlib.contextmanager
def api(server: Live) -> Iterator[Place]:
    """An API behind the kit, which knows its address from its identifier alone."""
    kit = ResourceServer(
        issuer=server.issuer, catalog=CHIRP_CATALOG, credentials=("chirp", SECRETS["chirp"])
    )

    @Needs(kit)("chirps.read")
    async def read(request: Request) -> Response:
        return JSONResponse({"sub": request.state.principal.sub})

    app = Starlette(routes=[Route("/chirps/{name}", read)], lifespan=lifespan(kit))
    # As behind a proxy: what the API hears of its own address is another one.
    with TestClient(app, base_url="http://10.0.0.7:8080") as client:

        def call(headers: list[tuple[str, str]], query: str = "") -> Any:
            return client.get(f"/chirps/1{query}", headers=httpx2.Headers(headers).multi_items())

        yield Place(f"{CHIRP}/chirps/1", call)


def shown(token: str, *proofs: str, scheme: str = "DPoP") -> list[tuple[str, str]]:
    """The headers that show a token."""
    return [("Authorization", f"{scheme} {token}"), *(("DPoP", one) for one in proofs)]
