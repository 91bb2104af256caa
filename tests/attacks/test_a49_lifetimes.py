"""A49: lifetimes of signed requests and assertions (RFC 9101).

Attack: An attacker uses an expired JWT, or one from the future.
Defense: The server checks `exp`, `nbf` and `iat`, and allows a minute of clock difference.
"""

import time
from typing import Any

import pytest
from tests.attacks.signing import asserted, at_token, pushed, register, requested
from tests.live import Live
from tests.rows import row

HOUR = 3600


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    register(server)


def moved(**seconds: int | None) -> dict[str, Any]:
    """Claims so many seconds from now; None leaves one out."""
    now = int(time.time())
    return {name: ... if one is None else now + one for name, one in seconds.items()}


GRID: list[Any] = [
    row("7519 4.1.4", "that ended an hour ago", {"exp": -HOUR, "nbf": -2 * HOUR}, False),
    row("7519 4.1.4", "that ended a minute ago", {"exp": -60, "nbf": -120}, False),
    row("7519 4.1.4", "that ends now, by a slow clock", {"exp": -8, "nbf": -60}, True),
    row("7519 4.1.5", "that begins in 8 s", {"nbf": 8, "exp": 120}, True),
    row("7519 4.1.5", "that begins in 61 s", {"nbf": 61, "exp": 120}, False),
    row("7519 4.1.5", "that begins in an hour", {"nbf": HOUR, "exp": 2 * HOUR}, False),
    row("7519 4.1.6", "that was made in 8 s", {"iat": 8, "exp": 120}, True),
    row("7519 4.1.6", "that was made in an hour", {"iat": HOUR, "exp": HOUR + 60}, False),
]

ASSERTIONS: list[Any] = [
    *GRID,
    row("7523 3", "without an end", {"exp": None}, False),
    row("7523 3", "that ends in two hours", {"exp": 2 * HOUR}, False),
]


@pytest.mark.parametrize("seconds, good", ASSERTIONS)
def test_assertions(seconds: dict[str, int | None], good: bool, server: Live) -> None:
    status, error = at_token(server, asserted(server, **moved(**seconds)).token())
    assert (status, error) == ((200, "") if good else (401, "invalid_client"))


@pytest.mark.parametrize("seconds, good", GRID)
def test_requests(seconds: dict[str, int | None], good: bool, server: Live) -> None:
    text = requested(server, **moved(**seconds)).token()
    assert pushed(server, text) == ((201, "") if good else (400, "invalid_request_object"))


ODD: list[Any] = [
    row("7519 2", "a text", "soon"),
    row("7519 2", "a list", [1]),
    row("7519 2", "a truth", True),
    row("7519 2", "below nothing", -1),
    row("7519 2", "beyond all clocks", 1e30),
]


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ODD)
def test_times_that_are_none(value: Any, name: str, server: Live) -> None:
    text = asserted(server, **{name: value}).token()
    assert at_token(server, text)[0] == 401
    odd = requested(server, **{name: value}).token()
    assert pushed(server, odd) == (400, "invalid_request_object")
