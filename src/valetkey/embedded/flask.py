"""The server in Flask: one view for all of its paths, behind the application's own hooks."""

from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, request
from werkzeug.datastructures import Headers

from valetkey.embedded.host import HostSession
from valetkey.embedded.threaded import BODY, Threaded, scope_of
from valetkey.server.http.base_path import WELL_KNOWN

if TYPE_CHECKING:
    from valetkey.embedded.application import Valetkey

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def install_in_flask(valetkey: "Valetkey", app: Flask, at: str) -> None:
    """Adds the rules. The server starts with its first request."""
    host = FlaskHost(Threaded(valetkey), app)
    rules = (
        (f"{at}/", "valetkey"),
        (f"{at}/<path:rest>", "valetkey below"),
        # RFC 8414 3.1: apps look for the metadata at the root of the host.
        (f"{WELL_KNOWN}<document>{valetkey.base}", "valetkey well-known"),
    )
    for rule, endpoint in rules:
        app.add_url_rule(
            rule,
            endpoint,
            host.view,
            methods=METHODS,
            provide_automatic_options=False,
            strict_slashes=False,
        )
    app.extensions["valetkey"] = host


class FlaskHost:
    """The server as a view of the application."""

    def __init__(self, server: Threaded, app: Flask) -> None:
        self._server = server
        self._app = app

    def view(self, rest: str = "", document: str = "") -> Response:
        """Answers `flask.request`."""
        server, valetkey = self._server, self._server.valetkey
        path = f"{valetkey.base}{WELL_KNOWN}{document}" if document else f"{valetkey.base}/{rest}"
        server.start()
        host_session = HostSession(None)
        if valetkey.needs_user(path):
            host_session = HostSession(self._call(valetkey.signed_in))
        scope = scope_of(request.environ, path)
        answer = server.answer(scope, request.stream.read(BODY), host_session)
        if host_session.ends and valetkey.sign_out is not None:
            self._call(valetkey.sign_out)
        response = Response(server.chunks(answer), answer.status)
        response.headers = Headers(answer.headers)
        return response

    def notify_sign_out(self) -> None:
        """End the session here of a user who signs out of the application, and notify the apps that
        know it: `app.extensions["valetkey"].notify_sign_out()`."""
        self._server.notify_sign_out(request)

    def _call(self, function: Any) -> Any:
        return self._app.ensure_sync(function)(request)
