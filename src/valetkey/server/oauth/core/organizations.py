"""What the organizations of a user let apps have. A rule is a mask over a grant: what it withholds
stays in the grant, apart, and comes back when the rule allows it again.

The mask is applied when a grant or a rule changes, never when a token is used: a token's path reads
`Grant.permissions`, as without organizations.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.resource import IDENTITY
from valetkey.server.oauth.core.offer import Offer
from valetkey.spec.errors import AccessDenied

WHY: Final = "your organization does not allow this app"
NO_MEMBER: Final = "the user is no member of this organization"

PARAMETER: Final = "organization"
"""The parameter of an authorization request that names the organization for which the app acts."""

_IDENTITY: Final = frozenset(one.id for one in IDENTITY)


class Ceiling(msgspec.Struct, frozen=True):
    """The organizations of a user, each with the membership, in the same order. Without any,
    everything is allowed."""

    memberships: tuple[Membership, ...] = ()
    organizations: tuple[Organization, ...] = ()

    def within(self, organization: str) -> "Ceiling":
        """The part for a grant that was given in this organization: its own rule alone, or every
        rule for ""."""
        if not organization:
            return self
        pairs = zip(self.memberships, self.organizations, strict=True)
        mine = [(one, of) for one, of in pairs if of.id == organization]
        return Ceiling(tuple(one for one, _ in mine), tuple(of for _, of in mine))

    def without(self, organization: str) -> "Ceiling":
        """The part that remains once the user has left this organization."""
        pairs = zip(self.memberships, self.organizations, strict=True)
        rest = [(one, of) for one, of in pairs if of.id != organization]
        return Ceiling(tuple(one for one, _ in rest), tuple(of for _, of in rest))

    def refusing(self, client: Client) -> tuple[Organization, ...]:
        """The organizations that don't allow the app."""
        return tuple(one for one in self.organizations if not allows_app(one.rule, client))

    def allowed(self, permissions: Iterable[str], client: Client, offer: Offer) -> frozenset[str]:
        """Those of the permissions that every rule allows. One whose implied permissions are not
        all among them is not either."""
        if not self.organizations:
            return frozenset(permissions)
        if self.refusing(client):
            return frozenset()
        remaining = {
            one
            for one in permissions
            if all(_allows(each.rule, one) for each in self.organizations)
        }
        known = {one for one in remaining if one in offer.permissions}
        return frozenset(offer.with_all_implied(known) | (remaining - known))

    def locked(self) -> tuple[Change, ...]:
        """The changes that make a commit fail if a rule is being applied to the user meanwhile:
        each membership is written as it is."""
        return tuple(map(Update, self.memberships))


NOWHERE: Final = Ceiling()


def allows_app(rule: OrganizationRule, client: Client) -> bool:
    """Whether the rule lets members connect the app at all."""
    if client.id in rule.blocked:
        return False
    if client.id in rule.listed or rule.apps == "all":
        return True
    return rule.apps == "verified" and client.verified


def _allows(rule: OrganizationRule, permission: str) -> bool:
    if permission in rule.forbidden:
        return False
    # Who somebody is belongs to every connection; a rule that does not want that names it.
    return rule.permissions is None or permission in rule.permissions or permission in _IDENTITY


def memberships_of(user: str) -> Many[Membership]:
    """Query for the memberships of the user."""
    return Many(Membership, "user", user)


def ceiling_of(user: str) -> Rule[Ceiling]:
    """The organizations of the user."""
    query = memberships_of(user)
    memberships = (yield (query,)).many(query)
    return (yield from ceiling_by(memberships)) if memberships else NOWHERE


def withholding(grant: Grant) -> Rule[tuple[Organization, ...]]:
    """The organizations whose rules count for the grant, if one of them withholds something."""
    if not grant.withheld:
        return ()
    return (yield from ceiling_of(grant.user)).within(grant.organization).organizations


def ceiling_by(memberships: Sequence[Membership]) -> Rule[Ceiling]:
    """The organizations of these memberships of one user."""
    queries = [One(Organization, one.organization) for one in memberships]
    if not queries:
        return NOWHERE
    results = yield tuple(queries)
    found = [(one, results.one(q)) for one, q in zip(memberships, queries, strict=True)]
    pairs = [(one, of) for one, of in found if of is not None]
    return Ceiling(tuple(one for one, _ in pairs), tuple(of for _, of in pairs))


def context_of(ceiling: Ceiling, organization: str) -> Ceiling:
    """The rules for a request that names this organization, "" for none. Raises AccessDenied if the
    user is no member of it."""
    if organization and all(one.id != organization for one in ceiling.organizations):
        raise AccessDenied(NO_MEMBER)
    return ceiling.within(organization)


def masked(grant: Grant, client: Client, ceiling: Ceiling, *, offer: Offer) -> Grant:
    """The grant as these rules allow it: never with more than the user allowed."""
    its = ceiling.within(grant.organization)
    if not its.organizations and not grant.withheld:
        return grant
    every = (*grant.permissions, *(one for one in grant.withheld if one not in grant.permissions))
    allowed = its.allowed(every, client, offer)
    known = offer.ordered(one for one in every if one in allowed)
    rest = tuple(one for one in every if one in allowed and one not in known)
    permissions = (*known, *rest)
    withheld = tuple(one for one in every if one not in allowed)
    if set(permissions) == set(grant.permissions) and withheld == grant.withheld:
        return grant
    return msgspec.structs.replace(grant.with_permissions(permissions), withheld=withheld)
