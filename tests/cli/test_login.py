"""`valetkey login`, `whoami` and `logout`, as a person."""

import os
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.attacks.elsewhere import approve
from tests.attacks.play import change, every
from tests.browser import Browser
from tests.cli.line import Line
from tests.cli.test_workers import until
from tests.client.person import user
from tests.live import Live, caught_up, live
from tests.server.admin.play import bind

from valetkey.cli.remote import sign_in
from valetkey.client import Waiting, os_keyring
from valetkey.client.errors import StoreError
from valetkey.server.model.grant import Grant
from valetkey.server.model.role import RoleBinding
from valetkey.server.settings.administration import AdministrationSettings

ONE_FACTOR = AdministrationSettings(second_factor=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("people")
    with live(folder, enable=("administration",), administration=ONE_FACTOR) as running:
        bind(running, "miko", "support")
        yield running


@pytest.fixture
def here(line: Line, server: Live, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A machine with a browser, and no key store. The server knows the command line."""
    line.ok("admin", "list-app", "valetkey-cli", "--all", "--database", str(server.database))
    caught_up()
    opens(monkeypatch, server.browser())
    monkeypatch.setenv("BROWSER", "any")
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os_keyring, "_default_backend", _no_key_store)
    return line


def _no_key_store() -> Any:
    raise StoreError("none here")


def opens(monkeypatch: pytest.MonkeyPatch, browser: Browser, **how: Any) -> None:
    play = user(browser, **how)

    def start(address: str) -> bool:
        play(address)
        return True

    monkeypatch.setattr(webbrowser, "open", start)


def stop_all(server: Live) -> None:
    for grant in every(server, Grant):
        if grant.client == "valetkey-cli" and grant.status == "active":
            change(server, grant, status="stopped")


def tokens() -> Path:
    (file,) = (Path(os.environ["XDG_CONFIG_HOME"]) / "valetkey").glob("tokens-*.json")
    return file


def test_a_person_signs_in_with_the_browser(here: Line, server: Live) -> None:
    result = here.run("login", server.issuer, "--name", "chirp", "--use")
    assert result.exit_code == 0, result.output
    assert "a file that only you can read" in result.stderr
    me = here.json("whoami")
    assert (me["at"], me["username"], me["app"]) == (server.issuer, "miko", "valetkey-cli")
    assert me["roles"] == ["support"]
    assert "users.read" in me["permissions"]
    # The key asks for everything; it can do what the role can.
    assert "keys.manage" not in me["permissions"]
    assert here.json("user", "show", "noor")["username"] == "noor"
    said = msgspec.json.decode(
        here.fails("client", "suspend", "stefapp", "--yes", "--json", status=1)
    )
    assert (said["type"], said["permission"]) == ("not-allowed", "apps.manage")
    assert tokens().stat().st_mode & 0o777 == 0o600


def test_an_expired_token_is_renewed(here: Line, server: Live) -> None:
    here.ok("login", server.issuer, "--use", "--role", "support")
    file = tokens()
    stored = msgspec.json.decode(file.read_bytes())
    file.write_bytes(msgspec.json.encode(stored | {"expires": 1, "access_token": "expired"}))
    assert here.json("whoami")["username"] == "miko"
    assert msgspec.json.decode(file.read_bytes())["access_token"] != "expired"


def test_a_key_that_is_stopped_says_to_sign_in_again(here: Line, server: Live) -> None:
    here.ok("login", server.issuer, "--use")
    assert here.json("whoami")
    stop_all(server)
    said = msgspec.json.decode(here.fails("whoami", "--json", status=1))
    assert said["type"] == "signed-out"
    assert f"valetkey login {server.issuer}" in said["detail"]


def test_a_role_that_is_taken_counts_at_once(here: Line, server: Live) -> None:
    here.ok("login", server.issuer, "--use")
    assert here.json("user", "list")
    (binding,) = every(server, RoleBinding)
    change(server, binding, roles=("developer",))
    try:
        assert "users.read" in here.fails("user", "list", status=1)
    finally:
        (binding,) = every(server, RoleBinding)
        change(server, binding, roles=("support",))


def test_what_the_person_leaves_out_is_said(
    here: Line, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_all(server)
    opens(monkeypatch, server.browser(), leave_out={"admin.grants.stop"})
    result = here.run("login", server.issuer, "--use", "--scope", "users.read grants.stop")
    assert "You did not allow: grants.stop" in result.stderr
    assert here.json("whoami")["permissions"] == ["users.read"]


def test_a_person_who_says_no(here: Line, server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    opens(monkeypatch, server.browser(), button="cancel")
    said = here.fails("login", server.issuer, "--scope", "users.read", status=1)
    assert "access_denied" in said
    assert here.json("context", "list") == []


def test_without_a_browser_a_code_is_shown(
    here: Line, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.7 1 203.0.113.8 22")
    shower, codes = sign_in._shower, list[str]()

    def answered(command: Any) -> Any:
        show = shower(command)

        def show_and_answer(waiting: Waiting) -> None:
            show(waiting)
            codes.append(waiting.code)
            approve(server, waiting.code)

        return show_and_answer

    monkeypatch.setattr(sign_in, "_shower", answered)
    result = here.run("login", server.issuer, "--use", "--role", "support")
    assert result.exit_code == 0, result.output
    assert codes[0] in result.stderr
    # What is of high risk is not given away by a code that people type.
    assert "A code gives no grants.stop, users.support: for that, sign in" in result.stderr
    me = here.json("whoami")
    assert me["username"] == "miko"
    assert set(me["permissions"]) == {"apps.read", "catalog.read", "grants.read", "users.read"}


def test_logout_ends_the_key_there_and_here(here: Line, server: Live) -> None:
    here.ok("login", server.issuer, "--use")
    copied = tokens().read_bytes()
    name = here.json("context", "list")[0]["name"]
    assert "signed out of" in here.ok("logout")
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "valetkey"
    assert not list(folder.glob("tokens-*.json"))
    # A copy of the file is of no use.
    here.ok("login", server.issuer, "--name", name, "--use")
    tokens().write_bytes(copied)

    def is_over() -> bool:
        result = here.run("whoami", "--json")
        return result.exit_code == 1 and "signed-out" in result.stderr

    until(is_over)


def test_an_app_that_no_owner_listed(line: Line, server: Live) -> None:
    said = line.fails("login", server.issuer, "--client-id", "unknown-app", "--device", status=1)
    assert "does not know this command line as the app unknown-app" in said
