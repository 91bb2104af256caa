"""A member of an organization: what they allow apps, for those who decide for them."""

from typing import Any

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.model.organization import Membership, member_key
from valetkey.server.model.query import One
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.acts import Target, read_last_act
from valetkey.server.pages.console.organization_parts import (
    effect_of,
    links_of,
    member_row,
    names_of,
    organization_path,
    titled,
)
from valetkey.server.pages.console.organization_views import AppLink, MemberAccess, MemberView
from valetkey.server.pages.console.parts import Act, Area
from valetkey.server.pages.console.staff import Console, Staff, user_path
from valetkey.server.pages.console.users import NAME
from valetkey.server.pages.frame import NoSuchPage


class MemberPage:
    """`/console/organizations/{organization}/members/{user}`, and the acts below it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request) -> Reply:
        """Show what the member allows apps. Each look is recorded."""
        staff = await self._console.enter(request, Area.ORGANIZATIONS)
        its, user = await self._find(request, staff)
        here = organization_path(its.id)
        query = One(Membership, member_key(its.id, user))
        membership = (await self._console.frame.shell.store.read(query)).one(query)
        grants = await self._grants(request, staff)
        if membership is None:
            raise NoSuchPage
        links = await links_of(self._console, staff, {one.app for one in grants})
        offer = (await self._console.frame.shell.context()).installation.offer
        language = self._console.frame.language(request)
        view = MemberView(
            **self._console.around(staff, Area.ORGANIZATIONS),
            organization=plain(its.name, NAME),
            back=here,
            member=member_row(membership, await names_of(self._console, [user]), here),
            access=tuple(
                _access(
                    one, links[one.app], offer, language=language, here=f"{here}/members/{user}"
                )
                for one in grants
            ),
            support=user_path(user) if staff.may("users.open-case") else None,
            last_act=read_last_act(request),
        )
        return self._console.page(request, view)

    async def find(self, request: Request, staff: Staff) -> Target:
        """The member, to remove them."""
        its, user = await self._find(request, staff)
        names = await names_of(self._console, [user])
        return Target(
            subject=names.get(user, user),
            app=plain(its.name, NAME),
            back=organization_path(its.id),
            path={"organization": its.id, "user": user},
            effect=await effect_of(self._console, staff, its.id, change="leave", user=user),
        )

    async def find_access(self, request: Request, staff: Staff) -> Target:
        """The access of an app to the member's account, to end it."""
        its, user = await self._find(request, staff)
        name = request.path_parameters["grant"]
        apps = {one.id: one.app for one in await self._grants(request, staff)}
        if name not in apps:
            raise NoSuchPage
        link = (await links_of(self._console, staff, [apps[name]]))[apps[name]]
        return Target(
            subject=link.name or link.id,
            back=f"{organization_path(its.id)}/members/{user}",
            path={"organization": its.id, "grant": name},
        )

    async def _find(self, request: Request, staff: Staff) -> tuple[Any, str]:
        """The organization and the user in the path. Raises NoSuchPage."""
        path = request.path_parameters
        its = await self._console.read(
            staff, "organizations.show", organization=path["organization"]
        )
        return its, path["user"]

    async def _grants(self, request: Request, staff: Staff) -> Any:
        path = request.path_parameters
        page = await self._console.read(
            staff, "organizations.grants", organization=path["organization"], user=path["user"]
        )
        return page.items


def _access(one: Any, link: AppLink, offer: Offer, *, language: str, here: str) -> MemberAccess:
    return MemberAccess(
        app=link,
        paused=one.status == "paused",
        permissions=titled(one.permissions, offer, language),
        withheld=titled(one.withheld, offer, language),
        everywhere=not one.organization,
        created=one.created,
        stop=f"{here}/grants/{one.id}/{Act.STOP_ACCESS}",
    )
