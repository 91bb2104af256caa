"""The kit for any WSGI application: wrapped, it is reached by good keys only.

needs = Needs(server)
app = needs("chirps.read")(app)
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec

from valetkey.resource import interaction
from valetkey.resource.calls import of_environ
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Need, Spend, need
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Permission

PRINCIPAL: Final = "valetkey.principal"
"""Where the caller stands in the environment: no header of a caller's has such a name."""


class Needs:
    """Makes the wrapper for one API."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Spend | None = None,
    ) -> Callable[[WSGIApplication], WSGIApplication]:
        """The application is called only for a key that opens all of the permissions, as with
        `valetkey.resource.flask`; `spend` is asked about the environment. The caller is
        `environ["valetkey.principal"]`."""
        wanted = need(self._server, permissions, acr=acr, max_age=max_age, spend=spend)
        return lambda app: marked(
            Guarded(app, self._server, wanted), Mark(wanted.permissions, self._server)
        )


class Guarded:
    """A WSGI application behind a need."""

    def __init__(self, app: WSGIApplication, server: ResourceServer, wanted: Need) -> None:
        self._app = app
        self._server = server
        self._wanted = wanted

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response = _with_id(environ, start_response)
        try:
            principal = self._server.blocking.admit(of_environ(environ), self._wanted, environ)
        except (Refused, Unreachable) as refusal:
            return refuse(refusal, start_response)
        return self._app({**environ, PRINCIPAL: principal}, start_response)


def _with_id(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """What begins the reply to the call, under its id."""
    told = (interaction.HEADER, interaction.of_environ(environ))

    def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        others = [one for one in headers if one[0].lower() != interaction.HEADER]
        return start_response(status, [*others, told], *more)

    return started


def refuse(refusal: Refused | Unreachable, start_response: StartResponse) -> list[bytes]:
    """The refusal as a response."""
    body = msgspec.json.encode(refusal.body)
    headers: dict[str, Any] = {
        **refusal.headers,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    status = HTTPStatus(refusal.status)
    start_response(f"{status.value} {status.phrase}", list(headers.items()))
    return [body]
