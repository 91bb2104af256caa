"""`python -m valetkey.demo.chirp.embedding`: Chirp's website in Starlette, and valetkey in it.

All that it has for valetkey are the import, `signed_in`, the `Valetkey` with its installation, and
one line each at sign-in and at sign-out. The settings are those of `valetkey.toml`.
"""

import argparse
import time
from pathlib import Path
from secrets import compare_digest, token_urlsafe
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from valetkey.demo.chirp import USER
from valetkey.embedded import SignedInUser, Valetkey
from valetkey.wire.form import parse_form

COOKIE: Final = "chirp_session"

PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chirp</title>
<style>
body { font: 1.125rem/1.5 system-ui, sans-serif; color: #14313a; background: #e8f6f4; margin: 0 }
main { max-inline-size: 22rem; margin: 12vh auto; padding: 2rem; background: #fff;
       border-radius: 1.25rem; box-shadow: 0 .5rem 2rem #0b4a4422 }
h1 { font-size: 1.5rem; margin: 0 0 1rem } label { display: block; margin-block: 1rem .25rem }
input { font: inherit; inline-size: 100%%; box-sizing: border-box; padding: .6rem;
        border: 1px solid #6f8f8b; border-radius: .6rem }
button { font: inherit; font-weight: 600; margin-block-start: 1.5rem; padding: .7rem 1.5rem;
         color: #fff; background: #0b6b60; border: 0; border-radius: .6rem; inline-size: 100%% }
</style>
<main>%s</main>
</html>"""

LOGIN: Final = """<h1>Sign in to Chirp</h1><form method="post">
<label for="username">Username</label>
<input id="username" name="username" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button id="sign-in">Sign in</button></form>"""

HOME: Final = """<h1>Hello, Miko</h1><p><a href="/id/apps">Connected apps</a></p>
<form method="post" action="/logout"><button id="sign-out">Sign out</button></form>"""

NOBODY: Final = """<h1>Chirp</h1><p id="signed-out">You're signed out.</p>
<p><a href="/login">Sign in</a></p>"""


class Site:
    """Chirp, whose one user is Miko. `sessions` has the time of each sign-in, by cookie."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._sessions: dict[str, float] = {}
        self.vk = Valetkey(signed_in=self.signed_in, sign_in_page="/login")
        self.app = Starlette(
            routes=[
                Route("/", self.home),
                Route("/login", self.login, methods=["GET", "POST"]),
                Route("/logout", self.logout, methods=["POST"]),
            ]
        )
        self.vk.install(self.app, "/id")

    async def signed_in(self, request: Request) -> SignedInUser | None:
        """Who is signed in at Chirp."""
        since = self._sessions.get(request.cookies.get(COOKIE, ""))
        if since is None:
            return None
        claims = {"name": "Miko", "email": "miko@chirp.example"}
        return SignedInUser(subject=USER, claims=claims, auth_time=since, amr=("pwd",))

    async def home(self, request: Request) -> Response:
        """The first page."""
        known = request.cookies.get(COOKIE) in self._sessions
        return HTMLResponse(PAGE % (HOME if known else NOBODY))

    async def login(self, request: Request) -> Response:
        """The sign-in page."""
        if request.method == "GET":
            return HTMLResponse(PAGE % LOGIN)
        form = parse_form(await request.body())
        password = form.get("password", "").encode()
        if form.get("username") != "miko" or not compare_digest(password, self._password.encode()):
            return HTMLResponse(PAGE % LOGIN, 400)
        name = token_urlsafe()
        self._sessions[name] = time.time()
        back = RedirectResponse(self.vk.way_back(request.query_params.get("next")), 303)
        back.set_cookie(COOKIE, name, httponly=True)
        return back

    async def logout(self, request: Request) -> Response:
        """The end of both sessions."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        await self.vk.notify_sign_out(request)
        return RedirectResponse("/", 303)


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--issuer", help="It is in valetkey.toml.")
    parser.add_argument("--secret", type=Path, help="There is no back channel to prove by.")
    parser.add_argument("--password", type=Path, required=True, help="A file with Miko's password.")
    options = parser.parse_args()
    site = Site(options.password.read_text("utf-8").strip())
    uvicorn.run(
        site.app,
        host="127.0.0.1",
        port=options.port,
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
