"""UserInfo names each call in its reply (FAPI 1.0 Baseline 6.2.1)."""

import logging
import re
from collections.abc import Iterator

import pytest
from tests.attacks.play import tokens
from tests.live import Live, live
from tests.rows import row

NAMED = "x-fapi-interaction-id"
MINE = "C770AEF3-6784-41F7-8E0E-FF5F97BDDB3A"
OTHER = "3f2b8c1e-6784-41f7-8e0e-ff5f97bddb3a"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live")) as server:
        yield server


SENT = [
    row("6.2.1", "sent", [(NAMED, MINE)], True),
    row("6.2.1", "not sent", [], False),
    row("6.2.1", "no UUID", [(NAMED, "x" * 36)], False),
    row("6.2.1", "without dashes", [(NAMED, MINE.replace("-", ""))], False),
    row("6.2.1", "more than a UUID", [(NAMED, f"{MINE}, x")], False),
    row("6.2.1", "two", [(NAMED, MINE), (NAMED, OTHER)], False),
]


@pytest.mark.parametrize("sent,echoed", SENT)
def test_each_reply_is_named(server: Live, sent: list[tuple[str, str]], echoed: bool) -> None:
    good = ("authorization", f"Bearer {tokens(server)['access_token']}")
    for shown in ([good], [], [("authorization", "Bearer x")]):
        told = server.http.get("/userinfo", headers=[*shown, *sent]).headers.get_list(NAMED)
        assert len(told) == 1
        assert told[0] == MINE if echoed else UUID.fullmatch(told[0])


def test_two_calls_have_two_names(server: Live) -> None:
    one, two = (server.http.get("/userinfo").headers[NAMED] for _ in range(2))
    assert one != two


def test_a_refusal_is_found_in_the_log_by_it(
    server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="valetkey.server"):
        headers = {"authorization": "Bearer x", NAMED: MINE}
        assert server.http.get("/userinfo", headers=headers).status_code == 401
    told = [one.details for one in caplog.records if one.message == "refused"]  # type: ignore[attr-defined]
    assert [one["interaction"] for one in told] == [MINE]
