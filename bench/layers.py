"""`python -m bench.layers`: where a request's microseconds go, layer by layer.

The core is timed on facts in memory (`bench.core`), each of its layers for all requests that go
together: reading the form, finding out who asks, deciding, signing, writing the answer. The whole
is the server's own, by `wrk`. HTTP is what an answer costs of which nothing has to be made
(`jwks`); what is left is the store and the loop. Times are of the processor, so others on the
machine matter less.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from bench.compare import BenchOptions, compare
from bench.core import WARM, Ready, Ruling, decided, ready
from bench.peers.ours import Ours
from valetkey.server.http.fast.turns import MOST
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.issue.tokens import response

ROUNDS: Final = 15
LAYERS: Final = ("parse", "authenticate", "decide", "sign", "respond")
OPTIONS: Final = BenchOptions(rounds=3, seconds=1)


def core(one: Ready, calls: Sequence[Callable[[], Call]]) -> dict[str, float]:
    """Microseconds of each layer for one request, on the average, where each is made for as many
    as go together."""
    times = dict.fromkeys(LAYERS, 0.0)

    def layer(name: str, work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        began = time.thread_time_ns()
        done = [work(item) for item in items]
        times[name] += (time.thread_time_ns() - began) / 1000 / len(calls)
        return done

    def by(rule: Ruling) -> Callable[[Call], Any]:
        return lambda call: decided(rule(call, one.context), one.facts)

    for first in range(0, len(calls), MOST):
        made = layer("parse", lambda make: make(), calls[first : first + MOST])
        layer("authenticate", by(one.who), made)
        outcomes = layer("decide", by(one.rule), made)
        signed = layer("sign", lambda outcome: _document(outcome, one.context), outcomes)
        layer("respond", msgspec.json.encode, signed)
    times["decide"] -= times["authenticate"]  # which is the beginning of it
    return times


def _document(outcome: Any, context: Context) -> object:
    if isinstance(outcome, Issued):
        return response(outcome, context)
    return outcome.document if isinstance(outcome, Answer) else None


def whole(operation: str, folder: Path) -> float:
    """Microseconds that the server has a core for one answer."""
    ((seen,), _) = compare(operation, [Ours()], OPTIONS, folder=folder, say=lambda _: None)
    return seen.core


def main() -> None:
    """Prints the table."""
    names = ("HTTP", *LAYERS, "store", "all")
    print(f"{'microseconds':26}" + "".join(f"{name:>13}" for name in names))
    with tempfile.TemporaryDirectory() as name:
        http = whole("jwks", Path(name))
        for one in [*ready()]:  # all of them of one moment, or tokens would be of the future
            core(one, one.calls[:WARM])
            seen = [core(one, one.calls[WARM:]) for _ in range(ROUNDS)]
            layers = {layer: median(each[layer] for each in seen) for layer in LAYERS}
            each = whole(one.operation, Path(name))
            rest = each - http - sum(layers.values())
            cells = (http, *layers.values(), rest, each)
            print(f"{one.operation:26}" + "".join(f"{cell:13.1f}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
