"""What an account's own data has to hold to."""

from typing import Any

import msgspec
import pytest
from tests.rows import row

from valetkey.server.accounts import password
from valetkey.server.accounts.sign_up import mistakes
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User

KEPT = password.hash_password(Secret("correct horse"), salt=bytes(16))
MIKO = User(
    id="0" * 26,
    username="miko",
    password=KEPT,
    email="miko@example.org",
    email_verified=True,
    claims={"name": "Miko"},
)

GOOD = [
    row("all", "as it is", {}),
    row("password", "none", {"password": ""}),
    row("email", "none", {"email": "", "email_verified": False}),
    row("username", "an address", {"username": "miko@example.org"}),
    row("username", "of another script", {"username": "Мико Петров"}),
]


@pytest.mark.parametrize("fields", GOOD)
def test_no_mistake(fields: dict[str, Any]) -> None:
    assert mistakes(msgspec.structs.replace(MIKO, **fields)) == []


WRONG = [
    row("username", "empty", {"username": ""}, "username: is empty or has spaces around"),
    row("username", "spaces around", {"username": " a"}, "username: is empty or has spaces around"),
    row("username", "two lines", {"username": "a\nb"}, "username: holds a character that cannot"),
    row("username", "too long", {"username": "a" * 129}, "username: is longer than 128 characters"),
    row("email", "no address", {"email": "miko"}, "email: is not an address"),
    row("email", "header injection", {"email": "a@b.c\nBcc: d@e.f"}, "email: is not an address"),
    row("email", "too long", {"email": "a" * 251 + "@b.c"}, "email: is not an address"),
    row("email", "verified, but none", {"email": ""}, "email_verified: there is no email"),
    row("claims", "not a profile's", {"claims": {"sub": "1"}}, "claims: sub: not among name, "),
    row("claims", "too long", {"claims": {"name": "a" * 501}}, "claims: name: longer than 500"),
    row(
        "password",
        "plain text",
        {"password": "secret"},
        "password: is no password hash of a known form",
    ),
    row(
        "password",
        "bcrypt",
        {"password": "$2b$12$abc"},
        "password: is no password hash of a known form",
    ),
]


@pytest.mark.parametrize("fields,said", WRONG)
def test_one_mistake(fields: dict[str, Any], said: str) -> None:
    (mistake,) = mistakes(msgspec.structs.replace(MIKO, **fields))
    assert mistake.startswith(said)
