"""`valetkey top`: what the server does right now."""

import contextlib
import os
import select
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Final

import click
import httpx2

from valetkey.cli.context import CommandContext
from valetkey.cli.health import reachable
from valetkey.cli.monitoring.frame import Frame, lines_of
from valetkey.cli.monitoring.samples import Interval, Reading, read_text
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.remote.targets import OperationCall, Target, target_of
from valetkey.server.admin.table import BY_NAME
from valetkey.wire import address

SECONDS: Final = 2.0
"""Between two frames."""

ANSWER_SECONDS: Final = 3.0

NO_METRICS: Final = (
    "Rates and times come from the metrics: set metrics_port, or forward that port of a server "
    "elsewhere and give its address with --metrics."
)


@click.command(cls=Command)
@click.option("--metrics", metavar="URL", help="Where the metrics are: http://HOST:PORT/metrics.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=SECONDS,
    show_default=True,
    help="Seconds between two frames.",
)
@click.option("--once", is_flag=True, help="Print one frame, which needs no terminal.")
@click.pass_obj
def top(command: CommandContext, metrics: str | None, interval: float, *, once: bool) -> None:
    """Show requests, outcomes, times, commits, followers, the queue and failed sign-ins, live.

    Press q to quit. Rates and times come from the port of the metrics (the setting metrics_port, or
    --metrics); the numbers of this hour come from the database, or from the server of --server.
    """
    if not once and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise InvalidUsage("`valetkey top` needs a terminal: --once prints one frame without one")
    target = target_of(command)
    try:
        source = _Source(command, target, metrics)
        if once:
            source.frame()
            if source.address:
                time.sleep(interval)
            click.echo("\n".join(lines_of(source.frame())))
            return
        with _screen():
            while True:
                _draw(source.frame())
                if _is_quit(interval):
                    return
    except KeyboardInterrupt:
        return
    finally:
        target.close()


class _Source:
    """Where the numbers come from."""

    def __init__(self, command: CommandContext, target: Target, metrics: str | None) -> None:
        self._target = target
        self.address = metrics or _own_metrics(command)
        parts = address.read(self.address)
        if self.address and not (parts and parts.is_web):
            raise InvalidUsage(f"--metrics {self.address!r} is no http address")
        self._reading: Reading | None = None
        self._counted: Mapping[str, int] = {}

    def frame(self) -> Frame:
        """The next frame. Raises Failed if there are neither metrics nor statistics."""
        interval, why = None, NO_METRICS
        if self.address:
            interval, why = self._interval()
        before = self._counted
        counted: Mapping[str, int] | None = None
        try:
            counted = self._counted = self._numbers()
        except Failed:
            if interval is None:
                raise
        return Frame(
            place=self._target.place, why=why, interval=interval, counted=counted, before=before
        )

    def _interval(self) -> tuple[Interval | None, str]:
        try:
            answer = httpx2.get(self.address, timeout=ANSWER_SECONDS).raise_for_status()
        except httpx2.HTTPError as error:
            self._reading = None
            return None, f"{self.address} does not answer: {error}"
        now = read_text(answer.text, time.monotonic())
        before, self._reading = self._reading or now, now
        return Interval(before, now), ""

    def _numbers(self) -> Mapping[str, int]:
        query = {"period": "hour", "length": 1}
        report = self._target.do(OperationCall(BY_NAME["statistics.show"], query=query))
        numbers: Mapping[str, int] = report["points"][-1]["numbers"]
        return numbers


def _own_metrics(command: CommandContext) -> str:
    """The address of this machine's metrics, "" for none."""
    if command.remote_name():
        return ""
    settings = command.settings()
    if not settings.metrics_port:
        return ""
    host = reachable(settings.metrics_host)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.metrics_port}/metrics"


@contextlib.contextmanager
def _screen() -> Iterator[None]:
    """A screen of its own, on which keys count at once. What was there before comes back."""
    import termios  # noqa: PLC0415 - not on every system
    import tty  # noqa: PLC0415

    before = termios.tcgetattr(sys.stdin)
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()


def _draw(frame: Frame) -> None:
    size = shutil.get_terminal_size()
    lines = [*lines_of(frame, width=size.columns), "", "q quits"][: size.lines - 1]
    text = "".join(f"{line[: size.columns]}\x1b[K\r\n" for line in lines)
    sys.stdout.write(f"\x1b[H{text}\x1b[J")
    sys.stdout.flush()


def _is_quit(seconds: float) -> bool:
    """Whether q was pressed before `seconds` have passed."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([sys.stdin], [], [], left)
        if ready:
            # Not through `sys.stdin`, whose buffer `select` doesn't see.
            keys = os.read(sys.stdin.fileno(), 64)
            if not keys or b"q" in keys.lower():
                return True
    return False
