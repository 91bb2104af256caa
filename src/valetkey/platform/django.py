"""The page for Django.

urlpatterns = [path("valetkey-login", view(platform, signed_in=who, sign_in="/login/"))]
"""

from collections.abc import Callable
from typing import TypeAlias

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from valetkey.platform.handoff import FAILURES, HEADERS, Platform, failure
from valetkey.platform.interaction import LoginPage, SignedIn

Who: TypeAlias = Callable[[HttpRequest], SignedIn | None]
"""The user of a request, None if nobody is signed in."""


def user_of(request: HttpRequest) -> SignedIn | None:
    """Django's own user of the request. Their subject is the primary key, and they signed in when
    Django says so (`last_login`)."""
    user = request.user
    if not user.is_authenticated or not user.is_active:
        return None
    claims = {
        "name": user.get_full_name(),
        "preferred_username": user.get_username(),
        "email": getattr(user, user.get_email_field_name(), ""),
    }
    return SignedIn(
        subject=str(user.pk),
        auth_time=int(user.last_login.timestamp()) if user.last_login else 0,
        amr=("pwd",),
        claims={name: text for name, text in claims.items() if text},
        sid=sid_of(request),
    )


def sid_of(request: HttpRequest) -> str:
    """A name of Django's session that reveals nothing about its key, "" for none."""
    # Imported here: Django's settings have to be there first.
    from django.utils.crypto import salted_hmac  # noqa: PLC0415

    key = request.session.session_key
    return salted_hmac("valetkey session", key, algorithm="sha256").hexdigest() if key else ""


def view(
    platform: Platform,
    *,
    signed_in: Who = user_of,
    sign_in: str,
    next_parameter: str = "next",
) -> Callable[[HttpRequest], HttpResponse]:
    """The page to which valetkey sends users. `sign_in` is the platform's own sign-in page;
    afterwards it leads to the path that it got in `next_parameter`."""

    def valetkey_login(request: HttpRequest) -> HttpResponse:
        try:
            page = LoginPage(
                query=request.GET.dict(),
                here=request.path,
                sign_in=sign_in,
                next_parameter=next_parameter,
            )
            address = platform.answer(page, signed_in(request))
        except FAILURES as error:
            return _failed(error)
        return _redirect(address)

    decorated: Callable[[HttpRequest], HttpResponse] = require_safe(valetkey_login)
    return decorated


def _redirect(address: str) -> HttpResponse:
    return HttpResponse(status=303, headers={**HEADERS, "location": address})


def _failed(error: Exception) -> HttpResponse:
    its = failure(error)
    if its.restart:
        return _redirect(its.restart)
    return HttpResponse(its.text, status=its.status, headers=HEADERS, content_type="text/plain")
