"""What the SDK makes of a limit's refusal."""

from typing import Any

import httpx2
import pytest
from tests.rows import row

from valetkey.client import LimitReached, raise_for_refusal
from valetkey.resource.limits import Limited
from valetkey.wire import lease
from valetkey.wire.bearer import Challenge
from valetkey.wire.catalog import Permission

PAY = Permission(id="pay", can="pay", counted=True, unit="EUR", decimals=2)


def refused(limit: lease.Limit, **told: Any) -> httpx2.Response:
    """What the kit answers."""
    refusal = Limited(
        lease.Refused(limit=limit, **told),
        permission=PAY,
        resource_metadata="https://api.example/m",
        scheme="Bearer",
    )
    return httpx2.Response(refusal.status, headers=refusal.headers, json=refusal.body)


def raised(response: httpx2.Response) -> LimitReached:
    with pytest.raises(LimitReached) as error:
        raise_for_refusal(response)
    return error.value


def test_an_app_learns_what_ran_out_and_when_it_comes_back() -> None:
    error = raised(refused("often", per="day", allowed=5, back_at=1_800_000_000, again_in=60))
    assert (error.permission, error.limit, error.per) == ("pay", "often", "day")
    assert (error.most, error.back_at, error.ask_uri) == (5, 1_800_000_000, "")
    assert str(error) == "the user has set a limit, and it is reached"


@pytest.mark.parametrize("limit", ["much", "ask", "declined"])
def test_an_app_learns_what_an_amount_is_told_in(limit: lease.Limit) -> None:
    response = refused(limit, per="month", allowed=1250)
    assert (response.json()["unit"], response.json()["decimals"]) == ("EUR", 2)
    error = raised(response)
    assert (error.most, error.unit, error.decimals) == (1250, "EUR", 2)
    assert str(error.amount) == "12.50"


def test_a_limit_of_uses_is_told_in_no_unit() -> None:
    for limit in ("often", "hours"):
        response = refused(limit, allowed=5)
        assert not {"unit", "decimals"} & {*response.json()}
        error = raised(response)
        assert (error.unit, error.decimals, error.amount) == ("", 0, None)


@pytest.mark.parametrize("text", ["-2", "2.5", "9" * 16, "many"])
def test_decimals_that_are_none_are_zero(text: str) -> None:
    challenge = Challenge(error="limit_reached", limit="much", most="5", unit="EUR", decimals=text)
    assert LimitReached(challenge).amount == 5


def test_an_app_learns_where_the_user_can_say_yes() -> None:
    error = raised(refused("ask", allowed=100, ask_uri="https://id.example/apps/g"))
    assert (error.limit, error.ask_uri) == ("ask", "https://id.example/apps/g")
    assert error.back_at is None


def test_the_answer_says_the_same_in_its_body() -> None:
    response = refused("hours", back_at=1_800_000_000, again_in=60)
    assert response.status_code == 403
    assert response.headers["retry-after"] == "60"
    assert response.json() == {
        "error": "outside_hours",
        "error_description": "the user does not let the app do this at this hour",
        "permission": "pay",
        "limit": "hours",
        "back_at": 1_800_000_000,
    }


BAD: list[Any] = [
    row("limit", what, text)
    for what, text in {
        "no number": "soon",
        "below nothing": "-1",
        "other digits": "\u0661",
        "a huge number": "9" * 400,
        "nothing": "",
    }.items()
]


@pytest.mark.parametrize("text", BAD)
def test_a_number_that_cannot_be_read_is_none(text: str) -> None:
    header = f'Bearer error="limit_reached", back_at="{text}", most="{text}"'
    response = httpx2.Response(403, headers=[(b"www-authenticate", header.encode())])
    error = raised(response)
    assert (error.back_at, error.most) == (None, None)
