"""A85: secrets in logs.

Attack: A thief reads the logs.
Defense: No log contains a secret, even at the highest level and after errors.
"""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks import story
from tests.attacks.play import STEFAPP, redeem, refresh, tokens, userinfo
from tests.browser import authorize
from tests.installation import PASSWORDS, SECRETS
from tests.live import Live

from valetkey.cli.logging import Lines
from valetkey.server.store.port import Unavailable

OF_THE_TEST = ("httpx", "httpcore", "hpack", "faker", "hypothesis")
"""Loggers of the browsers that this test plays."""


class Whole(Lines):
    """Lines in which nothing is cut."""

    def format(self, record: logging.LogRecord) -> str:
        return self.whole(record)


class Log:
    """All that the server logs, by itself or as uvicorn and asyncio do, before anything is cut."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.handler = logging.StreamHandler(self.out)
        self.handler.setFormatter(Whole())
        self.handler.addFilter(lambda record: not record.name.startswith(OF_THE_TEST))
        self.root = logging.getLogger()
        self.level = self.root.level
        self.root.addHandler(self.handler)
        self.root.setLevel(logging.DEBUG)
        # `valetkey serve` runs without it: a line for each request would hold its query.
        logging.getLogger("uvicorn.access").disabled = True

    def close(self) -> None:
        self.root.removeHandler(self.handler)
        self.root.setLevel(self.level)
        logging.getLogger("uvicorn.access").disabled = False

    @property
    def text(self) -> str:
        return self.out.getvalue()


@pytest.fixture
def log() -> Iterator[Log]:
    """Listens for the time of a test."""
    log = Log()
    yield log
    log.close()


def _silent(log: Log, secrets: frozenset[str]) -> None:
    # An escaped line end could part a secret: look at the values as they were, too.
    lines = [line for line in log.text.splitlines() if line.startswith("{")]
    values = "\n".join(str(json.loads(line)) for line in lines)
    for secret in secrets:
        assert secret not in log.text, secret[:12]
        assert secret not in values, secret[:12]


def test_a_whole_story_with_all_its_slips(log: Log, server: Live) -> None:
    secrets = story.play(server)
    assert log.text.count('"message": "refused"') > 20
    assert log.text.count('"message": "error page"') > 5
    _silent(log, secrets)


BROKEN = [RuntimeError("broken on purpose"), Unavailable("away on purpose"), KeyError("x")]


@pytest.mark.parametrize("error", BROKEN, ids=["a bug", "no database", "another bug"])
@pytest.mark.parametrize("call", ["read", "commit"])
def test_the_worst_moments(
    call: str, error: Exception, log: Log, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = server.browser()
    code = authorize(browser, STEFAPP)
    mine = tokens(server)
    asked = server.browser()
    asked.open(STEFAPP.path())
    secrets = {code, mine["access_token"], mine["refresh_token"], PASSWORDS["miko"]}
    secrets |= {browser.http.cookies["vk_session"], SECRETS["web"], STEFAPP.verifier}

    async def broken(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(server.store, call, broken)
    answers = [
        redeem(server, code),
        refresh(server, mine["refresh_token"]),
        userinfo(server, mine["access_token"]),
        server.http.post(
            "/introspect", data={"token": mine["access_token"]}, auth=("web", SECRETS["web"])
        ),
        browser.open("/apps"),
        browser.open(STEFAPP.path()),
        asked.press("sign-in", username="miko", password=PASSWORDS["miko"]),
    ]
    monkeypatch.undo()
    wanted = 503 if isinstance(error, Unavailable) else 500
    failed = [answer for answer in answers if answer.status_code >= 500]
    assert {answer.status_code for answer in failed} == {wanted}
    assert len(failed) >= 3
    for answer in failed:
        assert "on purpose" not in answer.text
        assert "Traceback" not in answer.text
    _silent(log, frozenset(secrets))


def test_the_server_itself_writes_no_line_for_each_request(server: Live) -> None:
    from valetkey.cli import serving

    front: Any = None
    assert serving._config(front, None).access_log is False
