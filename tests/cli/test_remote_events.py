"""The audit log of a server elsewhere: the same commands, and a bundle that is checked offline."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.line import Line
from tests.cli.test_remote import HERE, sign_in
from tests.live import Live, caught_up, live
from tests.server.admin.play import list_app

from valetkey import __version__
from valetkey.cli.context import CommandContext
from valetkey.cli.events import remote
from valetkey.cli.remote.connection import Connection
from valetkey.cli.remote.contexts import read_contexts
from valetkey.cli.remote.targets import RemoteTarget
from valetkey.server.admin.operations import events


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("there"), **HERE) as running:
        list_app(running, "machine", "users.read", "users.manage", "audit.read")
        list_app(running, "agent", "audit.read")
        caught_up()
        yield running


@pytest.fixture
def there(line: Line, server: Live) -> Line:
    sign_in(line, server, "machine")
    return line


def disable(there: Line, reason: str) -> None:
    there.ok("user", "disable", "noor", "--reason", reason)
    there.ok("user", "enable", "noor")


def test_who_did_it_is_found_by_the_name_of_the_user(there: Line) -> None:
    disable(there, "spam")
    found = there.json("events", "list", "--user", "noor", "--kind", "disabled")["items"]
    request = found[0]["request"]
    same = there.json("events", "search", "--request", request)["items"]
    assert {"disabled", "users.disable"} <= {one["operation"] for one in same}
    assert same[0]["id"] in there.ok("events", "show", same[0]["id"])
    assert request in there.ok("events", "list", "--since", "1h")
    assert there.json("events", "list", "--until", "1h")["items"] == []
    assert "nope" in there.fails("events", "show", "nope", status=1)


def test_a_page_says_where_the_next_one_begins(there: Line) -> None:
    for reason in ("one", "one again"):
        disable(there, reason)
    first = there.json("events", "list", "--limit", "1")
    second = there.json("events", "list", "--limit", "1", "--before", first["next"])
    assert first["items"][0]["id"] > second["items"][0]["id"]
    assert "more: --before " in there.run("events", "list", "--limit", "1").stderr


def test_somebody_who_may_read_no_users_searches_by_their_ids(line: Line, server: Live) -> None:
    sign_in(line, server, "machine")
    disable(line, "two")
    sign_in(line, server, "agent")
    assert line.json("events", "list", "--user", "noor")["items"] == []
    assert line.json("events", "list", "--user", server.users["noor"].id)["items"]


def test_a_bundle_from_elsewhere_is_checked_offline(there: Line, tmp_path: Path) -> None:
    disable(there, "three")
    file = tmp_path / "log.bundle"
    ends = time.monotonic() + 20
    while sealed(there, file) < 4:  # The two acts, and what became of the user.
        assert time.monotonic() < ends
        time.sleep(0.2)
    there.ok("logout", "machine")
    verdict = there.run("events", "verify", str(file), "--json")
    assert verdict.exit_code == 2  # No shipped head vouches for the end.
    assert msgspec.json.decode(verdict.stdout)["problems"] == 0
    file.write_text(file.read_text().replace("users.disable", "users.enable"))
    assert there.run("events", "verify", str(file)).exit_code == 1


def sealed(there: Line, file: Path) -> int:
    """Exports the log; how many of its records are in a sealed segment."""
    file.unlink(missing_ok=True)
    there.ok("events", "export", "--out", str(file))
    verdict = there.run("events", "verify", str(file), "--json")
    count: int = msgspec.json.decode(verdict.stdout)["records"]
    return count


def test_a_server_is_checked_from_elsewhere(there: Line) -> None:
    assert there.run("events", "verify").exit_code == 2
    assert there.run("events", "verify", "--since", "1h").exit_code == 2


def test_a_bundle_has_an_end(there: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    disable(there, "four")
    monkeypatch.setattr(events, "MAX_LINES", 3)
    assert "choose a shorter time" in there.fails("events", "export", status=1)


@pytest.mark.parametrize("form", ["bundle", "jsonl", "ocsf"])
def test_export_leaves_out_what_is_personal(form: str, there: Line, tmp_path: Path) -> None:
    disable(there, "a reason of noor's")
    whole, public = tmp_path / "whole", tmp_path / "public"
    there.ok("events", "export", "--format", form, "--out", str(whole))
    there.ok("events", "export", "--format", form, "--without-personal", "--out", str(public))
    agent = f"valetkey/{__version__}"
    assert agent in whole.read_text()
    assert agent not in public.read_text()
    assert "users.disable" in public.read_text()


def test_tail_follows(there: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TAIL_SECONDS", 0.05)
    disable(there, "five")
    context = read_contexts().contexts["machine"]
    log = remote.RemoteLog(RemoteTarget(Connection("machine", context)))
    query: dict[str, Any] = {"operation": "disabled"}
    following = log.follow(CommandContext(), query)
    before = next(following)["id"]
    disable(there, "six")
    fresh = next(one for one in following if one["reason"] == "six")
    assert fresh["id"] > before
    log.close()


@pytest.mark.parametrize("command", ["status", "rotate-key"])
def test_what_needs_the_machine_says_so(command: str, there: Line) -> None:
    said = msgspec.json.decode(there.fails("events", command, "--json", status=1))
    assert said["type"] == "local-only"
