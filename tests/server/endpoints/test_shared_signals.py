"""Shared signals over the wire, at a receiver that knows nothing of valetkey's own code: it reads
tokens by the standards alone."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.attacks.play import change, claims, find, signed_in, tokens
from tests.installation import CHIRP, SECRETS
from tests.live import Live, live
from tests.outside import Host, Publication, outside

from valetkey.server.model.client import Client

BY = ("chirp", SECRETS["chirp"])
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("receiver"), name="localhost") as host:
        host.published["/signals"] = Publication(b"", 202, {})
        host.published["/broken"] = Publication(b'{"err":"invalid_key"}', 400)
        yield host


@pytest.fixture
def server(tmp_path: Path, host: Host) -> Iterator[Live]:
    with live(tmp_path, fetch_local=(host.place,), fetch_ca_file=host.ca) as running:
        yield running


class Receiver:
    """Finds the transmitter by its issuer, manages its stream, and checks each token (SSF 1.0 4,
    RFC 8417 2)."""

    def __init__(self, server: Live, auth: tuple[str, str] = BY) -> None:
        self.issuer = server.issuer
        self.http, self.auth = server.http, auth
        self.about = self.http.get(f"{self.issuer}/.well-known/ssf-configuration").json()
        assert self.about["issuer"] == self.issuer
        self.stream: dict[str, Any] = {}

    def create(self, **said: Any) -> None:
        answer = self.call("POST", self.about["configuration_endpoint"], json=said)
        assert answer.status_code == 201, answer.text
        self.stream = answer.json()
        assert self.stream["iss"] == self.issuer

    def post(self, endpoint: str, **said: Any) -> httpx2.Response:
        said = {"stream_id": self.stream["stream_id"], **said}
        return self.call("POST", self.about[endpoint], json=said)

    def call(self, method: str, address: str, **more: Any) -> httpx2.Response:
        return self.http.request(method, address, auth=self.auth, **more)

    def poll(self, **said: Any) -> dict[str, Any]:
        answer = self.call("POST", self.stream["delivery"]["endpoint_url"], json=said)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, Any] = answer.json()
        return found

    def checked(self, text: str) -> dict[str, Any]:
        """The claims, where all is as it should be."""
        head, body, signature = text.split(".")
        header, said = json.loads(_decoded(head)), json.loads(_decoded(body))
        assert header["typ"] == "secevent+jwt"
        assert header["alg"] == "RS256"
        (key,) = (
            one
            for one in self.http.get(self.about["jwks_uri"]).json()["keys"]
            if one["kid"] == header["kid"]
        )
        numbers = [int.from_bytes(_decoded(key[name]), "big") for name in ("e", "n")]
        rsa.RSAPublicNumbers(*numbers).public_key().verify(
            _decoded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        assert said["iss"] == self.issuer
        assert said["aud"] == self.stream["aud"]
        assert {"jti", "iat", "sub_id", "events"} <= said.keys()
        assert not {"sub", "exp"} & said.keys()
        (kind,) = said["events"]
        assert kind in (*self.stream["events_delivered"], f"{SSF}verification")
        found: dict[str, Any] = said
        return found


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def turned(server: Live, grant: str, *ways: str) -> None:
    """Miko at the page of the app."""
    browser = signed_in(server, "miko")
    for way in ways:
        browser.open(f"/apps/{grant}/stop" if way == "stop" else f"/apps/{grant}")
        browser.press(way)


def kinds(told: list[dict[str, Any]]) -> list[str]:
    return [next(iter(one["events"])).removeprefix(CAEP) for one in told]


def heard(host: Host, count: int, *, since: int) -> list[tuple[str, bytes, Any]]:
    """What was brought since then, once there is so much of it."""
    until = time.monotonic() + 15
    while len(host.posted) < since + count and time.monotonic() < until:
        time.sleep(0.02)
    return host.posted[since:]


def test_what_happens_is_brought_in_order(server: Live, host: Host) -> None:
    receiver, since = Receiver(server), len(host.posted)
    receiver.create(
        delivery={
            "method": "urn:ietf:rfc:8935",
            "endpoint_url": host.url("/signals"),
            "authorization_header": "Bearer sesame",
        }
    )
    assert receiver.stream["aud"] == CHIRP
    said = claims(tokens(server)["access_token"])
    turned(server, said["grant_id"], "pause", "resume", "stop")
    told = heard(host, 3, since=since)
    assert all(headers["content-type"] == "application/secevent+jwt" for _, _, headers in told)
    assert all(headers["accept"] == "application/json" for _, _, headers in told)
    assert all(headers["authorization"] == "Bearer sesame" for _, _, headers in told)
    events = [receiver.checked(body.decode()) for _, body, _ in told]
    assert kinds(events) == ["token-claims-change", "token-claims-change", "session-revoked"]
    assert {one["sub_id"]["user"]["sub"] for one in events} == {said["sub"]}
    assert len({one["jti"] for one in events}) == 3


def test_what_happens_is_fetched(server: Live) -> None:
    receiver = Receiver(server)
    receiver.create()
    said = claims(tokens(server)["access_token"])
    assert receiver.poll(returnImmediately=True) == {"sets": {}}
    turned(server, said["grant_id"], "pause")
    first = receiver.poll(returnImmediately=True)["sets"]
    (jti,) = first
    assert receiver.checked(first[jti])["jti"] == jti
    assert list(receiver.poll(returnImmediately=True)["sets"]) == [jti]
    assert receiver.poll(returnImmediately=True, ack=[jti]) == {"sets": {}}


def test_who_waits_is_answered_when_something_happens(server: Live) -> None:
    receiver = Receiver(server)
    receiver.create()
    said = claims(tokens(server)["access_token"])
    timer = threading.Timer(0.5, turned, (server, said["grant_id"], "stop"))
    timer.start()
    told = receiver.poll()["sets"]
    timer.join()
    assert kinds([receiver.checked(one) for one in told.values()]) == ["session-revoked"]


def test_the_receiver_sees_that_all_is_well(server: Live, host: Host) -> None:
    receiver, since = Receiver(server), len(host.posted)
    receiver.create(delivery={"method": "urn:ietf:rfc:8935", "endpoint_url": host.url("/signals")})
    assert receiver.post("verification_endpoint", state="s-1").status_code == 204
    ((_, body, _),) = heard(host, 1, since=since)
    said = receiver.checked(body.decode())
    assert said["sub_id"] == {"format": "opaque", "id": receiver.stream["stream_id"]}
    assert said["events"][f"{SSF}verification"] == {"state": "s-1"}
    assert receiver.post("verification_endpoint").status_code == 429


def test_what_is_refused_does_not_hold_up_the_rest(server: Live, host: Host) -> None:
    receiver, since = Receiver(server), len(host.posted)
    receiver.create(delivery={"method": "urn:ietf:rfc:8935", "endpoint_url": host.url("/broken")})
    said = claims(tokens(server)["access_token"])
    turned(server, said["grant_id"], "pause", "resume")
    events = [receiver.checked(body.decode()) for _, body, _ in heard(host, 2, since=since)]
    assert len({one["jti"] for one in events}) == 2


def test_the_management_of_a_stream(server: Live) -> None:
    receiver = Receiver(server)
    receiver.create(description="one")
    name, where = receiver.stream["stream_id"], receiver.about["configuration_endpoint"]
    call, which = receiver.call, {"stream_id": name}
    assert call("GET", where, params=which).json() == receiver.stream
    assert call("GET", where).json() == [receiver.stream]
    assert call("POST", where, json={}).status_code == 409
    changed = call("PATCH", where, json={**which, "description": "two"})
    assert (changed.status_code, changed.json()["description"]) == (200, "two")
    assert call("PUT", where, json=receiver.stream).json() == receiver.stream
    status = receiver.about["status_endpoint"]
    assert call("POST", status, json={**which, "status": "paused"}).status_code == 200
    assert call("GET", status, params=which).json()["status"] == "paused"
    subject = {"format": "iss_sub", "iss": server.issuer, "sub": "somebody"}
    assert receiver.post("remove_subject_endpoint", subject=subject).status_code == 204
    assert receiver.post("add_subject_endpoint", subject=subject).status_code == 200
    gone = call("DELETE", where, params=which)
    assert (gone.status_code, gone.content) == (204, b"")
    assert call("GET", where, params=which).status_code == 404


def test_an_app_with_a_token_of_its_own(server: Live) -> None:
    change(server, find(server, Client, "machine"), understands=("shared_signals",))
    form = {"grant_type": "client_credentials", "scope": "ssf.manage"}
    answer = server.http.post("/token", data=form, auth=("machine", SECRETS["machine"]))
    bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
    made = server.http.post("/signals/stream", json={}, headers=bearer)
    assert (made.status_code, made.json()["aud"]) == (201, "machine")
    assert server.http.get("/signals/stream", headers=bearer).json() == [made.json()]


def test_calls_that_make_no_sense(server: Live) -> None:
    for answer, status in (
        (server.http.get("/signals/stream"), 401),
        (server.http.post("/signals/stream", json={}), 401),
        (server.http.get("/signals/stream", auth=("chirp", "x")), 401),
        (server.http.get("/signals/stream", headers={"authorization": "Bearer x"}), 401),
        (server.http.post("/signals/stream", data={"a": "b"}, auth=BY), 415),
        (server.http.post("/signals/stream", content=b"[", auth=BY, headers=JSON), 400),
        (server.http.post("/signals/stream", content=b"[]", auth=BY, headers=JSON), 400),
        (server.http.get("/signals/stream", params={"access_token": "x"}, auth=BY), 400),
        (server.http.get("/signals/poll", auth=BY), 405),
    ):
        assert answer.status_code == status, answer.text


JSON = {"content-type": "application/json"}


def test_a_command_is_told_as_well(server: Live) -> None:
    """What an administrator does, in another process, goes the same way."""
    receiver = Receiver(server)
    receiver.create()
    tokens(server)
    line(server, "user", "remove", "miko", "--yes")
    (told,) = receiver.poll()["sets"].values()
    event = receiver.checked(told)
    sub = server.users["miko"].id
    assert event["sub_id"] == {"format": "iss_sub", "iss": server.issuer, "sub": sub}


def line(server: Live, *words: str) -> None:
    """Runs a command beside the server."""
    env = {
        **os.environ,
        "VALETKEY_DATABASE": str(server.database),
        "VALETKEY_ISSUER": server.issuer,
    }
    command = [sys.executable, "-m", "valetkey", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
