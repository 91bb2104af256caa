"""The metrics in a real Prometheus: it reads them, every panel of the dashboard has numbers, every
alert fires as its rule says, and once for real. The dashboard was never opened in Grafana."""

import asyncio
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest
from tests.attacks.play import change, every
from tests.browser import Asking, authorize
from tests.installation import SECRETS
from tests.integration.tools import ROOT, tool
from tests.live import Live, free_port
from tests.softhsm import LABEL, MODULE, PIN, SoftHsm, softhsm

from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.custody.pkcs11_token import Pkcs11Token, TokenTerms
from valetkey.server.model.change import Create
from valetkey.server.model.keys import Secret, SigningKey
from valetkey.server.model.stream import Job
from valetkey.server.store.master_key import MasterKeys

pytestmark = pytest.mark.integration

DEPLOY = ROOT / "deploy"
DASHBOARD: Any = json.loads((DEPLOY / "grafana/valetkey.json").read_text())
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]


def run(name: str, *arguments: str, text: str = "") -> str:
    command = [str(tool(name)), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Prometheus:
    """A Prometheus that scrapes a server each second."""

    def __init__(self, url: str, server: Live, metrics: int) -> None:
        self.http = httpx2.Client(base_url=url, timeout=30)
        self.server = server
        self.metrics = metrics

    def ask(self, query: str) -> list[Any]:
        query = query.replace("$__rate_interval", "10s").replace("$job", "valetkey")
        answer = self.http.get("/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        result: list[Any] = answer["data"]["result"]
        return result

    def firing(self) -> set[str]:
        alerts = self.http.get("/api/v1/alerts").json()["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def fires(self, alert: str, *, again: Callable[[], object] = lambda: None) -> bool:
        """Whether the alert fires soon; `again` is done until then."""
        until = time.monotonic() + 60
        while alert not in self.firing():
            if time.monotonic() > until:
                return False
            again()
            time.sleep(0.5)
        return True


DEVICES: list[SoftHsm] = []
"""The token with the signing keys of the server."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MasterKeys]:
    with softhsm(tmp_path_factory.mktemp("token") / "hsm") as device:
        DEVICES.append(device)
        terms = TokenTerms(module=MODULE, label=LABEL, pin=Secret(PIN), algorithms=ALGORITHMS)
        yield MasterKeys(os.urandom(32), tokens=[Pkcs11Token(terms)])


@pytest.fixture(scope="module")
def prometheus(keys: MasterKeys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder, port, metrics = tmp_path_factory.mktemp("prometheus"), free_port(), free_port()
    server = Live(folder / "valetkey.db", metrics_port=metrics, master_key=keys)
    server.start()
    config = (DEPLOY / "prometheus/prometheus.yml").read_text()
    rules = (DEPLOY / "prometheus/alerts.yml").read_text()
    (folder / "prometheus.yml").write_text(
        config.replace("127.0.0.1:9464", f"127.0.0.1:{metrics}").replace(
            "scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s"
        )
    )
    # The time that something has to last is shortened: promtool tries the rules as they are.
    (folder / "alerts.yml").write_text(re.sub(r"for: \S+", "for: 1s", rules))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(tool("prometheus")),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    running = Prometheus(f"http://127.0.0.1:{port}", server, metrics)
    try:
        _wait(running, folder / "log")
        _use(server)
        time.sleep(4)
        _use(server)
        time.sleep(4)
        yield running
    finally:
        process.terminate()
        process.wait(30)
        running.http.close()
        server.stop()


def _wait(prometheus: Prometheus, log: Path) -> None:
    for _ in range(300):
        try:
            if prometheus.ask('up{job="valetkey"} == 1'):
                return
        except (httpx2.TransportError, ValueError):
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def _use(server: Live) -> None:
    """A bit of everything: consent, tokens, refusals."""
    browser = server.browser()
    browser.open(Asking().path())
    browser.sign_in("miko", password="wrong")
    browser.sign_in("miko")
    if 'id="allow"' in browser.page.text:
        browser.press("allow", boxes=set(browser.form("allow").boxes))
    for secret in (SECRETS["machine"], "wrong"):
        form = {"grant_type": "client_credentials"}
        server.http.post("/token", data=form, auth=("machine", secret))


def test_the_rules_are_valid_and_fire_as_they_say() -> None:
    run("promtool", "check", "rules", str(DEPLOY / "prometheus/alerts.yml"))
    run("promtool", "check", "config", str(DEPLOY / "prometheus/prometheus.yml"))
    run("promtool", "test", "rules", str(DEPLOY / "prometheus/alerts_test.yml"))


def test_every_alert_has_a_test_and_a_page() -> None:
    names = set(re.findall(r"alert: (\w+)", (DEPLOY / "prometheus/alerts.yml").read_text()))
    tested = (DEPLOY / "prometheus/alerts_test.yml").read_text()
    page = (ROOT / "docs/howto/monitor.md").read_text()
    assert names <= set(re.findall(r"alertname: (\w+)", tested))
    assert names <= set(re.findall(r"### (\w+)", page))


def test_the_metrics_are_well_named(prometheus: Prometheus) -> None:
    text = httpx2.get(f"http://127.0.0.1:{prometheus.metrics}/metrics").text
    run("promtool", "check", "metrics", text=text)


@pytest.mark.parametrize("query", QUERIES)
def test_every_panel_has_numbers(prometheus: Prometheus, query: str) -> None:
    assert prometheus.ask(query) != []


def test_there_is_no_alarm_yet(prometheus: Prometheus) -> None:
    (query,) = [one.values[0] for one in QUERIES if str(one.id).startswith("Alarms")]
    assert {float(one["value"][1]) for one in prometheus.ask(str(query))} == {0.0}


def _guess(server: Live) -> None:
    """More wrong passwords than people type in two minutes."""
    browser = server.browser()
    browser.open("/sign-in")
    fields = browser.form("sign-in").fields
    for number in range(60):
        sent = {**fields, "username": f"nobody{number}", "password": "wrong"}
        assert browser.http.post("/sign-in", data=sent).status_code == 400


def _replay(server: Live) -> None:
    asking = Asking()
    code = authorize(server.browser(), asking)
    statuses = [
        server.http.post("/token", data=asking.redemption(code)).status_code for _ in range(2)
    ]
    assert statuses == [200, 400]


def _age_a_key(server: Live) -> None:
    key = next(
        one for one in every(server, SigningKey) if one.use == "ES256" and one.status == "current"
    )
    change(server, key, since=int(time.time()) - 121 * 86400)


def _leave_a_message(server: Live) -> None:
    now = int(time.time())
    url = "https://nobody.example/"
    job = Job(id="0" * 26, kind="logout", url=url, due=now + 86400, created=now - 7200)
    server.run(server.store.commit([Create(job)]))


def _delay(server: Live) -> None:
    async def busy() -> None:
        for _ in range(5):
            time.sleep(0.9)  # noqa: ASYNC251  All else waits for it.
            await asyncio.sleep(0.01)

    server.run(busy())


def _lock(server: Live) -> None:
    """The database answers no write for a while."""
    tokens = server.http.post(
        "/token", data=Asking().redemption(authorize(server.browser(), Asking()))
    )
    file = server.settings.database.at
    assert isinstance(file, Path)
    form = {
        "grant_type": "refresh_token",
        "client_id": "stefapp",
        "refresh_token": tokens.json()["refresh_token"],
    }
    locking = apsw.Connection(str(file))
    locking.set_busy_timeout(30_000)
    locking.execute("BEGIN IMMEDIATE")
    try:
        for _ in range(3):
            assert server.http.post("/token", data=form).status_code == 503
    finally:
        locking.execute("ROLLBACK")
        locking.close()


def _unplug(server: Live) -> None:
    (device,) = DEVICES
    device.take_away()
    form = {"grant_type": "client_credentials"}
    answer = server.http.post("/token", data=form, auth=("machine", SECRETS["machine"]))
    assert answer.status_code == 503


CAUSES: dict[str, Callable[[Live], None]] = {
    "ValetkeyGuessing": _guess,
    "ValetkeyReplay": _replay,
    "ValetkeyKeysOld": _age_a_key,
    "ValetkeyOutboxLate": _leave_a_message,
    "ValetkeyLoopLate": _delay,
    "ValetkeyErrors": _lock,
    "ValetkeyDatabaseSilent": _lock,
    "ValetkeyTokensSlow": _lock,
    "ValetkeyKeysLost": _unplug,
}
"""How each alert is made to fire; ValetkeyDown is below, as nothing answers after it."""


@pytest.mark.parametrize("alert", CAUSES)
def test_an_alert_fires_for_its_cause(prometheus: Prometheus, alert: str) -> None:
    cause = CAUSES[alert]
    again = alert == "ValetkeyLoopLate"
    if cause is not _lock:
        assert alert not in prometheus.firing()
    if alert not in prometheus.firing():
        cause(prometheus.server)
    assert prometheus.fires(
        alert, again=(lambda: cause(prometheus.server)) if again else (lambda: None)
    )


def test_every_alert_has_a_cause() -> None:
    names = set(re.findall(r"alert: (\w+)", (DEPLOY / "prometheus/alerts.yml").read_text()))
    assert names == {*CAUSES, "ValetkeyDown"}


def test_a_server_that_is_down_is_noticed(prometheus: Prometheus) -> None:
    assert "ValetkeyDown" not in prometheus.firing()
    prometheus.server.stop()
    assert prometheus.fires("ValetkeyDown")
