"""A56: misuse of token exchange (RFC 8693).

Attack: A delegate exchanges a token for more permissions, a longer life, or another user.
Defense: The new token never exceeds the original, and ends with it.
"""

import json
from typing import Any

import httpx2
import msgspec
import pytest
from tests.attacks.bound import THUMBPRINT, redeem
from tests.attacks.elsewhere import error
from tests.attacks.play import (
    AS_WEB,
    call,
    change,
    claims,
    find,
    introspected,
    refresh,
    signed_in,
    tokens,
    userinfo,
)
from tests.browser import Asking, forms
from tests.installation import CHIRP, PHOTOS, SECRETS, WEB
from tests.live import Live
from tests.proofs import MINE, OTHER, Wish, proof

from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.spec import names

AGENT, PRINTER = Asking(client_id="agent"), Asking(client_id="printer")


def exchange(server: Live, subject: str, by: Asking = AGENT, **more: str) -> httpx2.Response:
    form = {
        "grant_type": names.TOKEN_EXCHANGE,
        "subject_token": subject,
        "subject_token_type": names.TYPE_ACCESS_TOKEN,
        **more,
    }
    return call(server, "/token", form, by)


def test_the_actor_is_recorded_and_seen_by_the_api(server: Live) -> None:
    access = tokens(server, AS_WEB)["access_token"]
    answer = exchange(server, access, audience=CHIRP)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = introspected(server, answer.json()["access_token"])
    assert told["act"] == {"sub": "client:agent"}
    assert told["sub"] == server.users["miko"].id
    assert claims(answer.json()["access_token"])["act"] == {"sub": "client:agent"}
    assert introspected(server, answer.json()["access_token"], by="photos") == {"active": False}
    assert userinfo(server, answer.json()["access_token"]).status_code == 401


STATES: list[tuple[str, type[Record], str, dict[str, Any]]] = [
    ("user disabled", User, "sub", {"status": "disabled"}),
    ("grant paused", Grant, "grant_id", {"status": "paused"}),
    ("family closed", TokenFamily, "family_id", {"status": "closed"}),
    ("owner suspended", Client, "web", {"status": "suspended"}),
    ("actor suspended", Client, "agent", {"status": "suspended"}),
]


@pytest.mark.parametrize("state, kind, of, fields", STATES, ids=[one[0] for one in STATES])
def test_whoever_is_dead_ends_the_tree(
    state: str, kind: type[Record], of: str, fields: dict[str, Any], server: Live
) -> None:
    access = tokens(server, AS_WEB)["access_token"]
    first = exchange(server, access).json()["access_token"]
    name = claims(access).get(of, of)
    before = find(server, kind, name)
    change(server, before, **fields)
    refused = exchange(server, access)
    is_actor = state == "actor suspended"
    comes = (401, "invalid_client") if is_actor else (400, "invalid_request")
    assert (refused.status_code, error(refused)) == comes
    assert error(exchange(server, first, PRINTER)) == "invalid_request"
    assert introspected(server, first) == {"active": False}
    was = {field: getattr(before, field) for field in fields}
    change(server, find(server, kind, name), **was)


def test_a_name_of_elsewhere_is_not_echoed(server: Live) -> None:
    access = tokens(server, AS_WEB)["access_token"]
    for field in ("audience", "resource"):
        answer = exchange(server, access, AGENT, **{field: "https://evil.example"})
        assert error(answer) == "invalid_target"
        assert "evil" not in answer.text


def test_nobody_widens_by_going_round(server: Live) -> None:
    """A token for one API, passed on and back, never opens the other again."""
    access = tokens(server, AS_WEB)["access_token"]
    chirp = exchange(server, access, audience=CHIRP).json()["access_token"]
    assert error(exchange(server, chirp, audience=PHOTOS)) == "invalid_target"
    assert error(exchange(server, chirp, PRINTER)) == "invalid_target"
    assert error(exchange(server, chirp, scope="dms.read")) == "invalid_scope"
    narrow = exchange(server, chirp, scope="chirps.read").json()["access_token"]
    assert error(exchange(server, narrow, scope="chirps.write")) == "invalid_scope"


def test_a_public_client_exchanges_nothing(server: Live) -> None:
    access = tokens(server, AS_WEB)["access_token"]
    assert error(exchange(server, access, Asking(client_id="spa"))) == "unauthorized_client"


def press(server: Live, access: str, action: str) -> None:
    """Miko presses a button beside the agent, on the page of the app whose token that is."""
    browser = signed_in(server, "miko")
    browser.open(f"/apps/{claims(access)['grant_id']}")
    (form,) = [one for one in forms(browser.page.text) if one.fields.get("hand") == "client:agent"]
    answer = browser.http.post(form.action, data={**form.fields, "action": action})
    assert answer.status_code == 303, answer.text


