"""What the platform's page does next (OpenID Connect Core 3.1.2.1)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from valetkey.platform import Interaction, LoginPage, Refuse, SignedIn, ToSignIn, move
from valetkey.platform.interaction import sign_in_address

NOW = 1_800_000_000
ASKED = Interaction(interaction="h1", created=NOW - 10, expires=NOW + 600)
MIKO = SignedIn(subject="17", auth_time=NOW - 3600)
FRESH = replace(MIKO, auth_time=NOW - 2)
BEFORE = replace(MIKO, auth_time=ASKED.created - 2)

LOGIN, ACCOUNT, LEVEL, NOBODY = (ToSignIn(why) for why in ("login", "account", "level", ""))
NO = Refuse("login_required", "the user did not sign in as this app needs it")
SILENT_NO = Refuse("login_required", "nobody is signed in as this app needs it")

ROWS: list[tuple[str, dict[str, Any], SignedIn | None, bool, object]] = [
    # what is asked, who is signed in, whether they have been to the sign-in page: the move
    ("nothing special", {}, MIKO, False, MIKO),
    ("nobody is signed in", {}, None, False, NOBODY),
    ("nobody signed in there", {}, None, True, NOBODY),
    ("sign in again", {"prompt": ("login",)}, MIKO, False, LOGIN),
    ("signed in again", {"prompt": ("login",)}, FRESH, True, FRESH),
    ("signed in a moment before", {"prompt": ("login",)}, BEFORE, False, LOGIN),
    ("a clock that is slow", {"prompt": ("login",)}, BEFORE, True, BEFORE),
    ("signed in since, elsewhere", {"prompt": ("login",)}, FRESH, False, LOGIN),
    ("came back without", {"prompt": ("login",)}, MIKO, True, NO),
    ("max_age is kept", {"max_age": 3600}, MIKO, False, MIKO),
    ("max_age is over", {"max_age": 3599}, MIKO, False, LOGIN),
    ("max_age is still over", {"max_age": 3599}, MIKO, True, NO),
    ("max_age 0", {"max_age": 0}, MIKO, False, LOGIN),
    ("max_age 0, new", {"max_age": 0}, FRESH, True, FRESH),
    ("another user", {"subject": "18"}, MIKO, False, ACCOUNT),
    ("still another user", {"subject": "18"}, MIKO, True, NO),
    ("this user", {"subject": "17"}, MIKO, False, MIKO),
    ("choose an account", {"prompt": ("select_account",)}, MIKO, False, ACCOUNT),
    ("has chosen", {"prompt": ("select_account",)}, MIKO, True, MIKO),
    ("consent is not the platform's", {"prompt": ("consent",)}, MIKO, False, MIKO),
    ("a level", {"acr_values": ("two",)}, MIKO, False, LEVEL),
    ("the level", {"acr_values": ("two",)}, replace(MIKO, acr="two"), False, None),
    ("less than the level: valetkey decides", {"acr_values": ("two",)}, MIKO, True, MIKO),
    ("silent", {"silent": True}, MIKO, False, MIKO),
    ("silent, nobody", {"silent": True}, None, False, SILENT_NO),
    ("silent, too long ago", {"silent": True, "max_age": 60}, MIKO, False, SILENT_NO),
    ("silent, another user", {"silent": True, "subject": "18"}, MIKO, False, SILENT_NO),
]


@pytest.mark.parametrize(
    "asked, user, returned, expected",
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_the_next_move(
    asked: dict[str, Any], user: SignedIn | None, returned: bool, expected: object
) -> None:
    interaction = replace(ASKED, prompt=asked.pop("prompt", ()), **asked)
    found = move(interaction, user, now=NOW, returned=returned)
    assert found == (user if expected is None else expected)


@pytest.mark.parametrize(
    "sign_in, path",
    [("/login", "/login"), ("https://chirp.example/login?theme=dark", "/login")],
)
def test_the_sign_in_page_gets_the_way_back(sign_in: str, path: str) -> None:
    interaction = replace(ASKED, login_hint="mi ko&x=1", acr_values=("two",))
    page = LoginPage(query={}, here="/oauth/valetkey-login", sign_in=sign_in, next_parameter="then")
    address = sign_in_address(page, interaction, LEVEL)
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == path
    assert query.pop("theme", "dark") == "dark"
    assert query == {
        "then": "/oauth/valetkey-login?interaction=h1&returned=1",
        "prompt": "login",
        "acr_values": "two",
        "login_hint": "mi ko&x=1",
    }
