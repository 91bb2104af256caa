"""Features take part in issuing tokens by steps: in one order, and only where they are on."""

import msgspec
import pytest
from tests.server.oauth.world import World

from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.issuing import ORDER, IssuingStep, steps_of
from valetkey.server.oauth.features import FEATURES, switched


def test_the_order_names_every_feature_with_a_step() -> None:
    assert {one.name for one in FEATURES if one.issuing is not None} == set(ORDER)


def test_steps_run_in_the_order_of_the_list() -> None:
    by_name = {one.name: one.issuing for one in FEATURES}
    assert steps_of(tuple(reversed(FEATURES))) == tuple(by_name[name] for name in ORDER)


def test_a_step_without_a_place_is_refused() -> None:
    stray = Feature(name="stray", cites=(), issuing=IssuingStep())
    with pytest.raises(ValueError, match="stray"):
        steps_of((*FEATURES, stray))


def test_a_feature_that_is_off_has_no_step() -> None:
    world = World(switched(off=ORDER))
    assert world.at.issuing == ()
    assert "authorization_details" in world.at.ignored_parameters
    assert "authorization_details" not in World().at.ignored_parameters


def test_a_copy_of_an_installation_has_the_steps_of_its_features() -> None:
    at = msgspec.structs.replace(World().at, features=switched(off=ORDER))
    assert at.issuing == ()
