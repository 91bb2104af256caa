"""`valetkey grant`."""

import os
import time

import pytest
from tests.cli.line import Line

from valetkey.model import ids
from valetkey.model.change import Create
from valetkey.model.env import Env
from valetkey.model.event import Event
from valetkey.model.grant import Grant
from valetkey.store.port import Store

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
    assert "Stop 1 of the grants? Say --yes" in line.fails("grant", "stop", one.id, status=2)
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
    assert "which ones?" in line.fails("grant", "stop", "--yes", status=2)
    told = line.fails("grant", "stop", "x", grants["miko", "web"].id, "--yes", status=1)
    assert "there is no such grant: x" in told
    others = grants["noor", "stefapp"].id
    told = line.fails("grant", "stop", others, "--user", "miko", "--yes", status=1)
    assert f"there is no such grant: {others}" in told
    assert "no user 'x'" in line.fails("grant", "stop", "--user", "x", "--yes", status=1)
    assert live(line) == {*PAIRS}
