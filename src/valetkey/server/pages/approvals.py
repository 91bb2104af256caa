"""Requests that wait for the user's answer: a list, and a page for each."""

from typing import ClassVar

from msgspec import Struct

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.approvals import (
    NoQuestion,
    Question,
    answer,
    begin,
    question,
    questions,
)
from valetkey.server.pages import presenters
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.components import Account, App, PageForm, Section, View
from valetkey.server.pages.frame import APPROVALS, APPS, Frame, NoSuchPage, prove_again
from valetkey.spec.errors import InvalidRequest

_WORDS = 200
_AMOUNT = 40


class QuestionRow(Struct, frozen=True, kw_only=True):
    """A request of an app that the user isn't using now. ``words`` is the app's message, ``what``
    the permission to be used. ``consent``: approval leads to the consent page."""

    app: App
    words: str
    amount: str
    asked_at: int
    ends: int
    consent: bool
    href: str
    what: str = ""


class ApprovalsView(View, frozen=True, kw_only=True):
    """All requests that wait for the user's answer."""

    template: ClassVar = "approvals.html"
    section: ClassVar = Section.APPS

    account: Account
    questions: tuple[QuestionRow, ...]
    apps: str
    now: int


class ApprovalView(View, frozen=True, kw_only=True):
    """One request: buttons ``#approve`` and ``#deny``, which post the ``action`` of their name.
    ``back`` is the path of the list."""

    template: ClassVar = "approval.html"
    section: ClassVar = Section.APPS

    account: Account
    form: PageForm
    question: QuestionRow
    back: str
    now: int


class ApprovalsPage:
    """`/approvals` and `/approvals/{approval}`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def list(self, request: Request) -> Reply:
        """List what waits."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        waiting = await self._frame.shell.ask(lambda context: questions(person.user.id, context))
        view = ApprovalsView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            questions=tuple(_row(one, context, self._frame.language(request)) for one in waiting),
            apps=APPS,
            now=context.env.now,
        )
        return self._frame.page(request, view)

    async def show(self, request: Request) -> Reply:
        """Show one request."""
        person, one, context = await self._read(request)
        path = f"{APPROVALS}/{one.approval.id}"
        view = ApprovalView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=self._frame.form(
                request, context, action=path, purpose=path, session=person.session.id
            ),
            question=_row(one, context, self._frame.language(request)),
            back=APPROVALS,
            now=context.env.now,
        )
        return self._frame.page(request, view)

    async def submit(self, request: Request) -> Reply:
        """Take the answer. If the request needs consent, approval leads to the consent page."""
        person, one, context = await self._read(request)
        name, user = one.approval.id, person.user.id
        path = f"{APPROVALS}/{name}"
        form = self._frame.posted(request, context, purpose=path, session=person.session.id)
        action = form.get("action", "")
        if action not in {"approve", "deny"}:
            raise InvalidRequest("the form says neither yes nor no")
        if action == "approve" and one.request is not None:
            visit = self._frame.cookies.read_browser(request)
            begun, _ = await self._frame.shell.settle(
                lambda context: begin(name, visit, user=user, context=context)
            )
            if isinstance(begun, NoQuestion):
                raise NoSuchPage
            return see_other(continue_at(begun.pending.id))
        risky = action == "approve" and _is_risky(one, context)
        if risky and not await self._frame.has_fresh_proof(person):
            # Money is not spent by anyone who finds the browser open.
            return prove_again(path)
        answered, _ = await self._frame.shell.settle(
            lambda context: answer(name, yes=action == "approve", user=user, context=context)
        )
        if isinstance(answered, NoQuestion):
            raise NoSuchPage
        return see_other(APPROVALS)

    async def _read(self, request: Request) -> tuple[Person, Question, Context]:
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        name = request.path_parameters["approval"]
        one = await self._frame.shell.ask(lambda context: question(name, person.user.id, context))
        if one is None:
            raise NoSuchPage
        return person, one, context


def _is_risky(one: Question, context: Context) -> bool:
    permission = context.installation.offer.permissions.get(one.approval.permission)
    return permission is None or permission.risk != "low"


def _row(one: Question, context: Context, language: str) -> QuestionRow:
    permission = context.installation.offer.permissions.get(one.approval.permission)
    what = "" if permission is None else permission.words_in(language).can
    return QuestionRow(
        app=presenters.app(one.client, one.client.id),
        words=plain(one.approval.words, _WORDS),
        amount=plain(one.approval.amount, _AMOUNT),
        asked_at=one.approval.created,
        ends=one.approval.expires,
        consent=one.request is not None,
        href=f"{APPROVALS}/{one.approval.id}",
        what=what[:1].upper() + what[1:],
    )
