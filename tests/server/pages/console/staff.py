"""Staff at a running server: users with a role, who signed in with two factors."""

import time
from typing import Any, Final

from tests.attacks.play import change, every
from tests.browser import Browser
from tests.live import Live

from valetkey.server.model.assurance import TWO_FACTORS
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.organization import (
    AppRequest,
    Membership,
    Organization,
    OrganizationRule,
)
from valetkey.server.model.role import Role, RoleBinding
from valetkey.server.model.user import Session

ON: Final = {"enable": ("administration",)}
"""The settings with which there is a console."""


def bind(server: Live, username: str, *roles: Role) -> None:
    """Gives a user these roles and no others."""
    user = server.users[username].id
    for one in every(server, RoleBinding):
        if one.user == user:
            server.run(server.store.commit((Remove(one),)))
    if roles:
        binding = RoleBinding(user=user, roles=roles, changed=int(time.time()))
        server.run(server.store.commit((Create(binding),)))


def staff(server: Live, username: str, *roles: Role, two_factors: bool = True) -> Browser:
    """A browser in which somebody with these roles is signed in."""
    bind(server, username, *roles)
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in(username)
    if two_factors:
        user = server.users[username].id
        newest = max((one for one in every(server, Session) if one.user == user), key=_began)
        change(server, newest, acr=TWO_FACTORS)
    return browser


def found_acme(server: Live, **rule: Any) -> None:
    """An organization of which Miko is a member, who asks for the app Kite."""
    user, now = server.users["miko"].id, int(time.time())
    its = OrganizationRule(blocked=("kite",), **rule)
    rows = (
        Organization(id="acme", name="Acme", rule=its, created=now, changed=now),
        Membership(organization="acme", user=user, revision=1, created=now),
        AppRequest(
            organization="acme",
            user=user,
            client="kite",
            permissions=("chirps.read",),
            created=now,
        ),
    )
    server.run(server.store.commit(tuple(map(Create, rows))))


def _began(session: Session) -> str:
    return session.id
