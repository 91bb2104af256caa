"""`make bench`: our server and others, side by side on one core.

Each server has a core for itself and all that it needs, the load has another. Servers that are not
installed are skipped by name. The whole run writes its data, a page and its plots into
`docs/performance`; a quick one into `build/performance`.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import extras, guard, report, wrk
from bench.compare import Asked, Failed, compare
from bench.data import FOLDER, Run, load, save
from bench.goals import rows
from bench.machine import CORES
from bench.peers.glewlwyd import Glewlwyd
from bench.peers.gunicorn import AUTHLIB, DJANGO
from bench.peers.node import Node
from bench.peers.ours import OnPostgres, Ours
from bench.peers.peer import Peer

ROOT: Final = Path(__file__).parents[1]

COMPARED: Final = (
    "client credentials",
    "introspection",
    "refresh",
    "code, openid",
    "code",
    "userinfo",
    "jwks",
    "discovery",
    "revocation",
    "pushed request",
)
"""Operations that others have as well."""

OWN: Final = (
    "client credentials, RS256",
    "introspection, first time",
    "authorize",
    "token exchange",
    "code, DPoP",
    "refresh, DPoP",
    "userinfo, DPoP",
)

QUICK: Final = (*COMPARED[:4], "userinfo", "jwks", "discovery")


def peers() -> tuple[Peer, ...]:
    """Everybody, ours first."""
    return (Ours(), OnPostgres(), Node(), Glewlwyd(), DJANGO, AUTHLIB)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than three minutes")
    parser.add_argument("--rounds", type=int, help="rounds that count (5; quick: 3)")
    parser.add_argument("--seconds", type=int, help="of a round (2; quick: 1)")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--only", nargs="+", metavar="OPERATION", help="nothing but these")
    parser.add_argument("--goals", action="store_true", help="what the goals need, and no more")
    parser.add_argument("--report", type=Path, help="make the page from a run's data, and no more")
    parser.add_argument("--guard", action="store_true", help="count instructions, and no more")
    parser.add_argument("--record", action="store_true", help="with --guard: write the counts down")
    return parser.parse_args()


def here(everybody: Sequence[Peer], run: Run) -> list[Peer]:
    """Those that are installed; the others are named."""
    there = []
    for peer in everybody:
        if why := peer.missing():
            run.skipped[peer.name] = why
            print(f"skipped: {peer.name}, {why}")
        else:
            there.append(peer)
    return there


def measure(run: Run, asked: Asked, operations: Sequence[str], *, whole: bool) -> None:
    """The run. Raises Failed."""
    there = here(peers(), run)
    with tempfile.TemporaryDirectory(prefix="valetkey-bench-") as name:
        folder = Path(name)
        for operation in operations:
            run.seen += compare(operation, there, asked, folder=folder)
        run.limit = extras.signing_limit(asked)
        if whole:
            run.workers = extras.workers(asked, folder=folder)
            run.flood = extras.flood(asked, folder=folder)
            some = [peer for peer in there if peer.name in ("valetkey", "node-oidc-provider")]
            run.curve = extras.curve(some, asked, folder=folder)


def show(run: Run) -> None:
    """The goals, on the terminal."""
    lines = [("", "must", "aim", "seen", ""), *rows(run)]
    widths = [max(len(line[at]) for line in lines) for at in range(5)]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    for said in report.beside(run):
        print(said)


def main() -> None:
    """Measures, prints, and writes."""
    given = arguments()
    if given.guard:
        sys.exit(guard.main(record=given.record))
    if given.report:
        report.write(load(given.report), ROOT / "docs")
        return
    if len(CORES) < 2:
        sys.exit("bench: needs two cores, one for the server and one for the load")
    if wrk.MISSING:
        sys.exit(f"bench: {wrk.MISSING}")
    asked = Asked(
        rounds=given.rounds or (3 if given.quick else 5),
        seconds=given.seconds or (1 if given.quick else 2),
        connections=given.connections,
    )
    operations = given.only or (QUICK if given.quick else COMPARED if given.goals else ())
    command = f"make bench ARGS={shlex.quote(' '.join(sys.argv[1:]))}" if sys.argv[1:] else ""
    run = Run.begin(
        quick=given.quick,
        command=command or "make bench",
        seconds=asked.seconds,
        connections=asked.connections,
    )
    whole = not given.quick and not given.only
    try:
        measure(run, asked, operations or (*COMPARED, *OWN), whole=whole)
    except Failed as error:
        sys.exit(f"bench: {error}. Nothing of this run counts.")
    show(run)
    file = save(run, FOLDER if whole else ROOT / "build/performance")
    if whole:
        report.write(run, ROOT / "docs")
    print(f"\n{file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
