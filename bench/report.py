"""What a run comes to: the table on the terminal, and the page with its plots in the documentation.
All of it is made from the run's own data."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench import svg
from bench.data import BARE, Imported, Run, quotient, spread
from bench.goals import NODE, OURS, rows

PAGE: Final = "performance.md"

_HEAD: Final = """# Performance

The results of `make bench` on one machine. The servers take turns, round by round. Each server
runs on one core, together with everything that it needs, such as its database. The load
generator, `wrk`, runs on another core. Each ratio compares two servers within a round. The
tables show the median, with the lowest and the highest in parentheses. A wrong response, or an
idle server, ends the rounds of that server, and the page names it. Absolute figures depend on
the machine; ratios less so ([why, and how each is set
up](decisions/0045-benchmarks-report-ratios-of-interleaved-rounds.md)).

valetkey stores everything durably: each response after a write waited for the disk (SQLite in
WAL mode, `synchronous=FULL`; PostgreSQL with its defaults), in a database of 20,000 users with
one app each. node-oidc-provider and Authlib store everything in memory. glewlwyd and
django-oauth-toolkit use SQLite in WAL mode. Refresh tokens rotate everywhere. valetkey uses
huge pages for its memory if it can ([why, and what that is
worth](decisions/0077-the-server-re-executes-itself-to-use-huge-pages.md)).
"""

_DIFFERENCES: Final = """Some operations differ between the servers:

- In `code, openid` and `refresh`, node-oidc-provider issues opaque access tokens, its default,
  and signs only the ID Token. valetkey's access token is a JWT, so valetkey signs both. In
  `code, two signatures` and `refresh, JWT`, both servers sign both.
- valetkey has no opaque access tokens. Its tokens are JWTs that APIs can check themselves, and
  the server looks them up at introspection. `client credentials, opaque` compares such a JWT,
  signed with ES256, with the opaque tokens of the others.
- Introspection and userinfo cycle through 2,000 and 1,000 live tokens, each of which the server
  has seen before. `introspection, first time` sends each of 5,000 tokens once, which the same
  server has just issued. `introspection, of another node` sends tokens whose signatures the
  server has to check.
- `device polling` polls for an answer that the user has not given yet (`authorization_pending`,
  400).
