"""Who may open the console, and how its pages call operations: in process, with the person's own
powers, as the administration API would."""

from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import urlencode

import msgspec

from valetkey.server.accounts.fresh_proof import factors_of, has_fresh_proof, session_level
from valetkey.server.admin.perform import perform
from valetkey.server.admin.problems import Problem
from valetkey.server.admin.services import Services
from valetkey.server.admin.table import BY_NAME
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.assurance import TWO_FACTORS, reaches
from valetkey.server.model.query import Rule
from valetkey.server.model.role import EVERYTHING
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.endpoints.administration import (
    OWN,
    Actor,
    permissions_in_organizations,
    permissions_of,
)
from valetkey.server.pages.console.parts import CONSOLE, Area, ConsoleView, NoFactorView
from valetkey.server.pages.frame import SECURITY, Frame, NoSuchPage, prove_again
from valetkey.server.pages.own_pages import own_form
from valetkey.spec.errors import AccessDenied, InvalidRequest, TemporarilyUnavailable
from valetkey.wire import form as forms

OPENED_BY: Final[dict[Area, frozenset[str]]] = {
    Area.OVERVIEW: EVERYTHING - {OWN},
    Area.USERS: frozenset({"users.read"}),
    Area.APPS: frozenset({"apps.read"}),
    Area.ORGANIZATIONS: frozenset({"organizations.manage", OWN}),
    Area.CATALOGS: frozenset({"catalog.read"}),
    Area.POLICIES: frozenset({"policies.read"}),
    Area.KEYS: frozenset({"keys.read"}),
    Area.AUDIT: frozenset({"audit.read"}),
    Area.JOBS: frozenset({"jobs.read"}),
    Area.SETTINGS: frozenset({"settings.read"}),
    Area.HEALTH: frozenset({"settings.read"}),
}
"""The permissions of which one opens an area. Any role opens the overview."""

_TROUBLES: Final = {"not-found": NoSuchPage, "unavailable": TemporarilyUnavailable}


