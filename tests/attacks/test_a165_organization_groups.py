"""A165: a group that makes somebody a member who is none (CWE-290, CWE-346).

Attack: A forged token, another source, or an e-mail address of the company's domain says that
somebody is in a group of an organization; a directory names the group of another one.
Defense: A membership comes from a group that a verified answer of its own source names, or that its
own directory has put the user in, and ends with it. An address makes nobody a member.
"""

import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from tests.attacks.play import STEFAPP, every
from tests.handoff import Platform, begin, handing_off
from tests.keys import key
from tests.live import Live, live
from tests.providers import FakeProvider, begins, provider_and_server, query
from tests.server.endpoints.test_scim import Scim, provision

from valetkey.jose import jws
from valetkey.server.model.change import Create
from valetkey.server.model.directory import GroupMember, ProvisionedGroup
from valetkey.server.model.organization import (
    PROVISIONED,
    GroupSource,
    Membership,
    Organization,
    OrganizationGroup,
)

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def found(server: Live, source: str, *, group: str = "staff") -> None:
    """An organization whose members are the users in that group."""
    now = int(time.time())
    its = Organization(
        id="acme",
        name="Acme",
        groups=(GroupSource(source=source, group=group),),
        created=now,
        changed=now,
    )
    row = OrganizationGroup(source=source, group=group, organization="acme")
    server.run(server.store.commit([Create(its), Create(row)]))


def members(server: Live) -> set[str]:
    return {one.user for one in every(server, Membership)}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeProvider, Live]]:
    with provider_and_server(tmp_path_factory.mktemp("groups"), groups="groups") as (there, here):
        found(here, there.issuer)
        yield there, here


def signs_in(there: FakeProvider, server: Live, **claims: object) -> None:
    browser = server.browser()
    browser.open(there.signs_in(begins(browser), claims=claims))


def test_a_group_at_its_source_begins_and_ends_a_membership(
    both: tuple[FakeProvider, Live],
) -> None:
    there, server = both
    there.subject = "one"
    signs_in(there, server, groups=["guests", "staff"])
    (member,) = every(server, Membership)
    assert (member.organization, member.origin) == ("acme", there.issuer)
    assert not member.administrator
    signs_in(there, server, groups=["guests"])
    assert not members(server)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ceo@acme.example", "email_verified": True},
        {"groups": [{"name": "staff"}]},
        {"groups": ["STAFF", " staff", "staff\x00", "acme"]},
        {"roles": ["staff"], "organization": "acme", "org_id": "acme"},
    ],
    ids=("an address", "objects", "other names", "other claims"),
)
def test_nothing_else_makes_a_member(
    both: tuple[FakeProvider, Live], claims: dict[str, object]
) -> None:
    there, server = both
    there.subject = "two"
    signs_in(there, server, **claims)
    assert not members(server)


def test_a_forged_group_signs_nobody_in(both: tuple[FakeProvider, Live]) -> None:
    there, server = both
    before = members(server)
    browser = server.browser()
    url = begins(browser)
    claims = there.claims(nonce=query(url)["nonce"], groups=["staff"], sub="three")
    forged = jws.sign(msgspec.json.encode(claims), key=key("ES256"), typ="JWT")
    browser.open(there.signs_in(url, signed=forged))
    assert members(server) == before


def test_the_platform_says_groups_too(tmp_path: Path) -> None:
    with handing_off(tmp_path) as server:
        found(server, "platform")
        for groups, member in ((["staff"], True), (None, True), ([], False)):
            browser, _ = begin(server, STEFAPP)
            claims = {} if groups is None else {"groups": groups}
            Platform(server).sign_in(browser, claims={"name": "A", **claims})
            assert bool(members(server)) is member, groups


@pytest.mark.skipif(find_spec("scim2_models") is None, reason="the extra `scim` is not installed")
def test_a_directory_reaches_the_organizations_of_its_own_source(tmp_path: Path) -> None:
    with live(tmp_path, enable=("scim",)) as server:
        provision(server, "machine")
        provision(server, "agent", source="elsewhere")
        found(server, f"{PROVISIONED}platform")
        there, other = Scim(server), Scim(server, "agent")

        def group(scim: Scim, name: str, *users: str) -> str:
            document = {
                "schemas": [GROUP],
                "displayName": name,
                "members": [{"value": one} for one in users],
            }
            return str(scim.made("/Groups", document)["id"])

        mine, theirs = there.user("ada")["id"], other.user("bob")["id"]
        group(other, "staff", theirs)
        group(there, "guests", mine)
        assert not members(server)
        # A membership in the group of another source is not the user's own directory's word.
        (foreign,) = (one for one in every(server, ProvisionedGroup) if one.source == "elsewhere")
        server.run(server.store.commit([Create(GroupMember(group=foreign.id, user=mine))]))
        group(there, "visitors", mine)
        assert not members(server)
        name = group(there, "staff", mine)
        assert members(server) == {mine}
        answer = there.patch(
            f"/Groups/{name}", {"op": "replace", "path": "displayName", "value": "x"}
        )
        assert answer.status_code == 200, answer.text
        assert not members(server)
        there.patch(f"/Groups/{name}", {"op": "replace", "path": "displayName", "value": "staff"})
        assert members(server) == {mine}
        assert there.call("DELETE", f"/Groups/{name}").status_code == 204
        assert not members(server)
