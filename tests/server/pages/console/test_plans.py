"""No page of the console reads a whole table: the plans of all that it asks SQLite and PostgreSQL.
So pages are as quick with a million users and a hundred thousand apps."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.attacks.play import STEFAPP, every, redeem
from tests.browser import authorize
from tests.live import Live, live
from tests.postgres import MISSING, Cluster, cluster
from tests.server.pages.console.staff import ON, found_acme, staff

from valetkey.server.model.grant import Grant
from valetkey.server.pages.console.names import segment
from valetkey.server.pages.console.parts import Area
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.sqlite.store import connect

SMALL = {
    "audit_keys",
    "audit_state",
    "CONSTANT",
    "wanted",
    "json_each",
    "resource_servers",
    "catalogs",
    "policies",
    "signing_keys",
    "brands",
    "epochs",
    "log",
    "log_head",
    "migrations",
}
"""Tables that are read whole with each installation, or that stay small."""


class Recorder:
    """The statements that any connection to SQLite runs, each once."""

    def __init__(self) -> None:
        self.statements: dict[str, int] = {}
        self.on = False

    def __call__(self, connection: apsw.Connection) -> None:
        connection.set_exec_trace(self._record)

    def _record(self, cursor: object, sql: str, bindings: object) -> bool:
        if self.on and sql.lstrip().upper().startswith(("SELECT", "WITH")):
            count = len(bindings) if isinstance(bindings, list | tuple | dict) else 0
            self.statements[sql] = count
        return True


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    one = Recorder()
    apsw.connection_hooks.append(one)
    yield one
    apsw.connection_hooks.remove(one)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("plans"), name="Chirp", **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        found_acme(server)
        yield server


ORGANIZATION = (
    *("?search=ac", "/acme", "/acme/edit", "/acme/rule"),
    *("/acme/add-member", "/acme/remove"),
)


def _paths(server: Live) -> list[str]:
    (grant,) = every(server, Grant)
    user = f"/console/users/{server.users['miko'].id}"
    return [
        *(area.path for area in Area),
        *(f"/console/users?by={by}&search=miko" for by in ("email", "name", "username")),
        *(f"/console/apps?search={text}" for text in ("stef", "stef.example", "stefapp")),
        "/console/apps?show=suspended",
        "/console/apps/stefapp",
        "/console/apps/stefapp/suspend",
        f"/console/catalogs/{segment('chirp')}",
        *(f"/console/organizations{below}" for below in ORGANIZATION),
        f"/console/organizations/acme/members/{server.users['miko'].id}/remove-member",
        f"/console/organizations/acme/requests/{server.users['miko'].id}/kite/allow-app",
        user,
        f"{user}/grants/{grant.id}/stop-access",
        f"{user}/sign-out",
    ]


def test_no_page_reads_a_whole_table(server: Live, recorder: Recorder, tmp_path: Path) -> None:
    browser = staff(server, "noor", "owner")
    browser.open(f"/console/users/{server.users['miko'].id}")
    browser.press("confirm", reason="Ticket 1")
    paths = _paths(server)
    recorder.on = True
    for path in paths:
        assert browser.open(path).status_code == 200, path
    recorder.on = False
    assert len(recorder.statements) > 10
    found = []
    with closing(connect(server.database)) as connection:
        connection.set_exec_trace(None)
        for sql in recorder.statements:
            names = set(re.findall(r"\?(\d+)", sql))
            count = max(map(int, names)) if names else sql.count("?")
            named = set(re.findall(r"[:@$](\w+)", sql))
            bindings = dict.fromkeys(named) if named else (None,) * count
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)
            plan = [str(row[3]) for row in rows]
            # What is sorted afterwards is what a range of an index gave: the rows of one user.
            for step in plan:
                table = re.match(r"SCAN (\w+)", step)
                small = not table or table[1] in SMALL or table[1].isdigit()
                if not small and "LIMIT" not in sql.upper() and "sqlite_" not in sql:
                    found.append((step, sql))
    assert found == []


@pytest.fixture(scope="module")
def explained() -> Iterator[Cluster]:
    """A PostgreSQL that writes the plan of each statement to its log. It has few rows, so that it
    would read whole tables; it does only where there is no other way."""
    if MISSING:
        pytest.skip(MISSING)
    pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
    settings = {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_format": "json",
        "enable_seqscan": "off",
        "jit": "off",
    }
    with cluster(**settings) as running:
        yield running


def _plans(log: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statements in a log, and how they were done."""
    for text in re.findall(r"plan:\n((?:\t.*\n)+)", log):
        found = json.loads(text.replace("\t", " "))
        yield found["Query Text"], found["Plan"]


def _whole(node: dict[str, Any], *, limited: bool = False) -> Iterator[str]:
    """The tables that a plan reads whole: without a condition of an index, and without a limit
    that ends it after as many rows as are wanted."""
    limited = limited or node["Node Type"] == "Limit"
    table = node.get("Relation Name", "")
    reads = "Scan" in node["Node Type"] and table and table not in SMALL
    is_found = "Index Cond" in node or "Recheck Cond" in node
    if reads and not is_found and (not limited or "Filter" in node):
        yield table
    for below in node.get("Plans", ()):
        # What is sorted is read to its end first, whatever the limit.
        yield from _whole(below, limited=limited and node["Node Type"] != "Sort")


def test_no_page_reads_a_whole_table_of_postgresql(explained: Cluster, tmp_path: Path) -> None:
    log = explained.data.parent / "log"
    at = PostgresURL(explained.fresh())
    with live(tmp_path, name="Chirp", at=at, **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        found_acme(server)
        browser = staff(server, "noor", "owner")
        browser.open(f"/console/users/{server.users['miko'].id}")
        browser.press("confirm", reason="Ticket 1")
        paths = _paths(server)
        begin = len(log.read_text("utf-8"))
        for path in paths:
            assert browser.open(path).status_code == 200, path
        written = log.read_text("utf-8")[begin:]
    plans = {sql: plan for sql, plan in _plans(written) if sql.lstrip().startswith(READS)}
    plans = {sql: plan for sql, plan in plans.items() if "typeinfo_tree" not in sql}  # the driver's
    assert len(plans) > 10
    tables = {sql: [*_whole(plan)] for sql, plan in plans.items()}
    assert {sql: names for sql, names in tables.items() if names} == {}


READS = ("SELECT", "WITH")


def test_a_plan_that_reads_a_whole_table_is_noticed() -> None:
    scan = {"Node Type": "Seq Scan", "Relation Name": "users"}
    limit = {"Node Type": "Limit", "Plans": [scan]}
    found = {"Node Type": "Index Scan", "Relation Name": "users", "Index Cond": "(key = $1)"}
    assert [*_whole(scan)] == ["users"]
    assert [*_whole({"Node Type": "Limit", "Plans": [{"Node Type": "Sort", "Plans": [scan]}]})]
    assert [*_whole({"Node Type": "Limit", "Plans": [{**scan, "Filter": "x"}]})]
    assert [*_whole(limit)] == [*_whole(found)] == []
