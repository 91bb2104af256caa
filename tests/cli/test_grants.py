"""`valetkey grant`."""

import os
import time

import pytest
from msgspec.structs import replace
from tests.cli.line import Line

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.receipt import Line as ReceiptLine
from valetkey.server.model.receipt import Receipt
from valetkey.server.store.port import Store

PAIRS = (("miko", "stefapp"), ("noor", "stefapp"), ("miko", "web"))


@pytest.fixture
def grants(line: Line) -> dict[tuple[str, str], Grant]:
    """Three live grants, and an older one that is over."""
    line.furnish()
    env = Env(int(time.time()), os.urandom)
    made = {
        (user, client): Grant(
            id=ids.owned_id(env, owner=line.users[user].id),
            user=line.users[user].id,
            client=client,
            permissions=("openid", "chirps.read"),
            status="stopped" if client == "spa" else "active",
            created=env.now,
            changed=env.now,
        )
        for user, client in (*PAIRS, ("miko", "spa"))
    }

    async def write(store: Store) -> None:
        await store.commit([Create(grant) for grant in made.values()])

    line.store(write)
    return made


LISTS = {
    "all that live": ((), {*PAIRS}),
    "of a user": (("--user", "MIKO"), {("miko", "stefapp"), ("miko", "web")}),
    "to an app": (("--client", "stefapp"), {("miko", "stefapp"), ("noor", "stefapp")}),
    "of a user to an app": (("--user", "miko", "--client", "web"), {("miko", "web")}),
    "stopped ones too": (("--all",), {*PAIRS, ("miko", "spa")}),
    "to nobody": (("--client", "nobody"), set()),
}


@pytest.mark.parametrize("words,pairs", LISTS.values(), ids=LISTS)
@pytest.mark.usefixtures("grants")
def test_list(line: Line, words: tuple[str, ...], pairs: set[tuple[str, str]]) -> None:
    listed = line.json("grant", "list", *words)
    assert {(one["username"], one["client"]) for one in listed} == pairs
    text = line.ok("grant", "list", *words)
    assert len(text.splitlines()) == (len(pairs) + 1 if pairs else 0)


def live(line: Line) -> set[tuple[str, str]]:
    listed = line.json("grant", "list")
    return {(one["username"], one["client"]) for one in listed}


def test_stop_by_id(line: Line, grants: dict[tuple[str, str], Grant]) -> None:
    one = grants["miko", "web"]
    assert "Stop 1 of the grants? Without a terminal, confirm with --yes" in line.fails(
        "grant", "stop", one.id, status=2
    )
    assert line.ok("grant", "stop", one.id, "--yes") == "stopped 1\n"
    assert live(line) == {("miko", "stefapp"), ("noor", "stefapp")}
    (event,) = line.every(Event)
    assert (event.kind, event.by, event.grant, event.user) == (
        "stopped",
        "administrator",
        one.id,
        one.user,
    )
    assert line.ok("grant", "stop", one.id) == "stopped 0\n"


def test_stop_an_app(line: Line, grants: dict[tuple[str, str], Grant]) -> None:
    answer = line.json("grant", "stop", "--client", "stefapp", "--yes")
    stopped = {grants["miko", "stefapp"].id, grants["noor", "stefapp"].id}
    assert set(answer["stopped"]) == stopped
    assert live(line) == {("miko", "web")}


@pytest.mark.usefixtures("grants")
def test_stop_a_user(line: Line) -> None:
    line.ok("grant", "stop", "--user", "miko", "--yes")
    assert live(line) == {("noor", "stefapp")}


def test_stop_needs_to_know_which(line: Line, grants: dict[tuple[str, str], Grant]) -> None:
    assert "select grants by ids" in line.fails("grant", "stop", "--yes", status=2)
    told = line.fails("grant", "stop", "x", grants["miko", "web"].id, "--yes", status=1)
    assert "there is no such grant: x" in told
    others = grants["noor", "stefapp"].id
    told = line.fails("grant", "stop", others, "--user", "miko", "--yes", status=1)
    assert f"there is no such grant: {others}" in told
    assert "no user 'x'" in line.fails("grant", "stop", "--user", "x", "--yes", status=1)
    assert live(line) == {*PAIRS}


