"""`python -m bench.live`: how soon a change counts at every API that follows, and what
following costs a call.

A server, and some APIs in processes of their own, which call with a token over and over. The grant
of that token is changed by its user's click on the page of connected apps: a permission less, a
pause, a stop; the time runs from the click to the first refusal of the last API. With `--disable`
the user is disabled instead, as `valetkey user disable` does it. Meanwhile the server answers
introspections.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import msgspec
import uvloop

from bench.clicks import Clicks
from bench.followers import FollowerTry, Try
from bench.load import send
from bench.population import API, SECRET, Member, population
from bench.subject import Subject
from valetkey.resource import ResourceServer, Unreachable
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.policy import Lifetimes
from valetkey.server.oauth.admin.user_status import change_user_status
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle

OTHERS: Final = 500
"""Members whose grants are not changed."""


class LiveOptions(msgspec.Struct, kw_only=True):
    """What to measure."""

    followers: int = 50
    processes: int = 2
    changes: int = 1000
    load: int = 50
    rounds: int = 40
    disable: bool = False


@contextlib.contextmanager
def following(issuer: str, options: LiveOptions) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The APIs, in their processes."""
    share = options.followers // options.processes
    command = [sys.executable, "-m", "bench.followers", issuer, str(share)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(options.processes)
    ]
    try:
        yield started
    finally:
        for one in started:
            assert one.stdin is not None
            one.stdin.close()
            one.wait(10)


async def waits(subject: Subject, members: list[Member], options: LiveOptions) -> list[float]:
    """Seconds from each click to the last API's first refusal."""
    store, clicks = await open_store(subject.database), Clicks(subject)
    delays: list[float] = []
    used = 0.0
    calls = unknown = 0
    try:
        with following(subject.issuer, options) as processes:
            for number, member in enumerate(members):
                browser = await clicks.signed_in(member, store)
                line = msgspec.json.encode(Try(number, subject.token(member))) + b"\n"
                for one in processes:
                    assert one.stdin is not None
                    one.stdin.write(line)
                    one.stdin.flush()
                for one in processes:
                    await asyncio.to_thread(_opened, one, options.followers // options.processes)
                clicked = (
                    await _disable(member, store, subject)
                    if options.disable
                    else await clicks.click(member, browser, way=number)
                )
                results = [await asyncio.to_thread(_read_try, one) for one in processes]
                delays.append(max(one.last for one in results) - clicked)
                used = max(used, *(one.open - clicked for one in results))
                calls += sum(one.calls for one in results)
                unknown += sum(one.unknown for one in results)
    finally:
        await clicks.close()
        await store.close()
    print(f"{calls:,} calls; {unknown} could not be decided and were answered 503")
    print(f"the last call that was let in began {used * 1000:.0f} ms after the click")
    return delays


async def _disable(member: Member, store: Store, subject: Subject) -> float:
    """Disables the member; when that began, by the machine's monotonic clock."""
    at = Installation(
        issuer=subject.issuer,
        lifetimes=Lifetimes(),
        keyring=Keyring({}, (), (), ()),
        offer=Offer(subject.issuer),
        features=(),
    )
    context = Context(at, Env(int(time.time()), os.urandom))
    began = time.monotonic()
    await settle(store, lambda: change_user_status(member.user.id, "disabled", context=context))
    return began


def _opened(process: "subprocess.Popen[bytes]", count: int) -> None:
    assert process.stdout is not None
    for _ in range(count):
        if process.stdout.readline() != b"open\n":
            raise RuntimeError("an API did not open")


def _read_try(process: "subprocess.Popen[bytes]") -> FollowerTry:
    assert process.stdout is not None
    return msgspec.json.decode(process.stdout.readline(), type=FollowerTry)


async def loaded(subject: Subject, options: LiveOptions, over: asyncio.Event) -> int:
    """Answers so many requests a second, until it is over; how many there were."""
    count = 0
    while not over.is_set():
        began = time.monotonic()
        requests = [subject.introspection() for _ in range(options.load)]
        result = await send(subject.port, requests, status=200, connections=4)
        if result.failures:
            raise RuntimeError(f"{result.failures} answers were not 200")
        count += len(result.waits)
        await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))
    return count


