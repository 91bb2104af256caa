"""The server as a part of another application: its settings, its start and end, and a request."""

import contextlib
import functools
import os
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click

from valetkey.cli.context import open_database
from valetkey.cli.master_key.file import open_installation
from valetkey.embedded.host import (
    HOST_SESSION,
    AskHost,
    HostSession,
    HostWay,
    StartError,
    check_page,
)
from valetkey.server.app import Host, create
from valetkey.server.http.cookies import Cookies
from valetkey.server.http.front import Front
from valetkey.server.http.request import Receive, Scope, Send
from valetkey.server.oauth.core.context import SignIn
from valetkey.server.pages.frame import STATIC
from valetkey.server.pages.sign_out import SIGNED_OUT
from valetkey.server.settings import Settings, SettingsError, load
from valetkey.wire import address

SignedIn: TypeAlias = Callable[[Any], Any]
"""A function that gets the host's request, and returns its SignedInUser, or None. It may be async
where the host is."""

SignOut: TypeAlias = Callable[[Any], Any]
"""A function that gets the host's request, and signs its user out of the host."""

MayStay: TypeAlias = Callable[[str], Any]
"""A function that gets the `subject` of a user, and returns whether their account is active. It may
be async."""


class Valetkey:
    """The server, to be installed in one application of one process, and in each worker."""

    def __init__(
        self,
        *,
        signed_in: SignedIn,
        sign_in_page: str | Callable[[], str],
        sign_out: SignOut | None = None,
        still_allowed: MayStay | None = None,
        acr_values: Sequence[str] = (),
        issuer: str | None = None,
        name: str | None = None,
        database: str | None = None,
        settings: Mapping[str, object] | None = None,
        config: Path | None = None,
    ) -> None:
        """`sign_in_page` is the host's, a path or an address, or a function that returns it: the
        browser gets there with `next`, the path to come back to. `sign_out` signs the user out of
        the host when they sign out here. `still_allowed` is called when tokens are issued and
        checked: apps of a user for whom it returns False get nothing. `acr_values` are the levels
        that `signed_in` may vouch for.

        `issuer`, `name`, `database` and `settings`, by their full names, win over the environment
        and over `valetkey.toml`, or the file `config`. Raises SettingsError with every mistake, and
        ValueError for an issuer without a path."""
        flags = {"issuer": issuer, "name": name, "database": database, "sign_in.password": "false"}
        try:
            self.settings: Settings = load({**flags, **(settings or {})}, os.environ, config)
        except SettingsError as error:
            said = [one.replace("the command line", "Valetkey(…)") for one in error.mistakes]
            raise SettingsError(said) from None
        self.base = address.path(self.settings.issuer)
        if not self.base:
            raise ValueError(
                f"the issuer {self.settings.issuer} has no path: the server needs one of its own, "
                "such as https://chirp.example/oauth"
            )
        if isinstance(sign_in_page, str):
            check_page(sign_in_page)
        self.signed_in, self.sign_out = signed_in, sign_out
        levels = tuple(acr_values)
        self._host = Host(
            sign_in=SignIn(silently=True, levels=levels),
            way=functools.partial(
                HostWay, page=sign_in_page, can_sign_out=sign_out is not None, levels=levels
            ),
            still_allowed=None if still_allowed is None else AskHost(still_allowed),
        )
        self._session_cookie = Cookies(self.settings.issuer).session
        self._front: Front | None = None

    def install(self, app: Any, at: str) -> None:
        """Install the server in a Starlette, FastAPI or Flask application, at the path of the
        issuer; the application joins its start and end. Raises ValueError for another path."""
        if not at.startswith("/") or not self.base.endswith(at):
            raise ValueError(f"{at} is not the path of the issuer {self.settings.issuer}")
        if type(app).__module__.partition(".")[0] == "flask" or hasattr(app, "wsgi_app"):
            from valetkey.embedded.flask import install_in_flask  # noqa: PLC0415

            install_in_flask(self, app, at)
            return
        from valetkey.embedded.starlette import install_in_starlette  # noqa: PLC0415

        install_in_starlette(self, app, at)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The server, open for requests, in the event loop of the caller. Raises StartError."""
        try:
            store = await open_database(self.settings.database)
        except click.ClickException as error:
            raise StartError(error.message) from None
        try:
            try:
                master = await open_installation(self.settings, store)
            except click.ClickException as error:
                raise StartError(error.message) from None
            front = create(self.settings, store, master_key=master, host=self._host)
            async with front.running():
                self._front = front
                yield
                self._front = None
                front.stop()
        finally:
            self._front = None
            await store.close()

    @property
    def front(self) -> Front:
        """The running server. Raises StartError if it does not run."""
        if self._front is None:
            raise StartError(
                "valetkey is not running: the application's lifespan was not run by its server"
            )
        return self._front

    def needs_user(self, path: str) -> bool:
        """Whether a request for this path, with that of the issuer, is for a page: only then is the
        host asked who is signed in."""
        return self.front.is_page(path) and not path.startswith(f"{self.base}{STATIC}/")

    async def serve(
        self, scope: Scope, receive: Receive, send: Send, *, host_session: HostSession
    ) -> None:
        """Answers an ASGI request whose path is that of the issuer and ours. Sets
        `host_session.ends`, before the reply is sent, if the user signs out."""
        signed_out = f"{self._session_cookie}=;".encode()

        async def send_noting_sign_out(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and host_session.user is not None:
                cookies = [value for name, value in message["headers"] if name == b"set-cookie"]
                host_session.ends |= any(one.startswith(signed_out) for one in cookies)
            await send(message)

        token = HOST_SESSION.set(host_session)
        try:
            await self.front(scope, receive, send_noting_sign_out)
        finally:
            HOST_SESSION.reset(token)

    def way_back(self, next_path: str | None, *, default: str = "/") -> str:
        """The value of `next` if it is a path of this server, else `default`: for the host's
        sign-in page, which must lead nowhere else (ATTACKS A69)."""
        path = next_path or ""
        is_ours = path.startswith(f"{self.base}/") and path.isascii() and path.isprintable()
        return path if is_ours and "\\" not in path else default

    async def notify_sign_out(self, request: Any) -> None:
        """End the session here of a user who signs out of the host, and notify the apps that know
        it. `request` is the host's request. For hosts that await."""
        scope = self.farewell(request)
        if scope is not None:
            await self.serve(scope, _nothing, _ignore, host_session=HostSession(None))

    def farewell(self, request: Any) -> dict[str, Any] | None:
        """The scope of a request that ends the session here of the host's request, None if there is
        none. It is served with nobody signed in at the host."""
        cookie = request.headers.get("cookie") or ""
        if f"{self._session_cookie}=" not in cookie:
            return None
        return {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": self.base + SIGNED_OUT,
            "query_string": b"",
            "headers": [
                (b"host", address.host(self.settings.issuer).encode()),
                (b"cookie", cookie.encode("latin-1", "replace")),
            ],
        }


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b""}


async def _ignore(message: MutableMapping[str, Any]) -> None:
    """The reply is for nobody."""
