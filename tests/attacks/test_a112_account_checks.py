"""A112: the platform's word on its users is ignored, or stops everybody.

Attack: A user who was locked out at the platform goes on with their tokens, the platform is slow or
down so that others wait, or a stranger makes the server ask it again and again.
Defense: The server asks when it issues and checks tokens, one question about a user at a time, and
remembers the answer. Without an answer it refuses, and asks about nobody else.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.attacks.play import (
    STEFAPP,
    call,
    introspected,
    redeem,
    refresh,
    signed_in,
    userinfo,
)
from tests.browser import Asking, authorize
from tests.installation import SECRETS
from tests.live import Live, live
from tests.outside import Host, Publication, outside
from tests.rows import row

from valetkey.jose import jwt
from valetkey.jose.jwk import parse_set
from valetkey.server.http.platform_question import QuestionToken
from valetkey.server.http.still_allowed import TYPE
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.user import Identity
from valetkey.server.settings.other_systems import StillAllowedSettings
from valetkey.server.settings.ways import SignInSettings
from valetkey.spec import names

SECONDS = 1


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("platform")) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, platform: Host) -> Iterator[Live]:
    asked = StillAllowedSettings(url=platform.url("/allowed"), seconds=SECONDS)
    with live(
        tmp_path_factory.mktemp("server"),
        sign_in=SignInSettings(still_allowed=asked),
        fetch_local=(platform.place,),
        fetch_ca_file=platform.ca,
    ) as running:
        user, env = running.users["miko"].id, Env(int(time.time()), os.urandom)
        one = Identity(
            id=ids.owned_id(env, owner=user),
            user=user,
            source="platform",
            subject="m-1",
            created=env.now,
        )
        running.run(running.store.commit([Create(one)]))
        yield running


def _says(platform: Host, document: object) -> None:
    """What the platform says from now on; older answers count no more."""
    platform.publish("/allowed", document)
    time.sleep(SECONDS + 0.1)
    platform.posted.clear()


@pytest.fixture(scope="module")
def tokens(server: Live, platform: Host) -> dict[str, dict[str, Any]]:
    """Tokens of Miko, whom the platform knows, and of Noor, whom it does not."""
    _says(platform, {"allowed": True})
    return {
        name: redeem(server, authorize(signed_in(server, name), STEFAPP)).json()
        for name in ("miko", "noor")
    }


def _word(answer: httpx2.Response) -> str:
    document = answer.json()
    return " ".join(
        str(one) for one in (document.get("error", "ok"), document.get("reason", "")) if one
    )


def _refreshes(server: Live, token: dict[str, Any]) -> str:
    answer = refresh(server, token["refresh_token"])
    if answer.status_code == 200:
        token.update(answer.json())
    return _word(answer)


def _introspects(server: Live, token: dict[str, Any]) -> str:
    form = {"token": token["access_token"]}
    answer = server.http.post("/introspect", data=form, auth=("chirp", SECRETS["chirp"]))
    return _word(answer) if answer.status_code != 200 else str(answer.json()["active"])


def _exchanges(server: Live, token: dict[str, Any]) -> str:
    form = {
        "grant_type": names.TOKEN_EXCHANGE,
        "subject_token": token["access_token"],
        "subject_token_type": names.TYPE_ACCESS_TOKEN,
    }
    return _word(call(server, "/token", form, Asking(client_id="agent")))


def _userinfo(server: Live, token: dict[str, Any]) -> str:
    return _word(userinfo(server, token["access_token"]))


WAYS: dict[str, Callable[[Live, dict[str, Any]], str]] = {
    "refreshes": _refreshes,
    "introspects": _introspects,
    "exchanges": _exchanges,
    "userinfo": _userinfo,
}
ALLOWED = {"refreshes": "ok", "introspects": "True", "exchanges": "ok", "userinfo": "ok"}
REFUSED = {
    "refreshes": "invalid_grant account_disabled",
    "introspects": "False",
    "exchanges": "invalid_request account_disabled",
    "userinfo": "invalid_token",
}
SILENT = dict.fromkeys(WAYS, "temporarily_unavailable")


def _seen(server: Live, token: dict[str, Any]) -> dict[str, str]:
    return {name: way(server, token) for name, way in WAYS.items()}


def test_who_is_refused_there_is_refused_here_and_may_come_back(
    server: Live, platform: Host, tokens: dict[str, dict[str, Any]]
) -> None:
    for document, expected in (
        ({"allowed": True}, ALLOWED),
        ({"allowed": False}, REFUSED),
        ({"allowed": True}, ALLOWED),
    ):
        _says(platform, document)
        assert _seen(server, tokens["miko"]) == expected
        assert _seen(server, tokens["noor"]) == ALLOWED


ANSWERS = [
    row("A112", "a text", Publication(b'{"allowed": "true"}')),
    row("A112", "nothing", Publication(b"{}")),
    row("A112", "no JSON", Publication(b"yes")),
    row("A112", "not found", Publication(status=404)),
    row("A112", "a redirect", Publication(status=302, headers={"location": "/elsewhere"})),
    row("A112", "an error", Publication(b'{"allowed": true}', status=500)),
    row("A112", "a broken line", Publication(raw=lambda out: None)),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_without_an_answer_it_refuses_and_nothing_is_lost(
    server: Live, platform: Host, tokens: dict[str, dict[str, Any]], answer: Publication
) -> None:
    platform.published["/allowed"] = answer
    time.sleep(SECONDS + 0.1)
    platform.posted.clear()
    assert _seen(server, tokens["miko"]) == SILENT
    assert _seen(server, tokens["noor"]) == ALLOWED
    _says(platform, {"allowed": True})
    assert _seen(server, tokens["miko"]) == ALLOWED


def test_there_is_one_question_and_it_is_signed(
    server: Live, platform: Host, tokens: dict[str, dict[str, Any]]
) -> None:
    _says(platform, {"allowed": True})
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: _introspects(server, tokens["miko"]), range(24)))
    assert set(answers) == {"True"}
    path, body, headers = platform.posted[0]
    assert len(platform.posted) <= 2, "the answer counted for a second"
    assert (path, body) == ("/allowed", b'{"subject":"m-1","source":"platform"}')
    scheme, _, token = headers["authorization"].partition(" ")
    claims = jwt.verify(
        token,
        QuestionToken,
        keys=parse_set(server.http.get("/jwks").json()),
        typ=(TYPE,),
        issuer=server.issuer,
        now=int(time.time()),
    ).claims
    assert (scheme, claims.aud, claims.sub) == ("Bearer", platform.url("/allowed"), "m-1")


STRANGERS: list[Any] = [
    row("A112", "a forged token", lambda server, token: introspected(server, token[:-4] + "AAAA")),
    row(
        "A112",
        "a refresh token of another client",
        lambda server, token: call(
            server,
            "/token",
            {"grant_type": "refresh_token", "refresh_token": token},
            Asking(client_id="web"),
        ),
    ),
    row(
        "A112",
        "nobody who may introspect",
        lambda server, token: server.http.post("/introspect", data={"token": token}),
    ),
    row("A112", "nonsense at userinfo", lambda server, token: userinfo(server, token[1:])),
]


@pytest.mark.parametrize("act", STRANGERS)
def test_a_stranger_cannot_make_it_ask(
    server: Live, platform: Host, tokens: dict[str, dict[str, Any]], act: Any
) -> None:
    _says(platform, {"allowed": True})
    for kind in ("access_token", "refresh_token"):
        act(server, tokens["miko"][kind])
    assert platform.posted == []
