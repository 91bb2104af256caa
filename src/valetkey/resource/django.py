"""The kit for Django: a decorator for views, and the two documents.

needs = Needs(server)

@needs("chirps.write")
def post(request):
    author = request.principal.sub
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from valetkey.resource import interaction
from valetkey.resource.calls import Call, of_environ, of_scope
from valetkey.resource.documents import HEADERS, MEDIA, PREFLIGHT, documents
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked, open_to_all
from valetkey.resource.need import Spend, need
from valetkey.resource.server import ResourceServer
from valetkey.wire.address import path as path_of
from valetkey.wire.catalog import Permission

View = TypeVar("View", bound=Callable[..., Any])


class Needs:
    """Makes the decorator for one API. Views may be sync or async; in an async one `spend` may be
    too."""

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Spend | None = None,
    ) -> Callable[[View], View]:
        """The view runs only for a key that opens all of the permissions, within the limits that
        the user has set, and whose user signed in by one of these `acr`, at most `max_age` seconds
        ago (RFC 9470). The caller is `request.principal`. `spend` is given the request, and tells
        how much a call is about, for a permission that has a unit. A call that brings a key brings
        no cookie to ride on, so Django's check for that is left out. Raises ValueError at once for
        a name that the catalog lacks, or whose amount is not told."""
        wanted = need(self._server, permissions, acr=acr, max_age=max_age, spend=spend)

        def guard(view: View) -> View:
            @functools.wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                request = requested(args)
                try:
                    call = called(request)
                    request.principal = self._server.blocking.admit(call, wanted, request)
                except (Refused, Unreachable) as refusal:
                    return named(answer(refusal), request)
                return named(view(*args, **kwargs), request)

            @functools.wraps(view)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                request = requested(args)
                try:
                    call = called(request)
                    request.principal = await self._server.admit(call, wanted, request)
                except (Refused, Unreachable) as refusal:
                    return named(answer(refusal), request)
                return named(await view(*args, **kwargs), request)

            found: Any = awaited if inspect.iscoroutinefunction(view) else guarded
            found.csrf_exempt = True
            return cast(View, marked(found, Mark(wanted.permissions, self._server)))

        return guard


def requested(args: tuple[Any, ...]) -> Any:
    """The request among a view's arguments: a method has itself before it."""
    return args[0] if hasattr(args[0], "META") else args[1]


def called(request: Any) -> Call:
    """The call behind a request, by WSGI or by ASGI; Django REST framework wraps it."""
    own = getattr(request, "_request", request)
    scope = getattr(own, "scope", None)
    return of_environ(own.META) if scope is None else of_scope(scope)


def interaction_of(request: Any) -> str:
    """The id of the call behind a request, the same each time that it is asked for."""
    own = getattr(request, "_request", request)
    if not hasattr(own, "valetkey_interaction"):
        scope = getattr(own, "scope", None)
        own.valetkey_interaction = (
            interaction.of_environ(own.META) if scope is None else interaction.of_scope(scope)
        )
    told: str = own.valetkey_interaction
    return told


def named(response: Any, request: Any) -> Any:
    """The response under the id of its call."""
    response.headers[interaction.HEADER] = interaction_of(request)
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
