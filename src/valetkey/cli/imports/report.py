"""The report and the progress of an import."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import click
import msgspec

from valetkey.server.accounts.importing import VERDICTS, Judgment

MOST_REFUSALS: Final = 20
"""Refused records in the printed report."""

PROGRESS: Final = 10.0
"""Seconds between two lines of progress, where no terminal is."""


class Report:
    """What became of the records: counts, and the first refusals. All refusals go to `file`."""

    def __init__(self, file: "Path | Report | None", noun: str = "users") -> None:
        """`file` may be another report, whose file this one shares."""
        self.noun = noun
        self.counts: Counter[str] = Counter(dict.fromkeys(VERDICTS, 0))
        self.dropped: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.refused: list[dict[str, str]] = []
        self._file: BinaryIO | None = (
            file._file  # noqa: SLF001
            if isinstance(file, Report)
            else (_private(file) if file is not None else None)
        )

    @property
    def total(self) -> int:
        return self.counts.total() + self.skipped.total()

    def add(self, judgment: Judgment) -> None:
        """Count a user."""
        one = judgment.incoming
        self.count(
            judgment.verdict,
            {"place": one.place, "username": one.user.username},
            why=judgment.why,
            dropped=one.dropped,
        )

    def count(
        self, verdict: str, record: dict[str, str], *, why: str = "", dropped: Iterable[str] = ()
    ) -> None:
        """Count a record. `record` says which it is: its place, and a name."""
        self.counts[verdict] += 1
        if verdict in {"added", "changed"}:
            self.dropped.update(dropped)
        if verdict == "refused":
            field, _, reason = why.partition(": ")
            row = {name: printable(text) for name, text in record.items()}
            row |= {"field": printable(field), "why": printable(reason)}
            if len(self.refused) < MOST_REFUSALS:
                self.refused.append(row)
            if self._file is not None:
                self._file.write(msgspec.json.encode(row) + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def document(self, *, dry_run: bool) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "dry_run": dry_run,
            **self.counts,
            "skipped": dict(self.skipped),
            "not_imported": dict(self.dropped),
            "refusals": self.refused,
        }

    def lines(self, *, dry_run: bool) -> Iterator[str]:
        """The report as text."""
        for row in self.refused:
            names = [row[one] for one in row if one not in {"place", "field", "why"} and row[one]]
            name = f" ({', '.join(names)})" if names else ""
            yield f"refused {row['place']}{name}: {row['field']}: {row['why']}"
        if (more := self.counts["refused"] - len(self.refused)) > 0:
            yield f"… and {more} more; --report FILE lists all of them"
        counts = ", ".join(f"{self.counts[one]} {one}" for one in VERDICTS)
        yield counts + ("; nothing was written" if dry_run else "")
        for what, count in sorted(self.skipped.items()):
            yield f"skipped: {count} records of {what}"
        for what, count in sorted(self.dropped.items()):
            yield f"not imported: {what} of {count} {self.noun}"


def _private(file: Path) -> BinaryIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def printable(text: str) -> str:
    """The text as one line without control characters: a file must not write to a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)[:200]


class Way(Protocol):
    """What is read: how much of it there is, and how much was read."""

    @property
    def size(self) -> int: ...

    @property
    def position(self) -> int: ...


class Progress:
    """Shows progress on stderr: one moving line on a terminal, else a line from time to time."""

    def __init__(self, source: Way, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._is_terminal = sys.stderr.isatty()
        self._began = self._last = clock()

    def show(self, report: Report) -> None:
        """Show how far it is."""
        now = self._clock()
        if now - self._last < (0.2 if self._is_terminal else PROGRESS):
            return
        self._last = now
        percent = 100 * self._source.position // max(1, self._source.size)
        rate = report.total / max(0.001, now - self._began)
        text = f"{report.total} records, {percent} %, {rate:.0f} a second"
        click.echo(f"\r{text}  " if self._is_terminal else text, err=True, nl=not self._is_terminal)

    def end(self) -> None:
        """Leave the line."""
        if self._is_terminal:
            click.echo("\r\x1b[K", err=True, nl=False)
