"""The server in Django, whose users are `request.user`, by WSGI and by ASGI.

    # settings.py
    VALETKEY = {"issuer": "https://chirp.example/oauth", "name": "Chirp", "database": "valetkey.db"}

    # urls.py
    urlpatterns = [path("", include("valetkey.embedded.django")), ...]

VALETKEY has the arguments of `Valetkey`. `signed_in` and `still_allowed` are functions or their
dotted names, by default those of this module; `sign_in_page` is by default LOGIN_URL.
"""

import functools
import time
from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ValidationError
from django.db import close_old_connections
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import resolve_url
from django.urls import URLPattern, path, re_path
from django.utils.module_loading import import_string

from valetkey.embedded.application import Valetkey
from valetkey.embedded.host import HostSession, SignedInUser
from valetkey.embedded.threaded import BODY, Threaded, scope_of
from valetkey.server.http.base_path import WELL_KNOWN

SIGNED_IN_AT: Final = "valetkey_signed_in_at"
"""The key of a session: when its user signed in, in seconds since 1970."""


def signed_in(request: HttpRequest) -> SignedInUser | None:
    """The user of the request, by their primary key."""
    user = request.user
    if not user.is_authenticated:
        return None
    claims = {
        "name": user.get_full_name(),
        "given_name": getattr(user, "first_name", ""),
        "family_name": getattr(user, "last_name", ""),
        "email": getattr(user, user.get_email_field_name(), ""),
    }
    return SignedInUser(
        subject=str(user.pk),
        claims={name: text for name, text in claims.items() if text},
        auth_time=request.session.get(SIGNED_IN_AT),
        active=user.is_active,
    )


def still_allowed(subject: str) -> bool:
    """Whether there is a user with this primary key, who is active."""
    users = auth.get_user_model()
    # The thread is none of Django's: nobody else looks after its connection.
    close_old_connections()
    try:
        return bool(users._default_manager.get(pk=subject).is_active)  # noqa: SLF001
    except (users.DoesNotExist, ValueError, ValidationError):
        return False
    finally:
        close_old_connections()


@functools.cache
def server() -> Threaded:
    """The server that the settings describe, one for the process. Raises SettingsError,
    ValueError."""
    options = dict(settings.VALETKEY)
    named = {name: options.pop(name) for name in ("signed_in", "still_allowed") if name in options}
    functions = {
        name: import_string(one) if isinstance(one, str) else one for name, one in named.items()
    }
    if "signed_in" not in functions:
        # Else the subjects may be other ids.
        functions = {"signed_in": signed_in, "still_allowed": still_allowed, **functions}
    # Later: it may be the name of a pattern, and the patterns are being read.
    options.setdefault("sign_in_page", lambda: resolve_url(settings.LOGIN_URL))
    options.setdefault("sign_out", _sign_out)
    return Threaded(Valetkey(**functions, **options))


def urls() -> list[URLPattern]:
    """The patterns of all paths of the server, and of its documents at the root of the host."""
    base = server().valetkey.base.removeprefix("/")
    return [
        re_path(rf"^{base}/(?P<rest>.*)$", view),
        path(base, view),
        # RFC 8414 3.1: apps look for the metadata at the root of the host.
        path(f"{WELL_KNOWN.removeprefix('/')}<str:document>/{base}", view),
    ]


def __getattr__(name: str) -> Any:
    # `include` reads it when the URLconf is loaded: only then the settings are complete.
    if name == "urlpatterns":
        return urls()
    raise AttributeError(name)


def view(request: HttpRequest, rest: str = "", document: str = "") -> HttpResponseBase:
    """Answers a request to the server."""
    threaded = server()
    valetkey = threaded.valetkey
    inner = f"{WELL_KNOWN}{document}" if document else f"/{rest}"
    threaded.start()
    host_session = HostSession(None)
    if valetkey.needs_user(valetkey.base + inner):
        host_session = HostSession(_call(valetkey.signed_in, request))
    scope = scope_of(request.META, valetkey.base + inner)
    answer = threaded.answer(scope, request.read(BODY), host_session)
    if host_session.ends and valetkey.sign_out is not None:
        _call(valetkey.sign_out, request)
    response: HttpResponse | StreamingHttpResponse
    if answer.rest is None:
        response = HttpResponse(answer.first, status=answer.status)
    else:
        is_async = hasattr(request, "scope")
        chunks = threaded.chunks_async(answer) if is_async else threaded.chunks(answer)
        response = StreamingHttpResponse(chunks, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers:
        if name == "set-cookie":
            _set_cookie(response, value)
        else:
            response.headers[name] = value
    # The pages say themselves which of them may be framed, and by whom.
    response.xframe_options_exempt = True
    return response


# Every form has a token of its own, and other calls carry no cookies.
view.csrf_exempt = True  # type: ignore[attr-defined]
view.login_required = False  # type: ignore[attr-defined]


def _set_cookie(response: HttpResponseBase, header: str) -> None:
    """Adds a cookie of ours to those of the response."""
    pair, *attributes = header.split("; ")
    name, _, value = pair.partition("=")
    response.cookies[name] = value
    for attribute in attributes:
        key, _, setting = attribute.partition("=")
        response.cookies[name][key.lower()] = setting or True


def _call(function: Callable[[HttpRequest], Any], request: HttpRequest) -> Any:
    if iscoroutinefunction(function):
        return async_to_sync(function)(request)
    return function(request)


def _sign_out(request: HttpRequest) -> None:
    request.valetkey_signs_out = True
    auth.logout(request)


@receiver(user_logged_in)
def _note_sign_in(sender: Any, request: HttpRequest, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.session[SIGNED_IN_AT] = int(time.time())


@receiver(user_logged_out)
def _note_sign_out(sender: Any, request: HttpRequest, **_: Any) -> None:
    """Ends the session here of a user who signs out of the host, and notifies apps at once."""
    if request is not None and not getattr(request, "valetkey_signs_out", False):
        server().notify_sign_out(request)
