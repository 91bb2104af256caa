"""Organizations: the list, one of them with its members and requests, and the acts on it."""

from collections.abc import Mapping
from typing import Any, Final

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request, member_of
from valetkey.server.model.organization import OrganizationRule
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.core.organizations import memberships_of
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.acts import ActPage, Target, read_last_act
from valetkey.server.pages.console.names import from_segment, segment
from valetkey.server.pages.console.organization_members import MemberPage
from valetkey.server.pages.console.organization_parts import (
    MEMBER,
    ORGANIZATION,
    ORGANIZATIONS,
    effect_of,
    links_of,
    member_row,
    names_of,
    organization_path,
    titled,
)
from valetkey.server.pages.console.organization_views import (
    AppLink,
    OrganizationDone,
    OrganizationForm,
    OrganizationRow,
    OrganizationsView,
    OrganizationView,
    RequestRow,
    RuleFacts,
)
from valetkey.server.pages.console.parts import CONSOLE, REASON, Act, Area
from valetkey.server.pages.console.staff import Console, Staff, address
from valetkey.server.pages.console.users import NAME

ADD: Final = f"{CONSOLE}/add-organization"
"""Not below the list: there, each segment is an id."""

PAGE: Final = 50
"""Organizations, members or requests on a page."""


class OrganizationsPage:
    """`/console/organizations`, and the pages below it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def list(self, request: Request) -> Reply:
        """Search for organizations, or list them; to those who administer some, these."""
        staff = await self._console.enter(request, Area.ORGANIZATIONS)
        if not staff.may("organizations.list"):
            return await self._list_own(request, staff)
        parameters = request.parameters()
        search = parameters.get("search", "").strip()[:200]
        query = {"search": search, "cursor": parameters.get("cursor", ""), "limit": PAGE}
        page = await self._console.read(staff, "organizations.list", query=query)
        view = OrganizationsView(
            **self._console.around(staff, Area.ORGANIZATIONS),
            rows=tuple(map(_row, page.items)),
            here=ORGANIZATIONS,
            search=search,
            add=ADD,
            next=address(ORGANIZATIONS, search=search, cursor=page.next) if page.next else None,
            last_act=read_last_act(request),
        )
        return self._console.page(request, view)

    async def _list_own(self, request: Request, staff: Staff) -> Reply:
        memberships = memberships_of(staff.person.user.id)
        rows = (await self._console.frame.shell.store.read(memberships)).many(memberships)
        its = [
            await self._console.read(staff, "organizations.show", organization=one.organization)
            for one in rows
            if one.administrator
        ]
        if len(its) == 1:
            return see_other(organization_path(its[0].id))
        view = OrganizationsView(
            **self._console.around(staff, Area.ORGANIZATIONS),
            rows=tuple(map(_row, its)),
            here=None,
            add=None,
        )
        return self._console.page(request, view)

    async def show(self, request: Request) -> Reply:
        """Show one organization."""
        staff = await self._console.enter(request, Area.ORGANIZATIONS)
        its = await self._find(request, staff)
        here, parameters = organization_path(its.id), request.parameters()
        members, requests = [
            await self._console.read(
                staff,
                f"organizations.{noun}",
                query={"cursor": parameters.get(cursor, ""), "limit": PAGE},
                organization=its.id,
            )
            for noun, cursor in (("members", "cursor"), ("requests", "requests"))
        ]
        people = {one.user for one in (*members.items, *requests.items)}
        names = await names_of(self._console, people)
        apps = (*its.rule.listed, *its.rule.blocked, *(one.app for one in requests.items))
        links = await links_of(self._console, staff, apps)
        offer, language = await self._offer(), self._console.frame.language(request)
        view = OrganizationView(
            **self._console.around(staff, Area.ORGANIZATIONS),
            id=its.id,
            name=plain(its.name, NAME),
            created=its.created,
            pending=not its.applied,
            groups=tuple(
                (plain(one.source, REASON), plain(one.group, REASON)) for one in its.groups
            ),
            rule=_facts(its.rule, links, offer=offer, language=language),
            members=tuple(member_row(one, names, here) for one in members.items),
            requests=tuple(
                _request(
                    one,
                    names,
                    links,
                    permissions=titled(one.permissions, offer, language),
                    here=here,
                )
                for one in requests.items
            ),
            edit=self._if_may(staff, "edit", f"{here}/{OrganizationForm.EDIT}"),
            rule_form=f"{here}/{OrganizationForm.RULE}",
            add_member=self._if_may(staff, "add-member", f"{here}/{OrganizationForm.MEMBER}"),
            remove=self._if_may(staff, "remove", f"{here}/{Act.REMOVE_ORGANIZATION}"),
            next=address(here, cursor=members.next) if members.next else None,
            more_requests=address(here, requests=requests.next) if requests.next else None,
            last_act=read_last_act(request),
            success=_success(parameters.get("done", "")),
        )
        return self._console.page(request, view)

    async def _offer(self) -> Offer:
        offer: Offer = (await self._console.frame.shell.context()).installation.offer
        return offer

    def _if_may(self, staff: Staff, operation: str, path: str) -> str | None:
        return path if staff.may(f"organizations.{operation}") else None

    async def _find(self, request: Request, staff: Staff) -> Any:
        """The organization in the path. Raises NoSuchPage."""
        name = request.path_parameters["organization"]
        return await self._console.read(staff, "organizations.show", organization=name)

    # What the acts are about.

    async def find_organization(self, request: Request, staff: Staff) -> Target:
        """The organization, to remove it."""
        its = await self._find(request, staff)
        return Target(
            subject=plain(its.name, NAME),
            back=organization_path(its.id),
            after=ORGANIZATIONS,
            path={"organization": its.id},
            effect=await effect_of(self._console, staff, its.id, change="leave"),
        )

    async def find_allowed(self, request: Request, staff: Staff) -> Target:
        """The app that a member asks for, to allow it."""
        return await self._find_request(request, staff, allow=True)

    async def find_declined(self, request: Request, staff: Staff) -> Target:
        """The same, to decline."""
        return await self._find_request(request, staff, allow=False)

    async def _find_request(self, request: Request, staff: Staff, *, allow: bool) -> Target:
        its, user = await self._find(request, staff), request.path_parameters["user"]
        app = from_segment(request.path_parameters["app"])
        links = await links_of(self._console, staff, [app])
        effect = None
        if allow:
            rule = its.rule.with_app(app)
            effect = await effect_of(self._console, staff, its.id, change="rule", rule=rule)
        return Target(
            subject=links[app].name or links[app].id,
            app=plain(its.name, NAME),
            back=organization_path(its.id),
            path={"organization": its.id},
            body={"user": user, "app": app, "allow": allow},
            effect=effect,
        )


def _row(one: Any) -> OrganizationRow:
    return OrganizationRow(
        id=one.id,
        name=plain(one.name, NAME),
        apps=one.rule.apps,
        pending=not one.applied,
        created=one.created,
        href=organization_path(one.id),
    )


def _success(name: str) -> OrganizationDone | None:
    return member_of(OrganizationDone, name, None)


def _facts(
    rule: OrganizationRule, links: Mapping[str, AppLink], *, offer: Offer, language: str
) -> RuleFacts:
    return RuleFacts(
        apps=rule.apps,
        listed=tuple(links[one] for one in rule.listed),
        blocked=tuple(links[one] for one in rule.blocked),
        permissions=None if rule.permissions is None else titled(rule.permissions, offer, language),
        forbidden=titled(rule.forbidden, offer, language),
        ask=rule.ask,
    )


def _request(
    one: Any,
    names: Mapping[str, str],
    links: Mapping[str, AppLink],
    *,
    permissions: tuple[tuple[str, str], ...],
    here: str,
) -> RequestRow:
    path = f"{here}/requests/{one.user}/{segment(one.app)}"
    return RequestRow(
        user=one.user,
        name=names.get(one.user, ""),
        app=links[one.app],
        permissions=permissions,
        created=one.created,
        allow=f"{path}/{Act.ALLOW_APP}",
        decline=f"{path}/{Act.DECLINE_APP}",
    )


def acts(console: Console, page: OrganizationsPage, member: MemberPage) -> dict[str, ActPage]:
    """The acts on organizations, by the path of each."""
    request = f"{ORGANIZATION}/requests/{{user}}/{{app}}"
    table = {
        f"{ORGANIZATION}/{Act.REMOVE_ORGANIZATION}": (
            Act.REMOVE_ORGANIZATION,
            "remove",
            page.find_organization,
        ),
        f"{MEMBER}/{Act.REMOVE_MEMBER}": (Act.REMOVE_MEMBER, "remove-member", member.find),
        f"{MEMBER}/grants/{{grant}}/{Act.STOP_ACCESS}": (
            Act.STOP_ACCESS,
            "stop-grant",
            member.find_access,
        ),
        f"{request}/{Act.ALLOW_APP}": (Act.ALLOW_APP, "answer-request", page.find_allowed),
        f"{request}/{Act.DECLINE_APP}": (Act.DECLINE_APP, "answer-request", page.find_declined),
    }
    return {
        path: ActPage(
            console,
            act,
            area=Area.ORGANIZATIONS,
            operation=f"organizations.{operation}",
            find=find,
        )
        for path, (act, operation, find) in table.items()
    }
