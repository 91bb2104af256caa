"""A26: growing scope (RFC 6749 6, RFC 9396 6).

Attack: An app requests more permissions in a refresh or a token exchange than it has.
Defense: The result never exceeds the grant as it is at that moment.
"""

import json
from typing import Any

import httpx2
import msgspec
import pytest
from tests.attacks.elsewhere import error
from tests.attacks.play import AS_WEB, asking, call, change, claims, find, refresh, tokens
from tests.attacks.test_a56_token_exchange import AGENT, exchange
from tests.browser import Asking
from tests.installation import CHIRP, PHOTOS
from tests.live import Live
from tests.rows import row

from valetkey.server.model.grant import Grant


def said(*details: Any) -> str:
    return json.dumps(list(details))


READ = {"type": CHIRP, "actions": ["chirps.read"]}

MORE: list[Any] = [
    row("6749 6", "a permission that was never asked", {"scope": "dms.read"}, "invalid_scope"),
    row(
        "6749 6",
        "what was granted and something else",
        {"scope": "chirps.read photos.read"},
        "invalid_scope",
    ),
    row("6749 6", "a permission that nobody has", {"scope": "everything"}, "invalid_scope"),
    row("8707 2.2", "another API", {"resource": PHOTOS}, "invalid_target"),
    row(
        "9396 6",
        "another action",
        {"authorization_details": said({"type": CHIRP, "actions": ["dms.read"]})},
        "invalid_authorization_details",
    ),
    row(
        "9396 6",
        "another type",
        {"authorization_details": said({"type": PHOTOS, "actions": ["photos.read"]})},
        "invalid_authorization_details",
    ),
    row(
        "9396 6",
        "a type of another server",
        {"authorization_details": said({**READ, "type": "https://evil.example"})},
        "invalid_authorization_details",
    ),
    row(
        "9396 6",
        "one API by type, another by location",
        {"authorization_details": said({**READ, "locations": [PHOTOS]})},
        "invalid_authorization_details",
    ),
    row(
        "9396 6",
        "one API by details, another by resource",
        {"authorization_details": said(READ), "resource": PHOTOS},
        "invalid_target",
    ),
    row(
        "9396 6",
        "a type that stands twice in its object",
        {"authorization_details": said(READ)[:-2] + f',"type":"{PHOTOS}"}}]'},
        "invalid_authorization_details",
    ),
    row(
        "9396 6",
        "six thousand brackets",
        {"authorization_details": "[" * 3_000 + "]" * 3_000},
        "invalid_authorization_details",
    ),
    row(
        "9396 6",
        "a thousand objects",
        {"authorization_details": "[" + ",".join(["{}"] * 1_000) + "]"},
        "invalid_authorization_details",
    ),
]


@pytest.fixture(scope="module")
def held(server: Live) -> dict[str, Any]:
    """Tokens of a confidential app, whose refresh token does not rotate."""
    asked = asking(AS_WEB, authorization_details=said(READ))
    asked = msgspec.structs.replace(asked, scope="openid offline_access")
    return tokens(server, asked)


def judged(answer: httpx2.Response, code: str) -> None:
    assert answer.status_code == 400, answer.text
    assert error(answer) == code
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("more, code", MORE)
def test_a_refresh_does_not_grow(
    more: dict[str, str], code: str, server: Live, held: dict[str, Any]
) -> None:
    family = claims(held["access_token"])["family_id"]
    judged(refresh(server, held["refresh_token"], AS_WEB, **more), code)
    good = refresh(server, held["refresh_token"], AS_WEB)
    assert good.status_code == 200, "what was refused has changed nothing"
    assert claims(good.json()["access_token"])["family_id"] == family


@pytest.mark.parametrize("more, code", MORE)
def test_an_exchange_does_not_grow(
    more: dict[str, str], code: str, server: Live, held: dict[str, Any]
) -> None:
    judged(exchange(server, held["access_token"], AGENT, **more), code)


def test_what_the_user_took_away_is_gone_from_the_next_token(server: Live) -> None:
    """The current grant counts, and not what a family was given once."""
    asked = Asking(scope="openid chirps offline_access")
    mine = tokens(server, asked)
    grant = find(server, Grant, claims(mine["access_token"])["grant_id"])
    keep = tuple(one for one in grant.permissions if one != "chirps.write")
    change(server, grant, permissions=keep)
    again = refresh(server, mine["refresh_token"])
    assert "chirps.write" not in again.json()["scope"].split()
    mine = again.json()
    judged(refresh(server, mine["refresh_token"], scope="chirps.write"), "invalid_scope")
    wider = said({"type": CHIRP, "actions": ["chirps"]})
    answer = refresh(server, mine["refresh_token"], authorization_details=wider)
    judged(answer, "invalid_authorization_details")
    told = call(server, "/introspect", {"token": mine["access_token"]}, AS_WEB)
    assert told.json() == {"active": False}, "another app's token"
