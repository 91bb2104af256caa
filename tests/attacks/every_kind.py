"""Each kind of JWT that goes in or out here, all signed by as few keys as can be, so that nothing
but what it is tells one from another (ATTACKS A48)."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
from tests.attacks.play import change, find
from tests.attacks.signing import asserted, proof, requested
from tests.browser import Asking, authorize
from tests.installation import CHIRP
from tests.jose.corpus import Honest
from tests.live import Live, caught_up
from tests.server.oauth.clients.apps import MINE, SIGNER, jwks

from valetkey.jose import base64url
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, Exchange
from valetkey.server.model.keys import Keyring
from valetkey.server.model.policy import Policy, TrustedIssuer
from valetkey.server.oauth.grant_types import ciba, identity_assertion
from valetkey.server.oauth.logout import sessions
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.spec import names
from valetkey.wire import (
    access_token,
    change_log,
    child_key,
    client_attestation,
    dpop,
    introspection,
    split_token,
    status_list,
)
from valetkey.wire.change_log import Piece

APP: Final = msgspec.structs.replace(
    SIGNER,
    policy="partners",
    grant_types=(*SIGNER.grant_types, names.CIBA, names.JWT_BEARER),
    userinfo_signed_response_alg="ES256",
)
"""An app with one key, with which it does all that an app can sign. A server whose word on users
counts, and a publisher whose word on apps counts, have the same key and name."""

WALLET: Final = msgspec.structs.replace(
    SIGNER, id="wallet", name="Wallet", auth_method="attest_jwt_client_auth", policy="default"
)
PARTNER: Final = TrustedIssuer(issuer="signer", jwks=jwks(MINE))
ASKING: Final = Asking(
    client_id="signer", redirect_uri=SIGNER.redirect_uris[0], scope="openid chirps.read"
)

LIST: Final = f"/status/0.0.{base64url.encode(b'web')}"

_COUNT = iter(range(1_000_000))


class Scene(msgspec.Struct):
    """A server on which the app has tokens of Miko's."""

    server: Live
    ring: Keyring
    tokens: dict[str, Any]

    def post(self, path: str, headers: Mapping[str, str] = {}, **form: Any) -> httpx2.Response:
        """A form of the app's, which proves itself."""
        sent = {**form, **proof(asserted(self.server).token())}
        return self.server.http.post(path, data=sent, headers=dict(headers))

    def own(self, typ: str, **claims: Any) -> str:
        """Signed by the server itself, with the key of its access tokens."""
        key = self.ring.signing["ES256"]
        return Honest(key, self._frame(self.server.issuer) | claims, typ).token()

    def apps(self, typ: str, **claims: Any) -> str:
        """Signed by the app."""
        return Honest(MINE, self._frame("signer") | claims, typ).token()

    def _frame(self, issuer: str) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": issuer, "iat": now, "exp": now + 60, "jti": f"k-{next(_COUNT)}-{now}"}


def scene(server: Live) -> Scene:
    """Registers the app and connects Miko with it."""
    policy = Policy(name="partners", pkce="optional", trusts=(PARTNER,))
    server.run(server.store.commit([Create(one) for one in (APP, WALLET, policy)]))
    change(
        server,
        find(server, Client, "agent"),
        exchange=Exchange(clients=("signer",), audiences=(CHIRP,)),
    )
    caught_up()
    code = authorize(server.browser(), ASKING)
    answer = server.http.post(
        "/token", data={**ASKING.redemption(code), **proof(asserted(server).token())}
    )
    assert answer.status_code == 200, answer.text
    kept = server.run(read_keys(server.store))
    ring = open_keys(kept, server.master_key, now=int(time.time()))
    return Scene(server, ring, answer.json())


def _proof(it: Scene) -> str:
    claims: dict[str, Any] = {
        "jti": os.urandom(8).hex(),
        "htm": "POST",
        "htu": f"{it.server.issuer}/token",
    }
    claims |= {"iat": int(time.time())}
    return Honest(MINE, claims, dpop.TYPE, {"jwk": MINE.public().bare()}).token()


def _holding() -> dict[str, Any]:
    members = MINE.public().jwk()
    return {"jwk": {name: members[name] for name in ("kty", "crv", "x", "y")}}


def attestation(it: Scene) -> str:
    """What the publisher says of a copy of the app."""
    return it.apps(client_attestation.TYPE, sub="wallet", cnf=_holding())


def _challenge(it: Scene) -> str:
    return str(it.server.http.post("/attestation-challenge").json()["attestation_challenge"])


