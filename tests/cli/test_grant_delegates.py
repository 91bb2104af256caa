"""`valetkey grant delegates`, `revoke-delegate` and `readmit`, and their old names."""

import os
import time

import msgspec
import pytest
from tests.cli.line import Line

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Delegate, DelegateTree, Grant
from valetkey.server.store.port import Store

AGENT, PRINTER = "client:agent", "client:printer"


@pytest.fixture
def grant(line: Line) -> Grant:
    """A key of Miko's that went to an agent, and from there to a printer."""
    line.furnish()
    env = Env(int(time.time()), os.urandom)
    user = line.users["miko"].id
    made = Grant(
        id=ids.owned_id(env, owner=user),
        user=user,
        client="stefapp",
        permissions=("chirps.read",),
        created=env.now,
        changed=env.now,
    )
    places = [
        Delegate(chain=chain, permissions=("chirps.read",), first=env.now, last=env.now // 86400)
        for chain in ((AGENT,), (AGENT, PRINTER))
    ]

    async def write(store: Store) -> None:
        tree = DelegateTree(id=made.id, user=user, delegates=tuple(places))
        await store.commit([Create(made), Create(tree)])

    line.store(write)
    return made


def listed(line: Line, *more: str) -> list[tuple[list[str], bool]]:
    return [(one["hands"], one["cut_off"]) for one in line.json("grant", "delegates", *more)]


def test_who_has_it(line: Line, grant: Grant) -> None:
    tree = [([AGENT], False), ([AGENT, PRINTER], False)]
    assert listed(line, "--user", "miko") == listed(line, grant.id) == tree
    assert listed(line, "--user", "noor") == []
    assert f"stefapp > {AGENT} > {PRINTER}" in line.ok("grant", "delegates")


def test_cut_off_and_allowed_again(line: Line, grant: Grant) -> None:
    line.ok("grant", "revoke-delegate", grant.id, AGENT, "--reason", "too busy", "--yes")
    assert listed(line) == [([AGENT], True), ([AGENT, PRINTER], True)]
    (event,) = [one for one in line.every(Event) if one.kind == "cut"]
    assert (event.by, event.reason, event.note) == ("administrator", "too busy", "Agent")
    line.ok("grant", "readmit", grant.id, AGENT, "--yes")
    assert listed(line) == [([AGENT], False), ([AGENT, PRINTER], False)]


@pytest.mark.parametrize("verb", ["revoke-delegate", "readmit"])
def test_what_cannot_be_done_is_said(line: Line, grant: Grant, verb: str) -> None:
    assert "no such grant" in line.fails("grant", verb, "0" * 26, AGENT, "--yes", status=1)
    assert "--yes" in line.fails("grant", verb, grant.id, AGENT, status=2)
    assert listed(line) == [([AGENT], False), ([AGENT, PRINTER], False)]


def test_who_has_no_key_is_not_cut_off(line: Line, grant: Grant) -> None:
    assert "grant delegates" in line.fails(
        "grant", "revoke-delegate", grant.id, "agent", "--yes", status=1
    )


def test_the_old_names_work_for_one_version(line: Line, grant: Grant) -> None:
    """`hands` and `cut` do the same as before, warn on stderr, and are not in the help."""
    told = line.run("grant", "hands", "--json")
    assert [one["hands"] for one in msgspec.json.decode(told.stdout)] == [[AGENT], [AGENT, PRINTER]]
    assert "Use 'delegates' instead" in told.stderr
    told = line.run("grant", "cut", grant.id, AGENT, "--yes")
    assert told.exit_code == 0
    assert "Use 'revoke-delegate' instead" in told.stderr
    assert listed(line) == [([AGENT], True), ([AGENT, PRINTER], True)]
    commands = {text.split()[0] for text in line.ok("grant", "--help").splitlines() if text.strip()}
    assert {"delegates", "revoke-delegate"} <= commands
    assert not {"hands", "cut"} & commands
