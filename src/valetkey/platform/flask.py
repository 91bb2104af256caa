"""The page for Flask.

app.add_url_rule("/valetkey-login", view_func=view(platform, signed_in=who, sign_in="/login"))
"""

from collections.abc import Callable
from typing import TypeAlias

from flask import Response, request

from valetkey.platform.handoff import FAILURES, HEADERS, Platform, failure
from valetkey.platform.interaction import LoginPage, SignedIn

Who: TypeAlias = Callable[[], SignedIn | None]
"""The user of Flask's current request, None if nobody is signed in."""


def view(
    platform: Platform, *, signed_in: Who, sign_in: str, next_parameter: str = "next"
) -> Callable[[], Response]:
    """The page to which valetkey sends users. `sign_in` is the platform's own sign-in page;
    afterwards it leads to the path that it got in `next_parameter`."""

    def valetkey_login() -> Response:
        try:
            page = LoginPage(
                query=request.args,
                here=f"{request.script_root}{request.path}",
                sign_in=sign_in,
                next_parameter=next_parameter,
            )
            address = platform.answer(page, signed_in())
        except FAILURES as error:
            return _failed(error)
        return _redirect(address)

    return valetkey_login


def _redirect(address: str) -> Response:
    reply = Response(status=303, headers=HEADERS)
    reply.location = address
    # As it is: a relative address stays one.
    reply.autocorrect_location_header = False
    return reply


def _failed(error: Exception) -> Response:
    its = failure(error)
    if its.restart:
        return _redirect(its.restart)
    return Response(its.text, its.status, HEADERS, mimetype="text/plain")