def test_who_is_cut_off_comes_back_by_nobodys_hand(server: Live) -> None:
    whole = Asking(
        client_id="web", redirect_uri=WEB, scope="openid offline_access chirps photos.read"
    )
    told = tokens(server, whole)
    access, kind = told["access_token"], names.TYPE_ID_TOKEN
    first = exchange(server, access).json()["access_token"]
    second = exchange(server, first, PRINTER).json()["access_token"]
    press(server, access, "cut")
    for token, api in ((first, "chirp"), (second, "photos")):
        assert introspected(server, token, by=api) == {"active": False}
    fresh = refresh(server, told["refresh_token"], AS_WEB).json()["access_token"]
    for subject in (access, fresh):
        refused = exchange(server, subject)
        assert (refused.status_code, error(refused)) == (400, "access_denied")
    assert error(exchange(server, told["id_token"], subject_token_type=kind)) == "access_denied"
    for subject, by in ((first, AGENT), (first, PRINTER), (second, PRINTER)):
        assert error(exchange(server, subject, by)) == "invalid_request"
    assert introspected(server, fresh)["active"] is True
    press(server, access, "readmit")
    assert exchange(server, fresh).status_code == 200


def test_a_hand_does_not_cut_the_one_above_it(server: Live) -> None:
    """What it can reach, gives back its own key at the most."""
    access = tokens(server, AS_WEB)["access_token"]
    own = exchange(server, access).json()["access_token"]
    grant = find(server, Grant, claims(access)["grant_id"])
    call(server, "/revoke", {"token": access}, AGENT)
    form = {"action": "cut", "hand": "client:web", "csrf": "x"}
    for scheme in (f"Bearer {own}", f"Bearer {access}"):
        page = server.http.post(f"/apps/{grant.id}", data=form, headers={"Authorization": scheme})
        assert page.status_code == 303
        assert page.headers["location"].startswith("/sign-in")
    hands = [{"family": claims(own)["family_id"], "permissions": ["chirps.read"], "hands": []}]
    told = call(server, "/usage", {"usage": json.dumps(hands)}, AGENT)
    assert error(told) == "invalid_client"
    assert find(server, Grant, grant.id) == grant
    assert introspected(server, access)["active"] is True


def _bound(server: Live) -> str:
    text: str = redeem(server)["access_token"]
    return text


def _proved(server: Live, subject: str, *, key: PrivateKey, **more: str) -> httpx2.Response:
    form = {
        "grant_type": names.TOKEN_EXCHANGE,
        "subject_token": subject,
        "subject_token_type": names.TYPE_ACCESS_TOKEN,
        **more,
    }
    headers = {"DPoP": proof(Wish(address=f"{server.issuer}/token", by=key))}
    auth = ("agent", SECRETS["agent"])
    return server.http.post("/token", data=form, headers=headers, auth=auth)


def test_what_is_bound_is_no_use_to_who_stole_it(server: Live) -> None:
    """A client that may exchange holds a bound token, and not its key: neither without a proof, nor
    with one of its own."""
    access = _bound(server)
    assert error(exchange(server, access)) == "invalid_request"
    assert error(_proved(server, access, key=OTHER)) == "invalid_request"
    kept = _proved(server, access, key=MINE)
    assert kept.status_code == 200, kept.text
    assert kept.json()["token_type"] == "DPoP"
    assert claims(kept.json()["access_token"])["cnf"] == {"jkt": THUMBPRINT}


def test_an_id_token_does_not_loosen_a_bound_key(server: Live) -> None:
    told = redeem(server)
    kind = names.TYPE_ID_TOKEN
    assert error(exchange(server, told["id_token"], subject_token_type=kind)) == "invalid_request"
    kept = _proved(server, told["id_token"], key=MINE, subject_token_type=kind)
    assert kept.status_code == 200, kept.text
    assert claims(kept.json()["access_token"])["cnf"] == {"jkt": THUMBPRINT}


def test_an_id_token_of_an_app_that_has_to_bind_opens_nothing_unbound(server: Live) -> None:
    told = tokens(server, AS_WEB)
    kind = names.TYPE_ID_TOKEN
    change(server, find(server, Client, "web"), dpop_bound_access_tokens=True)
    assert error(exchange(server, told["id_token"], subject_token_type=kind)) == "invalid_request"
    kept = _proved(server, told["id_token"], key=OTHER, subject_token_type=kind)
    change(server, find(server, Client, "web"), dpop_bound_access_tokens=False)
    assert kept.json()["token_type"] == "DPoP"


def test_who_is_trusted_to_have_seen_the_proof_gets_a_bound_one(server: Live) -> None:
    """An API that passes a key on holds no key of its callers. The new token is its own."""
    access, agent = _bound(server), find(server, Client, "agent")
    assert agent.exchange is not None
    change(server, agent, exchange=msgspec.structs.replace(agent.exchange, bound=True))
    without, own = exchange(server, access), _proved(server, access, key=OTHER)
    change(server, find(server, Client, "agent"), exchange=agent.exchange)
    assert error(without) == "invalid_request"
    assert claims(own.json()["access_token"])["cnf"] == {"jkt": OTHER.public().thumbprint()}


def test_a_bound_actor_token_is_shown_with_its_proof(server: Live) -> None:
    form = {"grant_type": "client_credentials"}
    headers = {"DPoP": proof(Wish(address=f"{server.issuer}/token"))}
    auth = ("agent", SECRETS["agent"])
    own = server.http.post("/token", data=form, headers=headers, auth=auth).json()["access_token"]
    access = tokens(server, AS_WEB)["access_token"]
    actor = {"actor_token": own, "actor_token_type": names.TYPE_ACCESS_TOKEN}
    assert error(exchange(server, access, **actor)) == "invalid_request"
    assert _proved(server, access, key=MINE, **actor).status_code == 200
