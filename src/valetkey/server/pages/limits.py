"""The page of an app's limits: show, change, and set an end."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

import msgspec

from valetkey.jose import base64url
from valetkey.jose.seal import same
from valetkey.server.http import cookies
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.limits import Bounds, within
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.approvals import questions
from valetkey.server.oauth.grants.changes import GrantChanged, GrantOutcome, NotFound
from valetkey.server.oauth.grants.limits import LimitableGrant, find_limitable, set_bounds, set_end
from valetkey.server.pages import components, limit_fields, presenters
from valetkey.server.pages.components import Account, App, PageForm, Section, View
from valetkey.server.pages.frame import APPROVALS, APPS, Frame, NoSuchPage, prove_again
from valetkey.server.pages.limit_fields import Flaw, Limit, Wrong, WrongField
from valetkey.server.pages.limit_presenters import as_typed, limits_of
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms

# A form that the user filled in before they had to authenticate again. It travels in the address
# to which they return, and changes nothing. Only this browser can write one for a page.

LONGEST: Final = 1500
"""Characters of a draft. More than any honest form has is not kept."""

UNKEPT: Final = frozenset({"csrf"})


def seal_draft(
    frame: Frame, request: Request, context: Context, *, page: str, form: Mapping[str, str]
) -> str:
    """The draft of a form for the address; "" if it is too long."""
    fields = {name: text for name, text in form.items() if name not in UNKEPT}
    text = base64url.encode(msgspec.json.encode(fields))
    draft = f"{text}.{_mark(frame, request, context, page=page, text=text)}"
    return draft if len(draft) <= LONGEST else ""


def open_draft(
    frame: Frame, request: Request, context: Context, *, page: str, draft: str
) -> dict[str, str]:
    """The fields of a draft; empty for another page's or another browser's."""
    text, _, mark = draft.partition(".")
    if not draft or len(draft) > LONGEST:
        return {}
    known = _mark(frame, request, context, page=page, text=text)
    if not same(mark.encode(), known.encode()):
        return {}
    return msgspec.json.decode(base64url.decode(text), type=dict[str, str])


def _mark(frame: Frame, request: Request, context: Context, *, page: str, text: str) -> str:
    return cookies.form_token(
        context.installation.keyring,
        browser=frame.cookies.browser_secret(request),
        session="",
        purpose=f"draft {page} {text}",
    )


NOTICES: Final = frozenset({"saved", "wrong"})
"""What the page may say of the form before it."""

NONE: Final[Mapping[str, str]] = {}


class LimitsView(View, frozen=True, kw_only=True):
    """The limits of one app. All forms post to ``form`` and differ in ``action``: ``save`` comes
    with one ``permission`` and its numbers, ``end`` with ``until``. ``longest`` is how long the app
    asks for, in seconds. ``notice`` is about the last form: ``saved``, ``wrong``, ``again`` (the
    user has authenticated, and has to save once more) or "". ``wrong`` is the invalid field;
    ``until`` and ``date`` are as the user entered them. ``zone`` is where a day ends, unless the
    browser says otherwise. ``waiting`` is the number of requests of this app at ``approvals``."""

    template: ClassVar = "app_limits.html"
    section: ClassVar = Section.APPS

    account: Account
    app: App
    form: PageForm
    limits: tuple[Limit, ...]
    ends: int | None
    longest: int | None
    back: str
    zone: str = "UTC"
    until: str = ""
    date: str = ""
    wrong: Wrong | None = None
    notice: str = ""
    waiting: int = 0
    approvals: str = ""


class LimitsPage:
    """`/apps/{grant}/limits`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Show the limits and their use. With a draft, show what the user entered before."""
        person, state, context = await self._read(request)
        query = request.parameters()
        typed = open_draft(
            self._frame, request, context, page=_path(state), draft=query.get("draft", "")
        )
        notice = "again" if typed else query.get("notice", "")
        view = await self._view(request, person, state, context=context, typed=typed)
        notice = notice if typed or notice in NOTICES else ""
        return self._frame.page(request, msgspec.structs.replace(view, notice=notice))

    async def _view(
        self,
        request: Request,
        person: Person,
        state: LimitableGrant,
        *,
        context: Context,
        typed: Mapping[str, str] = NONE,
        wrong: WrongField | None = None,
    ) -> LimitsView:
        of_client = One(Client, state.grant.client)
        client = (await self._frame.shell.store.read(of_client)).one(of_client)
        path = _path(state)
        waiting = await self._frame.shell.ask(lambda now: questions(person.user.id, now))
        about = typed.get("permission", "")
        return LimitsView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            app=presenters.app(client, state.grant.client),
            form=self._form(request, person, context, path=path),
            limits=tuple(
                as_typed(one, typed) if one.id == about else one
                for one in limits_of(
                    state,
                    context,
                    zone=_zone(person),
                    language=self._frame.language(request),
                )
            ),
            zone=_zone(person),
            until="" if about else typed.get("until", ""),
            date="" if about else typed.get("date", ""),
            wrong=_wrong(wrong, about),
            ends=state.grant.limits.until or None,
            longest=state.proposal.lasts or None,
            back=f"{APPS}/{state.grant.id}",
            waiting=sum(one.approval.grant == state.grant.id for one in waiting),
            approvals=APPROVALS,
        )

    async def change(self, request: Request) -> Reply:
        """Set limits or an end. An invalid form changes nothing and is displayed again; so is a
        form that widens access, until the user authenticates."""
        person, state, context = await self._read(request)
        path = _path(state)
        form = typed_in(
            self._frame.posted(request, context, purpose=path, session=person.session.id)
        )
        try:
            rule = _rule(state, form, context)
            if await self._opens_more(rule, state) and not await self._frame.has_fresh_proof(
                person
            ):
                draft = seal_draft(self._frame, request, context, page=path, form=form)
                return prove_again(path, draft=draft)
            outcome, _ = await self._frame.shell.settle(rule)
        except WrongField as wrong:
            view = await self._view(
                request, person, state, context=context, typed=form, wrong=wrong
            )
            return self._frame.page(request, view, status=400)
        except InvalidRequest:
            return see_other(f"{path}?notice=wrong")
        if isinstance(outcome, NotFound):
            raise NoSuchPage
        return see_other(f"{path}?notice=saved")

    async def _opens_more(
        self, rule: Callable[[Context], Rule[GrantOutcome]], state: LimitableGrant
    ) -> bool:
        """Whether the change widens access."""
        outcome = await self._frame.shell.ask(rule)
        return isinstance(outcome, GrantChanged) and not within(
            outcome.grant.limits, state.grant.limits
        )

    async def _read(self, request: Request) -> tuple[Person, LimitableGrant, Context]:
        person = await self._frame.require_person(request)
        name = request.path_parameters["grant"]
        context = await self._frame.shell.context()
        state = await self._frame.shell.ask(
            lambda context: find_limitable(name, person.user.id, context)
        )
        if state is None:
            raise NoSuchPage
        return person, state, context

    def _form(
        self, request: Request, person: Person, context: Context, *, path: str
    ) -> components.PageForm:
        return self._frame.form(
            request, context, action=path, purpose=path, session=person.session.id
        )


def _path(state: LimitableGrant) -> str:
    return f"{APPS}/{state.grant.id}/limits"


def _zone(person: Person) -> str:
    return person.user.zone or person.user.claims.get("zoneinfo", "UTC")


def _wrong(wrong: WrongField | None, permission: str) -> Wrong | None:
    if wrong is None:
        return None
    return Wrong(field=wrong.field, flaw=wrong.flaw, most=wrong.most, permission=permission)


def typed_in(form: forms.Form) -> forms.Form:
    """The form, with its permission as a plain field too."""
    (one, *_) = (*form.all("permission"), "")
    return forms.Form({**form, "permission": one} if one else form)


def _rule(
    state: LimitableGrant, form: forms.Form, context: Context
) -> Callable[[Context], Rule[GrantOutcome]]:
    """The rule that does what the form asks for. Raises WrongField, InvalidRequest."""
    name, user = state.grant.id, state.grant.user
    action = form.get("action", "")
    if action == "end":
        lasts = limit_fields.read_end(form, context.env.now)
        if lasts is None:
            raise InvalidRequest("the form changes nothing")
        longest = state.proposal.lasts
        if longest and not 0 < lasts <= longest:
            field = "date" if form.get("until") == "date" else "until"
            raise WrongField(field, Flaw.LONGER)
        return lambda now: set_end(name, lasts, user=user, by="user", context=now)
    one = form.get("permission", "")
    permission = context.installation.offer.permissions.get(one)
    if permission is None or one not in state.grant.permissions:
        raise NoSuchPage
    if action == "save":
        wanted = limit_fields.read_bounds(form, permission)
        limit_fields.check_most(wanted, state.proposal.permissions.get(one, Bounds()), permission)
        return lambda now: set_bounds(name, one, wanted, user=user, by="user", context=now)
    raise InvalidRequest("the form asks for nothing that is done here")
