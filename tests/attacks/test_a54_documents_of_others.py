"""A54: a client document impersonates another app.

Attack: An app describes itself with the name or the addresses of another app.
Defense: Users see the host of the document, and redirects lead only to that host or to the user's
device.

A55: a client document changes after consent.

Attack: An app changes its name, redirects, keys or scope after the user has allowed it.
Defense: The server asks the user again.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.browser import Browser
from tests.live import Live, live
from tests.outside import Host, outside

from valetkey.server.http import fetch, outbound_pool

CALLBACK = "http://127.0.0.1:49152/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("evil")) as host:
        yield host


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("open"),
        enable=("client id metadata documents",),
        fetch_local=(host.place,),
        fetch_ca_file=host.ca,
        unthrottled=("127.0.0.0/8",),
    ) as server:
        yield server


def publish(host: Host, path: str, **changed: Any) -> str:
    document = {
        "client_id": host.url(path),
        "client_name": "Google",
        "client_uri": "https://google.com",
        "redirect_uris": [f"https://{host.name}/cb"],
        **changed,
    }
    return host.publish(path, document, cache_control="no-store")


def ask(browser: Browser, client: str, callback: str) -> None:
    browser.open(
        f"/authorize?response_type=code&client_id={quote(client, safe='')}&scope=chirps.read"
        f"&redirect_uri={quote(callback, safe='')}&code_challenge={CHALLENGE}"
        "&code_challenge_method=S256&state=s"
    )


def test_the_host_is_shown_beside_the_name(open_server: Live, host: Host) -> None:
    client = publish(host, "/google.json")
    browser = open_server.browser()
    ask(browser, client, f"https://{host.name}/cb")
    browser.sign_in("miko")
    text = browser.page.text
    assert f"<bdi>{host.name}</bdi>" in text
    assert "google.com" not in text
    assert "verified who makes this app" in text
    browser.press("allow")
    browser.open("/apps")
    assert host.name in browser.page.text


def test_anothers_redirect(open_server: Live, host: Host) -> None:
    client = publish(host, "/bank.json", redirect_uris=["https://bank.example/cb"])
    answer = open_server.http.get(
        "/authorize", params={"client_id": client, "redirect_uri": "https://bank.example/cb"}
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_document_that_changes_after_the_yes(
    open_server: Live, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A55: what it says next is seen at once here, and the user is asked again."""
    monkeypatch.setattr(fetch, "MIN_SECONDS", 0.0)
    callback = f"https://{host.name}/cb"
    client = publish(host, "/agent.json", client_name="Helper")
    browser = open_server.browser()
    ask(browser, client, callback)
    browser.sign_in("noor")
    browser.press("allow")
    ask(browser, client, callback)
    assert "code=" in browser.page.headers.get("location", "")
    publish(host, "/agent.json", client_name="Your bank")
    ask(browser, client, callback)
    assert 'id="allow"' in browser.page.text
    assert "has changed" in browser.page.text
    # A failure is remembered for seconds.
    monkeypatch.setattr(outbound_pool, "FAILURE_SECONDS", 0.0)
    known = host.published.pop("/agent.json")
    other = publish(host, "/late.json")
    late = host.published.pop("/late.json")
    parameters = {"client_id": other, "redirect_uri": callback}
    assert open_server.http.get("/authorize", params=parameters).status_code == 400
    host.published |= {"/late.json": late, "/agent.json": known}
    ask(browser, other, callback)
    assert 'id="allow"' in browser.page.text
