"""The pool in which passwords are checked."""

import os
import sys
import threading

import pytest

from valetkey.http.hashing import BEHIND, Passwords
from valetkey.model.secret import Secret

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
    assert there == min(19, before + BEHIND)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
