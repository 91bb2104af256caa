"""What a run comes to: the table on the terminal, and the page with its plots in the documentation.
All of it is made from the run's own data."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench import svg
from bench.data import Run, quotient, spread
from bench.goals import NODE, OURS, rows

PAGE: Final = "performance.md"

_HEAD: Final = """# Performance

What `make bench` saw on one machine. The servers take turns, round by round, each with the whole
of what it needs (its database too) on one core; the load, `wrk`, has another core. A ratio is
taken within a round; the median is quoted, and the lowest and the highest after it. An answer
that is not as it should be, or a server that had nothing to do, ends the run. Absolute figures
are this machine's; ratios travel better.

valetkey keeps everything durably: each answer that wrote waited for the disk (SQLite in WAL mode,
`synchronous=FULL`; PostgreSQL with its defaults), in a database of 20,000 users with an app each.
node-oidc-provider and Authlib keep all in memory, glewlwyd and django-oauth-toolkit in SQLite in
WAL mode. Refresh tokens rotate everywhere. A code brings one signature at node-oidc-provider (the
ID Token) and two at valetkey (the access token too, which is a JWT here). Introspection asks
about 2,000 live tokens in turn.
"""


_TAIL: Final = """`make bench` repeats it; `make bench ARGS=--quick` takes less than three minutes.
The run's data is in `docs/performance/run.json`. How latency grows with what is stored is on
[a page of its own](explanation/growth.md), what a large installation needs on
[another](explanation/scale.md).
"""


def _where(run: Run) -> str:
    when, here = time.strftime("%Y-%m-%d", time.gmtime(run.at)), run.machine
    return (
        f"`{run.command}`, {when}: {here.processor}, {here.cores} virtual cores, {here.system}, "
        f"Python {here.python}; {run.connections} connections, rounds of {run.seconds:g} s."
    )


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    parts = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    parts += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(parts)


def goals(run: Run) -> str:
    """The table of goals."""
    return table(("ratio", "must", "aim", "seen", "reached"), rows(run))


def rates(run: Run) -> str:
    """Answers a second, and p99 in milliseconds, of every server."""
    peers = run.peers()
    lines = []
    for operation in run.operations():
        cells = [operation]
        for peer in peers:
            found = run.rates(operation, peer)
            p99 = run.waits(operation, peer)
            cells.append(f"{median(found):,.0f} ({median(p99):.1f} ms)" if found else "")
        lines.append(cells)
    return table(("answers a second (p99)", *peers), lines)


def memory(run: Run) -> str:
    """What each server holds, and how soon it answers."""
    lines = []
    for peer in run.peers():
        seen = [one for one in run.seen if one.peer == peer]
        loaded = [one.rounds[-1].resident / 1e6 for one in seen]
        lines.append(
            (
                peer,
                f"{median(one.quiet for one in seen) / 1e6:.0f}",
                f"{min(loaded):.0f} to {max(loaded):.0f}",
                f"{median(one.first for one in seen) * 1000:.0f}",
            )
        )
    return table(("", "idle, MB", "under load, MB", "first answer after, ms"), lines)


def beside(run: Run) -> list[str]:
    """What was measured beside the operations, in sentences."""
    said = []
    if run.limit:
        said.append(f"ES256 signatures a second, nothing else: {spread(run.limit, digits=0)}.")
    if run.workers:
        one, two = zip(*run.workers, strict=True)
        said.append(
            f"`--workers 2` on all cores, the load beside: {spread(two, digits=0)} client "
            f"credentials a second, one worker {spread(one, digits=0)}."
        )
    if run.flood:
        quiet, loud, came = zip(*run.flood, strict=True)
        said.append(
            f"While {spread(came, digits=0)} people a second sign in (Argon2id), the token "
            f"endpoint's p99 is {spread(loud, digits=1)} ms; else {spread(quiet, digits=1)} ms."
        )
    return said


def page(run: Run) -> str:
    """The page."""
    skipped = [f"Skipped: {name}, {why}." for name, why in run.skipped.items()]
    parts = [
        _HEAD,
        _where(run),
        *skipped,
        "## The goals\n\n" + goals(run),
        "![Each operation's rate, ours to node-oidc-provider's](performance/ratios.svg)",
        "## Every operation\n\n" + rates(run),
        "## Load\n\n![p99 by answers a second](performance/load.svg)" if run.curve else "",
        "\n".join(f"- {one}" for one in beside(run)),
        "## Memory and start\n\n" + memory(run),
        _TAIL,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plots(run: Run) -> dict[str, str]:
    """The plots by file name."""
    pairs = {
        name: quotient(run.rates(name, OURS), run.rates(name, NODE)) for name in run.operations()
    }
    ratios = [
        (name, median(found), min(found), max(found)) for name, found in pairs.items() if found
    ]
    drawn = {}
    if ratios:
        drawn["ratios.svg"] = svg.bars("valetkey : node-oidc-provider, answers a second", ratios)
    if run.curve:
        series = {
            name: [(rate, p99) for _, rate, p99 in points] for name, points in run.curve.items()
        }
        drawn["load.svg"] = svg.lines(
            "p99 of client credentials, 1 to 256 connections",
            series,
            across="answers a second",
            up="p99, ms",
        )
    return drawn


def write(run: Run, docs: Path) -> None:
    """Writes the page and its plots."""
    folder = docs / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in plots(run).items():
        (folder / name).write_text(text)
    (docs / PAGE).write_text(page(run))
