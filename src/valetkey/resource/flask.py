"""The kit for Flask: a decorator for views, and the two documents.

needs = Needs(server)

@app.post("/chirps")
@needs("chirps.write")
def post():
    author = g.principal.sub
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, Unpack, cast

import msgspec
from flask import Flask, Response, after_this_request, current_app, g, request

from valetkey.resource import calls
from valetkey.resource.calls import of_environ
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT, documents
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked, open_to_all
from valetkey.resource.need import Conditions
from valetkey.resource.server import ResourceServer
from valetkey.wire.address import path
from valetkey.wire.catalog import Permission

View = TypeVar("View", bound=Callable[..., Any])


class Needs:
    """Makes the decorator for one API. Views may be sync or async, `spend` only sync."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        **conditions: Unpack[Conditions],
    ) -> Callable[[View], View]:
        """The view runs only for callers that have all of the permissions, within the limits that
        the user has set. The caller is `g.principal`. `spend` gets Flask's request, and the other
        keywords are as in `Conditions`. Raises ValueError at once for a name that is not in the
        catalog, and for a permission with a unit and no `spend`."""
        need = self._server.need(*permissions, **conditions)

        def guard(view: View) -> View:
            @functools.wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                name = calls.environ_interaction_id(request.environ)
                after_this_request(lambda response: _with_interaction_id(response, name))
                try:
                    call = of_environ(request.environ)
                    g.principal = self._server.blocking.verify_call(call, need, request)
                except (Refused, Unreachable) as refusal:
                    return answer(refusal)
                return current_app.ensure_sync(view)(*args, **kwargs)

            return cast(View, marked(guarded, Mark(need.permissions, self._server)))

        return guard


def publish(app: Flask, server: ResourceServer) -> None:
    """Adds the API's metadata (RFC 9728) and its catalog to the application."""
    for name, (address, document) in documents(server).items():

        @open_to_all
        def published(document: Callable[[], Any] = document) -> Response:
            if request.method == "OPTIONS":
                return Response(status=204, headers=PREFLIGHT)
            body = msgspec.json.encode(document())
            return Response(body, mimetype=MEDIA, headers=HEADERS)

        app.add_url_rule(path(address), f"valetkey {name}", published, methods=["GET", "OPTIONS"])


def _with_interaction_id(response: Response, name: str) -> Response:
    response.headers[calls.INTERACTION_HEADER] = name
    return response


def answer(refusal: Refused | Unreachable) -> Response:
    """The refusal as a response."""
    body = msgspec.json.encode(refusal.body)
    return Response(body, refusal.status, refusal.headers, mimetype=MEDIA)
