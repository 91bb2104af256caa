"""A70, A106: account enumeration, by the time of the answer to a forgotten password.

Attack: An attacker measures how long the server takes to answer a request for a reset.
Defense: For known and unknown usernames the server stores as much, and mails go out afterwards.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import pytest
from tests.attacks.play import find
from tests.live import Live, live
from tests.mail_server import mailbox
from tests.promises.conftest import Budget, Figure
from tests.promises.test_refusal_times import EACH, LEAST, ROUNDS, p_value

from valetkey.server.accounts.password import UNUSED_HASH
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.user import User
from valetkey.server.settings.notices import MailSettings

KINDS: Final = ("known", "unknown", "disabled", "unproved")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with mailbox() as box:
        mail = MailSettings(
            host="localhost", port=box.port, security="none", sender="no-reply@chirp.example"
        )
        with live(tmp_path, mail=mail, unthrottled=("127.0.0.0/8",)) as running:
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


def test_resets_take_the_same_time(server: Live, budget: Budget, figure: Figure) -> None:
    each = EACH[budget]
    users = [_user(kind, n) for kind in KINDS if kind != "unknown" for n in range(ROUNDS * each)]
    server.run(server.store.commit([Create(one) for one in users]))
    assert find(server, User, users[0].id).email_verified
    suspects = {kind for kind in KINDS if kind != "unknown"}
    for number in range(ROUNDS):
        times = _measured(server, range(number * each, (number + 1) * each))
        found = {kind: p_value(times[kind], times["unknown"]) for kind in sorted(suspects)}
        figure("A70", {"medians": {kind: median(times[kind]) for kind in KINDS}, "p": str(found)})
        suspects = {kind for kind, p in found.items() if p <= LEAST}
        if not suspects:
            return
    raise AssertionError(f"the time tells them from unknown ones: {suspects}")


def _measured(server: Live, numbers: range) -> dict[str, list[float]]:
    """The seconds of the answers, by kind, in random order."""
    attempts = [(kind, number) for kind in KINDS for number in numbers]
    random.shuffle(attempts)
    browser = server.browser()
    browser.open("/forgot")
    form = browser.form("send")
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, number in attempts:
        data = form.fields | {"username": f"{kind}{number}"}
        began = time.perf_counter()
        answer = browser.http.post(form.action, data=data)
        times[kind].append(time.perf_counter() - began)
        assert answer.status_code == 303
    return times
