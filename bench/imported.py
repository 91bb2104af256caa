"""Sign-ins at a steady pace by people whose password hashes another system made, beside the token
endpoint: the first sign-in checks the hash as it is, and makes our own of it."""

import asyncio
import base64
import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Final

import bcrypt
import msgspec
from tests.promises.wire import Connection

from bench.compare import BenchOptions, one_round
from bench.data import Imported, Run
from bench.extras import FLOODED, OPERATION, good, sign_ins
from bench.peers.ours import Ours
from bench.peers.peer import Peer, Running
from bench.peers.people import PASSWORD, furnish
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.store.database_url import Database

PACE: Final = 30
"""Sign-ins a second."""

PEOPLE: Final = 1500
"""Of whom each signs in once."""

_SALT: Final = b"a salt of 16 byt"


def _pbkdf2(iterations: int) -> str:
    made = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), _SALT, iterations)
    salt, text = (base64.b64encode(one).decode().rstrip("=") for one in (_SALT, made))
    return f"$pbkdf2-sha256$i={iterations}${salt}${text}"


HASHES: Final[dict[str, Callable[[], str]]] = {
    "PBKDF2, 27,500 iterations": lambda: _pbkdf2(27_500),
    "bcrypt, cost 10": lambda: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode(),
    "PBKDF2, 600,000 iterations": lambda: _pbkdf2(600_000),
}
"""What Keycloak made for years, Devise and others, and Django 4.2."""


class OursImported(Ours):
    """Ours, whose people all have a password hash of another system."""

    def __init__(self, stored: str) -> None:
        super().__init__(size=PEOPLE, environment={"VALETKEY_UNTHROTTLED": "127.0.0.1"})
        self._stored = stored

    def fill(self, source: Path) -> None:
        """Fills the database."""
        self._filled = (
            source,
            asyncio.run(furnish(Database(source), PEOPLE, stored=self._stored, more=(MARKER,))),
        )


class Paced(msgspec.Struct):
    """Sign-ins at a pace: the seconds that each took, and those that were told to come back."""

    took: list[float] = []
    put_off: int = 0
    wrong: int = 0


async def paced(port: int, requests: Sequence[bytes], *, seconds: float, pace: int) -> Paced:
    """One sign-in every 1/pace seconds, whatever became of those before."""
    outcome, began = Paced(), time.monotonic()

    async def one(number: int, request: bytes) -> None:
        await asyncio.sleep(began + number / pace - time.monotonic())
        async with contextlib.aclosing(Connection(port)) as connection:
            started = time.monotonic()
            reply = await connection.ask(request)
        if reply.status == 303:
            outcome.took.append(time.monotonic() - started)
        elif reply.status == 503:
            outcome.put_off += 1
        else:
            outcome.wrong += 1

    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests[: int(seconds * pace)]):
            group.create_task(one(number, request))
    return outcome


def imported(run: Run, there: Sequence[Peer], options: BenchOptions, folder: Path) -> None:
    """The token endpoint while nobody signs in, and while so many a second do, in turn: for each
    kind of hash."""
    longer = msgspec.structs.replace(options, seconds=FLOODED)
    for number, (kind, stored) in enumerate(HASHES.items()):
        own = folder / f"imported {number}"
        own.mkdir()
        ours = OursImported(stored())
        ours.fill(own / "filled.db")
        with ours.serving(OPERATION, own) as running:
            people = iter(sign_ins(running.port, ours.names(PEOPLE)))
            rounds = [_round(running, longer, people) for _ in range(options.rounds + 1)]
        run.imported[kind] = rounds[1:]


def _round(running: Running, options: BenchOptions, people: Iterator[bytes]) -> Imported:
    quiet = good(one_round(running, options).result, "tokens")
    requests = list(islice(people, int(options.seconds * PACE)))
    with ThreadPoolExecutor(1) as beside:
        crowd = beside.submit(
            lambda: asyncio.run(paced(running.port, requests, seconds=options.seconds, pace=PACE))
        )
        loud = good(one_round(running, options).result, "tokens beside sign-ins")
        came = crowd.result()
    if came.wrong:
        raise RuntimeError(f"{came.wrong} sign-ins had a wrong answer")
    p95 = quantiles(came.took, n=20)[-1] if len(came.took) > 1 else 0.0
    return Imported(
        quiet=quiet.p99 / 1000,
        loud=loud.p99 / 1000,
        signed_in=len(came.took),
        put_off=came.put_off,
        p95=p95,
    )
