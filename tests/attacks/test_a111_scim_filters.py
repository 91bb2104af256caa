"""A111: a filter that costs more than its author.

Attack: A directory sends filters that are long, nested, or match nothing among a million users, or
many lists at once.
Defense: Filters have a size, and one request looks at a bounded number of records. Others are told
to use a cursor, and a client has few lists at once.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.live import Live, live
from tests.rows import row
from tests.server.endpoints.test_scim import Scim, provision

from valetkey.server.model.change import Create
from valetkey.server.model.directory import ProvisionedUser

lists = pytest.importorskip(
    "valetkey.server.endpoints.scim.lists", reason="the extra `scim` is not installed"
)

USERS = 450
SCAN = 400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("scim"), enable=("scim",)) as running:
        provision(running, "machine")
        now = int(time.time())
        rows = [
            ProvisionedUser(
                id=f"u{number:025}",
                source="platform",
                username=f"user-{number}",
                external_id=f"x-{number}",
                attributes={"displayName": "Same", "emails": [{"value": "same@chirp.example"}]},
                created=now,
                changed=now,
            )
            for number in range(USERS)
        ]
        running.run(running.store.commit([Create(one) for one in rows]))
        yield running


@pytest.fixture
def scim(server: Live, monkeypatch: pytest.MonkeyPatch) -> Scim:
    monkeypatch.setattr(lists, "MAX_SCAN", SCAN)
    return Scim(server)


def _get(scim: Scim, **query: Any) -> httpx2.Response:
    return scim.call("GET", f"/Users?{httpx2.QueryParams(query)}")


REFUSED = [
    row("A111", "too long", 'displayName eq "' + "x" * 1000 + '"', "invalidFilter"),
    row("A111", "too many terms", " or ".join(['id eq "x"'] * 21), "invalidFilter"),
    row("A111", "nested", "(" * 600 + 'id eq "x"' + ")" * 600, "invalidFilter"),
    row("A111", "nothing to find", 'displayName co "nobody"', "tooMany"),
    row("A111", "everything but one", 'not (userName eq "user-1")', "tooMany"),
    row("A111", "or without an index", 'userName eq "user-1" or displayName pr', "tooMany"),
    row("A111", "an index of many", 'emails.value eq "same@chirp.example"', "tooMany"),
]


@pytest.mark.parametrize("text,kind", REFUSED)
def test_a_costly_filter_is_refused(scim: Scim, text: str, kind: str) -> None:
    answer = _get(scim, filter=text)
    assert (answer.status_code, answer.json()["scimType"]) == (400, kind)


CHEAP = [
    row("A111", "an index", 'userName eq "user-1"', 1),
    row("A111", "and beside an index", 'externalId eq "x-2" and displayName co "a"', 1),
    row("A111", "an index that finds nobody", 'userName eq "nobody" and displayName pr', 0),
]


@pytest.mark.parametrize("text,total", CHEAP)
def test_an_index_finds_among_any_number(scim: Scim, text: str, total: int) -> None:
    assert _get(scim, filter=text).json()["totalResults"] == total


def test_pages_by_number_end_loudly_and_a_cursor_reads_all(scim: Scim) -> None:
    first = _get(scim, count=2).json()
    assert (first["totalResults"], len(first["Resources"])) == (SCAN + 1, 2)
    beyond = _get(scim, startIndex=SCAN + 1)
    assert beyond.json()["scimType"] == "tooMany"
    seen, cursor, requests = 0, "", 0
    while True:
        page = _get(scim, cursor=cursor).json()
        seen, requests = seen + len(page["Resources"]), requests + 1
        cursor = page.get("nextCursor", "")
        if not cursor:
            break
    assert (seen, requests) == (USERS, 5)


def test_a_filter_with_a_cursor_looks_at_a_bounded_number_each_time(scim: Scim) -> None:
    page = _get(scim, cursor="", filter='userName sw "user-44"').json()
    assert len(page["Resources"]) == 10
    rest = _get(scim, cursor=page["nextCursor"], filter='userName sw "user-44"').json()
    assert [one["userName"] for one in rest["Resources"]] == ["user-44"]
    assert "nextCursor" not in rest


def test_many_lists_at_once(scim: Scim, server: Live) -> None:
    """Others are answered meanwhile, and the client's own next one after that."""

    def ask(_: int) -> int:
        return _get(scim, startIndex=1, count=1).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = set(pool.map(ask, range(40)))
        assert server.http.get("/healthz").status_code == 200
    assert statuses <= {200, 503}
    assert ask(0) == 200
