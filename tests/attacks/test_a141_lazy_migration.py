"""A141: lazy migration as an oracle or an amplifier.

Attack: While unknown names are asked of the platform, an attacker learns from the time which names
exist here, or lets this server try passwords at the platform, or the platform answers for someone
else.
Defense: Attempts are counted before the platform is asked, and questions have a limit of their own.
Every refusal takes the same time. Only an answer about this name makes a user, with no other user's
name or id.
"""

import base64
import datetime
import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.attacks.play import every
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.outside import Host, Publication, outside
from tests.rows import row

from valetkey.server.accounts import password
from valetkey.server.accounts.throttle import PAIR
from valetkey.server.http import platform_sign_in
from valetkey.server.http.outbound import Answer
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import Identity, User
from valetkey.server.pages import password_check as page
from valetkey.server.settings.ways import LazyMigration, SignInSettings

FAR = datetime.date(2099, 1, 1)
WORD = "correct horse of old"
PATH = "/check"


def settings(host: Host, until: datetime.date = FAR) -> SignInSettings:
    return SignInSettings(
        lazy=LazyMigration(
            url=host.url(PATH), client_id="valetkey", secret=Secret("of ours"), until=until
        )
    )


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("platform")) as host:
        yield host


@pytest.fixture
def platform(host: Host) -> Host:
    host.posted.clear()
    return host


def asking_server(folder: Path, host: Host, **more: Any) -> AbstractContextManager[Live]:
    return live(folder, sign_in=settings(host), fetch_ca_file=host.ca, **more)


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("moving")
    with asking_server(folder, host, unthrottled=("127.0.0.0/8",)) as server:
        yield server


