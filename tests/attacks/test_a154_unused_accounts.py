"""A154, A70: an account that nobody uses.

Attack: A stranger takes over an account that its user has left, long after everybody forgot it; or
keeps it open by failed sign-ins until a password leaks; or has it closed although its user is
there.
Defense: An account that nobody used for `accounts.unused_days` is disabled, and its sessions end.
Failed sign-ins are no use, and hide none. Nobody loses an account without a notice two weeks
before, or while they use it. The sign-in page says no more than for a wrong password.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.attacks.play import change, every, find, signed_in
from tests.attacks.test_a71_brute_force import guess
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.server.http.test_unused_accounts import ShellAt

from valetkey.server.model.last_use import DAY
from valetkey.server.model.stream import Job
from valetkey.server.model.user import UNUSED, Session, User

DAYS: Final = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    """All accounts were made long ago, and nobody has used them since."""
    with live(tmp_path, unthrottled=("127.0.0.0/8",)) as running:
        for user in every(running, User):
            change(running, user, created=1, changed=1)
        yield running


def walk(server: Live, *, days_later: float) -> None:
    """What a server with the setting does on that day."""
    now = int(time.time() + days_later * DAY)
    server.run(ShellAt(server.store, server.master_key, now=now).walk(DAYS))


def status(server: Live, name: str) -> tuple[str, tuple[str, ...]]:
    user = find(server, User, server.users[name].id)
    return user.status, user.disabled_by


def test_failed_sign_ins_keep_no_account_open(server: Live) -> None:
    stranger = server.browser()
    for _ in range(3):
        stranger.open("/sign-in")
        assert guess(stranger, "miko", "not it").status_code == 400
    walk(server, days_later=0)
    assert status(server, "miko") == ("active", ()), "the setting was just switched on"
    notified = [one.user for one in every(server, Job) if one.facts["notice"] == "account_unused"]
    assert notified.count(server.users["miko"].id) == 1
    walk(server, days_later=13)
    assert status(server, "miko") == ("active", ())
    stranger.open("/sign-in")
    guess(stranger, "miko", "not it")
    walk(server, days_later=14.1)
    assert status(server, "miko") == ("disabled", (UNUSED,))
    pages = []
    for name, word in (("miko", PASSWORDS["miko"]), ("miko", "not it"), ("nobody", "not it")):
        browser = server.browser()
        browser.open("/sign-in")
        answer = guess(browser, name, word)
        assert answer.status_code == 400
        pages.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(set(pages)) == 1


def test_failed_sign_ins_hide_no_use_of_the_account(server: Live) -> None:
    """Nor does a stranger get it disabled who tries after its user was there."""
    walk(server, days_later=0)
    owner = signed_in(server)
    stranger = server.browser()
    for _ in range(3):
        stranger.open("/sign-in")
        guess(stranger, "miko", "not it")
    for days in (14.1, 30, 44):
        walk(server, days_later=days)
        assert status(server, "miko") == ("active", ())
    assert owner.http.get("/apps").status_code == 200


def test_the_sessions_of_the_account_end(server: Live) -> None:
    browser = signed_in(server)
    walk(server, days_later=DAYS)
    assert status(server, "miko") == ("active", ())
    walk(server, days_later=DAYS + 14.1)
    assert status(server, "miko") == ("disabled", (UNUSED,))
    assert server.users["miko"].id not in {one.user for one in every(server, Session)}
    assert browser.http.get("/apps").status_code == 303
