"""What a run of the conformance tests came to: a table for each plan.

A test is labelled with the module that it stands for: `@pytest.mark.module("oidcc-server")`, and
`plan="basic"` where neither a parameter `plan` of the test nor the file's `PLAN` says so. Several
tests may carry one label: all of them make the module. A full run compares its outcome with the
tables in the documentation, and fails where they differ; `--write-conformance` writes them.
"""

import json
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

import msgspec
import pytest
from tests.conformance.plans import FOLDER, PLANS

Result: TypeAlias = Literal["passed", "skipped", "review", "warning", "failed"]
ORDER: Final[tuple[Result, ...]] = ("passed", "skipped", "review", "warning", "failed")
"""The suite's words, the worst last. `skipped`: the module tries what is not offered here, which
the test makes sure of. `review`: the suite wants a screenshot, in whose place the test looks at
the page."""


class Row(msgspec.Struct, frozen=True):
    """What became of a module, and what there is to say of it."""

    test: str
    result: Result
    note: str = ""


class Verdict:
    """By which a test says more than that it passed."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def warning(self, note: str) -> None:
        """The suite would pass this with a warning."""
        self._item.user_properties.append(("verdict", ["warning", note]))

    def failed(self, note: str) -> None:
        """The suite would fail this, and it stays so, for this reason."""
        self._item.user_properties.append(("verdict", ["failed", note]))

    def review(self, note: str) -> None:
        """The suite would want a person to look at a page."""
        self._item.user_properties.append(("verdict", ["review", note]))

    def skipped(self, note: str) -> None:
        """The suite would skip this: what it tries is not offered."""
        self._item.user_properties.append(("verdict", ["skipped", note]))


class Results:
    """Gathers what the tests say, in the process that all of them report to."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], list[Row]] = {}
        self.wrong: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told: Any = report.user_properties
        labels = [tuple(value) for name, value in told if name == "module"]
        if not labels or (report.when != "call" and not report.failed) or report.skipped:
            return
        said = [value for name, value in told if name == "verdict" and not report.failed]
        for label in labels:
            result: Result = "failed" if report.failed else "passed"
            rows = [Row(label[1], result), *(Row(label[1], *one) for one in said)]
            self.found.setdefault(label, []).extend(rows)

    def table(self, plan: str) -> list[Row] | None:
        """The rows of a plan, None where the run left some out."""
        rows = [_worst(self.found.get((plan, test), ())) for test in PLANS[plan].modules]
        known = [row for row in rows if row is not None]
        return known if len(known) == len(rows) else None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for plan in PLANS:
            table = self.table(plan)
            if table is None:
                continue
            if session.config.getoption("write_conformance"):
                write(plan, table)
            elif table != read(plan):
                self.wrong.append(f"{plan}: the run came to something else than its table says")
        if self.wrong and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.wrong:
            terminalreporter.write_line(f"conformance: {line}; --write-conformance mends it")


def _worst(rows: Iterable[Row]) -> Row | None:
    ordered = sorted(rows, key=lambda row: ORDER.index(row.result))
    if not ordered:
        return None
    worst = ordered[-1]
    notes = dict.fromkeys(row.note for row in ordered if row.note and row.result == worst.result)
    return Row(worst.test, worst.result, "; ".join(notes))


def read(plan: str) -> list[Row]:
    """The table of a plan as it stands in the documentation."""
    file = FOLDER / f"{plan}.json"
    return msgspec.json.decode(file.read_bytes(), type=list[Row]) if file.exists() else []


def write(plan: str, table: list[Row]) -> None:
    """Puts the table of a plan into the documentation."""
    FOLDER.mkdir(exist_ok=True)
    rows = (json.dumps(msgspec.to_builtins(row), ensure_ascii=False) for row in table)
    text = "[\n" + ",\n".join(f"  {row}" for row in rows) + "\n]\n"
    (FOLDER / f"{plan}.json").write_text(text, "utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write-conformance`: the tables in the documentation are written anew."""
    parser.addoption("--write-conformance", action="store_true")


def pytest_configure(config: pytest.Config) -> None:
    """One place gathers the results, however many processes run the tests."""
    config.addinivalue_line("markers", "module(test, plan): stands for a module of the suite")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results())


def pytest_itemcollected(item: pytest.Item) -> None:
    """Each test carries its labels along in its report."""
    for mark in item.iter_markers("module"):
        for plan in _plans(item, mark):
            assert mark.args[0] in PLANS[plan].modules, f"{mark.args[0]} is not of the plan {plan}"
            item.user_properties.append(("module", [plan, mark.args[0]]))


def _plans(item: pytest.Item, mark: pytest.Mark) -> tuple[str, ...]:
    """Named by the mark, by the row of the test, or by the file."""
    if "plan" in mark.kwargs:
        return (mark.kwargs["plan"],)
    row = getattr(item, "callspec", None)
    if row is not None and "plan" in row.params:
        return (row.params["plan"],)
    module = item.getparent(pytest.Module)
    return (module.obj.PLAN,) if module is not None else ()