@pytest.fixture
def moving(open_server: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A server that asks the platform. Refusals are shorter than in earnest."""
    monkeypatch.setattr(page, "MOVING_REFUSAL", 0.3)
    return open_server


def sign_in(server: Live, name: str, word: str = WORD) -> Browser:
    browser = server.browser()
    browser.open("/sign-in")
    browser.send("sign-in", username=name, password=word)
    return browser


def is_in(browser: Browser) -> bool:
    return browser.open("/apps").url.path == "/apps"


def answer(**members: Any) -> dict[str, Any]:
    return {"verified": True, "username": "ada", "sub": "7", "name": "Ada"} | members


def ada(server: Live) -> User | None:
    return next((one for one in every(server, User) if one.username == "ada"), None)


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why the log says that something failed."""
    return [str(one.__dict__.get("details", "")) for one in caplog.records]


def test_a_user_moves_once(moving: Live, platform: Host) -> None:
    platform.publish(PATH, answer(email="ada@chirp.example", email_verified=True))
    assert is_in(sign_in(moving, "ada"))
    ((path, body, headers),) = platform.posted
    assert (path, json.loads(body)) == (PATH, {"username": "ada", "password": WORD})
    pair = base64.b64encode(b"valetkey:of+ours").decode()
    assert headers["authorization"] == f"Basic {pair}"
    there = ada(moving)
    assert there is not None
    assert (there.email, there.email_verified, there.claims) == (
        "ada@chirp.example",
        True,
        {"name": "Ada"},
    )
    assert password.fits(Secret(WORD), there.password)
    assert not password.is_imported(there.password)
    (identity,) = every(moving, Identity)
    assert (identity.user, identity.source, identity.subject) == (there.id, "platform", "7")
    assert is_in(sign_in(moving, "ada"))
    assert not is_in(sign_in(moving, "ada", "wrong"))
    assert len(platform.posted) == 1, "it is never asked about her again"


def test_who_is_known_here_is_not_asked_about(moving: Live, platform: Host) -> None:
    platform.publish(PATH, answer(username="miko"))
    assert not is_in(sign_in(moving, "miko", "wrong"))
    assert is_in(sign_in(moving, "miko", PASSWORDS["miko"]))
    assert platform.posted == []


def lie(**members: Any) -> Publication:
    return Publication(json.dumps(answer(**{"username": "liam"} | members)).encode())


LIES = [
    row("A141", "it says no", Publication(b'{"verified": false}'), False),
    row("A141", "it refuses", Publication(b"", 401), False),
    row("A141", "it is broken", Publication(b"", 500), True),
    row("A141", "it redirects", Publication(b"", 302, {"location": "/elsewhere"}), True),
    row("A141", "a page", Publication(b"<!doctype html>"), True),
    row("A141", "an empty object", Publication(b"{}"), True),
    row("A141", "a word for true", Publication(b'{"verified": "true", "username": "liam"}'), True),
    row("A141", "nobody's name", Publication(b'{"verified": true}'), True),
    row("A141", "another's name", lie(username="miko"), True),
    row(
        "A141",
        "a number as sub",
        lie(sub=7),
        True,
    ),
    row(
        "A141",
        "no address",
        lie(email="x"),
        True,
    ),
    row("A141", "too much", Publication(b'{"a": "' + b"x" * 6000 + b'"}'), True),
]


@pytest.mark.parametrize("published,is_logged", LIES)
def test_a_platform_that_is_down_or_lies(
    moving: Live,
    platform: Host,
    caplog: pytest.LogCaptureFixture,
    published: Publication,
    is_logged: bool,
) -> None:
    platform.published[PATH] = published
    began = time.monotonic()
    assert not is_in(sign_in(moving, "liam"))
    assert time.monotonic() - began >= page.MOVING_REFUSAL
    assert "liam" not in {one.username for one in every(moving, User)}
    assert (caplog.text.count("lazy migration: ") > 0) is is_logged
    assert WORD not in str(reasons(caplog))
    assert "of ours" not in str(reasons(caplog))


def test_nobodys_name_or_id_is_taken_over(
    moving: Live, platform: Host, caplog: pytest.LogCaptureFixture
) -> None:
    platform.publish(PATH, answer(username="rosa", sub="9"))
    assert is_in(sign_in(moving, "rosa"))
    for name in ("eve", "rоsа", "rniko"):  # noqa: RUF001
        platform.publish(PATH, answer(username=name, sub="9"))
        assert not is_in(sign_in(moving, name))
    why = str(reasons(caplog))
    assert "its sub belongs to another user" in why
    assert "mixes scripts" in why
    assert "looks like that of another user" in why


def test_the_platform_gets_no_more_attempts_than_this_server_allows(
    tmp_path_factory: pytest.TempPathFactory, platform: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOVING_REFUSAL", 0.0)
    platform.published[PATH] = Publication(b"", 401)
    with asking_server(tmp_path_factory.mktemp("throttled"), platform) as server:
        for _ in range(PAIR.attempts + 3):
            sign_in(server, "ada", "guess")
    assert len(platform.posted) == PAIR.attempts


def test_names_by_the_hundred_are_asked_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    async def post(url: str, body: bytes, **more: Any) -> Any:
        asked.append(time.monotonic())
        return Answer(401, {}, b"")

    monkeypatch.setattr(platform_sign_in, "HOLD", 0.1)
    monkeypatch.setattr(platform_sign_in, "SECONDS", 0.35)

    async def flood() -> None:
        asking = platform_sign_in.PlatformSignIn(
            post, url="https://x.example/", client_id="a", secret=Secret("b"), ends=2**40
        )
        async with anyio.create_task_group() as group:
            for n in range(200):
                group.start_soon(ask, asking, f"name{n}", f"198.51.100.{n % 4}")

    async def ask(asking: platform_sign_in.PlatformSignIn, name: str, address: str) -> None:
        assert await asking.ask(name, Secret("x"), address=address) is None

    anyio.run(flood)
    assert len(asked) <= 4 * platform_sign_in.AT_ONCE


@pytest.mark.parametrize("name", ["miko", "noor", "nobody"])
def test_every_refusal_takes_as_long(
    moving: Live, platform: Host, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    platform.published[PATH] = Publication(b"", 401)
    monkeypatch.setattr(page, "MOVING_REFUSAL", 0.8)
    browser = moving.browser()
    browser.open("/sign-in")
    began = time.monotonic()
    assert browser.send("sign-in", username=name, password="wrong").status_code == 400
    assert time.monotonic() - began >= 0.8


def test_the_longest_question_is_shorter_than_a_refusal() -> None:
    assert platform_sign_in.SECONDS + page.REFUSAL <= page.MOVING_REFUSAL


def test_after_its_last_day_it_is_off(
    tmp_path_factory: pytest.TempPathFactory, platform: Host
) -> None:
    platform.publish(PATH, answer())
    over = settings(platform, until=datetime.date(2020, 1, 1))
    with live(tmp_path_factory.mktemp("over"), sign_in=over, fetch_ca_file=platform.ca) as server:
        began = time.monotonic()
        assert not is_in(sign_in(server, "ada"))
        assert time.monotonic() - began < page.MOVING_REFUSAL
    assert platform.posted == []
