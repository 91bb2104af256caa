"""A35: user code guessing (RFC 8628 5.1).

Attack: An attacker tries many user codes.
Defense: The page limits attempts, and never says whether a code is wrong or expired.
"""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.attacks.elsewhere import begin, enters
from tests.attacks.play import change, every, expire
from tests.browser import Browser
from tests.live import Live, live

from valetkey.server.accounts.throttle import CODE, CODE_NETWORK, STEP
from valetkey.server.http.waiting_room import Delay
from valetkey.server.model.counters import Throttle
from valetkey.server.model.pending import Pending

WRONG = "BBBB-BBBB"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server behind a proxy that tells it who calls."""
    with live(tmp_path_factory.mktemp("bare"), trusted_proxies=("127.0.0.0/8",)) as server:
        yield server


@pytest.fixture(autouse=True)
def _forgotten(bare: Live) -> None:
    expire(bare, Throttle)


def at(server: Live, address: str) -> Browser:
    """A browser at that address."""
    return server.browser(**{"x-forwarded-for": address})


def test_five_tries_then_a_pause_even_for_the_right_one(bare: Live) -> None:
    code, thief = begin(bare)["user_code"], at(bare, "203.0.113.9")
    statuses = [enters(thief, WRONG).status_code for _ in range(CODE.attempts + 1)]
    assert statuses == [*[400] * CODE.attempts, 429]
    late = enters(thief, code)
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) > 0
    home = at(bare, "198.51.100.8")
    assert enters(home, code).status_code == 200
    assert 'id="confirm"' in home.page.text


def test_guesses_from_fresh_browsers_are_slowed(
    bare: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who throws cookies away is still in the same network, also by another address of it. Whoever
    has a right code there gets in all the same."""
    waits: list[float] = []

    async def noted(self: Delay, seconds: float, address: str) -> None:
        waits.append(seconds)

    monkeypatch.setattr(Delay, "wait", noted)
    for n in range(CODE_NETWORK.attempts + 12):
        assert enters(at(bare, f"203.0.113.{n}"), WRONG).status_code == 400
    assert waits == [*[0.0] * CODE_NETWORK.attempts, *[STEP] * 10, *[2 * STEP] * 2]
    home = at(bare, "203.0.113.99")
    assert enters(home, begin(bare)["user_code"]).status_code == 200
    assert 'id="confirm"' in home.page.text


def test_guesses_at_once_count_like_guesses_in_turn(bare: Live) -> None:
    thief = at(bare, "203.0.113.9")
    thief.open("/device")
    sent = {**thief.form("continue").fields, "user_code": WRONG}
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda _: thief.http.post("/device", data=sent).status_code, range(20))
    assert Counter(answers) == {400: CODE.attempts, 429: 20 - CODE.attempts}


def test_wrong_over_and_answered_look_the_same(bare: Live) -> None:
    before = {one.id for one in every(bare, Pending)}
    over = begin(bare)["user_code"]
    (row,) = (one for one in every(bare, Pending) if one.id not in before)
    change(bare, row, expires=row.created)
    answered = begin(bare)["user_code"]
    browser = at(bare, "198.51.100.9")
    enters(browser, answered)
    browser.press("disown")
    seen = []
    for n, code in enumerate((WRONG, over, answered)):
        page = enters(at(bare, f"198.51.{n}.7"), code)
        text = re.sub(r'(name="csrf" value|value)="[^"]+"', "", page.text)
        seen.append((page.status_code, text, sorted(page.headers)))
    assert seen[0] == seen[1] == seen[2]


def test_a_right_code_forgives_the_slips_before_it(bare: Live) -> None:
    browser = at(bare, "198.51.100.7")
    for _ in range(3):
        for _ in range(CODE.attempts - 1):
            assert enters(browser, WRONG).status_code == 400
        assert enters(browser, begin(bare)["user_code"]).status_code == 200
