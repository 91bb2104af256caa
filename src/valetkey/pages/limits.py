"""The limits of an app's key: what is used, tighten, loosen, and an end."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

import msgspec

from valetkey.http.reply import Reply, see_other
from valetkey.http.request import Request
from valetkey.model.allowance import Allowance, Count
from valetkey.model.client import Client
from valetkey.model.limits import Bounds
from valetkey.model.want import One, Rule
from valetkey.oauth.authorize.visit import Person
from valetkey.oauth.context import Context
from valetkey.oauth.manage.approvals import questions
from valetkey.oauth.manage.grants import Managed, NoSuch
from valetkey.oauth.manage.limits import Limited, bound, end, limited
from valetkey.pages import bounds, grant_views, pieces, words
from valetkey.pages.bounds import PERS, Field, Limit, Used
from valetkey.pages.frame import APPROVALS, APPS, Frame, SignInFirst
from valetkey.pages.trouble import NoSuchPage
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms
from valetkey.wire.catalog import Permission

TOLD: Final = frozenset({"saved", "wrong"})
"""What the page may say of the form before it."""


class LimitsPage:
    """`/apps/{grant}/limits`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """The limits, and what was used of them."""
        person, found, context = await self._found(request)
        told = request.parameters().get("told", "")
        of_client = One(Client, found.grant.client)
        client = (await self._frame.shell.store.read(of_client)).one(of_client)
        path = _path(found)
        waiting = await self._frame.shell.ask(lambda now: questions(person.user.id, now))
        view = grant_views.AppLimits(
            site=self._frame.site,
            account=self._frame.account(person.user),
            app=words.app(client, found.grant.client),
            form=self._form(request, person, context, path=path),
            limits=limits_of(
                found,
                context,
                zone=person.user.claims.get("zoneinfo", "UTC"),
                language=self._frame.language(request),
            ),
            ends=found.grant.limits.until or None,
            longest=found.proposal.lasts or None,
            back=f"{APPS}/{found.grant.id}",
            told=told if told in TOLD else "",
            waiting=sum(one.approval.grant == found.grant.id for one in waiting),
            approvals=APPROVALS,
        )
        return self._frame.page(request, view)

    async def change(self, request: Request) -> Reply:
        """Sets limits, or an end. What makes no sense changes nothing."""
        person, found, context = await self._found(request)
        path = _path(found)
        form = self._frame.posted(request, context, purpose=path, session=person.session.id)
        try:
            rule, told = _asked(found, form, context)
            outcome, _ = await self._frame.shell.settle(rule)
        except InvalidRequest:
            return see_other(f"{path}?{urlencode({'told': 'wrong'})}")
        if isinstance(outcome, NoSuch):
            raise NoSuchPage
        return see_other(f"{path}?{urlencode({'told': told})}")

    async def _found(self, request: Request) -> tuple[Person, Limited, Context]:
        person = await self._frame.person(request)
        if person is None:
            raise SignInFirst
        name = request.parts["grant"]
        context = await self._frame.shell.context()
        found = await self._frame.shell.ask(lambda context: limited(name, person.user.id, context))
        if found is None:
            raise NoSuchPage
        return person, found, context

    def _form(
        self, request: Request, person: Person, context: Context, *, path: str
    ) -> pieces.Form:
        return self._frame.form(
            request, context, action=path, purpose=path, session=person.session.id
        )


def _path(found: Limited) -> str:
    return f"{APPS}/{found.grant.id}/limits"


def _asked(
    found: Limited, form: forms.Form, context: Context
) -> tuple[Callable[[Context], Rule[Managed]], str]:
    """What the form asks for, and what is said of it. Raises InvalidRequest."""
    name, user = found.grant.id, found.grant.user
    action = form.get("action", "")
    if action == "end":
        lasts = bounds.read_end(form, context.env.now)
        if lasts is None:
            raise InvalidRequest("the form changes nothing")
        return lambda now: end(name, lasts, user=user, by="user", context=now), "saved"
    # More than one cannot be chosen here.
    (one, *_) = (*form.all("permission"), "")
    permission = context.at.offer.permissions.get(one)
    if permission is None or one not in found.grant.permissions:
        raise NoSuchPage
    if action == "save":
        wanted = bounds.read_bounds(form, permission)
        return lambda now: bound(name, one, wanted, user=user, by="user", context=now), "saved"
    raise InvalidRequest("the form asks for nothing that is done here")


def limits_of(found: Limited, context: Context, *, zone: str, language: str) -> tuple[Limit, ...]:
    """Each granted permission that can be limited, as it stands."""
    offered = context.at.offer.permissions
    counted = (one for one in context.at.offer.ordered(found.grant.permissions))
    return tuple(
        _titled(_limit(offered[one], found, now=context.env.now, zone=zone), offered[one], language)
        for one in counted
        if offered[one].counted
    )


def _titled(limit: Limit, permission: Permission, language: str) -> Limit:
    """The same in the words of the user's language."""
    words = permission.said(language).can
    return msgspec.structs.replace(limit, title=words[:1].upper() + words[1:])


def _limit(permission: Permission, found: Limited, *, now: int, zone: str) -> Limit:
    one = permission.id
    now_set, proposed = found.grant.limits.of(one), found.proposal.permissions.get(one, Bounds())
    mine = [hours for hours in now_set.hours if hours not in proposed.hours]
    used = found.of(one, now)
    asks = now_set.ask_above
    top = proposed.ask_above
    return Limit(
        id=one,
        title=permission.can[:1].upper() + permission.can[1:],
        often=tuple(
            Field(
                name=f"often-{per}",
                per=per,
                value=_text(now_set.often.get(per)),
                most=_text(proposed.often.get(per)),
            )
            for per in PERS
        ),
        much=_amounts(permission, now_set, proposed),
        ask=Field(
            name="ask",
            per="",
            value="" if asks is None else bounds.written(asks, permission),
            most="" if top is None else bounds.written(top, permission),
        )
        if permission.unit
        else None,
        unit=permission.unit,
        step=bounds.written(1, permission),
        opens=mine[0].opens if mine else "",
        closes=mine[0].closes if mine else "",
        zone=mine[0].zone if mine else zone,
        used=(*_used_often(used, now_set), *_used_much(used, now_set, permission)),
    )


def _amounts(permission: Permission, now_set: Bounds, proposed: Bounds) -> tuple[Field, ...]:
    if not permission.unit:
        return ()

    def told(most: int | None) -> str:
        return "" if most is None else bounds.written(most, permission)

    return tuple(
        Field(
            name=f"much-{per}",
            per=per,
            value=told(now_set.much.get(per)),
            most=told(proposed.much.get(per)),
        )
        for per in PERS
    )


def _used_often(used: Allowance, now_set: Bounds) -> list[Used]:
    return [
        Used(per=per, used=str(count.used), most=str(now_set.often[per]), until=_until(count))
        for per, count in used.often.items()
    ]


def _used_much(used: Allowance, now_set: Bounds, permission: Permission) -> list[Used]:
    return [
        Used(
            per=per,
            used=bounds.written(count.used, permission),
            most=bounds.with_unit(now_set.much[per], permission),
            until=_until(count),
        )
        for per, count in used.much.items()
    ]


def _until(count: Count) -> int | None:
    return count.end or None


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
