"""A key in parts, and replies that get lost on any way: whoever owns it goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.client import backend as of_app
from tests.client.backend import Server, backend
from tests.client.person import user
from tests.client.serving import Wire
from tests.client.test_shards import Miko
from tests.live import Live, live
from tests.rows import row
from tests.server.oauth.shards.app import CODE, TWO

from valetkey.client import (
    ClientError,
    FileStore,
    Key,
    MemoryStore,
    SealedStore,
    ServerUnavailable,
    ShardsMissing,
    StoreFull,
    TicketSpent,
    Tokens,
)
from valetkey.client.proof_key import Prover

REFRESH = b"grant_type=refresh_token"
CLAIM = b"claim_ticket="
DELIVER = b"key_shard="


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    one = Wire()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def server(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that goes by the address of the wire: so do the phone and the backend."""
    address = f"http://127.0.0.1:{wire.port}"
    with live(tmp_path_factory.mktemp("wire"), issuer=address) as running:
        wire.to = running.port
        of_app.register(running)
        yield running


@pytest.fixture
def service(server: Live, tmp_path: Path) -> Iterator[Server]:
    with backend(server, tmp_path / "backend") as one:
        yield one


@pytest.fixture
def key(server: Live, service: Server, tmp_path: Path) -> Iterator[Key]:
    store = FileStore(tmp_path / "phone.json")
    one = Key(of_app.app(server, TWO), store, others=(service.seen_as("miko's phone"),))
    one.connect(open_browser=user(server.browser()), seconds=20)
    yield one
    one.close()


LOST: list[Any] = [
    row("the phone's", "once", REFRESH, 1),
    row("the phone's", "each time", REFRESH, 2),
    row("the backend's", "once", DELIVER, 1),
    row("the backend's", "each time", DELIVER, 2),
    row("both", "for a while", b"POST /", 5),
]


@pytest.mark.parametrize("cut,times", LOST)
def test_a_renewal_whose_replies_are_lost(
    wire: Wire, server: Live, key: Key, cut: bytes, times: int
) -> None:
    wire.cut, wire.losing = cut, times
    for _ in range(10):
        try:
            key.refresh()
        except ClientError:
            continue
        if not wire.losing:
            break
    assert wire.losing == 0
    for _ in range(2):
        key.refresh()
        assert key.userinfo()["sub"] == server.users["miko"].id


@pytest.mark.parametrize("times", [1, 2])
def test_a_claim_whose_replies_are_lost(
    wire: Wire, server: Live, service: Server, tmp_path: Path, times: int
) -> None:
    wire.cut, wire.losing = CLAIM, times
    phone = Key(
        of_app.app(server, TWO),
        FileStore(tmp_path / "phone.json"),
        others=(service.seen_as("miko's phone"),),
    )
    phone.connect(open_browser=user(server.browser()), seconds=20)
    phone.refresh()
    assert wire.losing == 0
    assert phone.userinfo()["sub"]
    phone.close()


@pytest.mark.parametrize("cut", [b"POST /key_shards/reissue", CLAIM])
@pytest.mark.parametrize("times", [1, 2])
def test_a_new_phone_whose_replies_are_lost(
    wire: Wire, server: Live, service: Server, tmp_path: Path, cut: bytes, times: int
) -> None:
    app, mine = of_app.app(server, CODE, dpop=True), service.seen_as("miko's phone")
    old = Key(app, MemoryStore(), others=(mine,))
    code = Miko(server, old).asks_for("recovery_code", "code")
    new = Key(app, FileStore(tmp_path / "new.json"), others=(mine,))
    wire.cut, wire.losing = cut, times
    if times == 1:
        assert new.replace("device", others=[code]) == ""
    else:
        with pytest.raises(ServerUnavailable):
            new.replace("device", others=[code])
        if cut != CLAIM:
            # It begins anew: what was shown is good once more.
            new.replace("device", others=[code])
    assert wire.losing == 0
    assert new.userinfo()["sub"] == server.users["miko"].id
    new.refresh()
    old.close()
    new.close()


