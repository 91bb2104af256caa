"""FAPI 2.0 Security Profile over signed answers: the same modules, where each answer of the
authorization endpoint comes as a JWT (JARM), and nothing beside it."""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.browser import Browser
from tests.conformance import test_fapi2_security_profile as plain
from tests.conformance.fapi import Answer, Fapi, Rp, answered
from tests.conformance.fapi_server import running

PLAN = "fapi2-security-profile-jarm"


class Jarm(Fapi):
    """Asks for signed answers, and takes no other."""

    def request(self, rp: Rp, **changed: str | None) -> dict[str, str]:
        return super().request(rp, **{"response_mode": "jwt", **changed})

    def answer(self, browser: Browser) -> Answer:
        answer = answered(browser)
        if answer.page:
            return answer
        query = {"dummy1", "dummy2"} & answer.parameters.keys()
        assert set(answer.parameters) == {"response"} | query
        keys = KeySet.import_key_set(self.http.get("/jwks").json())
        claims: dict[str, Any] = jwt.decode(
            answer.parameters["response"], keys, algorithms=["ES256"]
        ).claims
        assert {"iss", "aud", "exp"} <= claims.keys()
        told = {name: value for name, value in claims.items() if name not in {"aud", "exp"}}
        return Answer(parameters={**told, **{name: answer.parameters[name] for name in query}})


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    with running(tmp_path_factory.mktemp("jarm")) as both:
        yield _signed(*both)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    words = ("--set", "lifetimes.code=3", "--set", "lifetimes.pushed_request=5")
    with running(tmp_path_factory.mktemp("hasty-jarm"), *words) as both:
        yield _signed(*both)


def _signed(made: Fapi, clients: dict[str, Rp]) -> tuple[Jarm, dict[str, Rp]]:
    return Jarm(**{name: getattr(made, name) for name in made.__struct_fields__}), clients


def _taken_over() -> dict[str, Any]:
    """The tests of the plain profile, and what they stand on, but for what is here anew."""
    return {
        name: value
        for name, value in vars(plain).items()
        if (name.startswith("test_") or "pytest_fixture" in repr(value)) and name not in globals()
    }


globals().update(_taken_over())
