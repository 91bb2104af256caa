"""Grants of an import obey the rules of the users' organizations, as every grant does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.postgres import MISSING, cluster
from tests.server.oauth.grants.test_organizations import ALL, Company, Late

from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.query import Many
from valetkey.server.oauth.admin.grant_import import ImportedGrants, IncomingGrant, import_grants
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle

SCOPE = ("openid", "chirps", "profile.write")


def bring(at: Company, *more: IncomingGrant) -> ImportedGrants:
    world = at.world
    one = IncomingGrant(
        place="1", client="kite", username=world.miko.username, scope=SCOPE, created=5
    )
    return world.settle(
        lambda: import_grants((one, *more), source="", coming={}, context=world.context)
    )


def verdicts(done: ImportedGrants) -> list[str]:
    return [one.verdict for one in done.judgments]


def test_a_forbidden_permission_is_withheld_and_comes_back() -> None:
    at = Company()
    at.join()
    at.rule(forbidden=("chirps.write",))
    assert verdicts(bring(at)) == ["added"]
    assert set(at.grant.permissions) == {*ALL} - {"chirps.write"}
    assert at.grant.withheld == ("chirps.write",)
    at.rule()
    assert set(at.grant.permissions) == {*ALL}
    assert not at.grant.withheld


def test_the_event_names_what_the_app_has() -> None:
    at = Company()
    at.join()
    at.rule(forbidden=("chirps.write",))
    (granted,) = [one for one in bring(at).events if one.kind == "granted"]
    assert set(granted.permissions) == {*ALL} - {"chirps.write"}


def test_an_app_that_is_not_allowed_gets_nothing_until_it_is() -> None:
    at = Company()
    at.join()
    at.rule(blocked=("kite",))
    assert verdicts(bring(at)) == ["added"]
    assert at.grant.permissions == ()
    at.rule()
    assert set(at.grant.permissions) == {*ALL}


def test_again_it_is_unchanged() -> None:
    at = Company()
    at.join()
    at.rule(forbidden=("chirps.write",))
    bring(at)
    before = at.world.all(Grant)
    assert verdicts(bring(at)) == ["unchanged"]
    assert at.world.all(Grant) == before


def test_two_apps_of_a_member_in_one_batch() -> None:
    at = Company()
    at.join()
    at.rule(forbidden=("chirps.read", "chirps.write"))
    kite = next(one for one in at.world.all(Client) if one.id == "kite")
    at.world.put(replace(kite, id="other", version=0))
    more = IncomingGrant(
        place="2", client="other", username=at.world.miko.username, scope=("chirps",)
    )
    assert verdicts(bring(at, more)) == ["added", "added"]
    for grant in at.world.all(Grant):
        assert {"chirps.read", "chirps.write"} <= set(grant.withheld)


@pytest.mark.parametrize("member", [False, True])
def test_a_batch_that_began_before_joining_or_a_rule_is_decided_again(*, member: bool) -> None:
    at = Company()
    if member:
        at.join()
        Late(at, lambda: at.rule(forbidden=("chirps.write",)))
    else:
        at.rule(forbidden=("chirps.write",))
        Late(at, at.join)
    bring(at)
    assert at.grant.withheld == ("chirps.write",)


@contextlib.asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Store]:
    store = await open_store(Database(folder / "valetkey.db"))
    yield store
    await store.close()


@contextlib.asynccontextmanager
async def postgres(_: Path) -> AsyncIterator[Store]:
    with cluster() as one:
        store = await open_store(Database(PostgresURL(one.fresh())))
        yield store
        await store.close()


@pytest.mark.parametrize(
    "kind",
    [sqlite, pytest.param(postgres, marks=pytest.mark.skipif(bool(MISSING), reason=MISSING))],
)
def test_on_each_database(kind: Any, tmp_path: Path) -> None:
    company = Company()
    world = company.world
    kite = next(one for one in world.all(Client) if one.id == "kite")
    rule = OrganizationRule(forbidden=("chirps.write",))
    acme = Organization(id="acme", name="Acme", rule=rule, created=1, changed=1)
    member = Membership(organization="acme", user=world.miko.id, revision=1, created=1)
    one = IncomingGrant(place="1", client="kite", username=world.miko.username, scope=SCOPE)

    async def run() -> Grant:
        async with kind(tmp_path) as store:
            new = (replace(each, version=0) for each in (world.miko, kite, acme, member))
            await store.commit([Create(each) for each in new])
            await settle(
                store,
                lambda: import_grants([one], source="", coming={}, context=world.context),
            )
            query = Many(Grant)
            grant: Grant
            (grant,) = (await store.read(query)).many(query)
            return grant

    assert asyncio.run(run()).withheld == ("chirps.write",)
