"""A key in shards: the phone has one, the app's backend another, and neither opens anything."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from msgspec.structs import replace
from tests.client import backend as of_app
from tests.client.backend import Server, backend
from tests.client.person import user
from tests.client.serving import serving
from tests.clients.person import agree
from tests.installation import SECRETS
from tests.live import Live, live
from tests.server.oauth.shards.app import CODE, SECOND, SERVER, TWO

from valetkey.client import (
    Aborted,
    App,
    CodeMistyped,
    Denied,
    FileStore,
    Key,
    KeyChange,
    KeyStopped,
    KeySuspended,
    MemoryStore,
    ShardsMissing,
    TicketSpent,
    device_and_ciba,
)
from valetkey.client.shard_client import Backend, Here
from valetkey.server.model.change import Create


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("shards")) as running:
        of_app.register(running)
        yield running


@pytest.fixture
def service(server: Live, tmp_path: Path) -> Iterator[Server]:
    with backend(server, tmp_path / "backend") as one:
        yield one


@pytest.fixture
def key(server: Live, service: Server, tmp_path: Path) -> Iterator[Key]:
    """A phone whose key is 2 of 2."""
    store = FileStore(tmp_path / "phone.json")
    one = Key(of_app.app(server, TWO), store, others=(service.seen_as("miko's phone"),))
    one.connect(open_browser=user(server.browser()), seconds=20)
    yield one
    one.close()


def refresh_token(key: Key) -> str:
    tokens = key.tokens
    assert tokens is not None
    return tokens.refresh_token


def stolen(server: Live, shard: str) -> httpx2.Response:
    """A thief shows what was on the phone."""
    form = {"grant_type": "refresh_token", "refresh_token": shard, "client_id": "harbour"}
    return server.http.post("/token", data=form)


def test_a_key_of_two_lives_like_any_other(server: Live, key: Key, service: Server) -> None:
    tokens = key.tokens
    assert tokens is not None
    assert tokens.threshold == 2
    assert {one.holder: one.status for one in tokens.shards} == {
        "device": "held",
        "backend": "held",
    }
    assert not [one for one in tokens.shards if one.claim_ticket]
    for _ in range(3):
        before = refresh_token(key)
        assert key.refresh().refresh_token != before
        assert key.userinfo()["sub"] == server.users["miko"].id
    assert service.asked == ["/shard/claim", *["/shard/handle"] * 3]
    key.revoke()
    assert service.asked[-1] == "/shard/forget"
    assert not [one for one in service.folder.iterdir() if one.suffix != ".lock"]


def test_neither_holder_has_the_others_shard(key: Key, service: Server, tmp_path: Path) -> None:
    phone = refresh_token(key)
    (stored,) = [one for one in service.folder.iterdir() if one.suffix != ".lock"]
    theirs = service.service._store_of(stored.name).load()
    assert theirs is not None
    assert theirs.refresh_token.startswith("vk_ks_")
    assert theirs.access_token == ""
    assert theirs.refresh_token not in (tmp_path / "phone.json").read_text()
    assert phone.encode() not in stored.read_bytes()
    assert theirs.refresh_token not in repr(theirs)


def test_a_stolen_phone_opens_nothing_and_trips_the_alarm(server: Live, key: Key) -> None:
    changes: list[KeyChange] = []
    key.key_changed = changes.append
    refused = stolen(server, refresh_token(key))
    assert refused.json()["error"] == "insufficient_key_shards"
    with pytest.raises(KeySuspended):
        key.refresh()
    assert changes == [KeyChange("suspended")]
    assert key.tokens is not None, "it goes on when its user has resumed it"


def test_without_the_other_holder_the_own_shard_is_not_shown(
    server: Live, key: Key, service: Server
) -> None:
    before = key.tokens
    service.stop()
    with pytest.raises(ShardsMissing) as missing:
        key.refresh()
    assert "does not answer" in str(missing.value.__cause__)
    assert key.tokens == before
    service.start()
    key.refresh()
    assert key.userinfo()["sub"]


def test_a_backend_that_was_away_when_the_key_came(
    server: Live, service: Server, tmp_path: Path
) -> None:
    service.stop()
    phone = Key(
        of_app.app(server, TWO),
        FileStore(tmp_path / "phone.json"),
        others=(service.seen_as("miko's phone"),),
    )
    phone.connect(open_browser=user(server.browser()), seconds=20)
    assert phone.userinfo()["sub"]
    with pytest.raises(ShardsMissing):
        phone.refresh()
    service.start()
    phone.refresh()
    assert phone.userinfo()["sub"]
    phone.close()


def test_a_backend_answers_nobody_that_it_does_not_know(
    server: Live, key: Key, service: Server
) -> None:
    stranger = Key(key.app, MemoryStore(), others=(service.seen_as("a thief's"),))
    tokens = key.tokens
    stranger.flows.kept._store.save(tokens)
    with pytest.raises(ShardsMissing):
        stranger.refresh()
    # Another device of the same user has no shard there.
    other = Key(key.app, MemoryStore(), others=(service.seen_as("miko's tablet"),))
    other.flows.kept._store.save(tokens)
    with pytest.raises(ShardsMissing):
        other.refresh()
    key.refresh()
    stranger.close()
    other.close()


def test_a_device_is_known_by_its_key(server: Live, tmp_path: Path) -> None:
    """A backend without a sign-in of its own."""
    with backend(server, tmp_path / "backend", by_proof=True) as service:
        phone = Key(
            of_app.app(server, TWO, dpop=True), MemoryStore(), others=(Backend(service.address),)
        )
        phone.connect(open_browser=user(server.browser()), seconds=20)
        phone.refresh()
        phone.refresh()
        tokens = phone.tokens
        assert tokens is not None
        assert tokens.prover is not None
        address = f"{service.address}/handle"
        proof = {"DPoP": tokens.prover.prove("POST", address)}
        assert httpx2.post(address, headers=proof).status_code == 200
        assert httpx2.post(address, headers=proof).status_code == 401, "the same proof again"
        assert httpx2.post(address).status_code == 401
        phone.close()


def test_a_new_key_takes_the_place_of_the_old_one(server: Live, key: Key) -> None:
    old = refresh_token(key)
    key.upgrade({"profile.write"}, open_browser=user(server.browser()), seconds=20)
    assert key.refresh().refresh_token != old
    assert stolen(server, old).status_code == 400
    key.refresh()


def test_a_ticket_is_for_its_holder(server: Live, key: Key, service: Server) -> None:
    backend_of = service.seen_as("miko's phone")
    with pytest.raises(TicketSpent):
        key.driver.run(backend_of.claim("vk_kt_nonsense", None))
    key.refresh()


def test_a_key_that_comes_whole_is_not_taken() -> None:
    """Somebody has taken the wish for shards out of the request."""
    with serving() as changed:
        changed.replies["/token"] = (
            200,
            b'{"access_token":"a","refresh_token":"r","token_type":"Bearer"}',
        )
        changed.replies["/revoke"] = (200, b"")
        store = MemoryStore()
        app = App(issuer=changed.url, client_id="x", scope=("a",), key_shards=TWO)
        key = Key(app, store)

        def answered(address: str) -> None:
            query = dict(httpx2.URL(address).params)
            httpx2.get(f"{query['redirect_uri']}?code=c&state={query['state']}")

        with pytest.raises(Aborted, match="ordinary key"):
            key.connect(open_browser=answered, seconds=20)
        assert changed.paths().count("/revoke") == 1
        assert store.load() is None
        key.close()


def test_a_tier_that_the_app_is_not_registered_for(server: Live) -> None:
    app = App(issuer=server.issuer, client_id="stefapp", scope=("openid",), key_shards=TWO)
    key = Key(app, MemoryStore())
    with pytest.raises(Denied) as refused:
        key.connect(open_browser=lambda _: None, seconds=1)
    assert refused.value.code == "invalid_request"
    key.close()


def test_a_backend_is_asked_over_https_only() -> None:
    with pytest.raises(ValueError, match="https"):
        Backend("http://backend.example/shard")


def test_a_stopped_key_is_over_for_each_holder(server: Live, key: Key) -> None:
    server.http.post("/revoke", data={"token": refresh_token(key), "client_id": "harbour"})
    with pytest.raises(KeyStopped):
        key.refresh()


class Miko:
    """Her browser, on the page of her key."""

    def __init__(self, server: Live, key: Key) -> None:
        self.browser = server.browser()
        key.connect(open_browser=user(self.browser), seconds=20)
        tokens = key.tokens
        assert tokens is not None
        (self.page,) = [one.claim_uri for one in tokens.shards if one.claim_uri]

    def asks_for(self, holder: str, presented: str) -> str:
        """Has a part handed over, and reads what the page shows."""
        self.browser.open(self.page)
        page = self.browser.press(f"replace-{holder}").text
        return page.partition(f'<code id="{presented}">')[2].partition("<")[0]

    def resumes(self) -> None:
        """Lets a suspended key go on."""
        self.browser.open(self.page)
        self.browser.press("resume")


@pytest.fixture
def phone(server: Live, service: Server, tmp_path: Path) -> Iterator[Key]:
    """A phone that is not connected yet, for a key with a recovery code."""
    app = of_app.app(server, CODE, dpop=True)
    one = Key(app, FileStore(tmp_path / "p.json"), others=(service.seen_as("miko's phone"),))
    yield one
    one.close()


def test_a_recovery_code_stands_in_for_the_backend_once(
    server: Live, phone: Key, service: Server
) -> None:
    miko = Miko(server, phone)
    code = miko.asks_for("recovery_code", "code")
    service.stop()
    with pytest.raises(CodeMistyped):
        phone.refresh(others=[code[:-1] + ("A" if code[-1] != "A" else "B")])
    assert phone.refresh(others=[f" {code.lower().replace('-', ' ')} "]).threshold == 2
    assert phone.userinfo()["sub"]
    service.start()
    phone.refresh()


def test_a_new_phone_gets_the_key_from_the_backend_and_the_code(
    server: Live, phone: Key, service: Server, tmp_path: Path
) -> None:
    """The old one is at the bottom of the sea; or with whoever found it."""
    code = Miko(server, phone).asks_for("recovery_code", "code")
    lost = phone.tokens
    assert lost is not None
    new = Key(phone.app, FileStore(tmp_path / "n.json"), others=(service.seen_as("miko's phone"),))
    with pytest.raises(ShardsMissing):
        new.replace("device")
    assert new.replace("device", others=[code]) == ""
    assert new.userinfo()["sub"] == server.users["miko"].id
    new.refresh()
    with pytest.raises(KeyStopped):
        phone.refresh()
    new.refresh()
    new.close()


def test_a_backend_that_lost_everything_gets_a_new_shard(
    server: Live, phone: Key, service: Server
) -> None:
    code = Miko(server, phone).asks_for("recovery_code", "code")
    for stored in service.folder.iterdir():
        stored.unlink()
    with pytest.raises(ShardsMissing) as missing:
        phone.refresh()
    assert "no shard" in str(missing.value.__cause__)
    phone.replace("backend", others=[code])
    phone.refresh()
    assert phone.userinfo()["sub"]


def test_a_key_that_was_suspended_goes_on_when_its_user_says_so(server: Live, phone: Key) -> None:
    miko = Miko(server, phone)
    stolen_with = phone.tokens
    assert stolen_with is not None
    thief = Key(phone.app, MemoryStore())
    thief.flows.kept._store.save(replace(stolen_with, threshold=0))
    with pytest.raises(ShardsMissing):
        thief.refresh()
    with pytest.raises(KeySuspended):
        phone.refresh()
    miko.resumes()
    phone.refresh()
    assert phone.userinfo()["sub"]
    thief.close()


@pytest.fixture
def pair(server: Live, service: Server, tmp_path: Path) -> Iterator[tuple[Key, Key, Miko]]:
    """A phone and a tablet, 2 of 3 with the backend, and Miko at the page of her key."""
    app = of_app.app(server, SECOND, dpop=True)
    phone = Key(app, FileStore(tmp_path / "p.json"), others=(service.seen_as("miko's phone"),))
    tablet = Key(app, FileStore(tmp_path / "t.json"))
    yield phone, tablet, Miko(server, phone)
    phone.close()
    tablet.close()


def test_a_tablet_joins_by_a_picture_and_lends_its_shard(
    pair: tuple[Key, Key, Miko], service: Server
) -> None:
    phone, tablet, miko = pair
    ticket = miko.asks_for("second_device", "ticket")
    assert tablet.join(ticket) == "second_device"
    service.stop()
    handle = tablet.lend()
    assert "<svg" in device_and_ciba.svg(handle)
    assert "\x1b" in device_and_ciba.terminal(handle) or "█" in device_and_ciba.terminal(handle)
    phone.refresh(others=[handle])
    assert phone.userinfo()["sub"]
    service.start()
    phone.refresh()


def test_a_picture_that_is_scanned_twice_is_refused_clearly(
    server: Live, pair: tuple[Key, Key, Miko]
) -> None:
    phone, tablet, miko = pair
    ticket = miko.asks_for("second_device", "ticket")
    tablet.join(ticket)
    second = Key(phone.app, MemoryStore())
    with pytest.raises(TicketSpent):
        second.join(ticket)
    assert second.tokens is None
    with pytest.raises(TicketSpent, match="join"):
        phone.refresh(others=[ticket])
    with pytest.raises(TicketSpent):
        second.join("vk_kt_" + "A" * 60)
    phone.refresh(others=[tablet.lend()])
    second.close()


def test_what_was_lent_is_good_once(pair: tuple[Key, Key, Miko]) -> None:
    phone, tablet, miko = pair
    tablet.join(miko.asks_for("second_device", "ticket"))
    handle = tablet.lend()
    phone.refresh(others=[handle])
    phone.refresh()
    with pytest.raises(ShardsMissing):
        phone.refresh(others=[handle])
    phone.refresh()


def test_an_app_that_is_its_own_backend(server: Live, tmp_path: Path) -> None:
    """A confidential app on a server: the second shard lies in another place."""
    own = replace(
        SERVER,
        id="own",
        redirect_uris=("https://own.example/cb",),
        grant_types=("authorization_code", "refresh_token"),
        scope=("openid", "offline_access", "chirps"),
        key_shards=(TWO,),
    )
    server.run(server.store.commit((Create(own),)))
    app = App(
        issuer=server.issuer,
        client_id="own",
        secret=SECRETS[SERVER.id],
        scope=of_app.SCOPE,
        redirect_uri="https://own.example/cb",
        key_shards=TWO,
    )
    key = Key(app, FileStore(tmp_path / "a"), others=(Here(app, FileStore(tmp_path / "b")),))
    attempt = key.begin()
    key.finish(attempt, agree(server.browser(), attempt.address))
    for _ in range(2):
        key.refresh()
        assert key.userinfo()["sub"]
    key.revoke()
    assert not (tmp_path / "b").exists()
    key.close()
