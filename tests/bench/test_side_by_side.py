"""The bench itself: it counts what came, and a run in which something was wrong does not count."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from bench.compare import Asked, Failed, Round, compare, probe
from bench.core import RULES
from bench.data import Run, quotient, save, spread
from bench.data import load as loaded
from bench.goals import GOALS, NODE, OURS, rows
from bench.guard import Counts, grown
from bench.peers.peer import Running
from bench.run import here
from bench.wrk import Load, Result, chain

from bench import guard, report, svg, wrk

needs_wrk = pytest.mark.skipif(bool(wrk.MISSING), reason=wrk.MISSING)


def result(**more: float) -> Result:
    plain = {"answers": 1000, "microseconds": 1_000_000, "wrong": 0, "dry": 0, "broken": 0}
    return msgspec.convert({**plain, "p50": 900, "p99": 2000, **more}, Result)


def seen_round(of: Result, *, busy: float = 1.0, idle: float = 0.0) -> Round:
    return Round(result=of, busy=busy, idle=idle, resident=50_000_000)


@pytest.mark.parametrize(
    "one, says",
    [
        (seen_round(result()), ""),
        (seen_round(result(wrong=1)), "1 wrong answers of 1000"),
        (seen_round(result(broken=2)), "2 wrong answers of 1000"),
        (seen_round(result(answers=0)), "no answers"),
        (seen_round(result(), busy=0.2, idle=0.8), "an idle server"),
        (seen_round(result(), busy=0.4, idle=0.05), ""),
        (seen_round(result(), busy=0.9, idle=0.4), ""),
    ],
    ids=["good", "wrong", "broken", "nothing", "idle", "others took the core", "two cores"],
)
def test_what_counts(one: Round, says: str) -> None:
    assert one.wrong().startswith(says)
    assert bool(one.wrong()) == bool(says)


Answer = Callable[[bytes], bytes]


def reply(body: str, *, status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@contextlib.contextmanager
def toy(answer: Answer) -> Iterator[int]:
    """A server that says what `answer` makes of a request."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            while request := line.recv(65536):
                if b"\r\n\r\n" in request:  # else it is what a load ends with
                    line.sendall(answer(request))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                threading.Thread(target=talk, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def run(port: int, load: Load) -> Result:
    return wrk.run(port, load, seconds=1, connections=2)


@needs_wrk
def test_answers_are_counted() -> None:
    with toy(lambda _: reply("{}")) as port:
        seen = run(port, Load(requests=[GET]))
    assert seen.answers > 10
    assert seen.errors == seen.dry == 0
    assert 0 < seen.p50 <= seen.p99


@needs_wrk
@pytest.mark.parametrize(
    "expected, said", [(200, 500), (200, 401), (303, 200), (400, 200), (201, 503)]
)
def test_another_status_is_an_error(expected: int, said: int) -> None:
    with toy(lambda _: reply("no", status=said)) as port:
        seen = run(port, Load(requests=[GET], status=expected))
    assert seen.errors >= seen.answers > 0


@needs_wrk
def test_the_status_that_is_expected_is_none() -> None:
    with toy(lambda _: reply("wait", status=400)) as port:
        seen = run(port, Load(requests=[GET], status=400))
    assert seen.answers > 0
    assert seen.errors == 0


@needs_wrk
def test_each_once() -> None:
    said: list[bytes] = []

    def noted(request: bytes) -> bytes:
        said.append(request.split(b" ")[1])
        return reply("{}")

    requests = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(50)]
    with toy(noted) as port:
        seen = run(port, Load(requests=requests, mode="once"))
    assert seen.dry > 0
    assert sorted(set(said)) == sorted(said)
    assert 40 <= len(said) <= 50


@needs_wrk
def test_a_chain_goes_on_with_what_it_was_given() -> None:
    lock, live, refused = threading.Lock(), {b"%d" % one for one in range(9)}, list[bytes]()

    def rotated(request: bytes) -> bytes:
        token = request.rpartition(b"token=")[2].removesuffix(b"&end")
        with lock:
            if token not in live:
                refused.append(token)
                return reply("{}", status=400)
            live.remove(token)
            live.add(token + b"x")
        return reply(f'{{"refresh_token": "{token.decode()}x"}}')

    with toy(rotated) as port:
        pieces = chain(port, "/token", "token={}&end")
        load = Load(
            requests=[*pieces, *sorted(live)],
            mode="chain",
            pattern=wrk.JSON_REFRESH_TOKEN,
        )
        first, second = run(port, load), run(port, load)
    assert first.answers > 9
    assert second.answers > 0
    assert first.errors == second.errors == 0
    assert refused == []


