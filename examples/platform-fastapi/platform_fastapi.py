"""A platform in FastAPI that signs its own users in for valetkey. `uvicorn platform_fastapi:app`"""

import os
import secrets
import time
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.middleware.sessions import SessionMiddleware

from valetkey.platform import AsyncPlatform, SignedIn
from valetkey.platform.starlette import route

USERS = {"miko": ("17", os.environ["PASSWORD"])}
"""A real platform has its own table, with hashes."""

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=secrets.token_urlsafe(), session_cookie="chirp")

# All that valetkey needs: who is signed in, the sign-in page, and a client that may answer.

platform = AsyncPlatform(
    issuer=os.environ["ISSUER"], client_id="chirp-website", secret=os.environ["SECRET"]
)


def who(request: Request) -> SignedIn | None:
    """The platform's user in this browser."""
    user = request.session.get("user")
    return user and SignedIn(
        subject=user["id"],
        auth_time=user["at"],
        amr=("pwd",),
        claims={"name": user["name"].title(), "preferred_username": user["name"]},
        sid=user["sid"],
    )


app.router.routes.append(route(platform, signed_in=who, sign_in="/login"))

# The platform's own pages, as they were before.


@app.get("/login")
async def login_form() -> Response:
    """The sign-in page."""
    return HTMLResponse(FORM)


@app.post("/login")
async def login(
    request: Request, username: Annotated[str, Form()], password: Annotated[str, Form()]
) -> Response:
    """Signs in, and goes on."""
    subject, expected = USERS.get(username, ("", ""))
    if not expected or not secrets.compare_digest(password, expected):
        return HTMLResponse(FORM, 400)
    there = request.query_params.get("next", "/")
    if not there.startswith("/") or there[1:2] in ("/", "\\"):
        there = "/"
    at, sid = int(time.time()), secrets.token_urlsafe(16)
    request.session["user"] = {"id": subject, "name": username, "at": at, "sid": sid}
    return RedirectResponse(there, 303)


@app.post("/logout")
async def logout(request: Request) -> Response:
    """Signs out here, and at valetkey and its apps."""
    user = request.session.pop("user", None)
    if user is not None:
        await platform.end_sessions(sid=user["sid"])
    return RedirectResponse("/", 303)


@app.get("/")
async def home(request: Request) -> Response:
    """Says who is signed in."""
    user = request.session.get("user")
    return HTMLResponse(f"<p id=who>{user['name'] if user else 'nobody'}</p>{OUT}")


OUT = '<form method="post" action="/logout"><button id="sign-out">Sign out</button></form>'
FORM = """<!doctype html><title>Chirp</title><form method="post">
<input id="username" name="username"><input id="password" name="password" type="password">
<button id="sign-in">Sign in</button></form>"""
