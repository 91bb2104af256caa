"""A95: locking others out, by guessing from many networks.

Attack: Fifty sign-ins a second fail for ten minutes, from 11, 160 or 4,096 networks.
Defense: No known browser is refused. A new one with the right password waits for 8 seconds and a
proof of work at most. The log has the attack within a minute.
"""

import logging
from collections.abc import Callable
from os import urandom
from typing import Any, Final

import pytest
from tests.promises.conftest import Budget, Figure
from tests.rows import row

from valetkey.server.accounts.sign_in import Candidate, candidate, open_session, refused
from valetkey.server.accounts.throttle import LONGEST, Caller, Throttled, account_of
from valetkey.server.http import log
from valetkey.server.http.sign_in_failures import SignInFailures
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.user import User
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

NOW: Final = 1_700_000_000
RATE: Final = 50
SECONDS: Final[dict[Budget, int]] = {"short": 20, "long": 600}
USERS: Final = 1000
EVERY: Final = 5
"""Seconds between two sign-ins of the owner."""


def _ipv4(networks: int) -> Callable[[int], str]:
    return lambda n: f"10.{n % networks // 256}.{n % networks % 256}.{n % 250}"


CROWDS: list[Any] = [
    row("A95", "11 networks", _ipv4(11)),
    row("A95", "160 networks", _ipv4(160)),
    row("A95", "4,096 networks", _ipv4(4096)),
    row("A95", "rotation inside an IPv6 /64", lambda n: f"2001:db8::{n:x}"),
]
AIMS: list[Any] = [
    row("A95", "at a thousand accounts", USERS),
    row("A95", "at one account", 1),
]


class World:
    """The rules of sign-in, over a store, with a clock of its own."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = MemoryStore()
        self.failures = SignInFailures(lambda: float(self.now))
        env = self.env
        self.users = [
            User(id=ids.user_id(env), username=f"user{n}", password="$argon2id$…")
            for n in range(USERS)
        ]

    @property
    def env(self) -> Env:
        return Env(self.now, urandom)

    async def candidate(self, name: str, caller: Caller) -> Candidate | Throttled:
        return await settle(self.store, lambda: candidate(name, caller=caller, now=self.now))

    async def fail(self, name: str, address: str) -> bool:
        """A wrong password. Returns whether it was looked at."""
        found = await self.candidate(name, Caller(address))
        self.failures.add(account_of(name), address, read=isinstance(found, Candidate))
        if isinstance(found, Candidate):
            await settle(self.store, lambda: refused(found.user, self.env, closes=found.closes))
        return isinstance(found, Candidate)

    async def right(self, user: User, caller: Caller) -> Candidate | Throttled:
        """The right password, which is looked at if the throttle lets it."""
        found = await self.candidate(user.username, caller)
        if isinstance(found, Candidate) and found.user is not None:
            await settle(
                self.store,
                lambda: open_session(
                    user,
                    username=user.username,
                    caller=caller,
                    replaces="",
                    seconds=60,
                    epoch=1,
                    env=self.env,
                ),
            )
        return found


@pytest.mark.parametrize("names", AIMS)
@pytest.mark.parametrize("address", CROWDS)
async def test_an_attack_of_ten_minutes(
    address: Callable[[int], str],
    names: int,
    *,
    budget: Budget,
    figure: Figure,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    await world.store.commit([Create(user) for user in world.users])
    owner, waits, paid, looked_at = world.users[0], [], 0, 0
    alarm: int | None = None
    with caplog.at_level(logging.WARNING, log.NAME):
        for second in range(SECONDS[budget]):
            world.now = NOW + second
            for one in range(RATE):
                number = second * RATE + one
                looked_at += await world.fail(f"user{number % names}", address(number))
            if alarm is None and "many failed sign-ins" in caplog.messages:
                alarm = second + 1
            if second % EVERY:
                continue
            known = await world.right(owner, Caller("198.51.100.7", "known"))
            assert isinstance(known, Candidate)
            assert (known.user is not None, known.wait) == (True, 0.0)
            for stranger in ("203.0.113.9", address(second)):
                found = await world.right(owner, Caller(stranger))
                if isinstance(found, Throttled):
                    paid += 1
                    found = await world.right(owner, Caller(stranger, paid=True))
                assert isinstance(found, Candidate)
                assert found.user is not None
                waits.append(found.wait)
    assert max(waits) <= LONGEST
    assert alarm is not None
    assert alarm <= 60, "seconds until the log has it"
    figure(
        f"A95 at {names}",
        {"looked at": looked_at, "longest wait": max(waits), "paid": paid, "alarm": alarm},
    )