class Toy:
    """A peer that is no real server."""

    name = OURS
    operations = ("anything",)

    def __init__(self, port: int, load: Load) -> None:
        self._running = Running(pid=1, port=port, load=lambda: load)

    def missing(self) -> str:
        return "not installed (it is a toy)"

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        yield self._running


@needs_wrk
def test_a_run_with_an_error_fails(tmp_path: Path) -> None:
    answers = iter(range(10**9))

    def sometimes(_: bytes) -> bytes:
        return reply("{}", status=500 if next(answers) == 20 else 200)

    asked = Asked(rounds=1, seconds=1, connections=2)
    with toy(sometimes) as port, pytest.raises(Failed, match="1 wrong answers"):
        compare("anything", [Toy(port, Load(requests=[GET]))], asked, folder=tmp_path)


def test_an_answer_that_does_not_hold_what_it_should_fails() -> None:
    with toy(lambda _: reply('{"active":false}')) as port:
        load = Load(requests=[GET], holds=wrk.ACTIVE)
        with pytest.raises(Failed, match="active"):
            probe(Running(pid=1, port=port, load=lambda: load), "introspection")


def test_what_is_not_installed_is_skipped_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    noted = a_run({})
    assert here([Toy(1, Load(requests=[GET]))], noted) == []
    assert noted.skipped == {OURS: "not installed (it is a toy)"}
    assert "skipped: valetkey" in capsys.readouterr().out


def a_run(rates: Mapping[tuple[str, str], Sequence[float]]) -> Run:
    made = Run.begin(quick=True, command="make bench", seconds=1, connections=64)
    for (operation, peer), values in rates.items():
        made.seen.append(
            msgspec.convert(
                {
                    "operation": operation,
                    "peer": peer,
                    "rounds": [
                        msgspec.to_builtins(seen_round(result(answers=int(value))))
                        for value in values
                    ],
                    "first": 0.2,
                    "quiet": 40_000_000,
                },
                type(made).__annotations__["seen"].__args__[0],
            )
        )
    return made


TWICE = {("client credentials", OURS): [2100, 2000], ("client credentials", NODE): [1000, 1000]}


def test_goals_are_ratios_of_rounds() -> None:
    found = {row[0]: row[1:] for row in rows(a_run(TWICE))}
    first = GOALS[0].what
    assert found[first] == ("2", "2.6", "2.05 (2.00 to 2.10)", "must")
    assert found["jwks : node-oidc-provider"][-1] == "not measured"
    assert found["memory idle : node-oidc-provider"][-1] == "missed"


@pytest.mark.parametrize(
    "above, below, ratios",
    [([2.0, 3.0], [1.0, 2.0], [2.0, 1.5]), ([2.0], [1.0, 5.0], [2.0]), ([2.0], [0.0], [])],
)
def test_quotients(above: list[float], below: list[float], ratios: list[float]) -> None:
    assert quotient(above, below) == ratios


def test_a_spread_says_median_lowest_and_highest() -> None:
    assert spread([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)"
    assert spread([]) == "-"


def test_a_run_is_written_down_and_read_again(tmp_path: Path) -> None:
    made = a_run(TWICE)
    made.curve = {OURS: [(1, 500.0, 1.5), (64, 2000.0, 30.0)]}
    made.flood = [(3.0, 5.0, 60.0)]
    again = loaded(save(made, tmp_path))
    assert again == made
    report.write(again, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert "2.05 (2.00 to 2.10)" in page
    assert "60 (60 to 60) people a second" in page
    for name in ("ratios.svg", "load.svg"):
        assert f"performance/{name}" in page
        ElementTree.fromstring((tmp_path / "performance" / name).read_text())


def test_names_in_a_plot_are_text() -> None:
    drawn = svg.bars("a < b", [("<x>", 1.0, 0.5, 2.0)])
    assert "<x>" not in drawn
    assert "&lt;x&gt;" in drawn


def test_more_instructions_are_said() -> None:
    before = Counts(python="3", libraries={}, instructions={"refresh": 1000, "code": 1000})
    now = Counts(python="3", libraries={}, instructions={"refresh": 1051, "code": 1049, "new": 9})
    assert grown(before, now) == ["refresh: 1,051 instructions a request, +5.1%"]


def test_what_was_counted_before_can_be_read() -> None:
    recorded = msgspec.json.decode(guard.RECORDED.read_bytes(), type=Counts)
    assert recorded.instructions.keys() == RULES.keys()
    assert all(count > 0 for count in recorded.instructions.values())
