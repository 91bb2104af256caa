"""What faults and signals do: in the answers, in the ledger, and in the metrics that operators see.
The page `howto/run-the-server` has the table."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.live import free_port
from tests.postgres import MISSING, cluster
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import WORD, database, fill, names
from tests.promises.game import PATIENCE, UNHURRIED
from tests.promises.process import Process, running
from tests.promises.test_full import full, mounted
from tests.promises.town import Town
from tests.promises.trouble import frozen, locked, stopped

pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")

USERS: Final = 2
SIGNALS: Final = 4
ROWS: Final = 40
"""Writes of new rows after which a file that is full has no room left in its pages."""


@contextlib.contextmanager
def fault_of(
    name: str, folder: Path
) -> Iterator[tuple[str, contextlib.AbstractContextManager[None]]]:
    """The address of a filled database, and the fault, to be entered."""
    with contextlib.ExitStack() as stack:
        if name in {"stopped", "frozen"}:
            if MISSING:
                pytest.skip(MISSING)
            one = stack.enter_context(cluster())
            fill(one.url)
            yield one.url, stopped(one) if name == "stopped" else frozen(one)
            return
        place = folder
        if name == "full":
            place = stack.enter_context(mounted(folder / "small", "8m"))
        address = stack.enter_context(database("sqlite", place))
        yield address, full(place) if name == "full" else locked(Path(address))


class Operator:
    """Sees a node from outside: its probes, its metrics, and one request that writes."""

    def __init__(self, node: Process, metrics: int) -> None:
        self._http = httpx2.Client(base_url=node.url, timeout=30)
        self._metrics = f"http://127.0.0.1:{metrics}/metrics"

    def close(self) -> None:
        self._http.close()

    def status(self, path: str) -> int:
        return self._http.get(path).status_code

    def write(self) -> httpx2.Response:
        form = {"client_id": "tv", "scope": "chirps.read"}
        return self._http.post("/device_authorization", data=form)

    def write_at_last(self) -> None:
        """Writes, as soon as the server can: a busy machine may make it late."""
        until = time.monotonic() + PATIENCE
        while (reply := self.write()).status_code != 200:
            assert reply.status_code == 503, reply.text
            assert time.monotonic() < until, reply.text
            time.sleep(0.1)

    def total(self, pattern: str) -> float:
        """The sum of the samples whose lines match."""
        text = httpx2.get(self._metrics, timeout=30).text
        return sum(float(one) for one in re.findall(rf"(?m)^{pattern} (\S+)$", text))


FAILED: Final = r"valetkey_commits_failed_total"
UNAVAILABLE: Final = (
    r'http_server_request_duration_seconds_count\{[^}\n]*http_response_status_code="503"[^}\n]*\}'
)


@pytest.mark.parametrize("name", ["locked", "full", "stopped", "frozen"])
def test_a_database_that_takes_no_writes(name: str, budget: Budget, tmp_path: Path) -> None:
    if budget == "short" and name in {"full", "frozen"}:
        pytest.skip("test_full and test_trouble have it: only in the long budget")
    metrics = free_port()
    with fault_of(name, tmp_path) as (address, fault):
        node = Process(tmp_path, address, metrics_port=str(metrics))
        with running([node]), contextlib.closing(Operator(node, metrics)) as operator:
            operator.write_at_last()
            failed, unavailable = operator.total(FAILED), operator.total(UNAVAILABLE)
            with fault:
                answers = (operator.write() for _ in range(ROWS))
                refused = next(one for one in answers if one.status_code != 200)
                assert (refused.status_code, refused.json()["error"]) == (
                    503,
                    "temporarily_unavailable",
                )
                assert int(refused.headers["retry-after"]) > 0
                assert operator.status("/healthz") == 200
                assert operator.status("/jwks") == 200
                if name in {"locked", "full"}:  # else a read fails before
                    assert operator.total(FAILED) > failed
                assert operator.total(UNAVAILABLE) > unavailable
                if name != "full":  # its small row may find room in a page
                    assert operator.status("/readyz") == 503
            node.ready()
            operator.write_at_last()


def test_settings_are_read_again_under_load(tmp_path: Path, figure: Figure) -> None:
    """SIGHUP ends nothing: no request fails, and nothing is lost."""
    metrics = free_port()
    with database("sqlite", tmp_path, names(USERS)) as address:
        node = Process(tmp_path, address, metrics_port=str(metrics), **UNHURRIED)
        with (
            running([node]),
            contextlib.closing(Operator(node, metrics)) as operator,
            contextlib.closing(Town(tmp_path, node.url, names(USERS), WORD)) as town,
        ):
            with town.living():
                for _ in range(SIGNALS):
                    node.reload()
                    town.go_on(4)
            town.finish()
            assert town.answers.counts.get(503, 0) == operator.total(UNAVAILABLE)
            figure("acknowledged", town.ledger.acknowledged)
            node.stop()  # with 0: it was the same process all the time
