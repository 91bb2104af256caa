"""What is asked before the answer is yes, and what becomes of a request that waits.

A80: outdated permission to proceed.

Attack: An app's registration changes between the request and the token, and the old one still
counts.
Defense: The server checks the registration and the policy again when it issues a token.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.authorize.browser_session import Browser, person
from valetkey.server.oauth.authorize.outcome import Choose, Consent, Deny, Login, Permit
from valetkey.spec.errors import InvalidClient, InvalidRequest, OAuthError

AGE = 100
"""How long ago Miko signed in, in seconds."""

# prompt, max_age, whether Miko has agreed before, what comes.
STEPS = [
    row("Core 3.1.2.1", "agreed before", {}, True, Permit),
    row("Core 3.1.2.1", "never agreed", {}, False, Consent),
    row("Core 3.1.2.1", "prompt=none, agreed before", {"prompt": "none"}, True, Permit),
    row("Core 3.1.2.1", "prompt=login", {"prompt": "login"}, True, Login),
    row("Core 3.1.2.1", "prompt=select_account", {"prompt": "select_account"}, True, Choose),
    row("Core 3.1.2.1", "prompt=consent", {"prompt": "consent"}, True, Consent),
    row("Core 3.1.2.1", "prompt=login consent", {"prompt": "login consent"}, True, Login),
    row("Core 3.1.2.1", "max_age just enough", {"max_age": str(AGE)}, True, Permit),
    row("Core 3.1.2.1", "max_age too short", {"max_age": str(AGE - 1)}, True, Login),
    row("Core 3.1.2.1", "max_age of nothing", {"max_age": "0"}, True, Login),
    row("Core 3.1.2.1", "max_age and none", {"max_age": "1", "prompt": "none"}, True, Deny),
]


@pytest.mark.parametrize("changed,agreed,comes", STEPS)
def test_what_comes_first(changed: dict[str, Any], agreed: bool, comes: type[object]) -> None:
    world = World()
    visit = world.sign_in()
    if agreed:
        world.agree(request("kite"), visit)
    world.later(AGE)
    assert type(world.visit(request("kite", **changed), visit)) is comes


# What the app is registered with, what it sends, whether Miko has to sign in again.
AGES = [
    row("Registration 2", "just enough", AGE, {}, Permit),
    row("Registration 2", "too long ago", AGE - 1, {}, Login),
    row("Registration 2", "each time", 0, {}, Login),
    row("Registration 2", "the request says more", AGE - 1, {"max_age": str(AGE)}, Permit),
    row("Registration 2", "the request says less", AGE, {"max_age": "1"}, Login),
]


@pytest.mark.parametrize("registered,changed,comes", AGES)
def test_an_app_may_say_once_for_all_how_fresh_a_sign_in_must_be(
    registered: int, changed: dict[str, str], comes: type[object]
) -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    world.change(Client, "kite", default_max_age=registered)
    world.later(AGE)
    assert type(world.visit(request("kite", **changed), visit)) is comes


@pytest.mark.parametrize("prompt", ["login", "login consent"])
def test_a_new_sign_in_satisfies_the_request_that_asked_for_it_alone(prompt: str) -> None:
    """ATTACKS A67: neither the session of before nor a sign-in for another request will do."""
    world = World()
    old = world.sign_in()
    world.agree(request("kite"), old)
    first = world.visit(request("kite", prompt=prompt), old)
    second = world.visit(request("kite", prompt=prompt), old)
    assert isinstance(first, Login)
    assert isinstance(second, Login)
    assert first.user == world.need(User, world.miko.id)
    assert isinstance(world.resume(first.pending.id, old), Login)
    fresh = world.sign_in()
    world.signed_in_for(first.pending.id, fresh)
    assert isinstance(world.resume(first.pending.id, fresh), Permit | Consent)
    assert isinstance(world.resume(second.pending.id, fresh), Login)


@pytest.mark.parametrize("way", ["asked", "registered"])
def test_max_age_of_nothing_is_a_sign_in(way: str) -> None:
    """Core 3.1.2.1: as prompt=login, also in the very second of the last sign-in, and once."""
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    asked = {"max_age": "0"} if way == "asked" else {}
    if way == "registered":
        world.change(Client, "kite", default_max_age=0)
    first = world.visit(request("kite", **asked), visit)
    assert isinstance(first, Login)
    assert isinstance(world.visit(request("kite", **asked, prompt="none"), visit), Deny)
    fresh = world.sign_in()
    world.signed_in_for(first.pending.id, fresh)
    assert isinstance(world.resume(first.pending.id, fresh), Permit)


def test_max_age_is_counted_from_the_last_proof() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    world.later(50)
    decision = world.visit(request("kite", max_age="60"), visit)
    assert isinstance(decision, Permit)
    world.later(11)
    assert isinstance(world.visit(request("kite", max_age="60"), visit), Login)


def test_the_login_hint_is_handed_on_and_is_no_oracle() -> None:
    """ATTACKS A70: the same for a name that somebody has and for one that nobody has."""
    for hint in ("miko", "nobody", "x" * 300):
        decision = World().visit(request("kite", login_hint=hint), Browser(id="b"))
        assert isinstance(decision, Login)
        assert (decision.login_hint, decision.user) == (hint[:255], None)


# Who is signed in?


def gone(world: World, visit: Browser) -> Browser:
    world.later(world.at.lifetimes.session)
    return visit


def nearly_gone(world: World, visit: Browser) -> Browser:
    """It was used meanwhile: an idle session ends earlier."""
    world.later(world.at.lifetimes.session - 1)
    world.change(Session, visit.session, last_active=world.env.now - 60)
    return visit


def disabled(world: World, visit: Browser) -> Browser:
    world.change(User, world.miko.id, status="disabled")
    return visit


def restored(world: World, visit: Browser) -> Browser:
    world.at = replace(world.at, epoch=world.at.epoch + 1)
    return visit


def anothers(world: World, visit: Browser) -> Browser:
    other = world.sign_in(world.noor)
    return replace(visit, session_secret=other.session_secret)


VISITS: list[tuple[str, str, Any, bool]] = [
    ("A75", "as it was", lambda _, visit: visit, True),
    ("A75", "in its last second", nearly_gone, True),
    ("A75", "over", gone, False),
    ("A75", "no cookie", lambda _, visit: Browser(id=visit.id), False),
    ("A75", "no secret", lambda _, visit: replace(visit, session_secret=""), False),
    ("A75", "another's secret", anothers, False),
    (
        "A81",
        "the digest for the secret",
        lambda world, visit: replace(
            visit, session_secret=world.need(Session, visit.session).digest
        ),
        False,
    ),
    ("A75", "an unknown session", lambda _, visit: replace(visit, session="0" * 26), False),
    ("A78", "the user is disabled", disabled, False),
    ("R15", "from before a restored backup", restored, False),
]


@pytest.mark.parametrize("how,known", [row(a, b, *rest) for a, b, *rest in VISITS])
def test_who_is_signed_in(how: Any, known: bool) -> None:
    world = World()
    visit = how(world, world.sign_in())
    who = world.ask(person(visit, world.context))
    assert (who is not None and who.user.id == world.miko.id) is known


# A request that waits.


def waiting(world: World, visit: Browser, **changed: str) -> str:
    decision = world.visit(request("kite", **changed), visit)
    assert isinstance(decision, Login | Consent)
    return decision.pending.id


def test_a_request_waits_for_the_browser_that_began_it() -> None:
    """ATTACKS A65: a handle that somebody else sends round adopts nobody."""
    world = World()
    visit = world.sign_in()
    name = waiting(world, visit)
    with pytest.raises(InvalidRequest, match="another browser"):
        world.resume(name, world.sign_in(world.noor, browser="chrome"))
    assert isinstance(world.resume(name, visit), Consent)


def test_a_request_waits_so_long_and_no_longer() -> None:
    world = World(interaction=100)
    visit = world.sign_in()
    name = waiting(world, visit)
    world.later(99)
    assert isinstance(world.resume(name, visit), Consent)
    world.later(1)
    with pytest.raises(InvalidRequest, match="is over"):
        world.resume(name, visit)


@pytest.mark.parametrize("kind", ["pushed", "code"])
def test_a_row_of_another_kind_is_no_waiting_request(kind: str) -> None:
    """ATTACKS A81."""
    world = World()
    visit = world.sign_in()
    name = waiting(world, visit)
    world.change(Pending, name, kind=kind)
    with pytest.raises(InvalidRequest):
        world.resume(name, visit)


def test_a_request_that_was_answered_is_over() -> None:
    world = World()
    visit = world.sign_in()
    sheet = world.visit(request("kite"), visit)
    assert isinstance(sheet, Consent)
    world.say(sheet, visit)
    with pytest.raises(InvalidRequest, match="is over"):
        world.resume(sheet.pending.id, visit)
    with pytest.raises(InvalidRequest, match="is over"):
        world.say(sheet, visit, ticked=())
    assert {one.kind for one in world.all(Pending)} == {"answered"}
    world.later(60)
    world.sweep()
    assert world.all(Pending) == ()


CHANGES: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("A78", "the client is suspended", {"status": "suspended"}, InvalidClient),
    (
        "A80",
        "the redirect URI is withdrawn",
        {"redirect_uris": ("https://kite.example/x",)},
        InvalidRequest,
    ),
    ("A80", "the scope is withdrawn", {"scope": ("openid",)}, OAuthError),
    ("A80", "codes are withdrawn", {"grant_types": ("refresh_token",)}, OAuthError),
]


@pytest.mark.parametrize("changed,error", [row(a, b, *rest) for a, b, *rest in CHANGES])
def test_a_waiting_request_is_judged_anew(changed: dict[str, Any], error: type[OAuthError]) -> None:
    """What the client may do is what it may do now, at every step."""
    world = World()
    visit = world.sign_in()
    sheet = world.visit(request("kite"), visit)
    assert isinstance(sheet, Consent)
    world.change(Client, "kite", **changed)
    steps: list[Callable[[], object]] = [
        lambda: world.resume(sheet.pending.id, visit),
        lambda: world.say(sheet, visit),
        lambda: world.refuse(sheet, visit),
    ]
    for step in steps:
        with pytest.raises(error):
            step()


def test_signing_out_while_a_sheet_is_open_leads_back_to_the_sign_in() -> None:
    world = World()
    visit = world.sign_in()
    sheet = world.visit(request("kite"), visit)
    assert isinstance(sheet, Consent)
    nobody = Browser(id=visit.id)
    assert isinstance(world.say(sheet, nobody), Login)
    assert isinstance(world.resume(sheet.pending.id, nobody), Login)


def test_signing_in_as_somebody_else_answers_for_somebody_else() -> None:
    """Noor sits down at Miko's browser: the yes is hers, and Miko's grants stay as they were."""
    world = World()
    sheet = world.visit(request("kite"), world.sign_in())
    assert isinstance(sheet, Consent)
    hers = world.sign_in(world.noor)
    shown = world.resume(sheet.pending.id, hers)
    assert isinstance(shown, Consent)
    assert shown.user.id == world.noor.id
    assert isinstance(world.say(shown, hers), Permit)
    (grant,) = world.all(Grant)
    assert grant.user == world.noor.id
