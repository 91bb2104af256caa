"""The kit believes of introspection only what is signed, where it is told to (RFC 9701)."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest
from tests.keys import key
from tests.resource.issuing import CATALOG, Issuing
from tests.rows import row

from valetkey.jose.jwk import PrivateKey
from valetkey.resource import Principal, ResourceServer, Unreachable
from valetkey.resource.errors import Refused
from valetkey.wire.introspection import TYPE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    one = Issuing()
    yield one
    one.stop()


def answer_with(issuing: Issuing, **changed: Any) -> dict[str, Any]:
    """What a server says of the token, changed; `told` is about the token."""
    answer = {"active": True, "scope": "chirps.read", "jti": "1"} | changed.pop("told", {})
    usual = {
        "iss": issuing.issuer,
        "aud": "chirp",
        "iat": int(time.time()),
        "token_introspection": answer,
    }
    return usual | changed


def answers(issuing: Issuing, claims: dict[str, Any], *, by: PrivateKey | None = None) -> None:
    text = Honest(by or issuing.key, claims, TYPE).token()
    issuing.replies["/introspect"] = (200, text.encode())


async def asks(issuing: Issuing, needs: str = "chirps.read") -> Principal:
    kit = ResourceServer(
        issuer=issuing.issuer,
        catalog=CATALOG,
        credentials=("chirp", "secret"),
        live="ask",
        signed=True,
    )
    try:
        return await kit.verify(f"Bearer {issuing.token()}", needs=(needs,))
    finally:
        await kit.close()


async def test_what_is_signed_counts(issuing: Issuing) -> None:
    answers(issuing, answer_with(issuing))
    assert (await asks(issuing)).permissions == {"chirps.read"}
    with pytest.raises(Refused):
        await asks(issuing, "chirps.write")


async def test_an_inactive_one_is_refused(issuing: Issuing) -> None:
    answers(issuing, answer_with(issuing, token_introspection={"active": False}))
    with pytest.raises(Refused):
        await asks(issuing)


async def test_a_plain_answer_is_none(issuing: Issuing) -> None:
    answer = {"active": True, "scope": "chirps.read", "jti": "1"}
    issuing.replies["/introspect"] = (200, msgspec.json.encode(answer))
    with pytest.raises(Unreachable):
        await asks(issuing)


WRONG: list[Any] = [
    row("9701 5", "of another server", {"iss": "https://evil.example"}),
    row("9701 5", "to another API", {"aud": "photos"}),
    row("9701 8.1", "of another token, replayed", {"told": {"jti": "2"}}),
    row("9701 8.1", "of an hour ago, replayed", {"iat": int(time.time()) - 3600}),
    row("9701 5", "without what it is about", {"token_introspection": None}),
    row("9701 5", "of no time", {"iat": "now"}),
]


@pytest.mark.parametrize("changed", WRONG)
async def test_an_answer_that_says_something_else(issuing: Issuing, changed: Any) -> None:
    answers(issuing, answer_with(issuing, **changed))
    with pytest.raises(Unreachable):
        await asks(issuing)


async def test_a_strangers_signature_is_none(issuing: Issuing) -> None:
    answers(issuing, answer_with(issuing), by=key("ES256", "a stranger's"))
    with pytest.raises(Unreachable):
        await asks(issuing)


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
async def test_a_malformed_one_is_none(issuing: Issuing, bad: Bad) -> None:
    text = bad(Honest(issuing.key, answer_with(issuing), TYPE))
    issuing.replies["/introspect"] = (200, text.encode())
    with pytest.raises(Unreachable):
        await asks(issuing)
