"""FAPI 2.0 Security Profile for clients of plain OAuth: no `openid`, no ID Token, and the protected
resource is an API behind the kit, with DPoP and mutual TLS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conformance import test_fapi2_security_profile as plain
from tests.conformance.again import taken_over
from tests.conformance.fapi import Fapi, Rp
from tests.conformance.fapi_api import READ, planned
from tests.conformance.fapi_server import running
from tests.conformance.test_fapi2_security_profile import EACH, entropy, in_the_query, module

PLAN = "fapi2-security-profile-oauth"
SCOPE = f"{READ} offline_access"
OF_OPENID = ("test_nonces", "test_nonce_outside", "test_claims_parameter")
"""What a client of plain OAuth has nothing of."""


class Plain(Fapi):
    """Asks for what the API has, and for nothing of OpenID Connect."""

    def request(self, rp: Rp, **changed: str | None) -> dict[str, str]:
        return super().request(rp, **{"scope": SCOPE, "nonce": None, **changed})


def _of_oauth(rp: Rp) -> tuple[Rp]:
    return (msgspec.structs.replace(rp, more={"scope": SCOPE}),)


def _running(folder: Path, *words: str) -> Iterator[tuple[Plain, dict[str, Rp]]]:
    with running(folder, *words, more=_of_oauth, api=planned()) as (made, clients):
        yield Plain(**{name: getattr(made, name) for name in made.__struct_fields__}), clients


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    yield from _running(tmp_path_factory.mktemp("oauth"))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    words = ("--set", "lifetimes.code=3", "--set", "lifetimes.pushed_request=5")
    yield from _running(tmp_path_factory.mktemp("hasty-oauth"), *words)


@module("happy-flow")
@pytest.mark.parametrize("way", EACH, indirect=True)
def test_happy_flow(fapi: Fapi, rp: Rp, two: Rp) -> None:
    tokens = fapi.tokens(rp)
    assert set(tokens) <= {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert set(tokens["scope"].split()) == {*SCOPE.split()}
    assert entropy(tokens["access_token"]) >= 96
    reply = fapi.resource(rp, tokens["access_token"])
    assert reply.status_code == 200, reply.text
    assert "date" in reply.headers
    in_the_query(fapi, rp, tokens["access_token"])
    # The second client: another address, with a query; dpop_jkt, and no proof at PAR.
    address = f"{two.redirect_uri}?dummy1=lorem&dummy2=ipsum"
    jkt = two.holder.public().thumbprint() if two.sender == "dpop" else None
    answer = fapi.visit(fapi.browser(), two, fapi.uri(two, redirect_uri=address, dpop_jkt=jkt))
    second = fapi.redeem(two, answer.parameters["code"], form={"redirect_uri": address})
    assert second.status_code == 200, second.text
    other = fapi.resource(two, second.json()["access_token"])
    assert (other.status_code, other.json()) == (200, reply.json())
    assert fapi.resource(two, tokens["access_token"]).status_code == 401


@module("ensure-other-scope-order-succeeds")
def test_other_scope_order(fapi: Fapi, rp: Rp) -> None:
    tokens: dict[str, Any] = fapi.tokens(rp, scope=" ".join(reversed(SCOPE.split())))
    assert set(tokens["scope"].split()) == {*SCOPE.split()}


globals().update(taken_over(plain, globals(), without=OF_OPENID))