def pop(it: Scene) -> str:
    """The copy's proof."""
    more = {"aud": it.server.issuer, "challenge": _challenge(it)}
    return it.apps(client_attestation.POP_TYPE, **more)


def _jarm(it: Scene) -> str:
    query = msgspec.structs.replace(ASKING, more={"prompt": "none", "response_mode": "jwt"})
    answer = it.server.http.get(query.path())
    found = parse_qs(urlsplit(answer.headers["location"]).query)
    return found["response"][0]


def _userinfo(it: Scene) -> str:
    headers = {"authorization": f"Bearer {it.tokens['access_token']}"}
    return it.server.http.get("/userinfo", headers=headers).text


def _introspection(it: Scene) -> str:
    headers = {"accept": introspection.MEDIA}
    return it.post("/introspect", headers, token=it.tokens["access_token"]).text


def _piece(it: Scene) -> str:
    piece = Piece(iss=it.server.issuer, aud=CHIRP, after=0, to=0, head=0, at=1, node="n")
    return change_log.write(piece, key=it.ring.signing["ES256"])


def _half(it: Scene) -> str:
    """Of that very token, were it split."""
    text, keys = str(it.tokens["access_token"]), it.ring.published
    token = access_token.verify(
        text, keys=keys, issuer=it.server.issuer, audience=CHIRP, now=int(time.time())
    )
    return split_token.of_api(token.claims, "vk_at_", key=it.ring.signing["ES256"])


def _list(it: Scene) -> str:
    return it.server.http.get(LIST).text


def _about(it: Scene, **more: Any) -> dict[str, Any]:
    return {"aud": it.server.issuer, "sub": "miko", **more}


KINDS: Final[dict[str, Callable[[Scene], str]]] = {
    "client assertion": lambda it: asserted(it.server).token(),
    "client assertion of old": lambda it: it.apps("JWT", **_about(it, sub="signer")),
    "request object": lambda it: requested(it.server).token(),
    "request object of old": lambda it: it.apps("JWT", **_without_jti(it)),
    "backchannel request": lambda it: it.apps(
        "JWT",
        aud=it.server.issuer,
        nbf=int(time.time()),
        scope="openid",
        login_hint="miko",
    ),
    "assertion about a user": lambda it: it.apps("JWT", **_about(it)),
    "ID-JAG": lambda it: it.apps(identity_assertion.TYPE, **_about(it, client_id="signer")),
    "ID-JAG of the server's own": lambda it: it.own(
        identity_assertion.TYPE, **_about(it, client_id="signer")
    ),
    "login hint": lambda it: it.apps(ciba.HINT_TYPE, **_about(it)),
    "software statement": lambda it: it.apps("software-statement+jwt", **_face()),
    "software statement of old": lambda it: it.apps("JWT", **_face()),
    "attestation": attestation,
    "attestation's proof": pop,
    "DPoP proof": _proof,
    "child key": lambda it: Honest(
        MINE, {"scope": "chirps.read"}, child_key.TYPE, {"jwk": MINE.public().bare()}
    ).token(),
    "access token": lambda it: str(it.tokens["access_token"]),
    "API's half of an access token": _half,
    "ID Token": lambda it: str(it.tokens["id_token"]),
    "signed answer": _jarm,
    "signed userinfo": _userinfo,
    "signed introspection": _introspection,
    "logout token": lambda it: it.own(
        sessions.TYPE,
        aud="signer",
        sub=it.server.users["miko"].id,
        events={sessions.EVENT: {}},
    ),
    "security event": lambda it: it.own("secevent+jwt", aud="signer", sub_id={}, events={}),
    "status list": _list,
    "piece of the change log": _piece,
    "access token by the app": lambda it: it.apps("at+jwt", **_about(it, client_id="signer")),
    "ID Token by the app": lambda it: it.apps("JWT", aud="signer", sub="miko", nonce="n"),
    "logout token by the app": lambda it: it.apps(
        sessions.TYPE, **_about(it, events={sessions.EVENT: {}})
    ),
    "security event by the app": lambda it: it.apps("secevent+jwt", **_about(it)),
    "status list by the app": lambda it: it.apps(status_list.TYPE, **_about(it)),
}


def _without_jti(it: Scene) -> dict[str, Any]:
    return {name: value for name, value in requested(it.server).claims.items() if name != "jti"}


def _face() -> dict[str, Any]:
    return {"client_name": "A stated app", "redirect_uris": ["https://stated.example/cb"]}
