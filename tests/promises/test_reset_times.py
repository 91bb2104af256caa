"""A70, A106, A152: account enumeration, by the time of the answer to a request for a code by mail.

Attack: An attacker measures how long the server takes to answer a request for a reset, for a code
to sign in with, or to mail a code to another address.
Defense: For known and unknown usernames and addresses the server stores as much, and mails go out
afterwards.
"""

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import pytest
from tests.attacks.play import find, signed_in
from tests.browser import Browser
from tests.live import Live, live
from tests.mail_server import mailbox
from tests.promises.conftest import Budget, Figure
from tests.promises.test_refusal_times import EACH, LEAST, ROUNDS, p_value, put

from valetkey.server.accounts.password import UNUSED_HASH
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.user import User
from valetkey.server.settings.accounts import AccountSettings

KINDS: Final = ("known", "unknown", "disabled", "unproved")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with mailbox() as box:
        codes = AccountSettings(mail_codes=True)
        with live(
            tmp_path, mail=box.settings, accounts=codes, unthrottled=("127.0.0.0/8",)
        ) as running:
            yield running


def _user(kind: str, number: int) -> User:
    return User(
        id=ids.user_id(Env(int(time.time()), random.randbytes)),
        username=f"{kind}{number}",
        password=UNUSED_HASH,
        email=f"{kind}{number}@example.org",
        email_verified=kind != "unproved",
        status="disabled" if kind == "disabled" else "active",
    )


@pytest.mark.parametrize("path", ["/forgot", "/sign-in/email"])
def test_codes_take_the_same_time(path: str, server: Live, budget: Budget, figure: Figure) -> None:
    each = EACH[budget]
    users = [_user(kind, n) for kind in KINDS if kind != "unknown" for n in range(ROUNDS * each)]
    put(server, [Create(one) for one in users])
    assert find(server, User, users[0].id).email_verified
    browser = server.browser()
    browser.open(path)
    _compare(browser, KINDS, "username", each=each, figure=figure)


def test_changes_of_address_take_the_same_time(
    server: Live, budget: Budget, figure: Figure
) -> None:
    """Whether an address is somebody's, the user's own, or nobody's."""
    each = EACH[budget]
    users = [_user("taken", n) for n in range(ROUNDS * each)]
    put(server, [Create(one) for one in users])
    browser = signed_in(server, "miko")
    browser.open("/security/email")
    _compare(browser, ("taken", "unknown"), "email", each=each, figure=figure)


def _compare(
    browser: Browser, kinds: Sequence[str], field: str, *, each: int, figure: Figure
) -> None:
    """Fails where a kind is told from the unknown ones by the time, in each of ROUNDS."""
    suspects = {kind for kind in kinds if kind != "unknown"}
    for number in range(ROUNDS):
        numbers = range(number * each, (number + 1) * each)
        times = _measured(browser, kinds, field, numbers=numbers)
        found = {kind: p_value(times[kind], times["unknown"]) for kind in sorted(suspects)}
        figure("A70", {"medians": {kind: median(times[kind]) for kind in kinds}, "p": str(found)})
        suspects = {kind for kind, p in found.items() if p <= LEAST}
        if not suspects:
            return
    raise AssertionError(f"the time tells them from unknown ones: {suspects}")


def _measured(
    browser: Browser, kinds: Sequence[str], field: str, *, numbers: range
) -> dict[str, list[float]]:
    """The seconds of the answers to the form on the page, by kind, in random order."""
    attempts = [(kind, number) for kind in kinds for number in numbers]
    random.shuffle(attempts)
    form = browser.form("send")
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for kind, number in attempts:
        text = f"{kind}{number}" + ("@example.org" if field == "email" else "")
        began = time.perf_counter()
        answer = browser.http.post(form.action, data=form.fields | {field: text})
        took = time.perf_counter() - began
        if answer.status_code == 503:  # The disk was too slow, which it is for all.
            attempts.append((kind, number))
            continue
        times[kind].append(took)
        assert answer.status_code == 303
    return times