def test_a_key_that_is_good_is_not_given_up_for_a_claim(key: Key, wire: Wire) -> None:
    before = key.tokens
    with pytest.raises(TicketSpent):
        key.join("vk_kt_nonsense")
    wire.cut, wire.losing = CLAIM, 2
    with pytest.raises(ServerUnavailable):
        key.join("vk_kt_nonsense")
    assert key.tokens == before
    key.refresh()


def test_a_backend_whose_disk_is_full(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for nothing that it could not keep, and asks again for what it could not."""
    with monkeypatch.context() as full:
        full.setattr(SealedStore, "ready", _fails)
        with pytest.raises(ShardsMissing):
            key.refresh()
    key.refresh()
    with monkeypatch.context() as full:
        full.setattr(SealedStore, "save", _fails)
        with pytest.raises(ShardsMissing):
            key.refresh()
    key.refresh()
    assert key.userinfo()["sub"]


def _fails(store: SealedStore, tokens: Tokens | None = None) -> None:
    raise StoreFull("no space")


def test_a_phone_whose_disk_is_full(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(FileStore, "ready", _fails)
        with pytest.raises(StoreFull):
            key.refresh()
    with monkeypatch.context() as full:
        full.setattr(FileStore, "save", _fails)
        with pytest.raises(StoreFull):
            key.refresh()
        assert key.userinfo()["sub"], "it goes on in memory"
    key.refresh()
    assert key.userinfo()["sub"]


# What a backend is asked by somebody else.

REQUESTS: list[Any] = [
    row("no form", "nothing at all", "POST", "/claim", b"", 400),
    row("no form", "without end", "POST", "/claim", b"claim_ticket=" + b"a" * 9000, 400),
    row("no form", "twice", "POST", "/claim", b"claim_ticket=a&claim_ticket=b", 400),
    row("no form", "not UTF-8", "POST", "/claim", b"claim_ticket=%ff", 400),
    row("no shard", "nothing was claimed", "POST", "/handle", b"", 404),
    row("no such", "a look", "GET", "/handle", b"", 405),
    row("no such", "another path", "POST", "/shard", b"", 404),
    row("nothing", "to forget", "POST", "/forget", b"", 200),
]


NOWHERE = {("GET", "/handle"), ("POST", "/shard")}
"""What is not there for anybody."""


@pytest.mark.parametrize("method,path,body,status", REQUESTS)
def test_what_a_backend_answers(
    service: Server, method: str, path: str, body: bytes, status: int
) -> None:
    answer = httpx2.request(
        method, service.address + path, content=body, headers={"x-device": "miko's watch"}
    )
    assert answer.status_code == status
    stranger = httpx2.request(method, service.address + path, content=body)
    # Who asks is looked at before what they ask for.
    assert stranger.status_code == (status if (method, path) in NOWHERE else 401)


PROOFS: list[Any] = [
    row("9449 4.3", "for another address", lambda by, at: by.prove("POST", f"{at}/claim")),
    row("9449 4.3", "for another host", lambda by, at: by.prove("POST", "http://x.test/handle")),
    row("9449 4.3", "for another method", lambda by, at: by.prove("GET", f"{at}/handle")),
    row("9449 4.3", "no proof", lambda by, at: "eyJhbGciOiJub25lIn0.e30."),
    row("9449 4.3", "nothing", lambda by, at: ""),
]


@pytest.mark.parametrize("proof", PROOFS)
def test_a_proof_that_proves_nothing_to_a_backend(server: Live, tmp_path: Path, proof: Any) -> None:
    with backend(server, tmp_path / "backend", by_proof=True) as service:
        headers = {"DPoP": proof(Prover.new(), service.address)}
        answer = httpx2.post(f"{service.address}/handle", headers=headers)
    assert answer.status_code == 401
