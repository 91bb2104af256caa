"""A07: cross-site request forgery at the app (RFC 9700 4.7).

Attack: An attacker makes a user's browser finish a sign-in that the attacker began.
Defense: The server returns `state` unchanged, byte for byte, so that the app can compare it.
"""

import random
from urllib.parse import unquote, urlsplit

import pytest
from tests.attacks.play import STEFAPP, asking, sent_back
from tests.live import Live
from tests.rows import row

_DICE = random.Random(7)


def _unicode(length: int) -> str:
    """Any characters that UTF-8 can carry, but zero."""
    points = (_DICE.randrange(1, 0x10FFFF) for _ in range(length))
    return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)


STATES = [
    row("A07", "4 KB", "s" * 4096),
    row("A07", "4 KB of everything", _unicode(1300)),
    row("A07", "an ampersand and a hash", "&#"),
    row("A07", "an entity", "&#x3c;script&#x3e;&amp;"),
    row("A07", "parameters of ours", "x&code=evil&iss=https://evil.example&error=none"),
    row("A07", "a plus and a space", "a+b c%20d%2Bz"),
    row("A07", "percent signs", "%%%41%00%zz"),
    row("A07", "a header", "x\r\nLocation: https://evil.example\r\n\r\n<script>"),
    row("A07", "quotes", "\"'`<>\\{}|^[]"),
    row("A07", "one space", " "),
    row("A07", "spaces around", "  a state  "),
    row("A07", "tabs and line ends", "\t\n\x0b\x0c\r"),
    row("A07", "control characters", "".join(map(chr, [*range(1, 32), *range(127, 160)]))),
    row("A07", "every printable character", "".join(map(chr, range(32, 127)))),
    row("A07", "another script", "状態 الحالة מצב állapot"),
    row("A07", "an emoji of many parts", "👩‍👩‍👧‍👦🏳️‍🌈"),
    row("A07", "writing from the right", "\u202e\u2066evil\u2069"),
    row("A07", "letters that fold and compose", "\ufb01 \u017f \u0130 e\u0301 \u1e9e \u212b"),
    row("A07", "a byte order mark", "\ufeffstate"),
    row("A07", "the last character there is", "\U0010ffff"),
    row("A07", "JSON", '{"a": [1, "&=#"], "b": null}'),
    row("A07", "base64", "YWJj+/=="),
    row("A07", "a word for nothing", "None"),
    *(row("A07", f"dice {n}", _unicode(40) or "x") for n in range(20)),
]


@pytest.mark.parametrize("state", STATES)
def test_it_comes_back_byte_for_byte(state: str, server: Live) -> None:
    parameters = asking(STEFAPP, state=state, prompt="none").parameters()
    pushed = server.http.post("/par", data=parameters).json()["request_uri"]
    by_name = {"client_id": "stefapp", "request_uri": pushed}
    for answer in (
        server.http.get("/authorize", params=parameters),
        server.http.post("/authorize", data=parameters),
        server.http.get("/authorize", params=by_name),
    ):
        assert sent_back(answer)["state"] == state
        _one_state(answer.headers["location"], state)


@pytest.mark.parametrize("state", STATES[:4])
def test_it_survives_sign_in_and_consent(state: str, server: Live) -> None:
    browser = server.browser()
    browser.open(asking(STEFAPP, state=state).path())
    browser.sign_in()
    browser.press("allow")
    assert sent_back(browser.page)["state"] == state
    _one_state(browser.page.headers["location"], state)


def test_where_there_was_none_there_is_none(server: Live) -> None:
    answer = server.http.get("/authorize", params=asking(state="", prompt="none").parameters())
    assert "state" not in sent_back(answer)


def _one_state(location: str, state: str) -> None:
    """Read by another rule than parse_qs: percent escapes alone, no plus for a space."""
    assert location.isascii()
    assert location.isprintable()
    pairs = [pair.partition("=") for pair in urlsplit(location).query.split("&")]
    assert [unquote(value) for name, _, value in pairs if name == "state"] == [state]
    assert not urlsplit(location).fragment
