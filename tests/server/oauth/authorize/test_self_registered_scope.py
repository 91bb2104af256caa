"""A client that registered itself gets what it may have of the scope that it sends (RFC 6749 3.3):
nobody told it what that is. A client that an operator registered is told of its mistake."""

from typing import Any

import pytest
from tests.installation import CHIRP, PHOTOS
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.oauth.authorize.outcome import Consent, Deny
from valetkey.spec.errors import InvalidScope, InvalidTarget

ALL = "chirps.read chirps.write profile.write dms.read dms.send account.delete"
"""All of `scopes_supported`, as an MCP client asks for it."""


def world(origin: str = "registered") -> World:
    it = World()
    it.change(
        Client,
        "kite",
        origin=origin,
        verified=False,
        scope=("openid", "offline_access", "chirps", "profile.write", "photos.read"),
    )
    return it


KEPT = [
    row("6749 3.3", "all that an API names", ALL, (), "chirps.read chirps.write profile.write"),
    row("6749 3.3", "the API named", ALL, (CHIRP,), "chirps.read chirps.write profile.write"),
    row(
        "6749 3.3",
        "more, and to stay",
        f"{ALL} offline_access openid",
        (CHIRP,),
        "openid offline_access chirps.read chirps.write profile.write",
    ),
    row("6749 3.3", "what another API has", "chirps.read photos.read", (CHIRP,), "chirps.read"),
    row("6749 3.3", "a set as a whole", "chirps dms.read", (), "chirps.read chirps.write chirps"),
    row("6749 3.3", "what it may have", "chirps.read", (), "chirps.read"),
]


@pytest.mark.parametrize("origin", ["registered", "document"])
@pytest.mark.parametrize("scope, resource, kept", KEPT)
def test_it_gets_what_it_may_have(
    scope: str, resource: tuple[str, ...], kept: str, origin: str
) -> None:
    it = world(origin)
    tokens = it.connect("kite", scope=scope, resource=resource)
    assert tokens["scope"] == kept
    assert set(it.grant().permissions) <= {*kept.split()}


NOTHING = [
    row("6749 3.3", "high risk alone", "dms.send account.delete", "dms.send, account.delete"),
    row("6749 3.3", "high risk, and to stay", "dms.send offline_access", "dms.send"),
]


@pytest.mark.parametrize("scope, named", NOTHING)
def test_where_nothing_is_left_it_is_told(scope: str, named: str) -> None:
    answer = world().visit(request("kite", scope=scope), world().sign_in())
    assert isinstance(answer, Deny)
    assert isinstance(answer.error, InvalidScope)
    assert answer.error.description == f"an administrator has to allow this app: {named}"


def test_what_nobody_declared_is_unknown_to_strangers_too() -> None:
    answer = world().visit(request("kite", scope="chirps.read root"), world().sign_in())
    assert isinstance(answer, Deny)
    assert isinstance(answer.error, InvalidScope)


STRICT: list[Any] = [
    row("6749 3.3", "more than it is registered for", ALL, (), InvalidScope),
    row("8707 2", "of another API", "chirps.read photos.read", (CHIRP,), InvalidTarget),
    row("8707 2", "of another API alone", "chirps.read", (PHOTOS,), InvalidTarget),
]


@pytest.mark.parametrize("scope, resource, error", STRICT)
def test_a_client_of_the_operators_is_told_of_its_mistake(
    scope: str, resource: tuple[str, ...], error: type[Exception]
) -> None:
    it = world("declared")
    answer = it.visit(request("kite", scope=scope, resource=resource), it.sign_in())
    assert isinstance(answer, Deny)
    assert isinstance(answer.error, error)


def test_what_an_operator_allows_later_comes_by_step_up() -> None:
    it = world()
    who = it.sign_in()
    tokens = it.redeem("kite", it.agree(request("kite", scope=ALL), who).code)
    assert "dms.read" not in tokens["scope"]
    it.change(Client, "kite", scope=("chirps", "profile.write", "dms.read"))
    shown = it.visit(request("kite", scope=ALL), who)
    assert isinstance(shown, Consent)
    assert [one.permission.id for one in shown.new] == ["dms.read"]
