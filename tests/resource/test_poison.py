"""What a stranger shows to an API, or a server answers, that could be neither stored nor sent on:
the kit says no, and goes on (ATTACKS A93)."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from tests.jose.forge import b64
from tests.proofs import MINE, Wish, proof
from tests.resource.issuing import CATALOG, Issuing
from tests.resource.test_halves import CNF, api
from tests.resource.test_halves import verified as halved
from tests.resource.test_issuer import METADATA, outcome, verified
from tests.rows import row

from valetkey.resource import Refused, ResourceServer, SenderProof, Unreachable
from valetkey.resource.spending import Spending
from valetkey.wire import split_token
from valetkey.wire.access_token import Confirmation

pytestmark = pytest.mark.anyio

VALUES: Final = {
    "half a character": "\ud800",
    "the other half": "a\udfffb",
    "a zero byte": "a\x00b",
    "a number beyond 64 bits": 2**64,
    "a number of many digits": 10**4000,
}
ROWS: Final = [row("ATTACKS A93", name, value) for name, value in VALUES.items()]


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    one = Issuing()
    yield one
    one.stop()


def _kit(issuing: Issuing, **more: Any) -> ResourceServer:
    return ResourceServer(issuer=issuing.issuer, catalog=CATALOG, **more)


def _part(members: dict[str, Any]) -> str:
    return b64(json.dumps(members).encode())


@pytest.mark.parametrize("value", ROWS)
@pytest.mark.parametrize("name", ["kid", "typ", "alg", "crit", "x"])
async def test_in_a_tokens_header(issuing: Issuing, name: str, value: Any) -> None:
    kit, honest = _kit(issuing), issuing.token()
    members = {"alg": "ES256", "typ": "at+jwt", "kid": issuing.key.kid} | {name: value}
    assert await outcome(kit, f"{_part(members)}.{honest.partition('.')[2]}") == 401
    assert await outcome(kit, honest) == 200
    await kit.close()


@pytest.mark.parametrize("value", ROWS)
@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti", "exp", "scope", "act"])
async def test_in_a_token_of_nobodys(issuing: Issuing, name: str, value: Any) -> None:
    kit = _kit(issuing)
    first, _, last = issuing.token().split(".")
    assert await outcome(kit, f"{first}.{_part({name: value})}.{last}") == 401
    await kit.close()


@pytest.mark.parametrize("value", ROWS)
@pytest.mark.parametrize("name", ["jti", "nonce", "htu", "htm", "ath", "iat"])
async def test_in_a_proof(issuing: Issuing, name: str, value: Any) -> None:
    kit = _kit(issuing)
    token = issuing.token(cnf=Confirmation(jkt=MINE.public().thumbprint()))
    options = Wish(method="GET", address=f"{CATALOG.resource}/x", token=token)

    async def status_of(result: str) -> str:
        try:
            await kit.verify(
                f"DPoP {token}", sender_proof=SenderProof(method="GET", path="/x", proofs=(result,))
            )
        except Refused as refused:
            return refused.challenge.error
        return ""

    assert await status_of(proof(options, claims={name: value})) == "invalid_dpop_proof"
    assert await status_of(proof(options)) == ""
    await kit.close()


ANSWERS: Final = [
    row("8414 2", "half a character", METADATA, rb'{"issuer":"ISSUER","x":"\ud800"}'),
    row("8414 2", "no UTF-8", METADATA, b'{"issuer":"ISSUER","x":"\xff"}'),
    row("7517 5", "half a character", "/jwks", rb'{"keys":[{"kid":"\ud800"}]}'),
    row("7517 5", "no UTF-8", "/jwks", b'{"keys":[{"kid":"\xff"}]}'),
    row("7662 2.2", "half a character", "/introspect", rb'{"active":true,"scope":"\ud800"}'),
    row("7662 2.2", "no UTF-8", "/introspect", b'{"active":true,"scope":"\xff"}'),
]


@pytest.mark.parametrize("path,body", ANSWERS)
async def test_in_what_the_server_answers(issuing: Issuing, path: str, body: bytes) -> None:
    issuing.replies[path] = (200, body.replace(b"ISSUER", issuing.issuer.encode()))
    kit = _kit(issuing, credentials=("chirp", "s"))
    with pytest.raises(Unreachable):
        await verified(kit, issuing.token())
    await kit.close()


@pytest.mark.parametrize(
    "body",
    [
        row("house", "half a character", rb'{"active":true,"access_token_half":"\ud800"}'),
        row("house", "no UTF-8", b'{"active":true,"access_token_half":"\xff"}'),
    ],
)
async def test_in_the_other_half_of_a_token(issuing: Issuing, body: bytes) -> None:
    text = issuing.split(cnf=CNF)
    issuing.replies[split_token.PATH] = (200, body)
    kit = api(issuing)
    with pytest.raises(Unreachable):
        await halved(kit, text)
    await kit.close()


@pytest.mark.parametrize(
    "body",
    [
        row("house", "half a character", rb'{"lease":"\ud800"}'),
        row("house", "no UTF-8", b'{"lease":"\xff"}'),
    ],
)
async def test_in_a_lease(body: bytes) -> None:
    async def post(path: str, form: object) -> bytes:
        return body

    with pytest.raises(Unreachable):
        await Spending(post)._ask({}, {})
