"""The SDK against the running server, with the user's part played in a real browser profile."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import anyio
import httpx2
import msgspec
import pytest
from tests.browser import Browser
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, live

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
    TokenStore,
    flow,
    raise_for_refusal,
)
from valetkey.model.change import Update
from valetkey.model.grant import Grant
from valetkey.model.want import Many
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs
from valetkey.wire.metadata import ServerMetadata


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("sdk")) as running:
        yield running


def app(server: Live, scope: str = "openid chirps offline_access") -> App:
    return App(issuer=server.issuer, client_id="stefapp", scope=tuple(scope.split()))


@pytest.fixture(autouse=True)
def _no_grants(server: Live) -> None:
    """Each test begins with a user who has said yes to nothing."""

    async def stop_all() -> None:
        grants = Many(Grant)
        found = (await server.store.read(grants)).many(grants)
        stopped = [msgspec.structs.replace(grant, status="stopped") for grant in found]
        await server.store.commit([Update(grant) for grant in stopped])

    server.run(stop_all())


@pytest.fixture
def key(server: Live) -> Iterator[Key]:
    one = Key(app(server), MemoryStore())
    yield one
    one.close()


def user(
    browser: Browser, *, leave_out: AbstractSet[str] = frozenset(), button: str = "allow"
) -> Callable[[str], None]:
    """Answers in the browser as the user would, in a thread of its own like a real browser."""

    def play(address: str) -> None:
        browser.open(address)
        if 'id="sign-in"' in browser.page.text:
            browser.sign_in()
        if 'id="allow"' in browser.page.text:
            # What was refused before stands unticked: a yes to it is an act of its own.
            boxes = set(browser.form(button).boxes) - leave_out
            browser.press(button, boxes=boxes)
        httpx2.get(browser.page.headers["location"])

    def start(address: str) -> None:
        threading.Thread(target=play, args=(address,), daemon=True).start()

    return start


def chirp(server: Live, call: Callable[[httpx2.Client], Any], key: Key) -> Any:
    """A call to an API behind the kit, in this process."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
    from starlette.testclient import TestClient

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

    from valetkey.resource.starlette import lifespan

    routes = [Route("/chirps", write, methods=["POST"]), Route("/dms", dms)]
    with TestClient(Starlette(routes=routes, lifespan=lifespan(kit))) as api:
        return call(api)


def test_a_key_with_the_users_yes(server: Live, key: Key) -> None:
    tokens = key.connect(open_browser=user(server.browser()), seconds=20)
    assert tokens.sub == server.users["miko"].id
    assert tokens.missing == frozenset()
    assert {"chirps.read", "chirps.write"} <= tokens.granted
    assert key.userinfo()["sub"] == tokens.sub
    assert tokens.access_token not in repr(tokens)


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
    with pytest.raises(Aborted):
        key.connect(open_browser=lambda _: None, seconds=0.05)


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
        "refresh_token": before.refresh_token,
    }
    assert server.http.post("/token", data=form).status_code == 400


def test_a_refresh_is_made_once_however_many_want_it(server: Live, key: Key) -> None:
    held = key.connect(open_browser=user(server.browser()), seconds=20)
    renewed: list[str] = []
    threads = [
        threading.Thread(target=lambda: renewed.append(key.refresh(held).access_token))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(renewed)) == 1
    assert renewed[0] != held.access_token


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


def _stop(browser: Browser) -> None:
    browser.open("/apps")
    text = browser.page.text
    path = next(part.split('"')[0] for part in text.split('href="') if part[:6] == "/apps/")
    browser.open(path)
    browser.press("stop")
    browser.press("stop")


def test_the_key_travels_on_every_call_and_is_renewed_when_refused(server: Live, key: Key) -> None:
    key.connect(open_browser=user(server.browser()), seconds=20)
    with httpx2.Client(auth=key.auth()) as api:
        assert api.get(key.about.userinfo_endpoint).status_code == 200
        stale = key.tokens
        assert stale is not None
        assert api.get(key.about.userinfo_endpoint).status_code == 200
        assert key.tokens == stale

    async def also_async() -> int:
        async with httpx2.AsyncClient(auth=key.auth()) as api:
            return (await api.get(key.about.userinfo_endpoint)).status_code

    assert anyio.run(also_async) == 200


