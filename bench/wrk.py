"""The load: `wrk` from a core of its own, with the requests that it is given."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from bench.machine import LOAD_CORE, on_core

Mode: TypeAlias = Literal["cycle", "once", "chain"]

MISSING: Final = "" if shutil.which("wrk") else "wrk is not installed (Debian: wrk)"
SCRIPT: Final = Path(__file__).parent / "load.lua"

JSON_REFRESH_TOKEN: Final = '"refresh_token"%s*:%s*"([^"]+)"'
"""What finds the next refresh token in an answer, in Lua's words."""


LIVE: Final = 500
"""Tokens of a chain: more than there are connections."""

ANY: Final = r"\r\n\r\n"
"""What every answer holds."""


ACTIVE: Final = r'"active": ?true'
"""What an answer holds that takes a token for good."""


PENDING: Final = r'"authorization_pending"'
"""What an answer holds that nobody has given yet."""


class Load(msgspec.Struct, kw_only=True):
    """What to send. `cycle`: the requests again and again. `once`: each once. `chain`: the two
    pieces of a form after a head, and tokens that each answer replaces. A first answer has to
    hold what `holds` says, a regular expression; wrk itself looks at the status alone. Who is
    answered with the status `later` is to come back: that is no answer, and nothing wrong."""

    requests: Sequence[bytes]
    mode: Mode = "cycle"
    status: int = 200
    later: int = 0
    pattern: str = ""
    holds: str = ANY


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `wrong` answers had another status, `broken` ones did not come; `dry`
    requests could not be made, because there were not enough to send: then `microseconds` are
    those until there was the first. `put_off` are those who are to come back. Waits in
    microseconds."""

    answers: int
    microseconds: int
    wrong: int
    dry: int
    broken: int
    p50: int
    p99: int
    put_off: int = 0
    why: str = ""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.microseconds * 1e6

    @property
    def errors(self) -> int:
        """Answers that were not as they should be."""
        return self.wrong + self.broken


class Chain:
    """Tokens that stand in a form where it holds `{}`, and that each answer replaces. A load ends
    with some under way, whose answers nobody reads, and which are lost with them: before each load
    there are fresh ones, from `draw`, which makes so many."""

    def __init__(
        self,
        port: int,
        path: str,
        form: str,
        *,
        draw: Callable[[int], Sequence[str]],
        headers: Sequence[str] = (),
        live: int = LIVE,
    ) -> None:
        head = (
            f"POST {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            *headers,
            "Content-Type: application/x-www-form-urlencoded",
            "Content-Length: ",
        )
        parts = ("\r\n".join(head), *form.split("{}"))
        self._load = Load(
            requests=[one.encode() for one in parts], mode="chain", pattern=JSON_REFRESH_TOKEN
        )
        self._draw = draw
        self._full = len(parts) + live

    def load(self) -> Load:
        """The next."""
        lost = self._full - len(self._load.requests)
        fresh = [one.encode() for one in self._draw(lost)] if lost > 0 else []
        self._load.requests = [*self._load.requests, *fresh]
        return self._load


def run(
    port: int,
    load: Load,
    *,
    seconds: float,
    connections: int,
    cores: Sequence[int] = (LOAD_CORE,),
) -> Result:
    """One load. The tokens of a chain are afterwards those that the answers gave. Raises
    RuntimeError where wrk fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requests"
        file.write_bytes(b"".join(b"%d\n%b" % (len(one), one) for one in load.requests))
        command = [
            *on_core(*cores),
            *("wrk", "-t", "1", "-c", str(connections), "-d", f"{max(1, round(seconds))}s"),
            *("--latency", "--timeout", "10s", "-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--"),
            *(str(file), load.mode, str(load.status), str(load.later), load.pattern),
        ]
        process = subprocess.run(command, capture_output=True, check=False, text=True)
        if process.returncode:
            raise RuntimeError(f"wrk: {process.stderr or process.stdout}")
        if load.mode == "chain":
            left = (Path(folder) / "requests.left").read_bytes().split()
            load.requests = (*load.requests[:3], *left)
    return msgspec.json.decode(process.stdout.splitlines()[-1], type=Result)
