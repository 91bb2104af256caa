"""`python -m bench.users import` and `python -m bench.users find`: how large may the number of
users be?

`import` imports users with `valetkey import users` from a file that it makes, and says how many a
second, and how much memory the process took at most: for a tenth of the number too, so that growth
shows. `find` fills databases with users of two numbers, and takes turns in finding sign-in names in
them: the ratio is that of the medians of the rounds.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import apsw
import asyncpg
from tests.postgres import cluster

from bench.population import Population, population
from bench.rows import Row, Rows
from valetkey.server.model.query import OneByAlias
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.port import Store
from valetkey.server.store.postgres.rows import columns
from valetkey.server.store.sqlite.packed import second_name
from valetkey.server.store.sqlite.tree import INSERT, block_of

HASH: Final = f"$pbkdf2-sha256$i=600000$c2FsdHNhbHRzYWx0${'A' * 43}"
CREDENTIAL: Final = {
    "type": "password",
    "secretData": json.dumps({"value": "A" * 43 + "=", "salt": "c2FsdHNhbHRzYWx0"}),
    "credentialData": json.dumps({"hashIterations": 27500, "algorithm": "pbkdf2-sha256"}),
}
MEASURED: Final = (
    "import resource, subprocess, sys\n"
    "status = subprocess.run(sys.argv[1:]).returncode\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
    "sys.exit(status)\n"
)
"""Runs a program, and prints the most memory that it took, in KiB."""


def records(form: str, size: int) -> Iterator[str]:
    """The text of a file with that many users."""
    if form == "ndjson":
        for n in range(size):
            user: dict[str, Any] = {
                "username": f"user{n}",
                "email": f"user{n}@mail.example",
                "name": f"User {n}",
            }
            yield json.dumps(user | {"password_hash": HASH, "email_verified": True}) + "\n"
        return
    yield '{"realm": "bench", "clients": [{"clientId": "x"}], "users": [\n'
    for n in range(size):
        person: dict[str, Any] = {
            "id": f"{n:032x}",
            "username": f"user{n}",
            "email": f"user{n}@mail.example",
            "emailVerified": True,
            "firstName": "User",
            "lastName": str(n),
            "enabled": True,
            "createdTimestamp": 1600000000000 + n,
        }
        yield (",\n" if n else "") + json.dumps(person | {"credentials": [CREDENTIAL]}, indent=2)
    yield "]}\n"


def import_users(form: str, size: int, *, database: str, folder: Path) -> dict[str, Any]:
    """Import that many users into a database. What it took."""
    file = folder / f"users-{size}"
    with file.open("w") as out:
        out.writelines(records(form, size))
    program = [sys.executable, "-c", MEASURED, sys.executable, "-m", "valetkey"]
    words = ["import", "users", str(file), "--database", database, "--json"]
    began = time.monotonic()
    environ = os.environ | {"VALETKEY_MASTER_KEY": "A" * 43}
    done = subprocess.run(
        [*program, *words], capture_output=True, text=True, check=False, env=environ
    )
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    added = report["added"]
    assert added == size, report
    megabytes = file.stat().st_size >> 20
    file.unlink()
    return {
        "format": form,
        "users": added,
        "file_mib": megabytes,
        "seconds": round(seconds, 1),
        "a_second": round(added / seconds),
        "peak_mib": round(int(done.stderr.split()[-1]) / 1024, 1),
    }


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[], str]]:
    """Makes new databases of that kind."""
    if kind == "sqlite":
        names = (str(folder / f"{n}.db") for n in range(100))
        yield lambda: next(names)
        return
    with cluster() as one:
        yield one.fresh


def main_import(kind: str, form: str, size: int) -> None:
    """Import a tenth of the users, and all of them, into new databases."""
    with tempfile.TemporaryDirectory() as name, databases(kind, Path(name)) as fresh:
        for part in (size // 10, size):
            result = import_users(form, part, database=fresh(), folder=Path(name))
            print(json.dumps({"database": kind} | result), flush=True)


def _rows(people: Population, numbers: range) -> list[tuple[int, Row]]:
    """The row of each user, and its place."""
    rows, result = Rows(people), []
    for number in numbers:
        noise, born = people.noise(number), people.millisecond(number) // 1000
        name = people_name(people, number)
        body = rows._of_user(name, number, born)
        place = int.from_bytes(noise[:4], "big")
        row = Row(noise[4:16], 1, 0, second_name(sign_in_name(name)), None, None, None, body)
        result.append((place, row))
    return result


def people_name(people: Population, number: int) -> str:
    """The username of the member with that number."""
    return f"member{number}.{people.noise(number)[:3].hex()}"


def _chunks(people: Population) -> Iterator[list[tuple[int, Row]]]:
    firsts = iter(range(0, people.size, 20_000))
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        while some := list(islice(firsts, 8)):
            numbers = [range(first, min(first + 20_000, people.size)) for first in some]
            yield from pool.starmap(_rows, [(people, one) for one in numbers])


async def fill(url: str, people: Population) -> Store:
    """Fill an empty database with users alone, and open it."""
    database = Database(PostgresURL(url)) if "://" in url else Database(Path(url))
    await (await open_store(database)).close()
    match database.at:
        case Path() as file:
            connection = apsw.Connection(str(file))
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-4000000"):
                connection.execute(f"PRAGMA {pragma}")
            with connection:
                for chunk in _chunks(people):
                    rows = [(block_of(place, User.rank, row.key), *row) for place, row in chunk]
                    connection.executemany(f"{INSERT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.close()
        case PostgresURL() as there:
            server = await asyncpg.connect(there.reveal())
            for chunk in _chunks(people):
                values = [row._asdict() | {"place": place} for place, row in chunk]
                await server.copy_records_to_table(
                    User.table,
                    records=[tuple(one[name] for name in columns(User)) for one in values],
                    columns=columns(User),
                )
            await server.execute("VACUUM ANALYZE")
            await server.close()
    return await open_store(database)


async def find(store: Store, people: Population, *, names: int, random: Random) -> float:
    """Microseconds to find a name: every second one is nobody's."""
    numbers = [random.randrange(people.size) for _ in range(names)]
    queries = [OneByAlias(User, people_name(people, n) if n % 2 else f"nobody{n}") for n in numbers]
    began = time.perf_counter()
    for number, query in zip(numbers, queries, strict=True):
        row = (await store.read(query)).one(query)
        assert (row is not None) == bool(number % 2)
    return (time.perf_counter() - began) / names * 1e6


