"""Every refusal, wherever it comes from, is JSON in a registered code or the error page, is stored
nowhere, sends nobody anywhere and changes nothing. The endpoints and pages are those that there
are: with a new one, there are more rows."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx2
import pytest
from tests.browser import error_code
from tests.handoff import OPEN
from tests.installation import SECRETS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.http.front import MAX_HEADERS
from valetkey.server.model.audit import (
    AuditKey,
    AuditRecord,
    AuditSegment,
    AuditState,
    UnsealedRecord,
)
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.last_use import IndexState
from valetkey.server.model.query import Many
from valetkey.server.model.statistic import Statistic
from valetkey.server.oauth.core.feature import Endpoint, Stream
from valetkey.server.oauth.features import FEATURES
from valetkey.server.store.port import RECORDS
from valetkey.spec.errors import registered
from valetkey.wire.form import MAX_BYTES

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
COUNTED: Final = (
    Throttle,
    SingleUse,
    Event,
    Statistic,
    IndexState,
    AuditKey,
    AuditRecord,
    AuditSegment,
    AuditState,
    UnsealedRecord,
)
"""What a refusal may write: that somebody tried. And what the server writes of itself meanwhile:
how far its index and its audit log are."""

OFF: Final = tuple(one.name for one in FEATURES if not one.on_by_default and not one.core)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with every feature that there is."""
    with live(tmp_path_factory.mktemp("whole"), enable=OFF, sign_in=OPEN) as server:
        yield server


def _is_published(endpoint: Endpoint | Stream) -> bool:
    return isinstance(endpoint, Endpoint) and endpoint.max_age is not None


def _below(endpoint: Endpoint | Stream) -> tuple[str, ...]:
    """What comes after the endpoint's path: an item, or a client that is registered here."""
    if isinstance(endpoint, Stream):
        return ("",)
    if endpoint.who == "nobody" and endpoint.reads == "json":
        return ("?client_id=x",)
    return ("", "/x") if endpoint.items else ("",)


MACHINES: Final = sorted(
    {
        endpoint.path + below
        for feature in FEATURES
        for endpoint in feature.endpoints
        if not _is_published(endpoint)
        for below in _below(endpoint)
    }
)
PUBLISHED: Final = sorted(
    endpoint.path
    for feature in FEATURES
    for endpoint in feature.endpoints
    if _is_published(endpoint)
)

Call = tuple[str, Mapping[str, Any]]

CALLS: Final = [
    row("6749 5.2", "a GET", "GET", {}),
    row("6749 5.2", "a PUT", "PUT", {"content": b"x=y", "headers": FORM}),
    row("6749 5.2", "a DELETE", "DELETE", {}),
    row("6749 5.2", "a PATCH", "PATCH", {"json": {}}),
    row("6749 5.2", "nothing at all", "POST", {"content": b"", "headers": FORM}),
    row("6749 5.2", "a word", "POST", {"content": b"somebody", "headers": FORM}),
    row("6749 5.2", "bytes", "POST", {"content": bytes(range(256)), "headers": FORM}),
    row("6749 5.2", "a broken escape", "POST", {"content": b"token=%zz", "headers": FORM}),
    row("6749 5.2", "a zero byte", "POST", {"content": b"token=%00", "headers": FORM}),
    row("6749 5.2", "a parameter twice", "POST", {"content": b"a=1&a=2", "headers": FORM}),
    row("6749 5.2", "an object", "POST", {"json": {"token": "x"}}),
    row("6749 5.2", "a list", "POST", {"json": [[[[]]]]}),
    row(
        "6749 5.2",
        "a deep list",
        "POST",
        {"content": b"[" * 5000, "headers": {"content-type": "application/json"}},
    ),
    row("6749 5.2", "too much", "POST", {"content": b"a" * (MAX_BYTES + 1), "headers": FORM}),
    row("6749 5.2", "a long header", "POST", {"headers": {"x-long": "a" * MAX_HEADERS}}),
    row("6750 3", "a bad token", "GET", {"headers": {"authorization": "Bearer x.y.z"}}),
    row("6750 3", "a token that is none", "POST", {"headers": {"authorization": "Bearer ]"}}),
    row(
        "9449 7.1", "a bad proof", "GET", {"headers": {"authorization": "DPoP x.y.z", "dpop": "x"}}
    ),
    row(
        "7617 2",
        "no credentials",
        "POST",
        {"data": {"token": "x", "grant_type": "x"}, "headers": {"authorization": "Basic !"}},
    ),
    row(
        "7617 2",
        "a wrong secret",
        "POST",
        {"data": {"token": "x", "grant_type": "x"}, "auth": ("web", "wrong")},
    ),
    row(
        "7617 2",
        "nobody",
        "POST",
        {"data": {"token": "x", "grant_type": "x"}, "auth": ("nobody", "x")},
    ),
    row(
        "6749 2.3",
        "a good secret and nonsense",
        "POST",
        {"data": {"request": "x", "token": "", "grant_type": "x"}, "auth": ("web", SECRETS["web"])},
    ),
]


