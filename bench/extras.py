"""What is measured beside the operations: the signing limit, two workers, more and fewer
connections, a flood of people who sign in, and the kit."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx2
import msgspec

from bench import wrk
from bench.compare import BenchOptions, Failed, one_round
from bench.data import Kit, Run
from bench.machine import CORES, SERVER_CORE, on_core
from bench.peers.ours import OnPostgres, Ours
from bench.peers.peer import Peer
from bench.peers.people import PASSWORD
from bench.wrk import Load, Result

OPERATION: Final = "client credentials"
CONNECTIONS: Final = (1, 4, 16, 64, 256)
CURVES: Final = ("valetkey", "node-oidc-provider")

CROWD: Final = 16
"""People who sign in at the same time: more than two threads can check. Who is told to come back
costs nothing, and is not counted."""

FLOODED: Final = 6
"""Seconds of a round with them, and of one without: where the core is full of tokens, each waits
for some of these."""

WORKED: Final = 3
"""Seconds of a round of several processes, and of one."""

_SIGN: Final = """
import sys, time
from valetkey.jose import jwk, jws
key = jwk.generate("ES256")
until, count = time.perf_counter() + float(sys.argv[1]), 0
began = time.perf_counter()
while time.perf_counter() < until:
    key.key.sign(b"x" * 400, jws._ECDSA)
    count += 1
print(count / (time.perf_counter() - began))
"""


def signing_limit(run: Run, there: Sequence[Peer], options: BenchOptions, folder: Path) -> None:
    """ES256 tokens a second of our server, and signatures on the same core with nothing else, in
    turn."""
    command = [*on_core(SERVER_CORE), sys.executable, "-c", _SIGN, str(options.seconds)]
    own = folder / "signing limit"
    own.mkdir()
    ours = next(peer for peer in there if peer.name == Ours.name)
    with ours.serving(OPERATION, own) as running:
        for number in range(options.rounds + 1):
            tokens = good(one_round(running, options).result, "tokens").rate
            if number:
                process = subprocess.run(command, check=True, capture_output=True, text=True)
                run.limit.append((tokens, float(process.stdout)))


def workers(run: Run, there: Sequence[Peer], options: BenchOptions, folder: Path) -> None:
    """Client credentials of one process and of two, in turn. Both may use all cores, and so may the
    load, and the database. So the load begins at their cost, for which a round is longer."""
    for kind in (Ours, OnPostgres):
        if kind.name not in {peer.name for peer in there}:
            continue
        places = [folder / f"{kind.name} {count}" for count in (1, 2)]
        for place in places:
            place.mkdir()
        with (
            kind(cores=CORES).serving(OPERATION, places[0]) as one,
            kind(workers=2, cores=CORES).serving(OPERATION, places[1]) as two,
        ):
            rounds = run.workers.setdefault(kind.name, [])
            for number in range(options.rounds + 1):
                rates = [
                    good(
                        wrk.run(
                            running.port,
                            running.load(),
                            seconds=WORKED,
                            connections=options.connections,
                            cores=CORES,
                        ),
                        kind.name,
                    ).rate
                    for running in (one, two)
                ]
                if number:
                    rounds.append((rates[0], rates[1]))


def curve(run: Run, there: Sequence[Peer], options: BenchOptions, folder: Path) -> None:
    """Client credentials by number of connections."""
    for peer in there:
        if peer.name not in CURVES:
            continue
        own = folder / f"curve {peer.name}"
        own.mkdir()
        with peer.serving(OPERATION, own) as running:
            for _ in range(options.warm):
                one_round(running, options)
            for connections in CONNECTIONS:
                at = msgspec.structs.replace(options, connections=connections)
                seen = good(one_round(running, at).result, f"{peer.name}, {connections}")
                point = connections, seen.rate, seen.p99 / 1000
                run.curve.setdefault(peer.name, []).append(point)


def flood(run: Run, there: Sequence[Peer], options: BenchOptions, folder: Path) -> None:
    """The token endpoint while nobody signs in, and while many do, in turn."""
    own = folder / "flood"
    own.mkdir()
    ours = Ours(environment={"VALETKEY_UNTHROTTLED": "127.0.0.1"})
    longer = msgspec.structs.replace(options, seconds=FLOODED)
    with ours.serving(OPERATION, own) as running, ThreadPoolExecutor(1) as beside:
        forms = sign_ins(running.port, ours.names(1000))
        people = Load(requests=forms, status=303, later=503)
        for number in range(options.rounds + 1):
            quiet = good(one_round(running, longer).result, "tokens")
            crowd = beside.submit(wrk.run, running.port, people, seconds=FLOODED, connections=CROWD)
            loud = good(one_round(running, longer).result, "tokens under a flood")
            came = good(crowd.result(), "sign-in")
            if number:
                run.flood.append((quiet.p99 / 1000, loud.p99 / 1000, came.rate))


def kit(run: Run, there: Sequence[Peer], options: BenchOptions, folder: Path) -> None:
    """The kit's own bench, in a process of its own on the server's core."""
    words = ("-m", "bench.verify", "--json", "--rounds", str(options.rounds), "--count", "400")
    command = [*on_core(SERVER_CORE), sys.executable, *words]
    process = subprocess.run(command, check=False, capture_output=True, text=True)
    if process.returncode:
        raise Failed(process.stderr[-500:])
    run.kit = msgspec.json.decode(process.stdout, type=Kit)


def good(result: Result, whose: str) -> Result:
    """A result that counts. Raises Failed."""
    if result.errors:
        raise Failed(f"{whose}: {result.errors} wrong answers of {result.answers}: {result.why}")
    if not result.answers:
        raise Failed(f"{whose}: no answers")
    return result


def sign_ins(port: int, names: Sequence[str]) -> list[bytes]:
    """The form of a browser, filled in by each of these people."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as browser:
        page = browser.get("/sign-in").raise_for_status()
        hidden = re.findall(r'type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    requests = []
    for name in names:
        body = urlencode({**dict(hidden), "username": name, "password": PASSWORD})
        lines = (
            "POST /sign-in?next=/apps HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
            f"Cookie: {cookies}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
        )
        requests.append("\r\n".join((*lines, "", body)).encode())
    return requests


BESIDE: Final[dict[str, Callable[[Run, Sequence[Peer], BenchOptions, Path], None]]] = {
    "signing limit": signing_limit,
    "two workers": workers,
    "sign-in flood": flood,
    "load": curve,
    "kit": kit,
}
"""What there is, by the name under which it can be asked for."""
