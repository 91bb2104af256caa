"""The SDK against the running server, with the user's part played in a real browser profile."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.attacks.play import change, find
from tests.browser import Browser
from tests.client.person import user
from tests.client.serving import serving
from tests.installation import CHIRP, CHIRP_CATALOG, SECRETS
from tests.live import Live

from valetkey.client import (
    Aborted,
    App,
    Denied,
    FileStore,
    Key,
    KeyStopped,
    MemoryStore,
    NoKey,
    PermissionMissing,
    ServerUnavailable,
    raise_for_refusal,
)
from valetkey.client.proof_key import Prover
from valetkey.client.tokens import read
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.policy import Policy


def chirp(server: Live, call: Callable[[httpx2.Client], Any], key: Key) -> Any:
    """A call to an API behind the kit, in this process."""
    kit = ResourceServer(
        issuer=server.issuer, catalog=CHIRP_CATALOG, credentials=("chirp", SECRETS["chirp"])
    )
    needs = Needs(kit)

    @needs("chirps.write")
    async def write(request: Request) -> Response:
        return JSONResponse({"ok": True})

    @needs("dms.read")
    async def dms(request: Request) -> Response:
        return JSONResponse({"ok": True})

    routes = [Route("/chirps", write, methods=["POST"]), Route("/dms", dms)]
    with TestClient(Starlette(routes=routes, lifespan=lifespan(kit))) as api:
        return call(api)


def test_a_key_with_the_users_yes(server: Live, key: Key) -> None:
    tokens = key.connect(open_browser=user(server.browser()), seconds=20)
    assert tokens.sub == server.users["miko"].id
    assert tokens.missing == frozenset()
    assert {"chirps.read", "chirps.write"} <= tokens.granted
    assert key.userinfo()["sub"] == tokens.sub
    assert tokens.tokens.access_token not in repr(tokens)


def test_what_the_user_leaves_out_is_told(server: Live, key: Key) -> None:
    tokens = key.connect(
        open_browser=user(server.browser(), leave_out={"chirps.write"}), seconds=20
    )
    assert tokens.missing == {"chirps"}
    assert "chirps.write" not in tokens.granted


def test_a_no_is_an_error_and_leaves_all_as_it_was(server: Live, key: Key) -> None:
    with pytest.raises(Denied) as refused:
        key.connect(open_browser=user(server.browser(), button="cancel"), seconds=20)
    assert refused.value.code == "access_denied"
    assert key.tokens is None


def test_nobody_answers(key: Key) -> None:
    with pytest.raises(Aborted, match="nobody answered"):
        key.connect(open_browser=lambda _: None, seconds=0.05)


def test_there_is_no_browser(key: Key) -> None:
    with pytest.raises(Aborted, match="no browser"):
        key.connect(open_browser=lambda _: False, seconds=20)


def test_without_a_key_nothing_works(key: Key) -> None:
    for call in (key.access_token, key.refresh, key.userinfo):
        with pytest.raises(NoKey):
            call()


def test_an_upgrade_asks_for_what_is_new_and_ends_the_old_key(server: Live, key: Key) -> None:
    browser = server.browser()
    before = key.connect(open_browser=user(browser, leave_out={"chirps.write"}), seconds=20)
    after = key.upgrade({"chirps.write"}, open_browser=user(browser), seconds=20)
    assert "chirps.write" in after.granted
    form = {
        "grant_type": "refresh_token",
        "client_id": "stefapp",
        "refresh_token": before.tokens.refresh_token,
    }
    assert server.http.post("/token", data=form).status_code == 400


def test_an_upgrade_brings_up_no_old_no_and_nothing_taken_away(server: Live, key: Key) -> None:
    browser = server.browser()
    key.connect(
        open_browser=user(browser, leave_out={"dms.read", "dms.send"}),
        seconds=20,
        scope=(*key.app.scope, "dms.send"),
    )
    browser.open("/apps")
    browser.open(_detail(browser))
    browser.press("save", boxes={"offline_access"})
    offer: list[str] = []

    def look(address: str) -> None:
        browser.open(address)
        offer.extend(browser.form("allow").boxes)
        httpx2.get(browser.press("cancel").headers["location"])

    with pytest.raises(Denied, match="access_denied"):
        key.upgrade({"profile.write"}, open_browser=look, seconds=20)
    assert offer == ["profile.write"]


def test_a_key_for_one_api_stays_one_for_it_alone(server: Live, no_grants: None) -> None:
    """RFC 8707 2.2: the app names the API at every step, and the key fits nothing else."""
    narrow = App(
        issuer=server.issuer,
        client_id="stefapp",
        scope=("openid", "chirps", "offline_access"),
        resource=CHIRP,
    )
    key = Key(narrow, MemoryStore())
    key.connect(open_browser=user(server.browser()), seconds=20)
    key.refresh()
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="token",
    )

    @Needs(kit)("chirps.read")
    async def audience(request: Request) -> Response:
        return JSONResponse(request.state.principal.token.aud)

    api = TestClient(Starlette(routes=[Route("/", audience)], lifespan=lifespan(kit)))
    with api:
        carried = {"Authorization": f"Bearer {key.access_token()}"}
        assert api.get("/", headers=carried).json() == [CHIRP]
    with pytest.raises(Denied, match="invalid_token"):
        key.userinfo()
    key.close()


def bound_app(server: Live) -> App:
    scope = ("openid", "chirps", "offline_access")
    return App(issuer=server.issuer, client_id="stefapp", scope=scope, dpop=True)


def test_a_key_that_is_bound_to_this_device(server: Live, no_grants: None, tmp_path: Path) -> None:
    """RFC 9449: the proofs go along by themselves, also from the file of another process."""
    store = FileStore(tmp_path / "key.json")
    key = Key(bound_app(server), store)
    tokens = key.connect(open_browser=user(server.browser()), seconds=20).tokens
    assert tokens.key not in repr(tokens)
    assert key.userinfo()["sub"] == tokens.sub
    key.refresh()
    stolen = {"Authorization": f"Bearer {key.access_token()}"}
    assert server.http.get("/userinfo", headers=stolen).status_code == 401
    other = Key(bound_app(server), FileStore(tmp_path / "key.json"))
    assert other.userinfo()["sub"] == tokens.sub
    other.refresh()
    with httpx2.Client(auth=other.auth()) as http:
        assert http.get(f"{server.url}/userinfo").status_code == 200
        assert http.get(f"{server.url}/userinfo").status_code == 200
    other.revoke()
    key.close()
    other.close()


def test_nonces_are_handled_where_they_are_wanted(
    server: Live, no_grants: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = Policy(name="nonces", dpop_nonce="required")
    server.run(server.store.commit((Create(policy),)))
    change(server, find(server, Client, "stefapp"), policy="nonces")
    time.sleep(1.1)
    key = Key(bound_app(server), MemoryStore())
    try:
        key.connect(open_browser=user(server.browser()), seconds=20)
        key.refresh()
        assert key.userinfo()
        with httpx2.Client(auth=key.auth()) as http:
            tokens = key.tokens
            assert tokens is not None
            assert tokens.prover is not None
            tokens.prover._nonces.clear()
            assert http.get(f"{server.url}/userinfo").status_code == 200
    finally:
        change(server, find(server, Client, "stefapp"), policy="default")
        key.close()


def test_a_bound_key_is_never_taken_unbound() -> None:
    with serving() as plain:
        key = Key(App(issuer=plain.url, client_id="x", scope=("a",), dpop=True), MemoryStore())
        with pytest.raises(Aborted, match="DPoP"):
            key.connect(open_browser=lambda _: None, seconds=1)
        answer = {"access_token": "x", "token_type": "Bearer"}
        with pytest.raises(ServerUnavailable):
            read(answer, requested=(), before=None, now=0, prover=Prover.new())
        with pytest.raises(ServerUnavailable):
            read(answer | {"token_type": "DPoP"}, requested=(), before=None, now=0)
        key.close()


def test_a_stopped_key_is_told_from_a_missing_permission(server: Live, key: Key) -> None:
    browser = server.browser()
    key.connect(open_browser=user(browser), seconds=20)

    def calls(api: Any) -> None:
        carried = {"Authorization": f"Bearer {key.access_token()}"}
        raise_for_refusal(api.post("/chirps", headers=carried))
        with pytest.raises(PermissionMissing) as missing:
            raise_for_refusal(api.get("/dms", headers=carried))
        assert missing.value.permissions == {"dms.read"}
        _stop(browser)
        with pytest.raises(KeyStopped):
            raise_for_refusal(api.post("/chirps", headers=carried))
        with pytest.raises(KeyStopped):
            key.refresh()

    chirp(server, calls, key)


def _detail(browser: Browser) -> str:
    text = browser.page.text
    return next(part.split('"')[0] for part in text.split('href="') if part[:6] == "/apps/")


def _stop(browser: Browser) -> None:
    browser.open("/apps")
    browser.open(_detail(browser))
    browser.press("stop")
    browser.press("stop")


def test_a_key_given_back_is_worth_nothing(server: Live, key: Key) -> None:
    tokens = key.connect(open_browser=user(server.browser()), seconds=20).tokens
    key.revoke()
    assert key.tokens is None
    answer = server.http.get(
        "/userinfo", headers={"Authorization": f"Bearer {tokens.access_token}"}
    )
    assert answer.status_code == 401


def test_a_confidential_client_proves_who_it_is(server: Live) -> None:
    web = App(
        issuer=server.issuer,
        client_id="web",
        secret=SECRETS["web"],
        scope=("openid",),
    )
    key = Key(web, MemoryStore())
    try:
        with pytest.raises(Denied) as refused:
            # Its redirect URI is not a loopback one: the server says so before any browser opens.
            key.connect(open_browser=lambda _: None, seconds=1)
        assert refused.value.code == "invalid_request"
    finally:
        key.close()
    assert SECRETS["web"] not in repr(web)
