"""`make bench`: what one server answers a second on one core, its SQLite file included.

The load runs on another core. A round counts only where every answer had the status expected. How
busy the server's core was stands beside each rate: well under 100 %, the load was the limit.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2
import msgspec
import uvloop

from bench.load import Result, form_request, load, processor_seconds

CORES: Final = os.sched_getaffinity(0)
SERVER_CORE: Final = min(CORES)
CATALOG: Final = """
resource = "https://chirp.example"
name = "Chirp"
permissions = [{ id = "chirps.read", can = "read your timeline" }]
"""


class Server(msgspec.Struct, frozen=True):
    """A running `valetkey serve`, and the secrets of what was registered there, by id."""

    pid: int
    port: int
    secrets: dict[str, str]

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        return processor_seconds(self.pid)

    def get(self, path: str) -> bytes:
        """The request for a document."""
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode()

    def post(self, path: str, form: Mapping[str, str], *, client: str) -> bytes:
        """The request that sends a form, authenticated as the client."""
        basic = base64.b64encode(f"{client}:{self.secrets[client]}".encode()).decode()
        return form_request(self.port, path, form, basic=basic)


def valetkey(*arguments: str, folder: Path) -> Any:
    """What a command answers in JSON. Raises RuntimeError with its own words where it fails."""
    command = (sys.executable, "-m", "valetkey", *arguments, "--json")
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server of its own in an empty folder, with an app and an API registered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="valetkey-bench-") as name:
        folder = Path(name)
        (folder / "catalog.toml").write_text(CATALOG)
        api = ("resource", "add", "--id", "chirp", "--catalog-file", "catalog.toml")
        app = ("client", "add", "--id", "app", "--grant-type", "client_credentials")
        made = (
            valetkey(*api, folder=folder),
            valetkey(*app, "--scope", "chirps.read", folder=folder),
        )
        secrets = {one["client_id"]: one["client_secret"] for one in made}
        command = (sys.executable, "-m", "valetkey", "serve", "--port", str(port))
        issuer = f"http://127.0.0.1:{port}"
        os.sched_setaffinity(0, {SERVER_CORE})  # which the server inherits
        with subprocess.Popen(
            (*command, "--issuer", issuer), cwd=folder, stdout=subprocess.PIPE
        ) as process:
            os.sched_setaffinity(0, CORES - {SERVER_CORE})
            try:
                assert process.stdout is not None
                if not process.stdout.readline():
                    raise RuntimeError("the server did not start")
                yield Server(process.pid, port, secrets)
            finally:
                process.terminate()


def requests(server: Server) -> dict[str, bytes]:
    """The request of each operation, made from what the server itself publishes."""
    issuer = f"http://127.0.0.1:{server.port}"
    metadata = httpx2.get(f"{issuer}/.well-known/oauth-authorization-server").json()
    paths = {name: str(url).removeprefix(issuer) for name, url in metadata.items()}
    credentials = {"grant_type": "client_credentials", "scope": "chirps.read"}
    issued = httpx2.post(
        metadata["token_endpoint"], data=credentials, auth=("app", server.secrets["app"])
    ).raise_for_status()
    token = {"token": issued.json()["access_token"]}
    return {
        "discovery": server.get("/.well-known/oauth-authorization-server"),
        "jwks": server.get(paths["jwks_uri"]),
        "client credentials": server.post(paths["token_endpoint"], credentials, client="app"),
        "introspection": server.post(paths["introspection_endpoint"], token, client="chirp"),
    }


class Round(msgspec.Struct, frozen=True):
    """One round: what the load saw, and the share of a core that the server used."""

    result: Result
    busy: float


def measure(server: Server, request: bytes, *, seconds: float, connections: int) -> Round:
    """One round. Raises RuntimeError where an answer was not the one expected."""
    before = server.cpu()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(
            load(server.port, request, status=200, seconds=seconds, connections=connections)
        )
    if result.failures:
        raise RuntimeError(f"{result.failures} of {len(result.waits)} answers were not 200")
    return Round(result, (server.cpu() - before) / result.seconds)


def report(name: str, rounds: list[Round]) -> None:
    """A line: the median rate and its spread, p99, how busy the server was."""
    rates = sorted(one.result.rate for one in rounds)
    p99 = median(one.result.p99 for one in rounds)
    busy = median(one.busy for one in rounds)
    print(
        f"{name:20}{median(rates):10,.0f}/s  ({rates[0]:,.0f} to {rates[-1]:,.0f})"
        f"   p99 {p99:.1f} ms   server busy {busy:.0%}"
    )


def main() -> None:
    """Measures every operation, interleaved, after a warm-up."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    asked = parser.parse_args()
    if len(CORES) < 2:
        sys.exit("bench: needs two cores, one for the server and one for the load")
    with serving() as server:
        wanted = requests(server)
        rounds: dict[str, list[Round]] = {name: [] for name in wanted}
        for number in range(asked.rounds + 1):
            for name, request in wanted.items():
                one = measure(server, request, seconds=asked.seconds, connections=asked.connections)
                if number:  # the first is the warm-up
                    rounds[name].append(one)
        for name, seen in rounds.items():
            report(name, seen)


if __name__ == "__main__":
    main()
