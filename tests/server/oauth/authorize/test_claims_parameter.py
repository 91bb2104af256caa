"""The `claims` parameter (OpenID Connect Core 5.5)."""

import json
from typing import Any

import pytest
from tests.rows import row

from valetkey.server.oauth.authorize.request import MAX_LENGTH, NO_CLAIMS, RequestedClaims, read
from valetkey.spec.errors import InvalidRequest

READ = [
    row("5.5", "nothing", "", NO_CLAIMS),
    row("5.5", "an empty object", "{}", NO_CLAIMS),
    row(
        "5.5",
        "both places",
        '{"userinfo":{"name":null,"email":{"essential":true}},"id_token":{"phone_number":null}}',
        RequestedClaims(userinfo=("name", "email"), id_token=("phone_number",)),
    ),
    row("5.5", "an unknown claim", '{"userinfo":{"shoe_size":null}}', NO_CLAIMS),
    row("5.5", "an unknown member", '{"nobody":{"name":null}}', NO_CLAIMS),
    row(
        "5.5.1",
        "a value that is not met",
        '{"userinfo":{"name":{"value":"x"}}}',
        RequestedClaims(userinfo=("name",)),
    ),
    row("5.5.1", "whom", '{"id_token":{"sub":{"value":"a"}}}', RequestedClaims(sub="a")),
    row(
        "5.5.1.1",
        "acr",
        '{"id_token":{"acr":{"essential":true,"values":["a","b"]}}}',
        RequestedClaims(acr=("a", "b"), essential=True),
    ),
    row(
        "5.5.1.1",
        "acr that would be nice",
        '{"id_token":{"acr":{"value":"a"}}}',
        RequestedClaims(acr=("a",)),
    ),
    row("5.5.1.1", "acr as it comes", '{"id_token":{"acr":null}}', NO_CLAIMS),
]


@pytest.mark.parametrize("text, found", READ)
def test_what_is_asked(text: str, found: RequestedClaims) -> None:
    assert read(text) == found


REFUSED = [
    row("5.5", "no JSON", "{"),
    row("5.5", "a list", "[]"),
    row("5.5", "a text", '"userinfo"'),
    row("A60", "a member twice", '{"userinfo":{"name":null},"userinfo":{}}'),
    row("5.5", "userinfo is a list", '{"userinfo":["name"]}'),
    row("5.5.1", "a claim is a text", '{"userinfo":{"name":"x"}}'),
    row("5.5.1", "a claim is true", '{"userinfo":{"name":true}}'),
    row("5.5.1", "values is a text", '{"id_token":{"acr":{"values":"a"}}}'),
    row("5.5.1", "a value is a number", '{"id_token":{"sub":{"value":1}}}'),
    row(
        "5.5.1", "two users", '{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}'
    ),
    row("A88", "nested without end", '{"userinfo":' + "[" * 4000),
    row("A87", "too long", json.dumps({"userinfo": {"x" * MAX_LENGTH: None}})),
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read(text)


def test_a_claim_asks_for_the_permission_that_opens_it() -> None:
    asked = read('{"userinfo":{"name":null,"website":null},"id_token":{"email":null}}')
    assert asked.permissions == ("profile", "email")


def test_nothing_of_it_is_shared_between_requests() -> None:
    one: Any = read('{"userinfo":{"name":null}}')
    assert read("") is NO_CLAIMS
    assert one is not NO_CLAIMS
