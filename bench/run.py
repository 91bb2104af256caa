"""`make bench`: our server and others, side by side on one core.

Each server has a core for itself and all that it needs, the load has another. Servers that are not
installed are skipped by name, and a failure is named while the rest continues. The
whole run writes a page, its plots and its data into `docs`; any other one its data alone, into
`build/performance`, where that of the whole run grows as well while it goes on.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import guard, report, wrk
from bench.compare import BenchOptions, compare, note_failure
from bench.data import FOLDER, Run, load, save
from bench.extras import BESIDE as ONE_BY_ONE
from bench.goals import rows
from bench.imported import imported
from bench.machine import CORES
from bench.peers.glewlwyd import Glewlwyd
from bench.peers.gunicorn import AUTHLIB, DJANGO
from bench.peers.node import Node
from bench.peers.ours import OnPostgres, Ours
from bench.peers.peer import Peer

ROOT: Final = Path(__file__).parents[1]
GROWING: Final = ROOT / "build/performance"

GOALS: Final = (
    "client credentials",
    "introspection",
    "introspection, first time",
    "refresh",
    "refresh, JWT",
    "code, openid",
    "code, two signatures",
    "userinfo",
    "revocation",
    "device polling",
    "jwks",
    "discovery",
)
"""Operations of which there are goals."""

OTHERS: Final = (
    "client credentials, RS256",
    "client credentials, opaque",
    "introspection, of another node",
    "code",
    "code, DPoP",
    "refresh, DPoP",
    "userinfo, DPoP",
    "pushed request",
    "authorize",
    "token exchange",
)

BESIDE: Final = {**ONE_BY_ONE, "imported hashes": imported}
EVERYTHING: Final = (*GOALS, *OTHERS, *BESIDE)
QUICK: Final = (*(one for one in GOALS if one != "discovery"), "signing limit")
"""Discovery costs what `jwks` costs."""
QUICK_PEERS: Final = ("valetkey", "valetkey, PostgreSQL", "node-oidc-provider", "glewlwyd")


def peers() -> tuple[Peer, ...]:
    """Everybody, ours first."""
    return (Ours(), OnPostgres(), Node(), Glewlwyd(), DJANGO, AUTHLIB)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than three minutes")
    parser.add_argument("--rounds", type=int, help="rounds that count (5; quick: 3)")
    parser.add_argument("--seconds", type=int, default=1, help="of a round")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument(
        "--only", nargs="+", metavar="OPERATION", choices=EVERYTHING, help="nothing but these"
    )
    parser.add_argument("--goals", action="store_true", help="what the goals need, and no more")
    parser.add_argument("--report", type=Path, help="make the page from a run's data, and no more")
    parser.add_argument("--guard", action="store_true", help="count instructions, and no more")
    parser.add_argument("--record", action="store_true", help="with --guard: write the counts down")
    return parser.parse_args()


def chosen(arguments_given: argparse.Namespace) -> Sequence[str]:
    """What is measured."""
    if arguments_given.only:
        return tuple(arguments_given.only)
    if arguments_given.quick:
        return QUICK
    return (*GOALS, *BESIDE) if arguments_given.goals else EVERYTHING


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


def measure(run: Run, options: BenchOptions, what: Sequence[str], there: Sequence[Peer]) -> None:
    """The run. A failure is named in it."""
    with tempfile.TemporaryDirectory(prefix="valetkey-bench-") as name:
        for one in what:
            with note_failure(run.fallen, one):
                if beside := BESIDE.get(one):
                    beside(run, there, options, Path(name))
                else:
                    seen, fallen = compare(one, there, options, folder=Path(name))
                    run.rows += seen
                    run.fallen += fallen
            save(run, GROWING)


def show(run: Run) -> None:
    """The goals, on the terminal."""
    lines = [("", "must", "aim", "seen", ""), *rows(run)]
    widths = [max(len(line[at]) for line in lines) for at in range(5)]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    for said in (*report.beside(run), *report.fell(run)):
        print(said)
    if run.left_out:
        print(f"Left out: {'; '.join(run.left_out)}.")


def main() -> None:
    """Measures, prints, and writes."""
    arguments_given = arguments()
    if arguments_given.guard:
        sys.exit(guard.main(record=arguments_given.record))
    if arguments_given.report:
        report.write(load(arguments_given.report), ROOT / "docs")
        return
    if len(CORES) < 2:
        sys.exit("bench: needs two cores, one for the server and one for the load")
    if wrk.MISSING:
        sys.exit(f"bench: {wrk.MISSING}")
    options = BenchOptions(
        rounds=arguments_given.rounds or (3 if arguments_given.quick else 5),
        seconds=arguments_given.seconds,
        connections=arguments_given.connections,
        warm=2 if arguments_given.quick else 4,
    )
    command = f"make bench ARGS={shlex.quote(shlex.join(sys.argv[1:]))}" if sys.argv[1:] else ""
    run = Run.begin(
        quick=arguments_given.quick,
        command=command or "make bench",
        seconds=options.seconds,
        connections=options.connections,
    )
    what, there = chosen(arguments_given), here(peers(), run)
    if arguments_given.quick:
        run.left_out += [peer.name for peer in there if peer.name not in QUICK_PEERS]
        there = [peer for peer in there if peer.name in QUICK_PEERS]
    run.left_out += [one for one in EVERYTHING if one not in what]
    measure(run, options, what, there)
    show(run)
    file = GROWING / "run.json"
    if not arguments_given.quick and not arguments_given.only:
        file = save(run, FOLDER)
        report.write(run, ROOT / "docs")
    print(f"\n{file.relative_to(ROOT)}")
    if run.fallen:
        sys.exit(f"bench: {len(run.fallen)} of this run did not go through to the end")


if __name__ == "__main__":
    main()
