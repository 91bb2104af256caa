"""Organizations: a rule masks what members allow, and never gives more than they allowed."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.query import Rule
from valetkey.server.oauth.authorize.outcome import Consent, Deny, Permit
from valetkey.server.oauth.core.organizations import WHY
from valetkey.server.oauth.grants.changes import narrow, widen
from valetkey.server.oauth.grants.organizations import MembershipChanged, apply_rule, join, leave
from valetkey.spec.errors import AccessDenied, InvalidGrant

SCOPE = "openid chirps profile.write"
ALL = ("openid", "chirps.read", "chirps.write", "profile.write")


class Company:
    """A world with organizations, and what is done in them."""

    def __init__(self, *names: str) -> None:
        self.world = World()
        self.world.put(*(self.new(one) for one in names or ("acme",)))
        self.visit = self.world.sign_in()

    def new(self, name: str) -> Organization:
        return Organization(id=name, name=name, created=1, changed=1)

    def join(self, name: str = "acme", **given: Any) -> None:
        (its,) = (one for one in self.world.all(Organization) if one.id == name)
        at = self.world
        at.settle(lambda: join(its, at.miko.id, at.context, **given))

    def leave(self, name: str = "acme") -> None:
        at = self.world

        def rule() -> Rule[MembershipChanged]:
            ended = yield from leave(name, at.miko.id, at.context)
            assert ended is not None
            return ended

        at.settle(rule)

    def decide(self, name: str = "acme", **rule: Any) -> None:
        """Sets a rule, without applying it."""
        (its,) = (one for one in self.world.all(Organization) if one.id == name)
        after = replace(its, rule=OrganizationRule(**rule), revision=its.revision + 1)
        self.world.write(Update(after))

    def apply(self, name: str = "acme") -> None:
        at = self.world
        at.settle(lambda: apply_rule(name, at.miko.id, at.context))

    def rule(self, name: str = "acme", **rule: Any) -> None:
        self.decide(name, **rule)
        self.apply(name)

    @property
    def grant(self) -> Grant:
        return self.world.grant()


def test_a_forbidden_permission_is_withheld_and_comes_back() -> None:
    at = Company()
    at.join()
    tokens = at.world.connect(scope=SCOPE, ticked=ALL)
    before = at.grant.permissions
    at.rule(forbidden=("chirps.write",))
    assert set(at.grant.withheld) == {"chirps.write"}
    assert "chirps.write" not in at.world.introspect(tokens["access_token"]).scope.split()
    fresh = at.world.refresh("kite", tokens["refresh_token"])
    assert "chirps.write" not in fresh["scope"].split()
    at.rule()
    assert at.grant.permissions == before
    assert not at.grant.withheld
    again = at.world.refresh("kite", fresh["refresh_token"])
    assert "chirps.write" in at.world.introspect(again["access_token"]).scope.split()


def test_loosening_gives_no_more_than_was_allowed() -> None:
    at = Company()
    at.join()
    at.rule(permissions=("chirps.read",))
    at.world.connect(scope=SCOPE)
    assert set(at.grant.permissions) == {"openid", "chirps.read"}
    at.rule()
    assert set(at.grant.permissions) == {"openid", "chirps.read"}


def test_what_needs_something_that_the_user_took_away_stays_away() -> None:
    """To send messages implies to read them."""
    at = Company()
    at.join()
    world = at.world
    world.connect(scope="openid")
    world.write(Update(replace(at.grant, permissions=("openid", "dms.read", "dms.send"))))
    at.rule(forbidden=("dms.send",))
    keep = ("openid",)
    world.settle(
        lambda: narrow(at.grant.id, keep, user=world.miko.id, by="user", context=world.context)
    )
    at.rule()
    assert (at.grant.permissions, at.grant.withheld) == (("openid",), ("dms.send",))


def test_a_user_does_not_widen_past_the_rule() -> None:
    at = Company()
    at.join()
    world = at.world
    world.connect(scope="openid chirps.read")
    at.rule(forbidden=("chirps.write",))
    world.settle(
        lambda: widen(
            at.grant.id, ("chirps.write",), user=world.miko.id, by="user", context=world.context
        )
    )
    assert "chirps.write" not in at.grant.permissions
    assert set(at.grant.withheld) == {"chirps.write"}


APPS = [
    row("blocked", "a blocked app", {"blocked": ("kite",)}, False),
    row("listed", "an app that is not listed", {"apps": "listed"}, False),
    row("listed", "a listed app", {"apps": "listed", "listed": ("kite",)}, True),
    row("verified", "an app that nobody verified", {"apps": "verified"}, False),
    row("both", "a blocked app that is listed", {"listed": ("kite",), "blocked": ("kite",)}, False),
]


@pytest.mark.parametrize("rule, opens", APPS)
def test_which_apps_members_connect(rule: dict[str, Any], *, opens: bool) -> None:
    at = Company()
    at.join()
    (kite,) = (one for one in at.world.all(Client) if one.id == "kite")
    at.world.write(Update(replace(kite, verified=False)))
    at.rule(**rule)
    outcome = at.world.visit(request("kite", scope=SCOPE), at.visit)
    if opens:
        assert isinstance(outcome, Consent)
    else:
        assert isinstance(outcome, Deny)
        assert isinstance(outcome.error, AccessDenied)
        assert outcome.error.description == WHY


def test_a_blocked_app_waits_and_goes_on() -> None:
    at = Company()
    at.join()
    tokens = at.world.connect(scope=f"{SCOPE} offline_access", ticked=(*ALL, "offline_access"))
    before = at.grant.permissions
    at.rule(blocked=("kite",))
    assert at.grant.permissions == ()
    with pytest.raises(InvalidGrant) as refused:
        at.world.refresh("kite", tokens["refresh_token"])
    assert refused.value.reason == "paused"
    at.rule()
    assert at.grant.permissions == before
    assert at.world.refresh("kite", tokens["refresh_token"])["access_token"]


def test_without_a_context_every_organization_counts() -> None:
    at = Company("acme", "bolt")
    at.join("acme")
    at.join("bolt")
    at.rule("acme", forbidden=("chirps.write",))
    at.rule("bolt", forbidden=("profile.write",))
    at.world.connect(scope=SCOPE)
    assert set(at.grant.permissions) == {"openid", "chirps.read"}


def test_in_a_context_its_rule_alone_counts() -> None:
    at = Company("acme", "bolt")
    at.join("acme")
    at.join("bolt")
    at.rule("acme", forbidden=("chirps.write",))
    at.rule("bolt", forbidden=("profile.write",))
    at.world.connect(scope=SCOPE, ticked=ALL[:3], organization="bolt")
    assert at.grant.organization == "bolt"
    assert set(at.grant.permissions) == {"openid", "chirps.read", "chirps.write"}
    other = at.world.visit(request("kite", scope=SCOPE, organization="acme"), at.visit)
    assert isinstance(other, Deny)


@pytest.mark.parametrize("name", ["acme", "nobody", "x" * 100])
def test_nobody_acts_for_an_organization_of_others(name: str) -> None:
    at = Company("acme", "bolt")
    at.join("bolt")
    outcome = at.world.visit(request("kite", scope=SCOPE, organization=name), at.visit)
    assert isinstance(outcome, Deny)
    assert isinstance(outcome.error, AccessDenied)


def test_leaving_stops_what_was_given_there() -> None:
    at = Company()
    at.join()
    tokens = at.world.connect(scope=SCOPE, organization="acme")
    at.leave()
    assert at.world.introspect(tokens["access_token"]).active is False
    (grant,) = at.world.all(Grant)
    assert grant.status == "stopped"
    assert not at.world.all(Membership)


def test_leaving_frees_what_names_no_organization() -> None:
    at = Company()
    at.join()
    at.world.connect(scope=SCOPE, ticked=ALL)
    before = at.grant.permissions
    at.rule(forbidden=("chirps.write",))
    at.leave()
    assert (at.grant.status, at.grant.permissions) == ("active", before)


def test_joining_masks_what_was_there_before() -> None:
    at = Company()
    at.world.connect(scope=SCOPE, ticked=ALL)
    at.rule(forbidden=("chirps.write",))
    at.join()
    assert set(at.grant.withheld) == {"chirps.write"}


def test_a_rule_that_changes_under_a_consent_asks_again() -> None:
    """The user saw the page before the rule; the yes comes while it is applied."""
    at = Company()
    at.join()
    page = at.world.visit(request("kite", scope=SCOPE), at.visit)
    assert isinstance(page, Consent)
    at.rule(forbidden=("chirps.write",))
    again = at.world.say(page, at.visit)
    assert isinstance(again, Consent)
    assert "chirps.write" not in [one.permission.id for one in again.new]
    assert isinstance(at.world.say(again, at.visit), Permit)
    assert "chirps.write" not in at.grant.permissions


class Late:
    """Does something once, right before the next commit of the world."""

    def __init__(self, at: Company, what: Callable[[], object]) -> None:
        self.commit, self.what, self.store = at.world.store.commit, what, at.world.store
        self.store.commit = self._late  # type: ignore[method-assign]

    async def _late(self, changes: Any, events: Any = ()) -> Any:
        self.store.commit = self.commit  # type: ignore[method-assign]
        self.what()
        return await self.commit(changes, events)


def test_a_consent_that_began_before_joining_is_masked() -> None:
    """The consent reads no membership; the user joins; then the consent commits."""
    at = Company()
    at.rule(forbidden=("chirps.write",))
    page = at.world.visit(request("kite", scope=SCOPE), at.visit)
    assert isinstance(page, Consent)
    Late(at, at.join)
    again = at.world.say(page, at.visit)
    assert isinstance(again, Consent)
    assert not at.world.all(Grant)
    assert isinstance(at.world.say(again, at.visit), Permit)
    assert "chirps.write" not in at.grant.permissions


def test_joining_masks_a_consent_that_commits_meanwhile() -> None:
    """The joining reads no grant; the consent commits; then the joining does."""
    at = Company()
    at.rule(forbidden=("chirps.write",))
    Late(at, lambda: at.world.connect(scope=SCOPE, ticked=ALL))
    at.join()
    assert set(at.grant.withheld) == {"chirps.write"}


def test_more_that_is_allowed_while_joining_is_masked() -> None:
    at = Company()
    at.rule(forbidden=("chirps.write",))
    at.world.connect(scope=SCOPE, ticked=ALL)
    grant, miko = at.grant.id, at.world.miko.id
    keep = tuple(one for one in ALL if one != "chirps.write")
    at.world.settle(lambda: narrow(grant, keep, user=miko, by="user", context=at.world.context))
    Late(at, at.join)
    more = ("chirps.write",)
    at.world.settle(lambda: widen(grant, more, user=miko, by="user", context=at.world.context))
    assert "chirps.write" not in at.grant.permissions
    assert set(at.grant.withheld) == {"chirps.write"}


def test_a_consent_that_commits_after_the_rule_was_applied_fails_and_is_decided_again() -> None:
    """The consent reads before the rule; the rule is set and applied; then the consent commits."""
    at = Company()
    at.join()
    page = at.world.visit(request("kite", scope=SCOPE), at.visit)
    assert isinstance(page, Consent)
    commit = at.world.store.commit
    turned: list[bool] = []

    async def late(changes: Any, events: Any = ()) -> Any:
        if not turned:
            turned.append(True)
            at.rule(forbidden=("chirps.write",))
        return await commit(changes, events)

    at.world.store.commit = late  # type: ignore[method-assign]
    again = at.world.say(page, at.visit)
    assert isinstance(again, Consent)
    assert not at.world.all(Grant)
