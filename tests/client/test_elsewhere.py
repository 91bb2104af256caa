"""The SDK for devices, tills, agents and programs at night, against the running server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.attacks.elsewhere import approve
from tests.attacks.play import AS_WEB, Tags, claims, signed_in, tokens
from tests.client.serving import Serving
from tests.installation import CHIRP, PHOTOS, SECRETS
from tests.live import Live

from valetkey.client import (
    Aborted,
    App,
    Denied,
    Key,
    Machine,
    MemoryStore,
    ServerUnavailable,
    Waiting,
)
from valetkey.client import device_and_ciba as sdk
from valetkey.client.drivers import Driver
from valetkey.client.steps import Flow, work


def tv(server: Live, *, sleep: Callable[[float], object] = lambda _: None, **more: Any) -> Key:
    scope = ("openid", "offline_access", "chirps")
    app = App(issuer=server.issuer, client_id="tv", scope=scope, **more)
    return Key(app, MemoryStore(), sleep=sleep)


def till(server: Live, sleep: Callable[[float], object]) -> Key:
    app = App(
        issuer=server.issuer,
        client_id="till",
        secret=SECRETS["till"],
        scope=("openid", "chirps"),
    )
    return Key(app, MemoryStore(), sleep=sleep)


def test_a_television_gets_its_key(server: Live, no_grants: None) -> None:
    key, presented = tv(server), list[Waiting]()

    def show(waiting: Waiting) -> None:
        presented.append(waiting)
        assert waiting.complete == f"{waiting.address}?user_code={waiting.code}"
        approve(server, waiting.code)

    tokens = key.connect_by_code(show)
    assert tokens.sub == server.users["miko"].id
    assert {"chirps.read", "chirps.write"} <= tokens.granted
    assert key.refresh().access_token != tokens.tokens.access_token
    assert "vk_" not in repr(presented[0])
    key.close()


def test_a_user_who_says_no(server: Live, no_grants: None) -> None:
    key = tv(server)

    def show(waiting: Waiting) -> None:
        browser = server.browser()
        browser.open("/device")
        browser.press("continue", user_code=waiting.code)
        browser.press("disown")

    with pytest.raises(Denied) as refused:
        key.connect_by_code(show)
    assert refused.value.code == "access_denied"
    assert key.tokens is None
    key.close()


def test_a_till_asks_and_waits(server: Live, no_grants: None) -> None:
    miko = signed_in(server)

    def answers() -> None:
        page = miko.open("/approvals")
        (place,) = {
            attributes["href"]
            for tag, attributes in Tags(page.text).tags
            if tag == "a" and attributes.get("href", "").startswith("/approvals/")
        }
        assert "Lane 4" in miko.open(place).text
        miko.press("approve")
        miko.press("allow")

    first = iter([answers])
    key = till(server, lambda _: next(first, lambda: None)())
    tokens = key.ask_user("miko", "Lane 4")
    assert tokens.sub == server.users["miko"].id
    key.close()


def test_a_program_acts_for_itself(server: Live) -> None:
    app = App(
        issuer=server.issuer, client_id="machine", secret=SECRETS["machine"], scope=("chirps",)
    )
    machine = Machine(app)
    token = machine.access_token()
    assert claims(token)["sub"] == "client:machine"
    assert machine.access_token() == token, "it is kept while it is good"
    wrong = App(issuer=server.issuer, client_id="machine", secret="x" * 40, scope=())
    stranger = Machine(wrong)
    with pytest.raises(Denied):
        stranger.access_token()
    stranger.close()
    with pytest.raises(ValueError, match="secret"):
        Machine(App(issuer=server.issuer, client_id="spa", scope=()))
    machine.close()


def test_an_agent_passes_a_key_on(server: Live, no_grants: None) -> None:
    lease = tokens(server, AS_WEB)["access_token"]
    app = App(issuer=server.issuer, client_id="agent", secret=SECRETS["agent"], scope=())
    agent = Machine(app)
    smaller = agent.exchange(lease, scope=("chirps.read",), audience=CHIRP)
    assert smaller.granted == {"chirps.read"}
    assert claims(smaller.access_token)["act"] == {"sub": "client:agent"}
    with pytest.raises(Denied) as refused:
        agent.exchange(smaller.access_token, audience=PHOTOS)
    assert refused.value.code == "invalid_target"
    agent.close()


# What a server may answer while the app waits, without one.

WAITING = Waiting(form={"grant_type": "x"}, interval=5, seconds=60)


def played(*answers: Any) -> tuple[list[float], Callable[[], Any]]:
    """How long it slept each time, and what it came to."""
    slept: list[float] = []
    rest = iter(answers)

    def send(form: dict[str, str]) -> Flow[dict[str, Any]]:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return (yield from work(lambda: dict(answer)))

    driver = Driver(sleep=slept.append)
    return slept, lambda: driver.run(sdk.wait(WAITING, send, clock=lambda: float(sum(slept))))


def test_it_keeps_the_pace_that_it_is_told() -> None:
    """RFC 8628 3.5."""
    slept, run = played(
        Denied("authorization_pending"),
        Denied("slow_down"),
        Denied("authorization_pending"),
        {"access_token": "a"},
    )
    assert run() == {"access_token": "a"}
    assert slept == [5, 5, 10, 10]


def test_a_server_in_trouble_is_asked_less_often() -> None:
    slept, run = played(ServerUnavailable("x"), ServerUnavailable("x"), {"access_token": "a"})
    run()
    assert slept == [5, 10, 20]


@pytest.mark.parametrize("code", ["access_denied", "invalid_grant", "invalid_client"])
def test_a_refusal_is_final(code: str) -> None:
    slept, run = played(Denied(code))
    with pytest.raises(Denied):
        run()
    assert slept == [5]


def test_nobody_answers() -> None:
    slept, run = played(*[Denied("authorization_pending")] * 100)
    with pytest.raises(Aborted):
        run()
    assert sum(slept) == 60
    _, run = played(Denied("expired_token"))
    with pytest.raises(Aborted):
        run()


@pytest.fixture
def serving() -> Iterator[Serving]:
    one = Serving()
    yield one
    one.stop()


def test_a_server_that_offers_neither(serving: Serving) -> None:
    key = Key(App(issuer=serving.url, client_id="tv", scope=("openid",)), MemoryStore())
    with pytest.raises(Aborted):
        key.connect_by_code(print)
    with pytest.raises(Aborted):
        key.ask_user("miko", "Lane 4")
    key.close()


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"device_code": 1}', b"no"])
def test_an_answer_that_cannot_be_read(body: bytes, serving: Serving) -> None:
    address = f"{serving.url}/device_authorization"
    path = "/.well-known/oauth-authorization-server"
    serving.replies[path] = serving.metadata(device_authorization_endpoint=address)
    serving.replies["/device_authorization"] = (200, body)
    key = Key(App(issuer=serving.url, client_id="tv", scope=("openid",)), MemoryStore())
    with pytest.raises(ServerUnavailable):
        key.connect_by_code(print)
    key.close()
