"""The bench itself: it counts what came, and a run in which something was wrong does not count."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

import msgspec
import pytest
from bench.compare import BenchOptions, Failed, Round, compare, probe
from bench.core import RULES
from bench.data import BARE, FIRST, NEXT, Grown, Kit, Run, quotient, save, spread
from bench.data import load as loaded
from bench.extras import BESIDE
from bench.goals import GOALS, NODE, OURS, rows
from bench.guard import Counts, grown
from bench.peers.peer import Running
from bench.run import here
from bench.wrk import Chain, Load, Result

from bench import guard, report, svg, wrk
from bench import run as bench_run

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
def test_who_is_to_come_back_is_no_answer() -> None:
    answers = iter(range(10**9))

    def some(_: bytes) -> bytes:
        return reply("no", status=503 if next(answers) % 2 else 303)

    with toy(some) as port:
        seen = run(port, Load(requests=[GET], status=303, later=503))
    assert seen.errors == 0
    assert 0 < seen.answers <= seen.put_off + 2


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
    assert seen.microseconds < 1_000_000  # wrk itself goes on for its second


class Rotating:
    """A server whose tokens are good once. `hearing`: whether it answers."""

    def __init__(self) -> None:
        self.lock, self.hearing = threading.Lock(), True
        self.made, self.live, self.refused = 0, set[bytes](), list[bytes]()

    def draw(self, count: int) -> list[str]:
        with self.lock:
            fresh = [f"drawn{self.made + number}" for number in range(count)]
            self.made += count
            self.live.update(one.encode() for one in fresh)
        return fresh

    def answer(self, request: bytes) -> bytes:
        token = request.rpartition(b"token=")[2].removesuffix(b"&end")
        with self.lock:
            if token not in self.live:
                self.refused.append(token)
                return reply("{}", status=400)
            self.live.remove(token)
            self.live.add(token + b"x")
        return reply(f'{{"refresh_token": "{token.decode()}x"}}')


@needs_wrk
def test_a_chain_goes_on_with_what_it_was_given_and_with_what_it_lost() -> None:
    server = Rotating()
    with toy(server.answer) as port:
        tokens = Chain(port, "/token", "token={}&end", draw=server.draw, live=3)
        seen = [run(port, tokens.load()) for _ in range(4)]
    assert all(one.answers > 9 for one in seen)
    assert sum(one.errors + one.dry for one in seen) == 0
    assert server.refused == []
    assert 3 < server.made <= 3 * len(seen)


class Toy:
    """A peer that is no real server."""

    operations = ("anything",)

    def __init__(self, port: int, load: Load, *, name: str = OURS) -> None:
        self.name = name
        self._running = Running(pid=1, port=port, load=lambda: load)

    def missing(self) -> str:
        return "not installed (it is a toy)"

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        yield self._running


class Broken(Toy):
    """One that does not start."""

    def serving(self, operation: str, folder: Path) -> NoReturn:
        raise RuntimeError("it did not start")


@needs_wrk
def test_who_answers_wrong_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    answers = iter(range(10**9))

    def sometimes(_: bytes) -> bytes:
        return reply("{}", status=500 if next(answers) == 20 else 200)

    asked = BenchOptions(rounds=1, seconds=1, connections=2)
    load = Load(requests=[GET])
    with toy(sometimes) as bad, toy(lambda _: reply("{}")) as good:
        racers = [Toy(bad, load, name="bad"), Toy(good, load), Broken(0, load, name="broken")]
        seen, fallen = compare("anything", racers, asked, folder=tmp_path)
    assert [one.peer for one in seen] == [OURS]
    assert {one.peer: one.why[:15] for one in fallen} == {
        "bad": "1 wrong answers",
        "broken": "it did not star",
    }


def test_an_answer_that_does_not_hold_what_it_should_fails() -> None:
    with toy(lambda _: reply('{"active":false}')) as port:
        load = Load(requests=[GET], holds=wrk.ACTIVE)
        with pytest.raises(Failed, match="active"):
            probe(Running(pid=1, port=port, load=lambda: load))


@pytest.mark.parametrize("whole", [True, False], ids=["a whole run", "a part"])
def test_a_run_that_lost_something_ends_so(
    whole: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise RuntimeError("the machine is on fire")

    for name in ("FOLDER", "GROWING"):
        monkeypatch.setattr(bench_run, name, tmp_path / "build")
    monkeypatch.setattr(bench_run, "ROOT", tmp_path)
    monkeypatch.setattr(bench_run, "CORES", (0, 1))
    monkeypatch.setattr(wrk, "MISSING", "")
    monkeypatch.setattr(bench_run, "compare", lost)
    monkeypatch.setattr(bench_run, "BESIDE", dict.fromkeys(BESIDE, lost))
    words = [] if whole else ["--only", "refresh", "kit"]
    monkeypatch.setattr("sys.argv", ["bench", *words])
    with pytest.raises(SystemExit) as ended:
        bench_run.main()
    assert str(ended.value).startswith("bench: ")
    written = loaded(tmp_path / "build/run.json")
    assert [one.what for one in written.fallen] == (words[1:] or list(bench_run.EVERYTHING))
    page = tmp_path / "docs/performance.md"
    assert page.exists() == whole
    assert not whole or "**Not measured**: refresh: `the machine is on fire`" in page.read_text()


def test_the_page_names_the_code_that_was_measured() -> None:
    run = Run.begin(quick=True, command="make bench", seconds=1, connections=64)
    assert run.commit == "" or len(run.commit.removesuffix("+")) >= 8
    run.commit = "0123abcd"
    assert ", commit 0123abcd: " in report.page(run)
    run.commit = ""
    assert "commit" not in report._where(run)


def test_what_is_not_installed_is_skipped_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    noted = a_run({})
    assert here([Toy(1, Load(requests=[GET]))], noted) == []
    assert noted.skipped == {OURS: "not installed (it is a toy)"}
    assert "skipped: valetkey" in capsys.readouterr().out


def a_run(rates: Mapping[tuple[str, str], Sequence[float]]) -> Run:
    made = Run.begin(quick=True, command="make bench", seconds=1, connections=64)
    for (operation, peer), values in rates.items():
        made.rows.append(
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
                type(made).__annotations__["rows"].__args__[0],
            )
        )
    return made


KIT_GOAL = "kit: a live, permission-checked, DPoP-bound first call : two bare signatures"
GROWTH_GOAL = "p99 at 10,000,000 families : at 10,000 (measured apart)"
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
    made.workers = {OURS: [(1000.0, 1800.0)]}
    made.kit = Kit(
        rows={BARE: [40.0], FIRST: [100.0], NEXT: [80.0]},
        signatures={BARE: 1, FIRST: 2, NEXT: 2},
        calls={"with it": [300.0]},
    )
    made.grown = [
        Grown(
            store=store,
            operation="refresh",
            families=families,
            median=value,
            lowest=0.9,
            highest=2.0,
        )
        for store, families, value in (
            ("SQLite", 10_000, 1.0),
            ("PostgreSQL", 10_000_000, 1.15),
            ("SQLite", 10_000_000, 1.1),
        )
    ]
    again = loaded(save(made, tmp_path))
    assert again == made
    report.write(again, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert "2.05 (2.00 to 2.10)" in page
    assert "60 (60 to 60) people a second" in page
    found = {row[0]: row[3:] for row in rows(again)}
    assert found["two workers on two cores : one"] == ("1.80 (1.80 to 1.80)", "must")
    assert found[KIT_GOAL] == ("1.25 (1.25 to 1.25)", "aim")
    assert found[GROWTH_GOAL] == ("1.15 (0.90 to 2.00)", "aim")
    for name in ("ratios.svg", "load.svg", "growth.svg"):
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
