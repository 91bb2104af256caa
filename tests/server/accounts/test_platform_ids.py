"""However a user of the platform comes, APIs know them by the platform's id."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from tests.rows import row
from tests.server.oauth.world import World

from valetkey.server.accounts.importing import Incoming, OnExisting, Terms, Verdict, import_batch
from valetkey.server.accounts.lazy_migration import PlatformUser, move
from valetkey.server.accounts.provisioning import Profile, provision
from valetkey.server.endpoints.scim import users as scim
from valetkey.server.model import ids
from valetkey.server.model.client import Provisioning
from valetkey.server.model.user import PLATFORM, User
from valetkey.server.oauth.endpoints.scim import Provisioner

PROVIDER = "https://accounts.example"

Arrival: TypeAlias = Callable[[World, str], Any]


def signs_in(world: World, source: str) -> None:
    world.settle(lambda: provision(source, "17", profile=None, env=world.env))


def is_imported(world: World, source: str, *, on_existing: OnExisting = "skip") -> Verdict:
    incoming = Incoming(place="1", user=User(id="", username="ada"), subject="17")
    terms = Terms(source=source, on_existing=on_existing)
    batch = world.settle(lambda: import_batch([incoming], terms, world.env))
    return batch.judgments[0].verdict


def is_provisioned(world: World, source: str) -> None:
    document = {"userName": "ada", "externalId": "17"}
    by = Provisioner(client="hr", terms=Provisioning(source=source))
    world.settle(lambda: scim.create(document, by, world.context))


def moves(world: World, source: str) -> None:
    there = PlatformUser(subject="17" if source == PLATFORM else "", profile=Profile())
    world.settle(lambda: move("ada", there, password_hash="", env=world.env))


def was_here(world: World, source: str) -> None:
    world.put(User(id=ids.user_id(world.env), username="ada"))
    is_imported(world, source, on_existing="update")


def was_imported_before(world: World, source: str) -> None:
    """By a version that left the id out."""
    is_imported(world, source)
    world.change(User, of(world).id, external="")
    is_imported(world, source, on_existing="update")


def signs_in_after_that(world: World, source: str) -> None:
    is_imported(world, source)
    world.change(User, of(world).id, external="")
    signs_in(world, source)


def of(world: World) -> User:
    (user,) = (one for one in world.all(User) if one.id not in (world.miko.id, world.noor.id))
    return user


@pytest.mark.parametrize("source", [PLATFORM, PROVIDER])
@pytest.mark.parametrize(
    "arrives",
    [
        row("own login", "made at the first sign-in", signs_in),
        row("SCIM", "provisioned", is_provisioned),
        row("import", "added", is_imported),
        row("import", "a user who was here", was_here),
        row("import", "again, after a version that left it out", was_imported_before),
        row("own login", "after such an import", signs_in_after_that),
        row("lazy migration", "moved at the first sign-in", moves),
    ],
)
def test_a_user_of_the_platform_has_its_id(arrives: Arrival, source: str) -> None:
    world = World()
    arrives(world, source)
    assert of(world).external == ("17" if source == PLATFORM else "")


def test_another_id_at_the_platform_is_another_person() -> None:
    world = World()
    is_imported(world, PLATFORM)
    first = of(world)
    namesake = Incoming(place="2", user=User(id="", username="ada"), subject="18")
    terms = Terms(source=PLATFORM, on_existing="update")
    batch = world.settle(lambda: import_batch([namesake], terms, world.env))
    assert batch.judgments[0].why.startswith("id: ")
    assert of(world) == first
