"""The load: `wrk` from a core of its own, with the requests that it is given."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from bench.machine import LOAD_CORE, on_core

Mode: TypeAlias = Literal["cycle", "once", "chain"]

MISSING: Final = "" if shutil.which("wrk") else "wrk is not installed (Debian: wrk)"
SCRIPT: Final = Path(__file__).parent / "load.lua"

JSON_REFRESH_TOKEN: Final = '"refresh_token"%s*:%s*"([^"]+)"'
"""What finds the next refresh token in an answer, in Lua's words."""


ACTIVE: Final = r'"active": ?true'
"""What an answer holds that takes a token for good."""


class Load(msgspec.Struct, kw_only=True):
    """What to send. `cycle`: the requests again and again. `once`: each once. `chain`: the two
    pieces of a form after a head, and tokens that each answer replaces. A first answer has to
    hold what `holds` says, a regular expression; wrk itself looks at the status alone."""

    requests: Sequence[bytes]
    mode: Mode = "cycle"
    status: int = 200
    pattern: str = ""
    holds: str = "\r\n\r\n"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `wrong` answers had another status, `broken` ones did not come; `dry`
    requests could not be made, because there were not enough to send. Waits in microseconds."""

    answers: int
    microseconds: int
    wrong: int
    dry: int
    broken: int
    p50: int
    p99: int
    why: str = ""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.microseconds * 1e6

    @property
    def errors(self) -> int:
        """Answers that were not as they should be."""
        return self.wrong + self.broken


def chain(port: int, path: str, form: str, *, headers: Sequence[str] = ()) -> tuple[bytes, ...]:
    """The head and the two pieces of a form that holds `{}` where the token belongs."""
    head = (
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        *headers,
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: ",
    )
    before, after = form.split("{}")
    return "\r\n".join(head).encode(), before.encode(), after.encode()


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
            *("--latency", "-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--"),
            *(str(file), load.mode, str(load.status), load.pattern),
        ]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        if done.returncode:
            raise RuntimeError(f"wrk: {done.stderr or done.stdout}")
        if load.mode == "chain":
            left = (Path(folder) / "requests.left").read_bytes().split()
            load.requests = (*load.requests[:3], *left)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Result)
