"""Acts: what staff do to somebody or something, each confirmed on a page of its own, with a
reason."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from valetkey.server.admin.problems import Problem
from valetkey.server.admin.table import BY_NAME
from valetkey.server.http.front import Handler
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request, member_of
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.parts import (
    REASON,
    Act,
    ActFlaw,
    ActView,
    Area,
    EffectView,
    OnceView,
)
from valetkey.server.pages.console.staff import Answered, Console, Staff, address, refuse
from valetkey.server.pages.frame import NoSuchPage
from valetkey.spec.errors import AccessDenied

WITH_AN_ERROR_PAGE: Final = frozenset({"not-found", "not-allowed", "unavailable"})
"""Problems that have an error page of their own."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What an act is about: its name for people, the path of the page before, and what the
    operation gets: the variables of its path, and members of its body besides the reason.
    `effect` is what it would do, if somebody counted; `after` is the path of the page after it, ""
    for the one before."""

    subject: str
    back: str
    path: Mapping[str, str]
    app: str = ""
    body: Mapping[str, Any] = {}
    effect: EffectView | None = None
    after: str = ""


class OnceValue(msgspec.Struct, frozen=True):
    """What a response shows once, and until when it is good, 0 for no end."""

    value: str
    until: int = 0


Finder = Callable[[Request, Staff], Awaitable[Target]]


class ActPage:
    """The page of one act. `find` finds what it is about, and raises NoSuchPage. `once` takes what
    is displayed once from the response."""

    def __init__(
        self,
        console: Console,
        act: Act,
        *,
        area: Area,
        operation: str,
        find: Finder,
        once: Callable[[Any], OnceValue] | None = None,
    ) -> None:
        self._console = console
        self._act = act
        self._area = area
        self._operation = operation
        self._find = find
        self._once = once

    async def ask(self, request: Request) -> Reply:
        """Ask for the reason."""
        staff, target = await self._enter(request)
        return await self._page(request, staff, target)

    async def do(self, request: Request) -> Reply:
        """Do it, and go back to the page before."""
        staff, target = await self._enter(request)
        form = await self._console.posted(request, staff)
        reason = form.get("reason", "").strip()[:REASON]
        if self._wants_reason and not reason:
            return await self._page(request, staff, target, flaw=ActFlaw.NO_REASON)
        body = {**target.body, **({"reason": reason} if self._wants_reason else {})}
        try:
            response = await self._console.do(staff, self._operation, body=body, path=target.path)
        except Problem as problem:
            if problem.type in WITH_AN_ERROR_PAGE:
                refuse(problem)
            return await self._page(
                request,
                staff,
                target,
                flaw=ActFlaw.CONFLICT,
                reason=reason,
                detail=problem.detail or problem.title,
            )
        if self._once is None:
            return see_other(address(target.after or target.back, done=self._act))
        value = self._once(response)
        view = OnceView(
            **self._console.around(staff, self._area),
            act=self._act,
            subject=target.subject,
            value=value.value,
            until=value.until,
            back=target.back,
        )
        return self._console.page(request, view)

    @property
    def _wants_reason(self) -> bool:
        return "reason" in BY_NAME[self._operation].body.__struct_fields__

    async def _enter(self, request: Request) -> tuple[Staff, Target]:
        """The person, who may do this now, and what it is about. Raises NoSuchPage, AccessDenied,
        Answered."""
        staff = await self._console.enter(request, self._area)
        if self._operation not in BY_NAME:
            raise NoSuchPage
        if not staff.may(self._operation):
            raise AccessDenied("your role does not include this")
        target = await self._find(request, staff)
        await self._console.prove_if_sensitive(staff, self._operation, request)
        return staff, target

    async def _page(
        self,
        request: Request,
        staff: Staff,
        target: Target,
        *,
        flaw: ActFlaw = ActFlaw.NONE,
        reason: str = "",
        detail: str = "",
    ) -> Reply:
        view = ActView(
            **self._console.around(staff, self._area),
            act=self._act,
            subject=plain(target.subject, 100),
            app=plain(target.app, 60),
            form=await self._console.form(request, staff),
            back=target.back,
            reason=reason,
            flaw=flaw,
            detail=plain(detail, REASON),
            wants_reason=self._wants_reason,
            effect=target.effect,
        )
        return self._console.page(request, view, status=200 if flaw is ActFlaw.NONE else 409)


def answering(handler: Handler) -> Handler:
    """The handler, which may raise Answered."""

    async def handle(request: Request) -> Any:
        try:
            return await handler(request)
        except Answered as answered:
            return answered.reply

    return handle


def read_last_act(request: Request) -> Act | None:
    """The act that was just done, by the address of the page."""
    return member_of(Act, request.parameters().get("done", ""), None)
