"""The same commands at a server elsewhere: contexts, refusals, and what goes wrong."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.attacks.play import change, find
from tests.cli.line import Line
from tests.cli.test_workers import until
from tests.installation import SECRETS
from tests.live import Live, caught_up, live
from tests.outside import NAMES, write_authority
from tests.server.admin.play import ALL, list_app

from valetkey.cli.remote.targets import shown_by
from valetkey.cli.root import LOCAL
from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.model.client import Client

HERE: dict[str, Any] = {"enable": ("administration",)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("there"), **HERE) as running:
        list_app(running, "machine", *ALL)
        list_app(running, "agent", "users.read")
        caught_up()
        yield running


@pytest.fixture
def there(line: Line, server: Live) -> Line:
    """The command line, with a context of an administrator's script. It has no database here."""
    sign_in(line, server, "machine")
    return line


def sign_in(line: Line, server: Live, client: str, *words: str) -> None:
    secret = line.folder / client
    secret.write_text(SECRETS[client] + "\n")
    line.ok(
        *("login", server.issuer, "--client-id", client, "--name", client, "--use"),
        *("--secret-file", str(secret), *words),
    )


def test_the_same_command_goes_to_the_server(there: Line, server: Live) -> None:
    listed = there.json("user", "list")
    assert {one["username"] for one in listed} == {"miko", "noor"}
    assert not there.database.exists()
    assert server.users["miko"].id in there.ok("user", "show", "miko")
    told = there.json("user", "disable", "noor", "--reason", "spam")
    assert told["status"] == "disabled"
    assert there.json("user", "enable", server.users["noor"].id)["status"] == "active"
    # An edit is of what was read: it says If-Match.
    assert there.json("user", "edit", "noor", "--zone", "Asia/Tokyo")["zone"] == "Asia/Tokyo"


def test_a_user_is_named_by_id_or_username_everywhere(there: Line, server: Live) -> None:
    """In a path, in a query and in a body. A username that is another one's id names nobody."""
    miko, noor = (server.users[one] for one in ("miko", "noor"))
    there.ok("organization", "create", "--id", "acme", "--name", "Acme")
    assert there.json("organization", "add-member", "acme", "--user", "miko")["user"] == miko.id
    done = there.json("events", "list", "--user", "miko")
    assert done == there.json("events", "list", "--user", miko.id)
    there.ok("user", "edit", "miko", "--username", noor.id)
    assert there.json("user", "show", noor.id)["id"] == noor.id
    there.ok("user", "edit", miko.id, "--username", "miko")


def test_a_list_ends_where_it_is_told_and_says_so(there: Line) -> None:
    result = there.run("user", "list", "--limit", "1", "--json")
    assert len(msgspec.json.decode(result.stdout)) == 1
    assert "There are more" in result.stderr
    assert "There are more" not in there.run("user", "list", "--all").stderr


def test_contexts(line: Line, server: Live) -> None:
    sign_in(line, server, "machine")
    sign_in(line, server, "agent")
    listed = {one["name"]: one for one in line.json("context", "list")}
    assert {name: one["current"] for name, one in listed.items()} == {
        "machine": False,
        "agent": True,
    }
    line.fails("user", "disable", "miko", status=1)
    assert line.json("--context", "machine", "user", "show", "miko")
    assert line.json("user", "show", "miko", "--context=machine")
    assert line.json("user", "show", "miko", "--server", server.issuer + "/")
    line.ok("context", "set", "agent", "--rename", "reader")
    assert line.json("context", "use", "machine") == {"current": "machine"}
    assert "no database" in line.fails("user", "list", "--context", "local", status=1)
    assert "no database" in line.fails("user", "list", "--database", "other.db", status=1)
    line.ok("context", "use", "local")
    assert "no database" in line.fails("user", "list", status=1)
    said = line.fails("user", "show", "miko", "--server", server.issuer, status=2)
    assert "choose one with --context: machine, reader" in said
    line.ok("logout", "reader")
    assert [one["name"] for one in line.json("context", "list")] == ["machine"]
    for words in (("context", "use", "nope"), ("logout", "nope"), ("context", "set", "nope")):
        assert "no context 'nope'" in line.fails(*words, status=1)


MISTAKES = [
    (("--server", "ftp://id.example"), 2, "no address of a server"),
    (("--server", "http://id.example"), 2, "no address of a server"),
    (("--server", "https://a@id.example"), 2, "host, port and path only"),
    (("--server", "https://id.example"), 1, "not signed in at https://id.example"),
    (("--context", "nope"), 1, "no context 'nope'"),
    (("--context", "machine", "--server", "https://id.example"), 2, "only one of them"),
    (("--context", "machine", "--database", "x.db"), 2, "is about the database of this machine"),
]


