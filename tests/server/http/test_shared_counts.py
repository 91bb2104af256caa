"""Counts that several processes share are those of all of them, whatever becomes of one."""

import fcntl
import os
import signal
import time
from collections.abc import Callable

import pytest

from valetkey.server.endpoints.admin.rate_limit import RateLimiter
from valetkey.server.http import shared_counts
from valetkey.server.http.shared_counts import BUCKETS, SLOTS, SharedCounts

WORKERS, CALLS = 4, 500


def forked(work: Callable[[], None]) -> int:
    """The id of a process that does the work."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def test_workers_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_counts, "MAX_WAIT", 30.0)  # However busy the machine is.
    counts = SharedCounts()

    def work() -> None:
        for _ in range(CALLS):
            counts.add("one", 7)
            counts.add("two", 7)

    workers = [forked(work) for _ in range(WORKERS)]
    assert [os.waitpid(one, 0)[1] for one in workers] == [0] * WORKERS
    assert counts.add("one", 7) == WORKERS * CALLS + 1
    assert counts.add("two", 7) == WORKERS * CALLS + 1
    assert counts.add("three", 7) == 1


def test_a_new_window_begins_at_one() -> None:
    counts = SharedCounts()
    assert [counts.add("one", window) for window in (1, 1, 2, 2, 3)] == [1, 2, 1, 2, 1]


def test_all_are_counted_apart() -> None:
    counts = SharedCounts()
    names = [str(number) for number in range(500)]
    assert {counts.add(one, 1) for one in names} == {1}
    assert {counts.add(one, 1) for one in names} == {2}


def test_where_there_is_no_room_nobody_pays_for_another() -> None:
    counts = SharedCounts()
    for number in range(BUCKETS * SLOTS * 2):
        assert counts.add(str(number), 1) == 1


def test_a_worker_that_was_stopped_or_killed_keeps_nobody() -> None:
    counts = SharedCounts()
    read, write = os.pipe()

    def work() -> None:
        fcntl.lockf(counts._file, fcntl.LOCK_EX)
        os.write(write, b"x")
        time.sleep(60)

    worker = forked(work)
    try:
        assert os.read(read, 1) == b"x"
        began = time.monotonic()
        assert [counts.add("one", 1), counts.add("one", 1)] == [1, 2]
        assert time.monotonic() - began < 1
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    assert counts._lock(5)


def test_the_headers_say_what_all_workers_have_left() -> None:
    counts = SharedCounts()
    one, other = (RateLimiter(10, counts, clock=lambda: 61.0) for _ in range(2))
    seen = [limiter.count("machine").calls for limiter in (one, other, one, other)]
    assert seen == [9, 8, 7, 6]
    assert one.count("agent").calls == 9
    assert dict(other.headers(other.count("machine")))[b"ratelimit"] == b'"calls";r=5;t=59'
