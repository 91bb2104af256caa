"""What is measured beside the operations: the signing limit, several workers, more and fewer
connections, and a flood of people who sign in."""

import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx2

from bench import wrk
from bench.compare import Asked, Failed, one_round
from bench.machine import CORES, SERVER_CORE, on_core
from bench.peers.ours import Ours
from bench.peers.peer import Peer
from bench.peers.people import PASSWORD
from bench.wrk import Load

CONNECTIONS: Final = (1, 4, 16, 64, 256)

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


def signing_limit(asked: Asked) -> list[float]:
    """ES256 signatures a second on the server's core, round by round."""
    command = [*on_core(SERVER_CORE), sys.executable, "-c", _SIGN, str(asked.seconds)]
    return [
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(asked.rounds)
    ]


def workers(asked: Asked, *, folder: Path) -> list[tuple[float, float]]:
    """Client credentials a second of one process and of two, in turn. Both may use all cores, and
    so may the load."""
    operation = "client credentials"
    for name in ("one", "two"):
        (folder / name).mkdir()
    with (
        Ours(cores=CORES).serving(operation, folder / "one") as one,
        Ours(workers=2, cores=CORES).serving(operation, folder / "two") as two,
    ):
        found = list[tuple[float, float]]()
        for number in range(asked.rounds + 1):
            rates = []
            for running in (one, two):
                result = wrk.run(
                    running.port,
                    running.load(),
                    seconds=asked.seconds,
                    connections=asked.connections,
                    cores=CORES,
                )
                if result.errors:
                    raise Failed(f"workers: {result.errors} wrong answers: {result.why}")
                rates.append(result.rate)
            if number:
                found.append((rates[0], rates[1]))
    return found


def curve(
    peers: Sequence[Peer], asked: Asked, *, folder: Path
) -> dict[str, list[tuple[int, float, float]]]:
    """Connections, answers a second, and p99 in milliseconds, of client credentials."""
    operation = "client credentials"
    found: dict[str, list[tuple[int, float, float]]] = {}
    for peer in peers:
        if operation not in peer.operations:
            continue
        own = folder / f"curve {peer.name}"
        own.mkdir()
        with peer.serving(operation, own) as running:
            for _ in range(2):
                one_round(running, asked)
            for connections in CONNECTIONS:
                at = Asked(rounds=1, seconds=asked.seconds, connections=connections)
                one = one_round(running, at)
                if one.result.errors:
                    raise Failed(f"{peer.name}, {connections} connections: {one.result.why}")
                point = connections, one.result.rate, one.result.p99 / 1000
                found.setdefault(peer.name, []).append(point)
    return found


def flood(asked: Asked, *, folder: Path) -> list[tuple[float, float, float]]:
    """p99 of the token endpoint in milliseconds while nobody signs in, the same while as many do
    as are let, and how many of those there were a second; round by round."""
    own = folder / "flood"
    own.mkdir()
    ours = Ours(environment={"VALETKEY_UNTHROTTLED": "127.0.0.1"})
    found = list[tuple[float, float, float]]()
    with ours.serving("client credentials", own) as running, ThreadPoolExecutor(1) as beside:
        for number in range(asked.rounds + 1):
            quiet = one_round(running, asked)
            people = Load(requests=_sign_ins(running.port, ours.names(1000)), status=303)
            crowd = beside.submit(
                wrk.run, running.port, people, seconds=asked.seconds, connections=16
            )
            loud = one_round(running, asked)
            came = crowd.result()
            for result in (quiet.result, loud.result, came):
                if result.errors:
                    raise Failed(f"sign-in: {result.errors} wrong answers: {result.why}")
            if not came.answers:
                raise Failed("sign-in: nobody was let in")
            if number:
                found.append((quiet.result.p99 / 1000, loud.result.p99 / 1000, came.rate))
    return found


def _sign_ins(port: int, names: Sequence[str]) -> list[bytes]:
    """The form of a browser, filled in by each of these people."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as browser:
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
