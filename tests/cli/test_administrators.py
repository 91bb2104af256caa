"""`valetkey admin`: the first owner, roles, and the apps of administrators."""

from tests.cli.line import Line

from valetkey.server.accounts import password
from valetkey.server.model.client import Client
from valetkey.server.model.keys import Secret
from valetkey.server.model.pending import Pending
from valetkey.server.model.role import SCOPES, RoleBinding
from valetkey.server.model.user import User

WORD = "correct horse battery"


def bindings(line: Line) -> dict[str, tuple[str, ...]]:
    names = {one.id: one.username for one in line.every(User)}
    return {names[one.user]: one.roles for one in line.every(RoleBinding)}


def test_the_first_owner_is_created_with_an_account_and_the_app_of_the_command_line(
    line: Line,
) -> None:
    words = ("--email", "kaya@example.org", "--name", "Kaya", "--password-stdin")
    answer = line.json("admin", "create", "kaya", *words, stdin=WORD + "\n")
    assert answer == {"username": "kaya", "roles": ["owner"], "new": True}
    (user,) = line.every(User)
    assert (user.email, user.claims) == ("kaya@example.org", {"name": "Kaya"})
    assert password.fits(Secret(WORD), user.password)
    (binding,) = line.every(RoleBinding)
    assert binding.by.startswith("local:")
    (app,) = line.every(Client)
    assert (app.id, app.auth_method, frozenset(app.admin)) == ("valetkey-cli", "none", SCOPES)
    assert frozenset(app.scope) == {"openid", "offline_access"} | SCOPES


def test_a_link_instead_of_a_password(line: Line) -> None:
    answer = line.json("admin", "create", "kaya", "--link")
    (pending,) = line.every(Pending)
    assert f"/forgot/{pending.id}?code=" in answer["link"]
    assert line.every(User)[0].password == ""


def test_an_account_that_is_there_becomes_an_owner_and_stays_as_it_is(line: Line) -> None:
    line.ok("user", "add", "miko", "--password-stdin", stdin=WORD)
    before = line.every(User)
    assert line.json("admin", "create", "miko")["new"] is False
    assert line.every(User) == before
    assert bindings(line) == {"miko": ("owner",)}


def test_roles_are_given_listed_and_taken(line: Line) -> None:
    line.ok("admin", "create", "kaya", "--password-stdin", stdin=WORD)
    line.ok("user", "add", "miko", "--password-stdin", stdin=WORD)
    line.ok("admin", "grant-role", "miko", "support")
    answer = line.json("admin", "grant-role", "miko", "auditor")
    assert answer["roles"] == ["support", "auditor"]
    listed = line.json("admin", "roles")
    assert [(one["username"], one["roles"]) for one in listed] == [
        ("kaya", ["owner"]),
        ("miko", ["support", "auditor"]),
    ]
    line.ok("admin", "revoke-role", "miko", "support")
    line.ok("admin", "revoke-role", "miko", "auditor")
    assert bindings(line) == {"kaya": ("owner",)}


def test_the_last_owner_stays(line: Line) -> None:
    line.ok("admin", "create", "kaya", "--password-stdin", stdin=WORD)
    assert "the last owner" in line.fails("admin", "revoke-role", "kaya", "owner", status=1)
    assert bindings(line) == {"kaya": ("owner",)}


def test_an_app_is_listed_for_exactly_these_permissions(line: Line) -> None:
    words = ("--public", "--redirect-uri", "http://127.0.0.1/callback", "--scope", "openid")
    line.ok("client", "add", "--id", "nightly", *words)
    listed = ("--permission", "users.read", "--permission", "apps.read")
    answer = line.json("admin", "list-app", "nightly", *listed)
    assert answer["permissions"] == ["users.read", "apps.read"]
    (app,) = line.every(Client)
    assert app.scope == ("openid", "admin.users.read", "admin.apps.read")
    line.ok("admin", "list-app", "nightly", "--none")
    (app,) = line.every(Client)
    assert (app.scope, app.admin) == (("openid",), ())