def test_pause_resume_and_stop_say_why(line: Line, grants: dict[tuple[str, str], Grant]) -> None:
    one = grants["miko", "stefapp"]
    assert line.ok("grant", "resume", one.id, "--yes") == "resumed 0\n"
    for verb, done in (("pause", "paused"), ("resume", "resumed"), ("stop", "stopped")):
        assert "confirm with --yes" in line.fails("grant", verb, one.id, status=2)
        said = line.ok("grant", verb, one.id, "--reason", f"to {verb}", "--yes")
        assert said == f"{done} 1\n"
    told = {(event.kind, event.by, event.reason) for event in line.every(Event)}
    assert told == {
        ("paused", "administrator", "to pause"),
        ("resumed", "administrator", "to resume"),
        ("stopped", "administrator", "to stop"),
    }
    assert ("miko", "stefapp") not in live(line)


REASONS = {"two lines": "a\nb", "a bell": "\a", "too much of it": "x" * 201, "bidi": "\u202ex"}


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_a_reason_is_one_line(
    line: Line, grants: dict[tuple[str, str], Grant], reason: str
) -> None:
    one = grants["miko", "stefapp"]
    for words in (("pause",), ("narrow", "--take", "chirps.read")):
        told = line.fails("grant", *words, one.id, "--reason", reason, "--yes", status=2)
        assert "--reason is not one line" in told
    assert line.every(Event) == ()


def test_narrow(line: Line, grants: dict[tuple[str, str], Grant]) -> None:
    one = grants["miko", "stefapp"]
    words = ("grant", "narrow", one.id, "--take", "chirps.read")
    assert "Remove chirps.read?" in line.fails(*words, status=2)
    assert line.ok(*words, "--reason", "asked by phone", "--yes") == "remaining: openid\n"
    (event,) = line.every(Event)
    assert (event.kind, event.permissions, event.reason) == (
        "downgraded",
        ("chirps.read",),
        "asked by phone",
    )
    assert "does not have chirps.read" in line.fails(*words, "--yes", status=1)
    others = grants["noor", "stefapp"]
    kept = {grant.id: grant.permissions for grant in line.every(Grant)}
    assert kept[others.id] == others.permissions


def test_what_needs_a_permission_goes_with_it(
    line: Line, grants: dict[tuple[str, str], Grant]
) -> None:
    one = grants["miko", "stefapp"]

    async def wider(store: Store) -> None:
        more = ("openid", "dms.read", "dms.send")
        await store.commit([Update(replace(one, version=1, permissions=more))])

    line.store(wider)
    said = line.ok("grant", "narrow", one.id, "--take", "dms.read", "--yes")
    assert said == "remaining: openid\n"


def test_narrow_what_is_over_or_is_not(line: Line, grants: dict[tuple[str, str], Grant]) -> None:
    over = grants["miko", "spa"].id
    words = ("--take", "chirps.read", "--yes")
    assert "is stopped" in line.fails("grant", "narrow", over, *words, status=1)
    assert "no such grant: x" in line.fails("grant", "narrow", "x", *words, status=1)


def test_receipt(line: Line, grants: dict[tuple[str, str], Grant]) -> None:
    one = grants["miko", "stefapp"]
    kept = Receipt(
        id=ids.owned_id(Env(1_800_000_000, os.urandom), owner=one.user),
        user=one.user,
        client="stefapp",
        grant=one.id,
        request="r1",
        at=1_800_000_000,
        language="de",
        app="stefApp",
        destination="127.0.0.1",
        why="permissions",
        lines=(
            ReceiptLine(
                id="chirps.read", words="lesen", place="asked", required=True, granted=True
            ),
            ReceiptLine(id="dms.send", words="senden", place="asked", reason="To send."),
            ReceiptLine(id="openid", words="erkennen", place="kept", granted=True),
            ReceiptLine(id="account.delete", words="löschen", place="cannot"),
        ),
        revisions={"https://chirp.example": 3},
    )

    async def write(store: Store) -> None:
        await store.commit([Create(kept)])

    line.store(write)
    text = line.ok("grant", "receipt", one.id)
    for said in (
        "2027-01-15 08:00 UTC  stefApp (stefapp), to 127.0.0.1, in de",
        "https://chirp.example#3",
        "[ ] lesen (chirps.read, required, given)",
        "[ ] senden (dms.send)\n        in the app's words: To send.",
        "cannot:\n        löschen (account.delete)",
    ):
        assert said in text
    (document,) = line.json("grant", "receipt", one.id)
    assert document["lines"][1]["reason"] == "To send."
    assert line.ok("grant", "receipt", grants["noor", "stefapp"].id) == ""
    assert "no such grant" in line.fails("grant", "receipt", "x", status=1)
