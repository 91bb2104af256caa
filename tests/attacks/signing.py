"""What an app signs, and who may have signed it instead, at the running server."""

import os
import time
from typing import Any, Final

import msgspec
from tests.jose.corpus import Honest
from tests.live import Live
from tests.server.oauth.clients.apps import MINE, SHARED, SIGNER, sharer

from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.wire import assertion, request_object
from valetkey.wire.assertion import ASSERTION_TYPE

REDIRECT: Final = SIGNER.redirect_uris[0]

BANK: Final = msgspec.structs.replace(SIGNER, id="bank", name="Bank", policy="fapi2")
"""The same under FAPI 2.0."""

_COUNT = iter(range(1_000_000))


def register(server: Live) -> None:
    """Puts the app that signs into the store, the same under FAPI 2.0, and the one that shares a
    secret."""
    now = int(time.time())
    keyring = open_keys(server.run(read_keys(server.store)), server.master_key, now=now)
    apps = [SIGNER, BANK, sharer(keyring, Env(now, os.urandom))]
    server.run(server.store.commit([Create(one) for one in apps]))


def asserted(server: Live, **changed: Any) -> Honest:
    """A fresh assertion of the app, as changed. `...` leaves a claim out."""
    now = int(time.time())
    given = {
        "iss": "signer",
        "sub": "signer",
        "aud": server.issuer,
        "jti": f"j-{next(_COUNT)}-{now}",
        "iat": now,
        "exp": now + 60,
    }
    claims = {name: value for name, value in (given | changed).items() if value is not ...}
    return Honest(MINE, claims, assertion.TYPE)


def shared_asserted(server: Live, **changed: Any) -> Honest:
    """A fresh assertion of the app that shares a secret, as changed."""
    claims = asserted(server, **({"iss": "sharer", "sub": "sharer"} | changed)).claims
    return Honest(SHARED, claims, assertion.TYPE)


def requested(server: Live, **changed: Any) -> Honest:
    """A request object of the app, as changed."""
    now = int(time.time())
    given = {
        "iss": "signer",
        "aud": server.issuer,
        "exp": now + 300,
        "nbf": now,
        "client_id": "signer",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid chirps.read",
        "state": "inside",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    claims = {name: value for name, value in (given | changed).items() if value is not ...}
    return Honest(MINE, claims, request_object.TYPE)


def proof(text: str) -> dict[str, str]:
    """The parameters that bring an assertion."""
    return {"client_assertion": text, "client_assertion_type": ASSERTION_TYPE}


def at_token(server: Live, text: str) -> tuple[int, str]:
    """What an assertion comes to at the token endpoint: status, and error code or ""."""
    form = {"grant_type": "client_credentials", "scope": "chirps.read", **proof(text)}
    answer = server.http.post("/token", data=form)
    return answer.status_code, answer.json().get("error", "")


def pushed(server: Live, text: str, **more: str) -> tuple[int, str]:
    """What a request object comes to when it is pushed."""
    form = {"request": text, **more, **proof(asserted(server).token())}
    answer = server.http.post("/par", data=form)
    return answer.status_code, answer.json().get("error", "")
