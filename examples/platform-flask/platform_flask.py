"""A platform in Flask that signs its own users in for valetkey. `flask --app platform_flask run`"""

import os
import secrets
import time

from flask import Flask, Response, make_response, redirect, request, session

from valetkey.platform import Platform, SignedIn
from valetkey.platform.flask import view

USERS = {"miko": ("17", os.environ["PASSWORD"])}
"""A real platform has its own table, with hashes."""

app = Flask(__name__)
app.secret_key = secrets.token_bytes()
app.config["SESSION_COOKIE_NAME"] = "chirp"

# All that valetkey needs: who is signed in, the sign-in page, and a client that may answer.

platform = Platform(
    issuer=os.environ["ISSUER"], client_id="chirp-website", secret=os.environ["SECRET"]
)


def who() -> SignedIn | None:
    """The platform's user in this browser."""
    user = session.get("user")
    return user and SignedIn(
        subject=user["id"],
        auth_time=user["at"],
        amr=("pwd",),
        claims={"name": user["name"].title(), "preferred_username": user["name"]},
        sid=user["sid"],
    )


app.add_url_rule("/valetkey-login", view_func=view(platform, signed_in=who, sign_in="/login"))

# The platform's own pages, as they were before.


@app.route("/login", methods=("GET", "POST"))
def login() -> Response:
    """The sign-in page."""
    there = request.args.get("next", "/")
    if not there.startswith("/") or there[1:2] in ("/", "\\"):
        there = "/"
    if request.method == "GET":
        return make_response(FORM)
    name, password = request.form["username"], request.form["password"]
    subject, expected = USERS.get(name, ("", ""))
    if not expected or not secrets.compare_digest(password, expected):
        return make_response(FORM, 400)
    at, sid = int(time.time()), secrets.token_urlsafe(16)
    session["user"] = {"id": subject, "name": name, "at": at, "sid": sid}
    return make_response(redirect(there, 303))


@app.post("/logout")
def logout() -> Response:
    """Signs out here, and at valetkey and its apps."""
    user = session.pop("user", None)
    if user is not None:
        platform.end_sessions(sid=user["sid"])
    return make_response(redirect("/", 303))


@app.get("/")
def home() -> str:
    """Says who is signed in."""
    user = session.get("user")
    return f"<p id=who>{user['name'] if user else 'nobody'}</p>{OUT}"


OUT = '<form method="post" action="/logout"><button id="sign-out">Sign out</button></form>'
FORM = """<!doctype html><title>Chirp</title><form method="post">
<input id="username" name="username"><input id="password" name="password" type="password">
<button id="sign-in">Sign in</button></form>"""
