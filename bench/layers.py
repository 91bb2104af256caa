"""`python -m bench.layers`: where a request's microseconds go, layer by layer.

The core is timed on facts in memory (`bench.core`): reading the form, deciding (who asks is part of
it), signing, writing the answer. The whole is the server's own, by `wrk`; what is left of it is
HTTP, the store, and the loop. Times are of the processor, so others on the machine hardly matter.
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
from bench.core import WARM, Ready, decided, ready
from bench.peers.ours import Ours
from valetkey.oauth.decision import Answer, Issued
from valetkey.oauth.feature import Call
from valetkey.oauth.issue.tokens import response

ROUNDS: Final = 15
LAYERS: Final = ("parse", "decide", "sign", "encode")


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
        outcome = timed(partial(_decided, one, call), times, "decide")
        document: object = outcome.document if isinstance(outcome, Answer) else None
        if isinstance(outcome, Issued):
            document = timed(partial(response, outcome, one.context), times, "sign")
        timed(partial(msgspec.json.encode, document), times, "encode")
    return {layer: total / len(calls) for layer, total in times.items()}


def _decided(one: Ready, call: Call) -> Any:
    return decided(one.rule(call, one.context), one.facts)


def main() -> None:
    """Prints the table."""
    print(f"{'microseconds':24}" + "".join(f"{name:>10}" for name in (*LAYERS, "the rest", "all")))
    with tempfile.TemporaryDirectory() as name:
        for one in ready():
            core(one, one.calls[:WARM])
            seen = [core(one, one.calls[WARM:]) for _ in range(ROUNDS)]
            layers = {layer: median(each.get(layer, 0.0) for each in seen) for layer in LAYERS}
            asked = Asked(rounds=3, seconds=1)
            ((whole,), _) = compare(
                one.operation, [Ours()], asked, folder=Path(name), say=lambda _: None
            )
            each = whole.core
            rest = each - sum(layers.values())
            cells = (*layers.values(), rest, each)
            print(f"{one.operation:24}" + "".join(f"{cell:10.1f}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
