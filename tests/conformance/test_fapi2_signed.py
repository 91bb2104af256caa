"""FAPI 2.0 Message Signing: the modules of the Security Profile once more, where each request is
signed by its client (JAR), and each answer of the authorization endpoint comes as a JWT (JARM)."""

from collections.abc import Iterator

import pytest
from tests.conformance import test_fapi2_security_profile as plain
from tests.conformance.again import taken_over
from tests.conformance.fapi import Fapi, Rp
from tests.conformance.fapi_server import running
from tests.conformance.fapi_signed import signing

PLAN = "fapi2-message-signing-profile"
PROFILE = "fapi2-message-signing"


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    with running(tmp_path_factory.mktemp("signed"), profile=PROFILE) as both:
        yield signing(*both)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    words = ("--set", "lifetimes.code=3", "--set", "lifetimes.pushed_request=5")
    folder = tmp_path_factory.mktemp("hasty-signed")
    with running(folder, *words, profile=PROFILE) as both:
        yield signing(*both)


globals().update(taken_over(plain, globals()))
