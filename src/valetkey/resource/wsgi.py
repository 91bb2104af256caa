"""The kit for any WSGI application: a wrapper that only calls with the right tokens can reach.

needs = Needs(server)
app = needs("chirps.read")(app)
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, Unpack
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec

from valetkey.resource import calls
from valetkey.resource.calls import of_environ
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Conditions, Need
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Permission

PRINCIPAL: Final = "valetkey.principal"
"""The key of the caller in the environment: no request header can have this name."""


class Needs:
    """Makes the wrapper for one API."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        **conditions: Unpack[Conditions],
    ) -> Callable[[WSGIApplication], WSGIApplication]:
        """A wrapper as with `valetkey.resource.flask`; `spend` gets the environment. The caller is
        `environ["valetkey.principal"]`."""
        need = self._server.need(*permissions, **conditions)
        return lambda app: marked(
            GuardedWsgiApp(app, self._server, need), Mark(need.permissions, self._server)
        )


class GuardedWsgiApp:
    """A WSGI application behind a need."""

    def __init__(self, app: WSGIApplication, server: ResourceServer, need: Need) -> None:
        self._app = app
        self._server = server
        self._need = need

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response = _with_id(environ, start_response)
        try:
            principal = self._server.blocking.verify_call(of_environ(environ), self._need, environ)
        except (Refused, Unreachable) as refusal:
            return refuse(refusal, start_response)
        return self._app({**environ, PRINCIPAL: principal}, start_response)


def _with_id(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """A `start_response` that adds the interaction id of the call."""
    interaction_id = (calls.INTERACTION_HEADER, calls.environ_interaction_id(environ))

    def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        others = [one for one in headers if one[0].lower() != calls.INTERACTION_HEADER]
        return start_response(status, [*others, interaction_id], *more)

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
