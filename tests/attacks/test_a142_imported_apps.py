"""A142: a hostile export of apps.

Attack: An attacker who can add to an export, or reads the database, takes over an app: by another
secret or address for it, by a hash that is costly to check, by a consent to more than its user
gave, or by the stored form of a secret.
Defense: An import leaves the secret and the addresses of an app that exists, judges addresses as a
registration does, refuses costly hashes, grants nothing beyond the catalogs and nothing that a user
has removed, and prints no secret. A stored form opens nothing, for no app.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.attacks.play import change, find
from tests.cli.line import Line
from tests.cli.test_import_apps import HASHED, SECRET, app, token, user
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.grant import Grant

FORM = {"grant_type": "client_credentials", "scope": "chirps.read"}


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.chdir(tmp_path)
    line = Line(tmp_path)
    line.furnish()
    return line


def bring(line: Line, *records: object, words: tuple[str, ...] = ()) -> str:
    path = line.folder / "dump.json"
    path.write_text(json.dumps(records))
    return line.run("import", "dot", str(path), *words).output


@pytest.mark.parametrize(
    "words",
    [
        row("A142", "by default", ()),
        row("A142", "with an update", ("--on-existing", "update")),
    ],
)
def test_an_app_that_is_here_keeps_its_secret_and_addresses(
    words: tuple[str, ...], line: Line
) -> None:
    before = next(one for one in line.every(Client) if one.id == "web")
    evil = app(client_id="web", redirect_uris="https://evil.example/", client_type="public")
    bring(line, evil, words=(*words, "--allow-scope", "openid chirps"))
    after = next(one for one in line.every(Client) if one.id == "web")
    kept = ("secrets", "redirect_uris", "post_logout_redirect_uris", "auth_method", "verified")
    assert {name: getattr(after, name) for name in kept} == {
        name: getattr(before, name) for name in kept
    }


def test_nothing_of_the_administration_is_granted(line: Line) -> None:
    scope = "chirps.read admin.everything users.write openid"
    bring(
        line, user(7, "pilo"), app(), token(1, 7, scope), words=("--allow-scope", "clients.write")
    )
    (grant,) = line.every(Grant)
    assert set(grant.permissions) <= {"chirps.read", "openid"}


def test_no_secret_and_no_hash_is_printed(line: Line) -> None:
    costly = HASHED.replace("$1000$", "$999999999$")
    output = bring(
        line,
        app(client_secret=SECRET, redirect_uris="http://a.example/", hash_client_secret=False),
        app(2, client_id="b", client_secret=costly),
        app(3, client_id="c", client_secret=f"{SECRET}\x00", hash_client_secret=False),
        words=("--allow-scope", "openid"),
    )
    assert "3 refused" in output
    for secret in (SECRET, HASHED.rpartition("$")[2]):
        assert secret not in output


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("imported")) as server:
        yield server


def asks(server: Live, name: str, secret: str) -> int:
    return server.http.post("/token", data=FORM, auth=(name, secret)).status_code


def test_a_stored_form_is_no_secret_of_this_or_another_app(server: Live) -> None:
    from valetkey.cli.imports.hash_strings import from_string

    slow = from_string(HASHED)
    machine = find(server, Client, "machine")
    kept = StoredSecret(slow, 0, id="aa")
    change(server, msgspec.structs.replace(machine, secrets=(kept,)))
    assert asks(server, "machine", slow) == 401
    assert asks(server, "machine", f"{SECRET}x") == 401
    # A wrong one leaves the hash; the right one replaces it.
    assert find(server, Client, "machine").secrets == (kept,)
    assert asks(server, "machine", SECRET) == 200
    (fast,) = find(server, Client, "machine").secrets
    assert fast.digest != slow
    assert asks(server, "machine", fast.digest) == 401
    assert asks(server, "machine", slow) == 401
    assert asks(server, "machine", SECRET) == 200
    # The row of one app opens no other: the MAC names the app.
    agent = find(server, Client, "agent")
    change(server, msgspec.structs.replace(agent, secrets=(fast,)))
    assert asks(server, "agent", SECRET) == 401