class Staff(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A signed-in person with a role, or an administrator of an organization. `actor` has what they
    may do now, `areas` are the parts of the console that are open to them."""

    person: Person
    actor: Actor
    areas: tuple[Area, ...]

    def may(self, operation: str) -> bool:
        """Whether they may do an operation, by its name."""
        found = BY_NAME.get(operation)
        return found is not None and found.permission in self.actor.permissions


class Answered(Exception):
    """The page is not displayed; this reply goes out instead."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Console:
    """What the pages of the console share. `services` do the operations; `two_factors`: staff have
    to have signed in with two factors."""

    def __init__(self, frame: Frame, services: Services, *, two_factors: bool = True) -> None:
        self.frame = frame
        self.services = services
        self._two_factors = two_factors

    async def enter(self, request: Request, area: Area) -> Staff:
        """The person, if the area is open to them. Raises SignInFirst; NoSuchPage for everybody
        who administers nothing, and need not know that there is a console; AccessDenied for staff
        without the permission; Answered where they need two factors first, or have no overview."""
        person = await self.frame.require_person(request)
        rights = await self.frame.shell.ask(lambda context: _rights(person, context))
        if not rights.permissions:
            raise NoSuchPage
        address = self.frame.cookies.read_browser(request).address
        actor = Actor(
            kind="user",
            id=person.user.id,
            permissions=rights.permissions,
            session=person.session.id,
            address=address,
            two_factors=rights.two_factors,
            fresh=rights.fresh,
        )
        areas = tuple(one for one in Area if _is_open(one, rights.permissions))
        staff = Staff(person=person, actor=actor, areas=areas)
        if self._two_factors and not rights.two_factors:
            raise Answered(self._ask_second_factor(request, staff, has=rights.has_factor))
        if area is Area.OVERVIEW and area not in areas:
            raise Answered(see_other(areas[0].path))
        if area not in areas:
            raise AccessDenied("your role does not include this")
        return staff

    def _ask_second_factor(self, request: Request, staff: Staff, *, has: bool) -> Reply:
        if has:
            return prove_again(request.path)
        view = NoFactorView(**self.around(staff, Area.OVERVIEW), add=SECURITY)
        return self.frame.page(request, view, status=403)

    def around(self, staff: Staff, area: Area) -> dict[str, Any]:
        """The fields of a view that all pages of the console have."""
        return {
            "site": self.frame.site,
            "account": self.frame.account(staff.person.user),
            "area": area,
            "areas": staff.areas,
        }

    def page(self, request: Request, view: ConsoleView, *, status: int = 200) -> Reply:
        """The page."""
        return self.frame.page(request, view, status=status)

    async def read(
        self,
        staff: Staff,
        operation: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        **path: str,
    ) -> Any:
        """The response of an operation that only reads. Raises NoSuchPage, AccessDenied,
        InvalidRequest."""
        try:
            return await self.do(staff, operation, query=query, body=body, path=path)
        except Problem as problem:
            refuse(problem)

    async def read_if_allowed(
        self, staff: Staff, operation: str, *, query: Mapping[str, Any] | None = None, **path: str
    ) -> Any | None:
        """The same, None if they may not, or if the operation is not there."""
        if not staff.may(operation):
            return None
        return await self.read(staff, operation, query=query, body=None, **path)

    async def do(
        self,
        staff: Staff,
        operation: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        path: Mapping[str, str] | None = None,
        version: str = "",
        key: str = "",
    ) -> Any:
        """The response of an operation. `version` is the one that the person looked at, `key` the
        Idempotency-Key of their form, "" for neither. Raises Problem."""
        one = BY_NAME[operation]
        try:
            parameters = msgspec.convert(dict(query or {}), one.query, strict=False)
            document = msgspec.convert(dict(body or {}), one.body, strict=False)
        except msgspec.ValidationError as error:
            raise Problem("not-valid", str(error)) from error
        result = await perform(
            one,
            staff.actor,
            self.services,
            path=path,
            query=parameters,
            body=document,
            if_match=f'"{version}"' if version else "",
            idempotency_key=key,
            from_people=True,
            needs_two_factors=self._two_factors,
        )
        return result.response

    async def prove_if_sensitive(self, staff: Staff, operation: str, request: Request) -> None:
        """Raises Answered, which lets the person sign in again, if the act wants a fresh proof that
        they do not have."""
        if not BY_NAME[operation].sensitive or staff.actor.fresh:
            return
        raise Answered(prove_again(request.path))

    async def form(self, request: Request, staff: Staff) -> Any:
        """A form that goes to the page itself."""
        context = await self.frame.shell.context()
        return own_form(self.frame, request, staff.person, context=context, path=request.path)

    async def posted(self, request: Request, staff: Staff) -> forms.Form:
        """The form that was sent to this page. Raises ForgedForm, InvalidRequest."""
        context = await self.frame.shell.context()
        session = staff.person.session.id
        return self.frame.posted(request, context, purpose=request.path, session=session)


class _Rights(msgspec.Struct, frozen=True, kw_only=True):
    permissions: frozenset[str]
    two_factors: bool
    fresh: bool
    has_factor: bool


def _rights(person: Person, context: Context) -> Rule[_Rights]:
    """What the person may do now, and how they signed in."""
    permissions = yield from permissions_of(person.user.id)
    if OWN not in permissions:
        permissions |= yield from permissions_in_organizations(person.user.id)
    if not permissions:
        return _Rights(permissions=permissions, two_factors=False, fresh=False, has_factor=False)
    factors = yield from factors_of(person.user.id)
    fresh = yield from has_fresh_proof(person.session, context.env.now)
    return _Rights(
        permissions=permissions,
        two_factors=reaches(session_level(person.session), TWO_FACTORS),
        fresh=fresh,
        has_factor=bool(factors) or bool(person.session.way),
    )


def _is_open(area: Area, permissions: frozenset[str]) -> bool:
    return not OPENED_BY[area].isdisjoint(permissions)


def refuse(problem: Problem) -> NoReturn:
    """Raises the error whose page fits the problem."""
    if problem.type == "not-allowed":
        raise AccessDenied("your role does not include this") from problem
    if problem.type in _TROUBLES:
        raise _TROUBLES[problem.type]() from problem
    raise InvalidRequest(problem.detail or problem.title) from problem


def address(path: str, **query: str | None) -> str:
    """The path with those of the parameters that have a value."""
    text = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{text}" if text else path


def user_path(user: str) -> str:
    """The path of the support view of a user."""
    return f"{CONSOLE}/users/{user}"