def test_a_token_that_is_refused_is_renewed_once(server: Live) -> None:
    store = MemoryStore()
    key = Key(app(server), store)
    held = key.connect(open_browser=user(server.browser()), seconds=20)
    store.save(msgspec.structs.replace(held, access_token="spoilt", expires=0))
    with httpx2.Client(auth=key.auth()) as api:
        assert api.get(key.about.userinfo_endpoint).status_code == 200
    assert key.tokens is not None
    assert key.tokens.access_token != "spoilt"
    key.close()


def test_a_key_given_back_is_worth_nothing(server: Live, key: Key) -> None:
    held = key.connect(open_browser=user(server.browser()), seconds=20)
    key.revoke()
    assert key.tokens is None
    answer = server.http.get("/userinfo", headers={"Authorization": f"Bearer {held.access_token}"})
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


# --- stores -----------------------------------------------------------------------------------


def test_a_file_is_for_its_owner_alone(server: Live, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "deep" / "key.json")
    key = Key(app(server), store)
    held = key.connect(open_browser=user(server.browser()), seconds=20)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert FileStore(store.path).load() == held
    store.path.chmod(0o644)
    with pytest.raises(PermissionError, match="0600"):
        store.load()
    store.path.chmod(0o600)
    store.path.write_text("{")
    with pytest.raises(ValueError, match="no key"):
        store.load()
    store.save(None)
    assert store.load() is None
    key.close()


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_lock_is_held_by_one_at_a_time(kind: str, tmp_path: Path) -> None:
    store: TokenStore = MemoryStore() if kind == "memory" else FileStore(tmp_path / "key")
    inside, most = [0], [0]

    def enter() -> None:
        for _ in range(50):
            with store.lock():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                os.sched_yield()
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


# --- attacks on the app (A20, A21) ------------------------------------------------------------

ABOUT = ServerMetadata(
    issuer="https://id.example",
    authorization_endpoint="https://id.example/authorize",
    authorization_response_iss_parameter_supported=True,
)
STEF = App(issuer="https://id.example", client_id="stefapp", scope=("openid",))


def attempt(about: ServerMetadata = ABOUT) -> flow.Attempt:
    made, _ = flow.begin(STEF, about, redirect_uri="http://127.0.0.1:1/callback", scope=STEF.scope)
    return made


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("code=c&state=STATE&iss=https%3A%2F%2Fevil.example", id="A20 another iss"),
        pytest.param("code=c&state=STATE", id="A20 no iss where it is promised"),
        pytest.param("code=c&state=STATE&iss=https%3A%2F%2Fid.example%2F", id="A20 iss with slash"),
        pytest.param("code=c&state=other&iss=https%3A%2F%2Fid.example", id="A21 another state"),
        pytest.param("code=c&iss=https%3A%2F%2Fid.example", id="A21 no state"),
        pytest.param("state=STATE&iss=https%3A%2F%2Fid.example", id="no code"),
        pytest.param("code=c&code=d&state=STATE&iss=https%3A%2F%2Fid.example", id="two codes"),
        pytest.param(
            "error=x&state=STATE&iss=https%3A%2F%2Fevil.example", id="A20 error, other iss"
        ),
    ],
)
def test_an_answer_that_does_not_fit_ends_the_sign_in(query: str) -> None:
    made = attempt()
    with pytest.raises(Aborted):
        flow.finish(made, query.replace("STATE", made.state))


def test_an_answer_that_fits(server: Live) -> None:
    made = attempt()
    form = flow.finish(made, f"code=c&state={made.state}&iss=https%3A%2F%2Fid.example")
    assert form["code"] == "c"
    assert made.state not in repr(made)


def test_metadata_of_another_issuer_is_refused(server: Live) -> None:
    other = App(issuer=f"{server.issuer}/tenant", client_id="stefapp", scope=("openid",))
    key = Key(other, MemoryStore())
    with pytest.raises((Aborted, ServerUnavailable)):
        key.about  # noqa: B018
    key.close()