def refused(answer: httpx2.Response, *, page: bool) -> None:
    """The one form of a refusal."""
    assert answer.headers["cache-control"] == "no-store"
    assert "location" not in answer.headers
    assert "refresh" not in answer.headers
    if answer.status_code == 401 and not answer.content:
        # RFC 6750 3.1: who sends no token is told nothing more.
        assert "error" not in answer.headers["www-authenticate"]
        return
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == "text/html":
        assert page, "a machine gets no page"
        assert error_code(answer.text) in registered()
        return
    assert kind == "application/json"
    told = answer.json()
    assert told["error"] in registered()
    assert set(told) <= {"error", "error_description"}
    said = told["error_description"]
    assert said.isascii()
    assert not set(said) & set('"\\\r\n')
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"]


def digest(server: Live) -> dict[str, int]:
    """Every row that a refusal may not touch, and its version."""
    tables: list[Many[Any]] = [Many(kind) for kind in RECORDS if kind not in COUNTED]
    rows = server.run(server.store.read(*tables))
    return {
        f"{table.record.table} {record.key}": record.version
        for table in tables
        for record in rows.many(table)
    }


@pytest.mark.parametrize("method, sent", CALLS)
@pytest.mark.parametrize("path", MACHINES)
def test_an_endpoint(path: str, method: str, sent: Mapping[str, Any], whole: Live) -> None:
    before = digest(whole)
    answer = whole.http.request(method, path, **sent)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        refused(answer, page=False)
        assert digest(whole) == before
    else:
        # Anybody may have one, whatever they send.
        assert (method, path, answer.status_code) == ("POST", "/attestation-challenge", 200)
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method, sent", CALLS)
@pytest.mark.parametrize("path", PUBLISHED)
def test_a_document(path: str, method: str, sent: Mapping[str, Any], whole: Live) -> None:
    answer = whole.http.request(method, path, **sent)
    if len(sent.get("headers", {}).get("x-long", "")) >= MAX_HEADERS:
        assert answer.status_code == 431
    elif method != "GET":
        # Before the body: it is not even read.
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    else:
        assert answer.status_code == 200
        return
    refused(answer, page=False)


def pages(server: Live) -> list[str]:
    """Every page that there is, with a name where one belongs."""
    front: Any = server._app
    paths = (getattr(one, "path", "") for one in front._pages.make().routes)
    named = (path.replace("{pending}", "x").replace("{grant}", "x") for path in paths)
    there = {path.replace("{approval}", "x") for path in named} - {"/static"}
    return sorted(there | {"/static/nothing.css", "/static/", "/static/%00", "/static/x/../../.."})


@pytest.mark.parametrize("method, sent", CALLS)
def test_the_pages(method: str, sent: Mapping[str, Any], whole: Live) -> None:
    found = pages(whole)
    assert len(found) > 20
    before = digest(whole)
    for path in found:
        answer = whole.http.request(method, path, **sent)
        assert answer.status_code < 500, path
        if answer.status_code >= 400:
            refused(answer, page=True)
    assert digest(whole) == before


def test_every_feature_that_can_be_called_is_among_them(whole: Live) -> None:
    """None of these paths is unknown to the server."""
    for path in (*MACHINES, *PUBLISHED):
        answer = whole.http.options(path)
        assert answer.status_code != 404, path
