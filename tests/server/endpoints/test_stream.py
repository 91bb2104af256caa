"""The change log's endpoint: who may follow it, what they see, and how it ends."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from msgspec.structs import replace
from tests.browser import PATIENCE
from tests.installation import CHIRP, PHOTOS, SECRETS
from tests.live import Live, live
from tests.promises.furnished import fill
from tests.promises.process import Process, running
from tests.rows import row
from tests.server.store.samples import ENV

from valetkey.jose.jwk import parse_set
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.grant import Grant
from valetkey.server.oauth.endpoints.change_log import LONGEST_WAIT
from valetkey.wire import change_log
from valetkey.wire.change_log import BEAT, Piece

CHIRP_AUTH: Final = ("chirp", SECRETS["chirp"])
STREAM: Final = {"accept": "text/event-stream"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("stream")) as running:
        yield running


def made(server: Live, *permissions: str) -> Grant:
    """A grant of somebody new, made in the store: of something of Chirp's, where nothing is
    said."""
    its = permissions or ("chirps.read",)
    user = ids.user_id(ENV)
    name = ids.owned_id(ENV, owner=user)
    grant = Grant(id=name, user=user, client="web", permissions=its, created=1, changed=1)
    server.run(server.store.commit([Create(grant)]))
    return replace(grant, version=1)


def read(server: Live, text: str, audience: str = CHIRP) -> Piece:
    keys = parse_set(server.http.get("/jwks").json())
    return change_log.read(text, keys=keys, issuer=server.issuer, audience=audience)


def poll(server: Live, by: str = "chirp", **parameters: Any) -> httpx2.Response:
    auth = (by, SECRETS.get(by, "wrong"))
    return server.http.get("/changes", params=parameters, auth=auth)


def told(server: Live, by: str = "chirp", **parameters: Any) -> Piece:
    answer = poll(server, by, **parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == f"application/{change_log.TYPE}"
    assert answer.headers["cache-control"] == "no-store"
    return read(server, answer.text, {"chirp": CHIRP, "photos": PHOTOS}[by])


def events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    name = ""
    for line in lines:
        if line.startswith("id: "):
            name = line[4:]
        if line.startswith("data: "):
            yield name, line[6:]


# Who may follow.


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    "auth",
    [
        row("7662 2.1", "nobody", None),
        row("7662 2.1", "a wrong secret", ("chirp", "wrong")),
        row("7662 2.1", "an app", ("web", SECRETS["web"])),
        row("7662 2.1", "an app of its own right", ("machine", SECRETS["machine"])),
        row("7662 2.1", "an app without a secret", ("stefapp", "")),
        row("7662 2.1", "somebody unknown", ("nobody", "x")),
    ],
)
def test_only_a_resource_server_follows(server: Live, auth: Any, accept: str) -> None:
    answer = server.http.get("/changes", auth=auth, headers={"accept": accept})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "query",
    [
        row(
            "6749 2.3.1",
            "in the address",
            {"client_id": "chirp", "client_secret": SECRETS["chirp"]},
        ),
        row("6749 2.3.1", "as a name alone", {"client_id": "chirp"}),
    ],
)
def test_a_secret_in_the_address_is_none(server: Live, query: dict[str, str]) -> None:
    answer = server.http.get("/changes", params=query)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "query",
    [
        row("ours", "no number", "after=x"),
        row("ours", "a negative number", "after=-1"),
        row("ours", "a huge number", "after=1" + "0" * 30),
        row("ours", "a broken number", "after=1.5"),
        row("ours", "Arabic digits", "after=%D9%A1"),
        row("ours", "two numbers", "after=1&after=2"),
        row("ours", "no time", "wait=x"),
        row("ours", "a negative time", "wait=-1"),
        row("ours", "for ever", "wait=9999"),
        row("ours", "not a number", "wait=nan"),
        row("ours", "a nonce that is too long", "nonce=" + "x" * 65),
        row("ours", "a nonce that breaks the line", "nonce=a%0Ab"),
    ],
)
def test_a_question_that_is_none(server: Live, query: str) -> None:
    answer = server.http.get(f"/changes?{query}", auth=CHIRP_AUTH)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_last_event_that_is_none(server: Live) -> None:
    headers = {**STREAM, "last-event-id": "x"}
    answer = server.http.get("/changes", auth=CHIRP_AUTH, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_it_is_only_read(server: Live) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert server.http.request(method, "/changes", auth=CHIRP_AUTH).status_code == 405


# What they see.


def test_each_sees_its_own_permissions_and_no_name(server: Live) -> None:
    grant = made(server, "openid", "chirps.read", "photos.read")
    for by, own in (("chirp", ("chirps.read",)), ("photos", ("photos.read",))):
        (seen,) = [one for one in told(server, by).entries if one.subject == grant.id]
        assert (seen.permissions, seen.grant_version) == (own, 1)
        assert grant.user not in repr(told(server, by))


def test_the_answer_is_for_this_question(server: Live) -> None:
    before = int(time.time() * 1000)
    piece = told(server, nonce="abc")
    assert piece.nonce == "abc"
    assert before - 50 <= piece.at <= time.time() * 1000 + 50


def test_it_goes_on_from_where_one_was(server: Live) -> None:
    made(server)
    whole = told(server)
    made(server)
    piece = told(server, after=whole.to)
    assert (piece.after, piece.to, piece.link) == (whole.to, whole.to + 1, whole.entries[-1].mark)


def test_who_is_beyond_the_end_begins_anew(server: Live) -> None:
    """The log was set back; the answer shows it, and tells all."""
    made(server)
    piece = told(server, after=10**9)
    assert (piece.after, piece.to) == (0, piece.head)


# How it waits.


def test_a_question_waits_for_news(server: Live) -> None:
    head = told(server).head
    with ThreadPoolExecutor() as pool:
        asked = time.monotonic()
        waiting = pool.submit(lambda: told(server, after=head, wait=LONGEST_WAIT))
        time.sleep(0.2)
        grant = made(server)
        piece = waiting.result(LONGEST_WAIT)
        assert time.monotonic() - asked < LONGEST_WAIT
    assert [one.subject for one in piece.entries] == [grant.id]


def test_a_question_comes_back_without_news(server: Live) -> None:
    head = told(server).head
    asked = time.time() * 1000
    piece = told(server, after=head, wait=0.3)
    assert (piece.to, piece.entries) == (head, ())
    assert piece.at >= asked + 200


def test_a_stream_tells_and_beats(server: Live) -> None:
    made(server)
    with server.http.stream(
        "GET", "/changes", params={"nonce": "xyz"}, auth=CHIRP_AUTH, headers=STREAM
    ) as response:
        assert response.headers["content-type"] == "text/event-stream"
        coming = events(response.iter_lines())
        name, text = next(coming)
        first = read(server, text)
        assert (first.nonce, first.after, name) == ("xyz", 0, str(first.to))
        beats = [read(server, next(coming)[1]) for _ in range(3)]
        assert [one.after for one in beats] == [first.to] * 3
        assert all(one.is_whole and not one.nonce for one in beats)
        assert beats[2].at - beats[0].at >= BEAT * 500
        grant = made(server)
        while not (news := read(server, next(coming)[1])).entries:
            pass
        assert [one.subject for one in news.entries] == [grant.id]


def test_a_stream_goes_on_after_the_last_event(server: Live) -> None:
    made(server)
    head = told(server).head
    headers = {**STREAM, "last-event-id": str(head - 1)}
    with server.http.stream("GET", "/changes", auth=CHIRP_AUTH, headers=headers) as response:
        _, text = next(events(response.iter_lines()))
        assert (read(server, text).after, read(server, text).to) == (head - 1, head)


def test_all_at_one_place_are_told_the_same_words(server: Live) -> None:
    """Signed once, however many follow."""
    heard: list[set[str]] = []

    def listen() -> None:
        with server.http.stream("GET", "/changes", auth=CHIRP_AUTH, headers=STREAM) as response:
            coming = events(response.iter_lines())
            heard.append({next(coming)[1] for _ in range(6)})

    threads = [threading.Thread(target=listen) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    shared = set.union(*heard)
    assert len(shared) < 4 * 6 - 4


def test_times_go_on_for_who_comes_when_others_listen(server: Live) -> None:
    """The first piece is made for one, the next for all: that one is never older."""

    def times() -> list[int]:
        with server.http.stream("GET", "/changes", auth=CHIRP_AUTH, headers=STREAM) as response:
            coming = events(response.iter_lines())
            return [read(server, next(coming)[1]).at for _ in range(3)]

    with ThreadPoolExecutor() as pool:
        beside = [pool.submit(times) for _ in range(2)]
        for _ in range(8):
            seen = times()
            assert seen == sorted(seen)
        assert all(one.result() for one in beside)


def test_a_long_log_is_told_in_pieces(server: Live) -> None:
    grants = [
        Grant(
            id=ids.owned_id(ENV, owner=(user := ids.user_id(ENV))),
            user=user,
            client="web",
            permissions=("chirps.read",),
            created=1,
            changed=1,
        )
        for _ in range(450)
    ]
    server.run(server.store.commit([Create(one) for one in grants]))
    seen: list[str] = []
    with server.http.stream("GET", "/changes", auth=CHIRP_AUTH, headers=STREAM) as response:
        for _, text in events(response.iter_lines()):
            piece = read(server, text)
            seen += [one.subject for one in piece.entries]
            if piece.is_whole:
                break
    assert seen[-450:] == [one.id for one in grants]


def test_streams_end_when_the_server_does(tmp_path: Path) -> None:
    with live(tmp_path) as server:
        client = httpx2.Client(base_url=server.url)
        with client.stream("GET", "/changes", auth=CHIRP_AUTH, headers=STREAM) as response:
            coming = response.iter_lines()
            next(coming)
            began = time.monotonic()
            server.stop()
            for _ in coming:
                pass
            assert time.monotonic() - began < PATIENCE
        client.close()


def test_a_server_that_is_told_to_stop_ends_its_streams(tmp_path: Path) -> None:
    """R17, with somebody who listens."""
    address = str(tmp_path / "valetkey.db")
    fill(address)
    node = Process(tmp_path, address)
    with (
        running([node]),
        httpx2.Client(base_url=node.url) as client,
        client.stream("GET", "/changes", auth=CHIRP_AUTH, headers=STREAM) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        assert node.stop() < 5
        for _ in lines:
            pass
