"""The pool in which passwords are checked."""

import asyncio
import os
import sys
import threading

import pytest

from valetkey.server.accounts import password
from valetkey.server.http.hashing import NICENESS, WAITING, WORKERS, Passwords
from valetkey.server.model.keys import Secret
from valetkey.spec.errors import TemporarilyUnavailable

pytestmark = pytest.mark.anyio


async def test_a_password_fits_what_is_kept_of_it() -> None:
    passwords = Passwords()
    try:
        kept = await passwords.keep(Secret("correct horse"))
        assert await passwords.fits(Secret("correct horse"), kept)
        assert not await passwords.fits(Secret("battery staple"), kept)
        assert not await passwords.fits(Secret("correct horse"), "")
    finally:
        passwords.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has a priority of its own")
async def test_its_threads_step_back_and_nobody_else_does() -> None:
    passwords = Passwords()
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        there = await passwords._run(
            lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        )
    finally:
        passwords.close()
    assert there == min(19, before + NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_a_flood_of_one_network_refuses_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """ATTACKS A95: whoever comes from elsewhere, or is known, is not refused for it."""
    held = threading.Event()
    monkeypatch.setattr(password, "fits", lambda given, kept: held.wait(30))
    passwords = Passwords()

    def fits(address: str) -> asyncio.Task[bool]:
        return asyncio.create_task(passwords.fits(Secret("x"), "y", address=address))

    try:
        flood = [fits("203.0.113.9") for _ in range(WORKERS + WAITING + 20)]
        others = [fits(f"198.51.{n}.7") for n in range(30)]
        known = [fits("") for _ in range(30)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        held.set()
        outcomes = await asyncio.gather(*flood, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, TemporarilyUnavailable)]
        assert len(refused) == 20 + 30
        assert await asyncio.gather(*others, *known) == [True] * 60
        assert await passwords.fits(Secret("x"), "y", address="203.0.113.9")
    finally:
        held.set()
        passwords.close()


async def test_whoever_gives_up_gives_the_turn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(password, "fits", lambda given, kept: held.wait(30))
    passwords = Passwords()
    try:
        tasks = [
            asyncio.create_task(passwords.fits(Secret("x"), "y", address="192.0.2.1"))
            for _ in range(WORKERS + 3)
        ]
        await asyncio.sleep(0)
        tasks[WORKERS].cancel()
        held.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes.count(True) == WORKERS + 2
        for _ in range(2 * WORKERS):
            assert await passwords.fits(Secret("x"), "y", address="192.0.2.1")
    finally:
        held.set()
        passwords.close()
