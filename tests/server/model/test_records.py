"""What the records say of themselves."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.grant import Grant, live_grant_alias
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.record import round_up_expiry
from valetkey.server.model.user import User, sign_in_name

GRANT = Grant(
    id="0" * 26,
    user="1" * 26,
    client="stef",
    permissions=("posts:read", "posts:write"),
    created=1,
    changed=1,
)


def test_a_stopped_grant_lets_go_of_its_place() -> None:
    """So that a later yes is a new grant, and the old one stays as history."""
    assert GRANT.alias == live_grant_alias(GRANT.user, GRANT.client)
    assert replace(GRANT, status="paused").alias == GRANT.alias
    assert replace(GRANT, status="stopped").alias == ""


def test_a_grant_allows_what_it_holds_in_the_order_asked() -> None:
    assert GRANT.allows(("dm:read", "posts:write", "posts:read")) == ("posts:write", "posts:read")
    assert GRANT.allows(()) == ()


def test_once_keeps_its_purposes_apart() -> None:
    """ATTACKS A81."""
    assert (
        SingleUse(purpose="a", value="b", expires=1).key
        != SingleUse(purpose="b", value="a", expires=1).key
    )


NAMES = [
    row("case", "capitals", "MIKO", "miko"),
    row("case", "sharp s", "Straße", "strasse"),
    row("form", "full width", "\uff2d\uff29\uff2b\uff2f", "miko"),
    row("form", "a mark by itself", "Rene\u0301", "ren\u00e9"),
    row("form", "a ligature", "\ufb01n", "fin"),
    row("space", "around", "  miko ", "miko"),
    row("space", "only", "   ", ""),
]


@pytest.mark.parametrize("typed,name", NAMES)
def test_the_name_by_which_people_sign_in(typed: str, name: str) -> None:
    assert sign_in_name(typed) == name
    assert User(id="0" * 26, username=typed).alias == name


def test_a_client_without_a_secret_is_public() -> None:
    assert Client(id="stef", name="stefApp").is_public
    assert not Client(id="desk", name="Desk", auth_method="client_secret_basic").is_public


LIFETIMES = [
    row("9700", "a code of 61 s", {"code": 61}, "code"),
    row("9126 2.2", "a pushed request of 4 s", {"pushed_request": 4}, "pushed_request"),
    row("9126 2.2", "a pushed request of 601 s", {"pushed_request": 601}, "pushed_request"),
    row("9700", "an access token of two hours", {"access_token": 7200}, "access_token"),
    row("R05", "a window of ten minutes", {"refresh_window": 600}, "refresh_window"),
    row("R05", "idle longer than alive", {"refresh_token": 86400}, "refresh_idle"),
]


@pytest.mark.parametrize("changed,field", LIFETIMES)
def test_lifetimes_that_do_not_fit_together(changed: dict[str, Any], field: str) -> None:
    assert Lifetimes().mistakes() == []
    (mistake,) = Lifetimes(**changed).mistakes()
    assert mistake.startswith(f"{field}: ")


DAY = 86400

ENDS = [
    row("forget_at", "a minute", 0, 60, 60),
    row("forget_at", "a second", 100, 101, 101),
    row("forget_at", "nothing", 100, 100, 100),
    row("forget_at", "an hour", 1, 3601, 3840),
    row("forget_at", "two months", 0, 60 * DAY, 10 << 19),
    row("forget_at", "two months and a day", 0, 61 * DAY, 11 << 19),
]


@pytest.mark.parametrize("since,expires,forget_at", ENDS)
def test_a_row_is_kept_a_little_longer_than_it_lives(
    since: int, expires: int, forget_at: int
) -> None:
    """Never shorter, and by less than an eighth of its life."""
    assert round_up_expiry(expires, since=since) == forget_at
    assert 0 <= forget_at - expires <= (expires - since) // 8


def test_an_end_that_moves_on_moves_its_row_seldom() -> None:
    ends = [round_up_expiry(60 * DAY + hour * 3600, since=0) for hour in range(30 * 24)]
    assert ends == sorted(ends)
    assert len(set(ends)) <= 6
