"""Where the audit log goes, from a running server: a webhook that fails meanwhile, a file that is
rotated, `events tail` and the exports. All have the same records, in the order of the chain."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.attacks.play import signed_in
from tests.live import Live, live
from tests.outside import Host, Publication, outside
from tests.server.audit.test_ocsf import problems

from valetkey.server.audit import streams
from valetkey.server.audit.sealer import last_segment
from valetkey.server.model.audit import UnsealedRecord
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import PageQuery
from valetkey.server.settings.audit import AuditSettings

SECRETS = ("whsec_" + "QUFC" * 8, "whsec_" + "QUFB" * 8)
HOOK = "/audit"


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("hook")) as host:
        yield host


@pytest.fixture
def server(tmp_path: Path, hook: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr(streams, "PAUSES", (200,))
    hook.posted.clear()
    (tmp_path / "log").mkdir()
    audit = AuditSettings(
        stream_file=tmp_path / "log" / "audit.jsonl",
        webhook_url=hook.url(HOOK),
        webhook_secret=Secret(" ".join(SECRETS)),
    )
    with live(tmp_path, fetch_ca_file=hook.ca, unthrottled=("127.0.0.0/8",), audit=audit) as server:
        yield server


def until(found: Callable[[], Any]) -> Any:
    """What it finds, once it finds something."""
    end = time.monotonic() + 30
    while not (value := found()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return value


def is_delivered(server: Live) -> bool:
    """Whether every stream has all that was recorded so far."""
    newest = server.run(last_segment(server.store))
    states = server.run(streams.stream_states(server.store)).values()
    waiting = server.run(server.store.page(PageQuery(record=UnsealedRecord, limit=1))).records
    return (
        newest is not None and not waiting and {one.position for one in states} == {newest.number}
    )


def lines(*files: Path) -> list[dict[str, Any]]:
    texts = [one.read_text("utf-8") for one in files if one.exists()]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def sign_ins(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in events if one["class_uid"] == 3002]


def uids(events: list[dict[str, Any]]) -> list[str]:
    return [one["metadata"]["uid"] for one in events]


def test_a_file_that_is_rotated(server: Live, tmp_path: Path) -> None:
    """`logrotate` renames it, and what comes next is in a new one: none twice, none missing."""
    file, old = tmp_path / "log" / "audit.jsonl", tmp_path / "log" / "audit.jsonl.1"
    signed_in(server, "miko")
    until(lambda: len(sign_ins(lines(file))) == 1)
    file.rename(old)
    signed_in(server, "noor")
    until(lambda: len(sign_ins(lines(file))) == 1)
    assert file.stat().st_mode & 0o77 == 0
    events = lines(old, file)
    assert [one["user"]["uid"] for one in sign_ins(events)] == [
        server.users[name].id for name in ("miko", "noor")
    ]
    assert len(set(uids(events))) == len(events)
    assert [problems(one) for one in events] == [[]] * len(events)


def test_a_webhook_gets_everything_in_order_though_it_fails(server: Live, hook: Host) -> None:
    def arrived() -> list[tuple[bytes, Any]]:
        return [(body, headers) for path, body, headers in hook.posted if path == HOOK]

    signed_in(server, "miko")
    until(arrived)
    until(lambda: is_delivered(server))
    before = len(arrived())
    hook.published[HOOK] = Publication(b"", 503, {})
    signed_in(server, "noor")
    # Of her two segments, if there are two, the first: it holds up the other.
    failed = until(lambda: arrived()[before:])
    del hook.published[HOOK]
    name = failed[0][1]["webhook-id"]
    again = until(
        lambda: [one for one in arrived() if one[1]["webhook-id"] == name and one not in failed[:1]]
    )
    # A resend has the same id and the same bytes, so a receiver knows it again.
    assert again[-1][0] == failed[0][0]
    until(lambda: is_delivered(server))
    first: dict[str, bytes] = {}
    for body, headers in arrived():
        first.setdefault(headers["webhook-id"], body)
        for secret in SECRETS:
            Webhook(secret).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook("whsec_" + "QUFD" * 8).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRETS[0]).verify(body + b" ", headers)
    events = [one for body in first.values() for one in json.loads(body)]
    places = [_place(one) for one in events]
    assert places == sorted(places)
    assert len(set(uids(events))) == len(events)
    assert [one["user"]["uid"] for one in sign_ins(events)] == [
        server.users[name].id for name in ("miko", "noor")
    ]
    assert [problems(one) for one in events] == [[]] * len(events)


def _place(event: dict[str, Any]) -> tuple[float, ...]:
    """Where it is in the chain; a head comes after the records of its segment."""
    epoch, segment, *entry = map(int, event["metadata"]["event_code"].split("."))
    return epoch, segment, entry[0] if entry else float("inf")


def command(server: Live, *words: str) -> list[str]:
    return [sys.executable, "-m", "valetkey", *words, "--database", str(server.database)]


def run(server: Live, *words: str) -> list[dict[str, Any]]:
    """What a command prints, as JSON lines."""
    environ = os.environ | {"VALETKEY_ISSUER": server.issuer}
    done = subprocess.run(
        command(server, *words), capture_output=True, text=True, check=True, env=environ
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_tail_follows_and_ends(server: Live) -> None:
    words = command(server, "events", "tail", "--user", "noor", "--json")
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    signed_in(server, "noor")
    signed_in(server, "miko")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environ) as tail:
        try:
            assert tail.stdout is not None
            before = json.loads(tail.stdout.readline())
            server.browser().open("/sign-in")
            signed_in(server, "noor")
            after = json.loads(tail.stdout.readline())
        finally:
            tail.terminate()
    assert before["operation"] == after["operation"] == "signed-in"
    assert {one["target"]["user"] for one in (before, after)} == {server.users["noor"].id}
    assert before["id"] < after["id"]


def test_an_export_has_what_the_stream_has(server: Live, tmp_path: Path) -> None:
    signed_in(server, "miko")
    file = tmp_path / "log" / "audit.jsonl"
    streamed = sign_ins(until(lambda: sign_ins(lines(file))))
    exported = sign_ins(run(server, "events", "export", "--format", "ocsf"))
    assert uids(exported) == uids(streamed)
    assert [problems(one) for one in exported] == [[]]
    texts = run(server, "events", "export", "--format", "jsonl")
    (text,) = [one for one in texts if one["operation"] == "signed-in"]
    assert text["personal"][0]["address"] == "127.0.0.1"
    silent = run(server, "events", "export", "--format", "jsonl", "--without-personal")
    assert all("personal" not in one for one in silent)
    assert run(server, "events", "export", "--format", "jsonl", "--until", "1d") == []
