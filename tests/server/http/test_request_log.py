"""The log of requests: a line each, with who called and how it ended, and nothing secret."""

import logging
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from tests.browser import Asking
from tests.installation import SECRETS
from tests.live import live
from tests.rows import row

from valetkey.jose import base64url
from valetkey.server.http.request import Request
from valetkey.server.store import read_cache

FORM = [(b"content-type", b"application/x-www-form-urlencoded")]
PAYLOAD = base64url.encode(b'{"sub":"till"}')
ASSERTION = f"e30.{PAYLOAD}.x"


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [one.details for one in caplog.records if one.message == message]  # type: ignore[attr-defined]


def test_each_request_has_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # A page has its line after its reply, so the server ends before the log does.
    with (
        caplog.at_level(logging.INFO, logger="valetkey.server"),
        live(tmp_path, log_requests=True) as server,
    ):
        ask = {"grant_type": "client_credentials"}
        good = server.http.post("/token", data=ask, auth=("machine", SECRETS["machine"]))
        assert good.status_code == 200
        server.http.post("/token?x=secret-query", data=ask, auth=("machine", "wrong"))
        server.http.get("/continue/handle-of-somebody/consent")
        server.browser().open(Asking(scope="chirps", more={"request": "x"}).path())
    first, second, page, *_ = found = lines(caplog, "request")
    assert first.pop("request_id") == good.headers["request-id"]
    assert 0 < first.pop("milliseconds") < 60_000
    assert first == {
        "method": "POST",
        "route": "/token",
        "status": 200,
        "client": "machine",
        "address": "127.0.0.1",
    }
    assert (second["status"], second["error"]) == (400, "invalid_request")
    assert page["route"] == "/continue/{pending}/consent"
    assert found[-1]["client"] == "stefapp"
    for secret in ("secret-query", "handle-of-somebody", SECRETS["machine"]):
        assert secret not in str(found)


def test_none_unless_wanted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal has its line anyway, with client and reason, at authorize too."""
    with live(tmp_path) as server, caplog.at_level(logging.INFO, logger="valetkey.server"):
        ask = {"grant_type": "client_credentials"}
        server.http.post("/token", data=ask, auth=("machine", "wrong"))
        server.browser().open(Asking(redirect_uri="https://evil.example/").path())
    assert lines(caplog, "request") == []
    (refused,) = lines(caplog, "refused")
    (page,) = lines(caplog, "error page")
    assert (refused["client"], refused["error"]) == ("machine", "invalid_client")
    assert (page["client"], page["path"]) == ("stefapp", "/authorize")
    assert "redirect" in page["detail"]


CLAIMS = [
    row("claims", "a form", {"body": b"client_id=stefapp"}, "stefapp"),
    row("claims", "a query", {"query": b"client_id=stefapp"}, "stefapp"),
    row("claims", "an assertion", {"body": f"client_assertion={ASSERTION}".encode()}, "till"),
    row("claims", "no assertion", {"body": b"client_assertion=a.b.c"}, ""),
    row("claims", "not base64", {"authorization": b"Basic !"}, ""),
    row("claims", "in Basic", {"authorization": b"Basic " + b64encode(b"a%20b:x")}, "a b"),
    row("claims", "none", {}, ""),
    row("claims", "repeated", {"body": b"client_id=a&client_id=b"}, ""),
    row("claims", "nobody's, perhaps a secret", {"query": b"client_id=vk_cs_1"}, ""),
    row("claims", "in a large body", {"body": b"client_id=a&x=" + b"b" * 9000}, ""),
]


@pytest.mark.parametrize("claims, client", CLAIMS)
def test_the_client_that_a_request_names(
    claims: dict[str, bytes], client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_cache, "_names", {"stefapp", "till", "a b", "a"})
    headers = [*FORM]
    if "authorization" in claims:
        headers.append((b"authorization", claims["authorization"]))
    request = Request("POST", "/token", query=claims.get("query", b""), headers=headers)
    request.body = claims.get("body", b"")
    assert request.claimed_client == client
