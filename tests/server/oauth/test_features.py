"""Features: what is switched off is gone everywhere at once."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from docs._ext import generated
from tests.live import Live, live
from tests.rows import row

from valetkey.server.oauth.core.feature import Endpoint, Feature
from valetkey.server.oauth.features import FEATURES, pages_off, switched

OPTIONAL = [row("switch", one.name, one) for one in FEATURES if not one.core]


def names(features: tuple[Feature, ...]) -> set[str]:
    return {one.name for one in features}


def test_by_themselves() -> None:
    assert names(switched()) == {one.name for one in FEATURES if one.on_by_default or one.core}


def test_a_core_is_never_off() -> None:
    every = [one.name for one in FEATURES]
    assert switched(off=every) == tuple(one for one in FEATURES if one.core)


def test_what_needs_another_goes_with_it() -> None:
    off = names(switched()) - names(switched(off=["authorization code"]))
    assert off >= {"authorization code", "pushed authorization requests"}


@pytest.mark.parametrize("feature", OPTIONAL)
def test_its_needs_have_names(feature: Feature) -> None:
    assert {*feature.requires} <= {one.name for one in FEATURES}


def test_what_is_off_by_default_can_be_on() -> None:
    every = switched(on=[one.name for one in FEATURES])
    assert every == FEATURES
    assert pages_off(every) == frozenset()


@pytest.mark.parametrize("feature", OPTIONAL)
def test_what_is_off_is_nowhere(feature: Feature, tmp_path: Path) -> None:
    """Not at its paths, not in the discovery document, not for clients to register."""
    others = [one.name for one in FEATURES if one is not feature]
    with live(tmp_path, enable=others, disable=(feature.name,)) as server:
        left = switched(others, [feature.name])
        gone = [one for one in FEATURES if one not in left]
        # A page stays for as long as another feature needs it.
        needed = {path for one in left for path in one.pages}
        said = discovery(server)
        for one in gone:
            for endpoint in one.endpoints:
                form = isinstance(endpoint, Endpoint) and "GET" not in endpoint.methods
                answer = server.http.request("POST" if form else "GET", endpoint.path)
                assert answer.status_code == 404, endpoint.path
                assert endpoint.metadata not in said
            for path in {*one.pages} - needed:
                assert server.http.get(path).status_code == 404, path
            for grant in one.grant_types:
                assert grant.name not in said.get("grant_types_supported", [])
            for way in one.client_auth:
                assert way.name not in said["token_endpoint_auth_methods_supported"]
        for name, value in said.items():
            if name.endswith("_endpoint"):
                assert server.http.get(value).status_code != 404, name


def discovery(server: Live) -> dict[str, Any]:
    answer = server.http.get("/.well-known/openid-configuration")
    found: dict[str, Any] = msgspec.json.decode(answer.content)
    return found


def test_without_codes_nobody_is_sent_to_a_page(tmp_path: Path) -> None:
    with live(tmp_path, disable=("authorization code",)) as server:
        said = discovery(server)
    assert (
        not {
            "authorization_endpoint",
            "response_types_supported",
            "pushed_authorization_request_endpoint",
            "code_challenge_methods_supported",
            "prompt_values_supported",
        }
        & said.keys()
    )


@pytest.mark.parametrize("feature", OPTIONAL)
def test_the_documentation_is_a_fold(feature: Feature, monkeypatch: pytest.MonkeyPatch) -> None:
    row_of = f"\n| {feature.name} |"
    assert row_of in generated.features()
    rest = tuple(one for one in FEATURES if one is not feature)
    monkeypatch.setattr(generated, "FEATURES", rest)
    assert row_of not in generated.features()
    told = generated.endpoints()
    assert not [one.path for one in feature.endpoints if f"`{one.path}`" in told]
