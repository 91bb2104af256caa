"""`python -m bench.layers`: where a request's microseconds go, layer by layer.

The core is timed on facts in memory (`bench.core`): reading the form, finding out who asks,
deciding, signing, writing the answer. The whole is the server's own, by `wrk`. HTTP is what an
answer costs of which nothing has to be made (`jwks`); what is left is the store and the loop. Times
are of the processor, so others on the machine matter less.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from bench.compare import Asked, compare
from bench.core import WARM, Ready, Ruling, decided, ready
from bench.peers.ours import Ours
from valetkey.oauth.decision import Answer, Issued
from valetkey.oauth.feature import Call
from valetkey.oauth.issue.tokens import response

ROUNDS: Final = 15
LAYERS: Final = ("parse", "authenticate", "decide", "sign", "respond")
ASKED: Final = Asked(rounds=3, seconds=1)


def timed(work: Callable[[], Any], times: dict[str, float], layer: str) -> Any:
    """Does it, and adds the microseconds that it took."""
    began = time.thread_time_ns()
    done = work()
    times[layer] = times.get(layer, 0.0) + (time.thread_time_ns() - began) / 1000
    return done


def core(one: Ready, calls: Sequence[Callable[[], Call]]) -> dict[str, float]:
    """Microseconds of each layer for one request, on the average."""
    times: dict[str, float] = {}
    for make in calls:
        call = timed(make, times, "parse")
        timed(partial(_decided, one, one.who, call), times, "authenticate")
        outcome = timed(partial(_decided, one, one.rule, call), times, "decide")
        document: object = outcome.document if isinstance(outcome, Answer) else None
        if isinstance(outcome, Issued):
            document = timed(partial(response, outcome, one.context), times, "sign")
        timed(partial(msgspec.json.encode, document), times, "respond")
    times["decide"] -= times["authenticate"]  # which is the beginning of it
    return {layer: total / len(calls) for layer, total in times.items()}


def _decided(one: Ready, rule: Ruling, call: Call) -> Any:
    return decided(rule(call, one.context), one.facts)


def whole(operation: str, folder: Path) -> float:
    """Microseconds that the server has a core for one answer."""
    ((seen,), _) = compare(operation, [Ours()], ASKED, folder=folder, say=lambda _: None)
    return seen.core


def main() -> None:
    """Prints the table."""
    names = ("HTTP", *LAYERS, "store", "all")
    print(f"{'microseconds':26}" + "".join(f"{name:>13}" for name in names))
    with tempfile.TemporaryDirectory() as name:
        http = whole("jwks", Path(name))
        for one in ready():
            core(one, one.calls[:WARM])
            seen = [core(one, one.calls[WARM:]) for _ in range(ROUNDS)]
            layers = {layer: median(each.get(layer, 0.0) for each in seen) for layer in LAYERS}
            each = whole(one.operation, Path(name))
            rest = each - http - sum(layers.values())
            cells = (http, *layers.values(), rest, each)
            print(f"{one.operation:26}" + "".join(f"{cell:13.1f}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
