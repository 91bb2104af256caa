"""The page for Starlette and FastAPI.

app.router.routes.append(route(platform, signed_in=who, sign_in="/login"))
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from valetkey.platform.handoff import FAILURES, HEADERS, AsyncPlatform, failure
from valetkey.platform.interaction import LoginPage, SignedIn

Who: TypeAlias = Callable[[Request], SignedIn | Awaitable[SignedIn | None] | None]
"""The user of a request, None if nobody is signed in."""


def route(
    platform: AsyncPlatform,
    *,
    signed_in: Who,
    sign_in: str,
    path: str = "/valetkey-login",
    next_parameter: str = "next",
) -> Route:
    """The route of the page to which valetkey sends users. `sign_in` is the platform's own sign-in
    page; afterwards it leads to the path that it got in `next_parameter`."""

    async def valetkey_login(request: Request) -> Response:
        try:
            user = signed_in(request)
            page = LoginPage(
                query=request.query_params,
                # Behind a mount, the path of the whole application counts.
                here=request.url.path,
                sign_in=sign_in,
                next_parameter=next_parameter,
            )
            address = await platform.answer(page, await user if inspect.isawaitable(user) else user)
        except FAILURES as error:
            return _failed(error)
        return RedirectResponse(address, 303, HEADERS)

    return Route(path, valetkey_login)


def _failed(error: Exception) -> Response:
    its = failure(error)
    if its.restart:
        return RedirectResponse(its.restart, its.status, HEADERS)
    return PlainTextResponse(its.text, its.status, HEADERS)