async def measure(subject: Subject, options: LiveOptions) -> None:
    """Runs it, and says what it saw."""
    members = [subject.people.member(number) for number in range(options.changes)]
    over = asyncio.Event()
    loading = asyncio.create_task(loaded(subject, options, over))
    began = time.monotonic()
    delays = await waits(subject, members, options)
    took = time.monotonic() - began
    over.set()
    print(f"{len(delays):,} changes in {took:,.0f} s, beside {await loading:,} introspections")
    marks = quantiles(delays, n=100)
    print(
        f"click to the last of {options.followers} APIs' first refusal: "
        f"p50 {marks[49] * 1000:.0f} ms, p99 {marks[98] * 1000:.0f} ms, "
        f"highest {max(delays) * 1000:.0f} ms"
    )


async def cost(subject: Subject, options: LiveOptions) -> None:
    """What a call costs with the live check and without it, in turns."""
    member = subject.people.member(subject.people.size - 1)
    header = f"Bearer {subject.token(member)}"
    plain = ResourceServer(issuer=subject.issuer, catalog=API.catalog)
    live = ResourceServer(
        issuer=subject.issuer, catalog=API.catalog, credentials=(API.id, SECRET), live="follow"
    )
    live.start()
    for kit in (plain, live):
        await _ready(kit, header)
    results: dict[str, list[float]] = {"token": [], "follow": []}
    for _ in range(options.rounds):
        for kit in (plain, live):
            before = time.thread_time()
            for _ in range(200):
                await kit.verify(header, needs=("chirps.read",))
            results[kit.live].append((time.thread_time() - before) / 200 * 1e6)
            await asyncio.sleep(0.05)
    await plain.close()
    await live.close()
    more = [after - before for before, after in zip(*results.values(), strict=True)]
    print(
        f"a call, of a core: {median(results['token']):.1f} us by the token alone, "
        f"{median(results['follow']):.1f} us with the live check; "
        f"added {median(more):.1f} us (median of {options.rounds} rounds, "
        f"{quantiles(more, n=4)[0]:.1f} to {quantiles(more, n=4)[2]:.1f} in the middle half)"
    )


async def _ready(kit: ResourceServer, header: str) -> None:
    """Waits until it knows what it has to, on a machine that is busy."""
    for _ in range(100):
        with contextlib.suppress(Unreachable):
            await kit.verify(header, needs=("chirps.read",))
            await asyncio.sleep(1)
            return
        await asyncio.sleep(0.3)


async def run(options: LiveOptions) -> None:
    """All of it, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="valetkey-bench-") as name:
        folder = Path(name)
        people = population(options.changes + OTHERS, now=int(time.time()), fresh=True)
        subject = await Subject.fill(Database(folder / "live.db"), people)
        with subject.serving(folder):
            print(f"load averages {' '.join(f'{one:.1f}' for one in os.getloadavg())}")
            if options.rounds:
                await cost(subject, options)
            if options.changes:
                await measure(subject, options)
            print(f"load averages {' '.join(f'{one:.1f}' for one in os.getloadavg())}")


def _parse_options() -> LiveOptions:
    default = LiveOptions()
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--followers", type=int, default=default.followers)
    parser.add_argument("--processes", type=int, default=default.processes)
    parser.add_argument("--changes", type=int, default=default.changes, help="0: not measured")
    parser.add_argument("--load", type=int, default=default.load, help="introspections a second")
    parser.add_argument("--disable", action="store_true", help="users, instead of their clicks")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="of the cost, 0: none")
    return LiveOptions(**vars(parser.parse_args()))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(_parse_options()))