async def main_find(kind: str, sizes: list[int], rounds: int) -> None:
    """Fill, then take turns."""
    with tempfile.TemporaryDirectory() as name, databases(kind, Path(name)) as fresh:
        stores = {}
        for size in sizes:
            people = population(size, now=int(time.time()))
            began = time.monotonic()
            stores[size] = await fill(fresh(), people), people
            print(f"{size} users written in {time.monotonic() - began:.0f} s", file=sys.stderr)
        times: dict[int, list[float]] = {size: [] for size in sizes}
        for turn in range(rounds + 1):
            for size, (store, people) in stores.items():
                taken = await find(store, people, names=4000, random=Random(turn))
                if turn:  # The first one warms the pages.
                    times[size].append(taken)
        for store, _ in stores.values():
            await store.close()
    medians = {size: median(each) for size, each in times.items()}
    ratio = medians[sizes[-1]] / medians[sizes[0]]
    print(
        json.dumps(
            {
                "database": kind,
                "microseconds": {str(size): round(each, 1) for size, each in medians.items()},
                "ratio": round(ratio, 2),
            }
        )
    )


def main() -> None:
    """Parse the words, and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.users", description=__doc__)
    parser.add_argument("what", choices=("import", "find"))
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--format", choices=("ndjson", "keycloak"), default="ndjson")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=9)
    words = parser.parse_args()
    if words.what == "import":
        main_import(words.database, words.format, words.users)
    else:
        asyncio.run(main_find(words.database, words.sizes, words.rounds))


if __name__ == "__main__":
    main()
