"""A platform with users of its own, and valetkey in it. `flask --app embedded_flask run`"""

import os
import time

from flask import Flask, Request, redirect, request, session
from flask.typing import ResponseReturnValue

from valetkey.embedded import SignedInUser, Valetkey

USERS = {"miko": "correct horse battery", "noor": "staple of the evening"}
"""A real platform has them in its database, and stores hashes of their passwords."""


def who_is_signed_in(request: Request) -> SignedInUser | None:
    name = session.get("user")
    if name not in USERS:
        return None
    return SignedInUser(
        subject=name,
        claims={"name": name.title(), "email": f"{name}@chirp.example"},
        auth_time=session["signed_in_at"],
        amr=("pwd",),
    )


def sign_out(request: Request) -> None:
    session.clear()


app = Flask(__name__)
app.secret_key = os.environ["SESSION_SECRET"]
app.config.update(
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=os.environ["ISSUER"].startswith("https:"),
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
def login_page() -> ResponseReturnValue:
    return PAGE


@app.post("/login")
def login() -> ResponseReturnValue:
    name = request.form["name"]
    if USERS.get(name) != request.form["password"]:
        return redirect(request.url, 303)
    session.update(user=name, signed_in_at=int(time.time()))
    return redirect(vk.way_back(request.args.get("next")), 303)


@app.post("/logout")
def logout() -> ResponseReturnValue:
    session.clear()
    app.extensions["valetkey"].notify_sign_out()
    return redirect("/", 303)


@app.get("/")
def home() -> ResponseReturnValue:
    name = session.get("user", "nobody")
    return (
        f'<!doctype html><html lang="en"><title>Chirp</title><p id="user">{name}</p>'
        '<a href="/oauth/apps">Connected apps</a>'
        '<form method="post" action="/logout"><button id="logout">Sign out</button></form></html>'
    )
