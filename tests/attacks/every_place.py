"""Each place that takes a JWT, here and in what apps and APIs do with those of the server
(ATTACKS A48)."""

import time
from collections.abc import Callable
from typing import Any, Final

import httpx2
import msgspec
from tests.attacks.every_kind import ASKING, LIST, Scene, attestation, pop
from tests.attacks.signing import proof
from tests.installation import CHIRP, SECRETS

from valetkey.spec import names
from valetkey.wire import (
    access_token,
    change_log,
    client_attestation,
    id_token,
    introspection,
    split_token,
    status_list,
)


def _good(answer: httpx2.Response, status: int = 200) -> bool:
    assert answer.status_code < 500, answer.text
    return answer.status_code == status


def _authenticates(it: Scene, text: str) -> bool:
    form = {"grant_type": "client_credentials", "scope": "chirps.read", **proof(text)}
    return _good(it.server.http.post("/token", data=form))


def _asks_by(it: Scene, **form: Any) -> bool:
    return _good(it.post("/backchannel", **form))


def _bearer(it: Scene, text: str) -> bool:
    headers = {"authorization": f"Bearer {text}"}
    return _good(it.server.http.get("/userinfo", headers=headers))


def _proves(it: Scene, text: str) -> bool:
    form: dict[str, Any] = {"grant_type": "client_credentials", "scope": "chirps.read"}
    return _good(it.post("/token", {"DPoP": text}, **form))


def _hints(it: Scene, text: str) -> bool:
    """Nobody is signed in there: a hint that is read is answered with that."""
    more = {"prompt": "none", "id_token_hint": text}
    answer = it.server.http.get(msgspec.structs.replace(ASKING, more=more).path())
    return "error=login_required" in answer.headers["location"]


def _exchanges(kind: str) -> Callable[[Scene, str], bool]:
    def take(it: Scene, text: str) -> bool:
        form = {
            "grant_type": names.TOKEN_EXCHANGE,
            "subject_token": text,
            "subject_token_type": kind,
            "scope": "chirps.read",
        }
        return _good(it.server.http.post("/token", data=form, auth=("agent", SECRETS["agent"])))

    return take


def _attests(it: Scene, one: str, proof_of_it: str) -> bool:
    headers = {client_attestation.HEADER: one, client_attestation.POP_HEADER: proof_of_it}
    return _good(it.server.http.post("/introspect", data={"token": "x"}, headers=headers))


def _registers(it: Scene, text: str) -> bool:
    said = {"redirect_uris": ["https://brought.example/cb"], "software_statement": text}
    return _good(it.server.http.post("/register", json=said), 201)


def _reads(read: Callable[..., object], **more: Any) -> Callable[[Scene, str], bool]:
    """What a kit or an app does with a JWT of the server's, by its published keys."""

    def take(it: Scene, text: str) -> bool:
        try:
            read(text, keys=it.ring.published, issuer=it.server.issuer, **more)
        except ValueError:
            return False
        return True

    return take


def _now(it: Scene, text: str, read: Callable[..., object], **more: Any) -> bool:
    return _reads(read, now=int(time.time()), **more)(it, text)


OF_OLD: Final = ("client assertion", "client assertion of old")

PLACES: Final[dict[str, tuple[Callable[[Scene, str], bool], tuple[str, ...]]]] = {
    "client authentication": (_authenticates, OF_OLD),
    "pushed request": (
        lambda it, text: _good(it.post("/par", request=text), 201),
        ("request object", "request object of old"),
    ),
    "backchannel request": (
        lambda it, text: _asks_by(it, request=text),
        ("backchannel request",),
    ),
    "id_token_hint of a backchannel request": (
        lambda it, text: _asks_by(it, scope="openid", id_token_hint=text),
        ("ID Token",),
    ),
    "login_hint_token": (
        lambda it, text: _asks_by(it, scope="openid", login_hint_token=text),
        ("login hint",),
    ),
    "assertion": (
        lambda it, text: _good(it.post("/token", grant_type=names.JWT_BEARER, assertion=text)),
        ("assertion about a user", "ID-JAG"),
    ),
    "subject_token": (_exchanges(names.TYPE_ACCESS_TOKEN), ("access token",)),
    "subject_token that is an ID Token": (_exchanges(names.TYPE_ID_TOKEN), ("ID Token",)),
    "userinfo": (_bearer, ("access token",)),
    "introspection": (
        lambda it, text: bool(it.post("/introspect", token=text).json()["active"]),
        ("access token",),
    ),
    "id_token_hint": (_hints, ("ID Token",)),
    "id_token_hint of a logout": (
        lambda it, text: _good(it.server.http.get("/logout", params={"id_token_hint": text}), 303),
        ("ID Token",),
    ),
    "DPoP": (_proves, ("DPoP proof",)),
    "attestation": (lambda it, text: _attests(it, text, pop(it)), ("attestation",)),
    "attestation's proof": (
        lambda it, text: _attests(it, attestation(it), text),
        ("attestation's proof",),
    ),
    "software_statement": (
        _registers,
        ("software statement", "software statement of old"),
    ),
    "an API": (
        lambda it, text: _now(it, text, access_token.verify, audience=CHIRP),
        ("access token",),
    ),
    "an API that holds halves": (
        lambda it, text: _now(
            it, text, access_token.verify, audience=CHIRP, typ=split_token.OF_API
        ),
        ("API's half of an access token",),
    ),
    "an API that asks": (
        lambda it, text: _now(it, text, introspection.verify, audience="signer"),
        ("signed introspection",),
    ),
    "an API that follows": (
        _reads(change_log.read, audience=CHIRP),
        ("piece of the change log",),
    ),
    "an API that looks it up": (
        lambda it, text: _now(it, text, status_list.read, uri=it.server.issuer + LIST),
        ("status list",),
    ),
    "an app that signs its user in": (
        lambda it, text: _now(
            it,
            text,
            id_token.verify,
            client_id="signer",
            nonce=ASKING.nonce,
            access_token=it.tokens["access_token"],
        ),
        ("ID Token",),
    ),
}
"""How each place takes a JWT, whether it did, and which kinds are its own."""
