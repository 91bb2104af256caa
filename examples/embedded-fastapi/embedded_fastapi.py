"""A platform with users of its own, and valetkey in it. `uvicorn embedded_fastapi:app`"""

import os
import time
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from valetkey.embedded import SignedInUser, Valetkey

USERS = {"miko": "correct horse battery", "noor": "staple of the evening"}
"""A real platform has them in its database, and stores hashes of their passwords."""


def who_is_signed_in(request: Request) -> SignedInUser | None:
    name = request.session.get("user")
    if name not in USERS:
        return None
    return SignedInUser(
        subject=name,
        claims={"name": name.title(), "email": f"{name}@chirp.example"},
        auth_time=request.session["signed_in_at"],
        amr=("pwd",),
    )


def sign_out(request: Request) -> None:
    request.session.clear()


app = FastAPI()
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ["SESSION_SECRET"],
    https_only=os.environ["ISSUER"].startswith("https:"),
)
vk = Valetkey(
    issuer=os.environ["ISSUER"],
    name="Chirp",
    database=os.environ.get("DATABASE", "valetkey.db"),
    signed_in=who_is_signed_in,
    sign_in_page="/login",
    sign_out=sign_out,
)
vk.install(app, "/oauth")

PAGE = """<!doctype html><html lang="en"><title>Chirp</title><h1>Sign in to Chirp</h1>
<form method="post"><input name="name"><input name="password" type="password">
<button id="login">Sign in</button></form></html>"""


@app.get("/login")
def login_page() -> HTMLResponse:
    return HTMLResponse(PAGE)


@app.post("/login")
def login(
    request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]
) -> RedirectResponse:
    if USERS.get(name) != password:
        return RedirectResponse(request.url, status_code=303)
    request.session.update(user=name, signed_in_at=int(time.time()))
    return RedirectResponse(vk.way_back(request.query_params.get("next")), status_code=303)


@app.post("/logout")
async def logout(request: Request) -> RedirectResponse:
    request.session.clear()
    await vk.notify_sign_out(request)
    return RedirectResponse("/", status_code=303)


@app.get("/")
def home(request: Request) -> HTMLResponse:
    name = request.session.get("user", "nobody")
    return HTMLResponse(
        f'<!doctype html><html lang="en"><title>Chirp</title><p id="user">{name}</p>'
        '<a href="/oauth/apps">Connected apps</a>'
        '<form method="post" action="/logout"><button id="logout">Sign out</button></form></html>'
    )