@pytest.mark.parametrize(
    "words, status, said", MISTAKES, ids=[" ".join(one[0]) for one in MISTAKES]
)
def test_where_to_go_has_to_be_clear(
    there: Line, words: tuple[str, ...], status: int, said: str
) -> None:
    assert said in there.fails("user", "list", *words, status=status)


def test_only_the_user_reads_the_contexts(there: Line) -> None:
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "valetkey"
    files = [one for one in folder.iterdir() if one.suffix != ".lock"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert all(SECRETS["machine"] not in one.read_text() for one in files)
    (folder / "contexts.json").chmod(0o644)
    assert "should be 0600" in there.fails("context", "list", status=1)
    (folder / "contexts.json").chmod(0o600)
    (folder / "contexts.json").write_text("{")
    assert "contexts.json" in there.fails("user", "list", status=1)


def test_refusals_are_in_plain_words_and_problems_of_the_api(line: Line, server: Live) -> None:
    sign_in(line, server, "agent")
    said = line.fails("user", "disable", "miko", status=1)
    assert "You may not do this (users.manage: see `valetkey whoami`) [request " in said
    problem = msgspec.json.decode(line.fails("user", "disable", "miko", "--json", status=1))
    assert problem["type"] == "not-allowed"
    assert problem["permission"] == "users.manage"
    assert problem["exit_status"] == 1
    assert len(problem["request_id"]) == 24
    absent = msgspec.json.decode(line.fails("user", "show", "nobody", "--json", status=1))
    assert absent["type"] == "not-found"


def test_a_command_over_the_database_says_where_it_works(there: Line) -> None:
    said = msgspec.json.decode(there.fails("user", "throttled", "--json", status=1))
    assert said["type"] == "local-only"


@pytest.mark.parametrize("group", sorted(LOCAL))
def test_a_group_of_this_machine_never_works_on_it_instead(there: Line, group: str) -> None:
    said = msgspec.json.decode(there.fails(group, "list", "--json", status=1))
    assert said["type"] == "local-only"


def test_a_stopped_key_is_refused_within_a_second(line: Line, server: Live) -> None:
    sign_in(line, server, "machine")
    assert line.json("user", "list")
    change(server, find(server, Client, "machine"), status="suspended")
    try:
        caught_up()
        assert "suspended" in line.fails("user", "list", status=1)
    finally:
        change(server, find(server, Client, "machine"), status="active")
        until(lambda: line.run("user", "list").exit_code == 0)


def test_a_server_that_is_away(line: Line, tmp_path: Path) -> None:
    with live(tmp_path, **HERE) as running:
        list_app(running, "machine", *ALL)
        caught_up()
        sign_in(line, running, "machine")
    said = msgspec.json.decode(line.fails("user", "list", "--json", "--context=machine", status=1))
    assert said["type"] == "unreachable"
    assert "does not answer" in said["detail"]


def test_a_server_without_the_api(line: Line, tmp_path: Path) -> None:
    with live(tmp_path) as running:
        (line.folder / "s").write_text(SECRETS["machine"])
        words = ("login", running.issuer, "--client-id", "machine", "--use", "--secret-file", "s")
        assert "has no administration API" in line.fails(*words, status=1)


def test_a_wrong_certificate_is_refused_with_what_to_do(line: Line, tmp_path: Path) -> None:
    ca, certificate, key = write_authority(tmp_path, NAMES)
    with live(tmp_path, tls=(certificate, key), **HERE) as running:
        list_app(running, "machine", *ALL)
        caught_up()
        (line.folder / "s").write_text(SECRETS["machine"])
        words = ("login", running.issuer, "--client-id", "machine", "--secret-file", "s", "--use")
        said = msgspec.json.decode(line.fails(*words, "--json", status=1))
        assert said["type"] == "untrusted"
        assert "valetkey login --ca FILE" in said["detail"]
        line.ok(*words, "--ca", str(ca))
        assert line.json("user", "list")


def test_a_wrong_secret(line: Line, server: Live) -> None:
    (line.folder / "s").write_text("x" * 43)
    words = ("login", server.issuer, "--client-id", "machine", "--secret-file", "s")
    assert "does not know this command line as the app machine" in line.fails(*words, status=1)
    assert line.json("context", "list") == []


def fields_of(operation: AnyOperation) -> tuple[str, ...]:
    return () if operation.response is None else operation.response.__struct_fields__


def test_what_is_edited_is_shown_by_something(server: Live) -> None:
    """So that every edit can say If-Match."""
    edits = [one for one in OPERATIONS if one.needs_match]
    assert len(edits) > 5
    for one in edits:
        assert "version" in fields_of(shown_by(one)), one.name


def test_an_edit_below_what_it_edits(there: Line) -> None:
    there.ok("organization", "create", "--id", "lamp", "--name", "Lamp")
    rule = there.json("organization", "rule", "lamp", "--rule", '{"apps": "verified"}')
    assert rule["rule"]["apps"] == "verified"
    words = ("administration", "till", "--permission", "users.read", "--yes")
    assert there.json("client", *words)["admin"] == ["admin.users.read"]
    there.ok("client", "administration", "till", "--permission", "users.read", "--yes")


def test_a_password_is_set_at_a_server(there: Line, server: Live) -> None:
    words = ("user", "set-password", "noor")
    assert "use --password-file or --password-stdin" in there.fails(*words, status=2)
    refused = there.fails(*words, "--password-stdin", stdin="short\n", status=1)
    assert "password: a password has at least 15 characters" in refused
    password = "seven-gulls-at-dawn"
    done = there.json(*words, "--password-stdin", "--reason", "Lost.", stdin=password + "\n")
    assert done == {"user": server.users["noor"].id, "sessions": 0, "stopped": 0}
    browser = server.browser()
    browser.open("/sign-in")
    assert browser.sign_in("noor", password).status_code == 200


def test_an_app_is_added_at_a_server_with_the_options_of_this_machine(
    there: Line, server: Live
) -> None:
    added = there.json(
        *("client", "add", "--id", "kite", "--name", "Kite", "--public"),
        *("--redirect-uri", "http://127.0.0.1/cb", "--scope", "openid chirps.read"),
        *("--required", "chirps.read", "--reason", "chirps.read=To show them."),
        *("--key-shards", "2 of device backend recovery_code", "--key-shard-backend", "agent"),
    )
    assert added == {"client_id": "kite"}
    kite = find(server, Client, "kite")
    assert (kite.name, kite.auth_method, kite.scope, kite.required) == (
        *("Kite", "none", ("openid", "chirps.read"), ("chirps.read",)),
    )
    assert kite.reasons == {"chirps.read": "To show them."}
    assert kite.grant_types == ("authorization_code", "refresh_token")
    assert [one.threshold for one in kite.key_shards] == [2]
    assert "there is an app" in there.fails("client", "add", "--id", "kite", "--public", status=1)
    mistakes = there.fails("client", "add", "--id", "k2", "--policy", "no-such", status=1)
    assert "no-such" in mistakes


def test_a_script_is_added_at_a_server_and_signs_in(there: Line, server: Live) -> None:
    scope = "admin.users.read"
    words = ("client", "add", "--id", "nightly", "--scope", scope, "--admin", scope)
    secret = there.json(*words)["client_secret"]
    nightly = find(server, Client, "nightly")
    assert (nightly.admin, nightly.scope) == ((scope,), (scope,))
    file = there.folder / "nightly"
    file.write_text(secret)
    caught_up()
    there.ok("login", server.issuer, "--client-id", "nightly", "--secret-file", str(file))


@pytest.mark.parametrize("words", [("--secret-sha256", "0" * 64), ("--unverified",)], ids=" ".join)
def test_an_app_is_not_added_in_a_way_that_the_api_does_not_have(
    there: Line, words: tuple[str, ...]
) -> None:
    said = there.fails("client", "add", "--id", "k3", *words, "--json", status=1)
    assert msgspec.json.decode(said)["type"] == "local-only"


ORDER = ("--redirect-uri", "https://dated.example/cb", "--scope", "openid chirps.read")


def test_times_are_times_for_people_and_numbers_for_programs(there: Line, server: Live) -> None:
    """In a wide table too, and in nested fields."""
    there.ok(
        "client",
        "create",
        "--id",
        "dated",
        "--name",
        "Dated",
        "--redirect-uri",
        "https://dated.example/cb",
    )
    for words in (("client", "list"), ("client", "show", "dated"), ("user", "list")):
        for form in ("table", "wide"):
            shown = there.ok(*words, "-o", form)
            assert not re.search(r"\b1[0-9]{9}\b", shown), (words, form)
    assert isinstance(there.json("client", "show", "dated")["created"], int)
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", there.ok("client", "list", "-o", "wide"))
    assert re.search(r"\d\d:\d\d:\d\d UTC", there.ok("events", "list", "-o", "wide"))
