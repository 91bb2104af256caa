"""Sign-up: what may become an account, and what does."""

from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.world import World

from valetkey.server.accounts.sign_up import AccountRequest, Judged, judge, make
from valetkey.server.accounts.throttle import PAIR, Caller, Throttled
from valetkey.server.model.user import User

WISH = AccountRequest(username="lea", name="Lea", email="lea@example.org")


def judged(world: World, wish: AccountRequest = WISH, address: str = "") -> Any:
    caller = Caller(address) if address else None
    return world.settle(lambda: judge(wish, caller=caller, env=world.env))


def test_a_good_wish_becomes_an_account_of_which_nothing_is_verified() -> None:
    world = World()
    assert judged(world).wrong is None
    made = world.settle(lambda: make(WISH, "$argon2id$x", world.env))
    assert made.user is not None
    user = world.need(User, made.user.id)
    assert (user.username, user.email, user.claims) == ("lea", "lea@example.org", {"name": "Lea"})
    assert not user.email_verified
    assert "signed-up" in world.kinds()


WRONG = [
    row("username", "none", {"username": ""}, "username"),
    row("username", "two lines", {"username": "a\nb"}, "username"),
    row("username", "too long", {"username": "a" * 129}, "username"),
    row("name", "too long", {"name": "a" * 501}, "username"),
    row("email", "none such", {"email": "lea"}, "email"),
    row("email", "header injection", {"email": "a@b.c\nBcc: d@e.f"}, "email"),
    row("username", "taken", {"username": "miko"}, "taken"),
    row("username", "of two scripts", {"username": "m\u0456ko"}, "username"),
    row(
        "username",
        "of another script, like Latin",
        {"username": "\u0440\u043e\u0440\u0430"},
        "username",
    ),
    row("username", "taken, in full width", {"username": "\uff4d\uff49\uff4b\uff4f"}, "taken"),
    row("username", "taken, a digit for a letter", {"username": "mik0"}, "taken"),
    row("username", "of another script", {"username": "\u0436\u0430\u043d\u043d\u0430"}, None),
    row("username", "with a mark", {"username": "ren\u00e9"}, None),
    row("username", "taken, in capitals", {"username": " MIKO".strip()}, "taken"),
]


@pytest.mark.parametrize("fields, wrong", WRONG)
def test_what_may_not_become_one(fields: dict[str, str], wrong: str | None) -> None:
    wish = AccountRequest(**{"username": "lea", **fields})
    assert judged(World(), wish).wrong == wrong


def test_two_who_want_one_name_get_it_once() -> None:
    world = World()
    first = world.settle(lambda: make(WISH, "x", world.env))
    second = world.settle(lambda: make(WISH, "y", world.env))
    assert first.user is not None
    assert second.user is None
    assert len([one for one in world.all(User) if one.username == "lea"]) == 1


def test_names_cannot_be_tried_without_end() -> None:
    """ATTACKS A70: a taken name is told, so each try counts."""
    world = World()
    taken = AccountRequest(username="miko")
    for _ in range(PAIR.attempts):
        assert isinstance(judged(world, taken, address="198.51.100.7"), Judged)
    assert isinstance(judged(world, taken, address="198.51.100.7"), Throttled)
