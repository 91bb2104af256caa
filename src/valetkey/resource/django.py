"""The kit for Django: a decorator for views, and the two documents.

needs = Needs(server)

@needs("chirps.write")
def post(request):
    author = request.principal.sub
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, Unpack, cast

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from valetkey import renamed
from valetkey.resource import calls
from valetkey.resource.calls import Call, of_environ, of_scope
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT, documents
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked, open_to_all
from valetkey.resource.need import Conditions
from valetkey.resource.server import ResourceServer
from valetkey.wire.address import path as path_of
from valetkey.wire.catalog import Permission

View = TypeVar("View", bound=Callable[..., Any])

__getattr__ = renamed.names(__name__)


class Needs:
    """Makes the decorator for one API. Views may be sync or async; in an async one `spend` may be
    too."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        **conditions: Unpack[Conditions],
    ) -> Callable[[View], View]:
        """The view runs only for callers that have all of the permissions, within the limits that
        the user has set. The caller is `request.principal`. `spend` gets the request, and the other
        keywords are as in `Conditions`. Django's CSRF check is off for the view: a call with a
        token does not rest on cookies. Raises ValueError at once for a name that is not in the
        catalog, and for a permission with a unit and no `spend`."""
        need = self._server.need(*permissions, **conditions)

        def guard(view: View) -> View:
            @functools.wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                request = request_of(args)
                try:
                    call = call_of(request)
                    request.principal = self._server.blocking.verify_call(call, need, request)
                except (Refused, Unreachable) as refusal:
                    return with_interaction_id(answer(refusal), request)
                return with_interaction_id(view(*args, **kwargs), request)

            @functools.wraps(view)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                request = request_of(args)
                try:
                    call = call_of(request)
                    request.principal = await self._server.verify_call(call, need, request)
                except (Refused, Unreachable) as refusal:
                    return with_interaction_id(answer(refusal), request)
                return with_interaction_id(await view(*args, **kwargs), request)

            found: Any = awaited if inspect.iscoroutinefunction(view) else guarded
            found.csrf_exempt = True
            return cast(View, marked(found, Mark(need.permissions, self._server)))

        return guard


def request_of(args: tuple[Any, ...]) -> Any:
    """The request among a view's arguments: a method has `self` before it."""
    return args[0] if hasattr(args[0], "META") else args[1]


def call_of(request: Any) -> Call:
    """The call behind a request, by WSGI or by ASGI; Django REST framework wraps it."""
    own = getattr(request, "_request", request)
    scope = getattr(own, "scope", None)
    return of_environ(own.META) if scope is None else of_scope(scope)


def interaction_of(request: Any) -> str:
    """The interaction id of a request: the same each time."""
    own = getattr(request, "_request", request)
    if not hasattr(own, "valetkey_interaction"):
        scope = getattr(own, "scope", None)
        own.valetkey_interaction = (
            calls.environ_interaction_id(own.META)
            if scope is None
            else calls.scope_interaction_id(scope)
        )
    name: str = own.valetkey_interaction
    return name


def with_interaction_id(response: Any, request: Any) -> Any:
    """The response, with the interaction id of its request."""
    response.headers[calls.INTERACTION_HEADER] = interaction_of(request)
    return response


def urls(server: ResourceServer) -> list[URLPattern]:
    """The patterns of the API's metadata (RFC 9728) and of its catalog, for `urlpatterns`."""
    return [
        path(path_of(address).removeprefix("/"), _view(document))
        for address, document in documents(server).values()
    ]


def _view(document: Callable[[], Any]) -> Callable[[HttpRequest], HttpResponse]:
    @open_to_all
    def published(request: HttpRequest) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers=PREFLIGHT)
        return HttpResponse(msgspec.json.encode(document()), content_type=MEDIA, headers=HEADERS)

    return published


def answer(refusal: Refused | Unreachable) -> HttpResponse:
    """The refusal as a response."""
    body = msgspec.json.encode(refusal.body)
    return HttpResponse(body, status=refusal.status, content_type=MEDIA, headers=refusal.headers)
