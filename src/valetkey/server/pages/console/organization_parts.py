"""What the pages about organizations share."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from valetkey.server.model.client import Client
from valetkey.server.model.organization import ADMINISTRATION, OrganizationRule
from valetkey.server.model.query import One, existing
from valetkey.server.model.user import User
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.pages import presenters
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.names import segment
from valetkey.server.pages.console.organization_views import AppLink, MemberRow
from valetkey.server.pages.console.parts import CONSOLE, REASON, Act, Area, EffectView
from valetkey.server.pages.console.staff import Console, Staff
from valetkey.server.pages.console.users import NAME

ORGANIZATIONS: Final = Area.ORGANIZATIONS.path
ORGANIZATION: Final = f"{ORGANIZATIONS}/{{organization}}"
MEMBER: Final = f"{ORGANIZATION}/members/{{user}}"


def organization_path(name: str) -> str:
    """The path of the page of an organization."""
    return f"{ORGANIZATIONS}/{name}"


async def names_of(console: Console, people: Iterable[str]) -> Mapping[str, str]:
    """The names of these users: who decides for a member may know who they are."""
    queries = {one: One(User, one) for one in people}
    users = await console.frame.shell.ask(lambda _: existing(queries))
    return {
        name: plain(one.claims.get("name", "") or one.username, NAME) for name, one in users.items()
    }


async def links_of(console: Console, staff: Staff, names: Iterable[str]) -> Mapping[str, AppLink]:
    """Links to these apps, by id."""
    queries = {name: One(Client, name) for name in names}
    clients = await console.frame.shell.ask(lambda _: existing(queries))
    may = staff.may("apps.show")
    return {
        name: AppLink(
            id=plain(name, REASON),
            name=presenters.app(clients[name], name).name,
            href=f"{CONSOLE}/apps/{segment(name)}" if may else None,
        )
        if name in clients
        else AppLink(id=plain(name, REASON))
        for name in queries
    }


async def effect_of(
    console: Console,
    staff: Staff,
    organization: str,
    *,
    change: str,
    user: str = "",
    rule: OrganizationRule | None = None,
) -> EffectView:
    """What a change would do. Raises NoSuchPage, AccessDenied, InvalidRequest."""
    body = {"change": change, "user": user, **({} if rule is None else {"rule": rule})}
    counted = await console.read(
        staff, "organizations.effect", body=body, organization=organization
    )
    return EffectView(**{name: getattr(counted, name) for name in EffectView.__struct_fields__})


def titled(names: Iterable[str], offer: Offer, language: str) -> tuple[tuple[str, str], ...]:
    """Permissions with their words; "" for those that no catalog has."""
    return tuple(
        (
            plain(one, REASON),
            presenters.titles([one], offer, language)[0] if one in offer.permissions else "",
        )
        for one in names
    )


def member_row(one: Any, names: Mapping[str, str], here: str) -> MemberRow:
    """A membership as a row; `here` is the path of the organization."""
    return MemberRow(
        user=one.user,
        name=names.get(one.user, ""),
        administrator=one.administrator,
        source="" if one.origin == ADMINISTRATION else plain(one.origin, REASON),
        created=one.created,
        href=f"{here}/members/{one.user}",
        remove=f"{here}/members/{one.user}/{Act.REMOVE_MEMBER}",
    )
