"""stefApp's window: pages for the browser on this machine, and for nobody else.

Every page lies under a secret path, so that no other program or page knows where to knock. The
Host and the Origin have to be the window's own: a foreign page that reaches this port by a name of
its own (DNS rebinding), or sends a form here, is turned away.
"""

import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from valetkey.demo.stefapp.app import StefApp
from valetkey.demo.stefapp.words import FEATURES

HERE: Final = Path(__file__).parent
MAX_BYTES: Final = 16 * 1024

HEADERS: Final = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    b"cache-control": b"no-store",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    # The path is a secret: it leaves with no link.
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}

SHAPES: Final = {
    "check": "M4.5 12.5l5 5L19.5 7",
    "key": "M9 17a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM13.5 12.5H21M17.5 12.5v3.5",
    "lines": "M5 7h14M5 12h14M5 17h9",
    "lock": "M5.5 11h13v9.5h-13zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
    "mail": "M3.5 6h17v12.5h-17zM3.5 7l8.5 6.5L20.5 7",
    "pen": "M4 20l1-4.5L16.5 4a2.1 2.1 0 0 1 3 0l.5.5a2.1 2.1 0 0 1 0 3L8.5 19zM14 6.5l3.5 3.5",
    "person": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c.8-3.6 3.8-5.5 7.5-5.5s6.7 1.9 7.5 5.5",
}

Fields: TypeAlias = dict[str, str]
Action: TypeAlias = Callable[[StefApp, Fields], None]

ACTIONS: Final[dict[str, Action]] = {
    "connect": lambda app, form: app.connect(more=form.get("more", "")),
    "cancel": lambda app, form: app.cancel(),
    "post": lambda app, form: app.post(form.get("text", "")),
    "edit": lambda app, form: app.edit(form.get("name", ""), form.get("line", "")),
    "send": lambda app, form: app.send(form.get("to", ""), form.get("text", "")),
    "try": lambda app, form: app.look(form.get("what", "timeline")),
    "refresh": lambda app, form: app.refresh(),
    "code": lambda app, form: app.use_code(form.get("code", "")),
    "sign-out": lambda app, form: app.sign_out(),
}
"""What the window's buttons do."""


class Guard:
    """Lets through what comes from the window itself."""

    def __init__(self, app: ASGIApp, *, window: str) -> None:
        parts = urlsplit(window)
        self._app = app
        self._host = parts.netloc.encode()
        self._origin = f"{parts.scheme}://{parts.netloc}".encode()
        self._path = parts.path.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def having(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if pair[0] not in HEADERS]
                message["headers"] = [*kept, *HEADERS.items()]
            await send(message)

        why = self._why_not(scope)
        answer = PlainTextResponse(f"{why}\n", 403) if why else self._app
        await answer(scope, receive, having)

    def _why_not(self, scope: Scope) -> str:
        """Why this is not for us, or ""."""
        headers = dict(scope["headers"])
        if headers.get(b"host") != self._host:
            return "this window has another name"
        if scope["method"] not in {"GET", "HEAD"} and headers.get(b"origin") != self._origin:
            return "this form is not from this window"
        path = scope["path"].encode()
        inside = hmac.compare_digest(path[: len(self._path)], self._path)
        return "" if inside or path.startswith(b"/static/") else "this is not the way in"


def create(app: StefApp, *, window: str) -> ASGIApp:
    """The window as an ASGI application. `window` is its whole address, secret and all."""
    path = urlsplit(window).path
    page = _template()

    async def show(request: Request) -> Response:
        view = await run_in_threadpool(app.view)
        return HTMLResponse(page.render(view=view, here=path, shapes=SHAPES, doors=_DOORS))

    async def wait(request: Request) -> Response:
        return PlainTextResponse(app.waiting)

    async def act(request: Request) -> Response:
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            return PlainTextResponse("there is no such button\n", 404)
        fields = await _fields(request)
        if fields is None:
            return PlainTextResponse("this is too much\n", 413)
        await run_in_threadpool(action, app, fields)
        return RedirectResponse(path, 303)

    @asynccontextmanager
    async def closing(_: Starlette) -> AsyncIterator[None]:
        yield
        app.close()

    routes = [
        Route(path, show, methods=["GET"]),
        Route(f"{path}waiting", wait, methods=["GET"]),
        Route(f"{path}{{action}}", act, methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    return Guard(Starlette(routes=routes, lifespan=closing), window=window)


_DOORS: Final = frozenset(name for name, feature in FEATURES.items() if feature.path)
"""The parts of the window that can be tried though they are closed: looking changes nothing."""


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ago"] = _ago
    return environment.get_template("window.html")


def _ago(at: int) -> str:
    seconds = max(0, int(time.time()) - at)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


async def _fields(request: Request) -> Fields | None:
    """The form that was sent, or None where it is too large."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            return None
    return dict(parse_qsl(body.decode(errors="replace")))
