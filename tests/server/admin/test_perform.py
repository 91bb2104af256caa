"""How an operation is done: what it reads, and what it leaves in the log."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tests.live import Live, live
from tests.server.admin.play import ALL, Administrator, list_app, machine
from tests.server.oauth.admin.desk import context

from valetkey.server.admin.services import Attempt, Services
from valetkey.server.admin.table import BY_NAME
from valetkey.server.audit.reading import opened_records
from valetkey.server.audit.recorder import recorded
from valetkey.server.http import log
from valetkey.server.model.audit import AuditRecord
from valetkey.server.model.change import Create
from valetkey.server.model.query import One, PageQuery, Results
from valetkey.server.model.user import ADMINISTRATOR, User
from valetkey.server.oauth.admin.user_status import change_user_status
from valetkey.server.oauth.endpoints.administration import Actor
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import settle

USER = "0" * 26


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("perform"), enable=("administration",)) as running:
        list_app(running, "machine", *ALL)
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the server wrote, without what it does beside requests."""
    written = [one.getMessage() for one in caplog.records if one.name == log.NAME]
    return [one for one in written if not one.startswith("search index")]


REFUSED: list[tuple[str, str, str]] = [
    ("GET", "/users/nobody", "not-found"),
    ("GET", "/nothing", "not-found"),
    ("GET", "/users?limit=0", "invalid-request"),
    ("PUT", "/users", "method-not-allowed"),
]


@pytest.mark.parametrize("method,path,kind", REFUSED)
def test_a_refusal_is_one_line_in_the_log(
    admin: Administrator, caplog: pytest.LogCaptureFixture, method: str, path: str, kind: str
) -> None:
    with caplog.at_level(logging.INFO, log.NAME):
        answer = admin.call(method, path)
    assert answer.json()["type"].endswith(f"#{kind}")
    assert lines(caplog) == ["refused"]


def test_without_a_token_too(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, log.NAME):
        Administrator(server, "no token").call("GET", "/users")
    assert lines(caplog) == ["refused"]


@pytest.mark.parametrize("name", ["since", "before"])
@pytest.mark.parametrize("path", ["/events", "/events/export", "/events/bundle"])
def test_a_moment_beyond_the_last_id(admin: Administrator, path: str, name: str) -> None:
    """The document allows it: an id has 48 bits for milliseconds."""
    answer = admin.call("GET", f"{path}?{name}={1 << 40}")
    assert answer.status_code == 200, answer.text


class Runner:
    """Runs rules over a store in memory, and counts what they read."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.reads: list[Any] = []
        self._read = self.store.read
        self.store.read = self._counted  # type: ignore[method-assign]

    async def _counted(self, *wants: Any) -> Results:
        self.reads += wants
        return await self._read(*wants)

    async def settle(self, rule: Any) -> Any:
        now = context(1_800_000_000)
        return await settle(self.store, lambda: rule(now)), now


@pytest.mark.anyio
async def test_the_audit_record_reads_nothing_again() -> None:
    """What the operation has read is what the record compares with."""
    runner: Any = Runner()
    store = recorded(runner.store)
    await store.commit([Create(User(id=USER, username="miko", created=1))])
    runner.store = store
    operation = BY_NAME["users.disable"]
    actor = Actor(kind="local", id="local:1", permissions=frozenset())
    attempt = Attempt(operation=operation, actor=actor, request_id="r1", target=f"/users/{USER}/x")
    runner.reads.clear()
    await Services(runner).settle(
        attempt,
        lambda now: change_user_status(USER, "disabled", by=ADMINISTRATOR, context=now),
        lambda outcome: None,
    )
    assert runner.reads.count(One(User, USER)) == 1
    page = await store.page(PageQuery(record=AuditRecord, index="operation", value="users.disable"))
    (act,) = await opened_records(store, page.records)
    assert ["active", "disabled"] in act.personal("changes").values()
