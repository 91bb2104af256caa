"""A48: one kind of JWT in place of another, as a complete matrix.

Attack: An attacker presents each kind of JWT at each place that accepts one.
Defense: Each place accepts only its own kinds.
"""

import json
from collections.abc import Iterator

import pytest
from tests.attacks.every_kind import KINDS, Scene, scene
from tests.attacks.every_place import PLACES
from tests.handoff import OPEN
from tests.live import live
from tests.server.oauth.clients.apps import MINE, jwks

from valetkey.server.oauth.features import FEATURES


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server on which every place is open."""
    folder = tmp_path_factory.mktemp("matrix")
    publishers = folder / "publishers.json"
    publishers.write_text(json.dumps(jwks(MINE)))
    with live(
        folder,
        unthrottled=("127.0.0.0/8",),
        enable=[one.name for one in FEATURES if not one.on_by_default and not one.core],
        sign_in=OPEN,
        registration="open",
        registration_publishers_file=publishers,
    ) as server:
        yield scene(server)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_takes_its_own_kinds_alone(place: str, it: Scene) -> None:
    take, kinds = PLACES[place]
    assert tuple(kind for kind, make in KINDS.items() if take(it, make(it))) == kinds