- The other servers lack token exchange and a code without `openid`, or respond differently.
- With PostgreSQL, the microseconds of a core are the server's own, without the database's.
"""

_TAIL: Final = """To repeat the run, use `make bench`; `make bench ARGS=--quick` takes less than
three minutes. The run's data is in `docs/performance/run.json`. [What growth
costs](explanation/growth.md) has the cost for large databases, and [Plan a large
installation](explanation/scale.md) calculates what one needs.
"""


def _where(run: Run) -> str:
    when, here = time.strftime("%Y-%m-%d", time.gmtime(run.at)), run.machine
    of = f", commit {run.commit}" if run.commit else ""
    return (
        f"`{run.command}`, {when}{of}: {here.processor}, {here.cores} virtual cores, "
        f"{here.system}, Python {here.python}; {run.connections} connections, "
        f"rounds of {run.seconds:g} s."
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
    """What every server did of every operation."""
    lines = []
    for one in run.rows:
        rounds = [each.result for each in one.rounds]
        to = quotient(run.rates(one.operation, OURS), run.rates(one.operation, one.peer))
        lines.append(
            (
                one.operation,
                one.peer,
                spread([each.rate for each in rounds], digits=0),
                f"{median(each.p99 for each in rounds) / 1000:.1f}",
                f"{one.core:.0f}",
                "" if one.peer == OURS else spread(to),
                str(sum(each.errors for each in rounds)),
            )
        )
    head = (
        "",
        "",
        "answers a second",
        "p99, ms",
        "microseconds of a core",
        "valetkey : it",
        "errors",
    )
    return table(head, lines)


def memory(run: Run) -> str:
    """What each server holds, and how soon it answers."""
    lines = []
    for peer in run.peers():
        rows = [one for one in run.rows if one.peer == peer]
        loaded = [one.rounds[-1].resident / 1e6 for one in rows]
        lines.append(
            (
                peer,
                f"{median(one.quiet for one in rows) / 1e6:.0f}",
                f"{min(loaded):.0f} to {max(loaded):.0f}",
                f"{median(one.first for one in rows) * 1000:.0f}",
            )
        )
    return table(("", "idle, MB", "under load, MB", "first answer after, ms"), lines)


def beside(run: Run) -> list[str]:
    """What was measured beside the operations, in sentences."""
    notes = []
    if run.limit:
        tokens, bare = (spread(rates, digits=0) for rates in zip(*run.limit, strict=True))
        notes.append(f"ES256 signatures a second, nothing else: {bare}; in tokens: {tokens}.")
    for store, pairs in run.workers.items():
        one, two = zip(*pairs, strict=True)
        notes.append(
            f"{store}, `--workers 2` on all cores, the load beside: {spread(two, digits=0)} client "
            f"credentials a second, one worker {spread(one, digits=0)}; "
            f"{spread(quotient(two, one))} times."
        )
    if run.flood:
        quiet, loud, came = zip(*run.flood, strict=True)
        notes.append(
            f"While {spread(came, digits=0)} people a second sign in (Argon2id), the token "
            f"endpoint's p99 is {spread(loud, digits=1)} ms; else {spread(quiet, digits=1)} ms."
        )
    notes += [_imported(kind, rounds) for kind, rounds in run.imported.items()]
    return notes


def _imported(kind: str, rounds: Sequence[Imported]) -> str:
    """What was measured beside people with such password hashes."""
    quiet, loud = (
        spread([getattr(one, name) for one in rounds], digits=1) for name in ("quiet", "loud")
    )
    came, off = (sum(getattr(one, name) for one in rounds) for name in ("signed_in", "put_off"))
    return (
        f"While 30 people a second sign in by an imported hash ({kind}), the token endpoint's p99 "
        f"is {loud} ms; else {quiet} ms. {came} of {came + off} came in at once, the others were "
        f"asked to come back; p95 {max(one.p95 for one in rounds):.1f} s."
    )


def kit(run: Run) -> str:
    """What it costs an API to check a key."""
    if run.kit is None:
        return ""
    bare = run.kit.rows[BARE]
    rows = [
        (
            name,
            spread(times, digits=0),
            str(run.kit.signatures[name]),
            spread(quotient(times, [one * run.kit.signatures[name] for one in bare])),
        )
        for name, times in run.kit.rows.items()
    ]
    calls = [(name, spread(times, digits=0)) for name, times in run.kit.calls.items()]
    return "\n\n".join(
        (
            "## The kit",
            table(("", "microseconds", "signatures in it", "to as many bare ones"), rows),
            table(("a call of FastAPI, no network", "microseconds"), calls),
        )
    )


def growth(run: Run) -> str:
    """How the p99 grows with the families that are stored, which is measured apart."""
    if not run.grown:
        return ""
    rows = [
        (
            one.store,
            one.operation,
            f"{one.families:,}",
            f"{one.median:.2f} ({one.lowest:.2f} to {one.highest:.2f})",
        )
        for one in run.grown
    ]
    return "\n\n".join(
        (
            "## Growth\n\n`python -m bench.growth` measures it apart: it takes long to fill.",
            "![p99 by families stored](performance/growth.svg)",
            table(("", "", "families", "p99 : that at the fewest"), rows),
        )
    )


def fell(run: Run) -> list[str]:
    """What did not go through, in sentences."""
    return [
        f"**Not measured**: {one.what}{one.peer and f', {one.peer}'}: `{one.why[:300]}`"
        for one in run.fallen
    ]


def page(run: Run) -> str:
    """The page."""
    skipped = [f"Skipped: {name}, {why}." for name, why in run.skipped.items()]
    if run.left_out:
        skipped.append(f"Left out: {'; '.join(run.left_out)}.")
    parts = [
        _HEAD,
        _where(run),
        *skipped,
        "\n".join(f"- {one}" for one in fell(run)),
        "## The goals\n\n" + goals(run),
        "![Each operation's rate, ours to node-oidc-provider's](performance/ratios.svg)",
        "\n".join(f"- {one}" for one in beside(run)),
        "## Load\n\n![p99 by answers a second](performance/load.svg)" if run.curve else "",
        "## Memory and start\n\n" + memory(run),
        growth(run),
        kit(run),
        "## Every operation\n\n" + _DIFFERENCES + "\n" + rates(run),
        _TAIL,
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def plots(run: Run) -> dict[str, str]:
    """The plots by file name."""
    pairs = {
        name: quotient(run.rates(name, OURS), run.rates(name, NODE)) for name in run.operations()
    }
    ratios = [
        (name, median(found), min(found), max(found)) for name, found in pairs.items() if found
    ]
    charts = {}
    if ratios:
        charts["ratios.svg"] = svg.bars("valetkey : node-oidc-provider, answers a second", ratios)
    if run.curve:
        series = {
            name: [(rate, p99) for _, rate, p99 in points] for name, points in run.curve.items()
        }
        charts["load.svg"] = svg.lines(
            "p99 of client credentials, 1 to 256 connections",
            series,
            across="answers a second",
            up="p99, ms",
        )
    if run.grown:
        charts["growth.svg"] = svg.lines(
            "p99 to that at the fewest families",
            _lines_of_growth(run),
            across="families",
            up="ratio",
        )
    return charts


def _lines_of_growth(run: Run) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in run.grown:
        name = f"{one.operation}, {one.store}"
        lines.setdefault(name, []).append((one.families, one.median))
    return lines


def write(run: Run, docs: Path) -> None:
    """Writes the page and its plots."""
    folder = docs / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in plots(run).items():
        (folder / name).write_text(text)
    (docs / PAGE).write_text(page(run))
