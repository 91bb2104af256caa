"""A40: wrong proofs (RFC 9449 4.3).

Attack: A thief uses a proof made for another request, another token, or another time.
Defense: The server and the kit check every claim of a proof. The tests cover each block of the
certification's dpop-negative-tests.
"""

from collections.abc import Iterator

import pytest
from tests.attacks.bound import Place, at, redeem
from tests.attacks.dpop_blocks import BLOCKS, Block, claims
from tests.live import Live


@pytest.fixture(scope="module", params=["userinfo", "api"])
def place(request: pytest.FixtureRequest, server: Live) -> Iterator[tuple[Place, str]]:
    with at(request.param, server) as where:
        yield where, redeem(server, scope="openid chirps")["access_token"]


def test_there_are_32_blocks() -> None:
    assert len(BLOCKS) == 32


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_block(block: Block, place: tuple[Place, str]) -> None:
    where, token = place
    answer = where.call(block.send(token, where), block.query)
    if block.good:
        assert answer.status_code == 200, answer.text
        return
    assert answer.status_code == 401, answer.text
    assert answer.headers["cache-control"].startswith("no-store")
    # RFC 9449 7.1: a good proof of another key, or none under Bearer, is the token's fault.
    of_token = block.name in {"another key", "no proof, and shown as a bearer token"}
    assert answer.json()["error"] == ("invalid_token" if of_token else "invalid_dpop_proof")
    challenge = answer.headers["www-authenticate"]
    scheme = "Bearer" if "bearer" in block.name else "DPoP"
    assert challenge.startswith(f"{scheme} ")
    assert ('algs="ES256 PS256 EdDSA"' in challenge) == (scheme == "DPoP")


def test_a_long_jti_is_known_again(place: tuple[Place, str]) -> None:
    """It is remembered by its hash, a short one as it is; what only begins alike is another one."""
    where, token = place
    first, other = (f"{start}{'a' * 100}{end}" for start, end in (("x", "y"), ("x", "z")))
    for jti, status in ((first, 200), (first, 401), (other, 200), (other, 401)):
        assert where.call(claims(jti=jti)(token, where), "").status_code == status
