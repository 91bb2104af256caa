"""Forms about organizations: add one, edit it, set its rule, add a member. What a rule or a new
member would do is displayed before it is done."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.jose import base64url
from valetkey.server.admin.problems import Problem
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.organization import OrganizationId, OrganizationRule
from valetkey.server.model.query import One, existing
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import PageForm
from valetkey.server.pages.console.acts import WITH_AN_ERROR_PAGE
from valetkey.server.pages.console.organization_parts import (
    ORGANIZATIONS,
    effect_of,
    organization_path,
)
from valetkey.server.pages.console.organization_views import (
    FormFlaw,
    OrganizationDone,
    OrganizationForm,
    OrganizationFormView,
)
from valetkey.server.pages.console.parts import REASON, Area, EffectView
from valetkey.server.pages.console.staff import Console, Staff, address, refuse
from valetkey.server.pages.console.users import NAME
from valetkey.server.pages.frame import NoSuchPage
from valetkey.spec.errors import AccessDenied

FIELDS: Final[Mapping[OrganizationForm, tuple[str, ...]]] = {
    OrganizationForm.ADD: ("id", "name", "groups"),
    OrganizationForm.EDIT: ("name", "groups"),
    OrganizationForm.RULE: (
        *("apps", "listed", "blocked", "limited", "permissions"),
        *("forbidden", "ask"),
    ),
    OrganizationForm.MEMBER: ("user", "administrator"),
}
"""What each form has; in fields for several, there is one on each line."""

OPERATIONS: Final = {
    OrganizationForm.ADD: "organizations.create",
    OrganizationForm.EDIT: "organizations.edit",
    OrganizationForm.RULE: "organizations.rule",
    OrganizationForm.MEMBER: "organizations.add-member",
}

SUCCESSES: Final = {
    OrganizationForm.ADD: OrganizationDone.ADDED,
    OrganizationForm.EDIT: OrganizationDone.EDITED,
    OrganizationForm.RULE: OrganizationDone.RULED,
    OrganizationForm.MEMBER: OrganizationDone.JOINED,
}

MOST: Final = 40_000
"""Characters of a field."""

_LONGEST: Final = 255


class Flawed(Exception):
    """What was filled in is not right: a flaw, the field, and the value that is wrong."""

    def __init__(self, flaw: FormFlaw, field: str, detail: str = "") -> None:
        super().__init__(flaw)
        self.flaw, self.field, self.detail = flaw, field, detail


class FormPage:
    """One form about an organization."""

    def __init__(self, console: Console, kind: OrganizationForm) -> None:
        self._console = console
        self._kind = kind

    async def ask(self, request: Request) -> Reply:
        """Fill it in."""
        staff, there = await self._enter(request)
        return await self._page(request, staff, there, values=_begin(self._kind, there))

    async def do(self, request: Request) -> Reply:
        """Display what it would do, or do it, and go to the organization."""
        staff, there = await self._enter(request)
        form = await self._console.posted(request, staff)
        values = {name: form.get(name, "")[:MOST] for name in FIELDS[self._kind]}
        action, version, key = (form.get(one, "") for one in ("action", "version", "key"))
        values["version"] = version if version.isdecimal() else ""
        if action == "change":
            return await self._page(request, staff, there, values=values)
        try:
            body = await self._body(staff, there, values)
            if action != "save" and self._kind in (OrganizationForm.RULE, OrganizationForm.MEMBER):
                effect = await self._effect(staff, there, body)
                return await self._page(request, staff, there, values=values, effect=effect)
            name = await self._save(staff, there, body, version=values["version"], key=key)
        except Flawed as flawed:
            return await self._page(request, staff, there, values=values, flawed=flawed)
        return see_other(address(organization_path(name), done=SUCCESSES[self._kind]))

    async def _save(
        self, staff: Staff, there: Any, body: Mapping[str, Any], *, version: str, key: str
    ) -> str:
        """Does it. Returns the id of the organization. Raises Flawed."""
        name = body["id"] if there is None else there.id
        path = {} if there is None else {"organization": name}
        matched = version if self._kind in (OrganizationForm.EDIT, OrganizationForm.RULE) else ""
        try:
            await self._console.do(
                staff, OPERATIONS[self._kind], body=body, path=path, version=matched, key=key
            )
        except Problem as problem:
            if problem.type in WITH_AN_ERROR_PAGE:
                refuse(problem)
            raise Flawed(FormFlaw.CONFLICT, "", problem.detail or problem.title) from problem
        return str(name)

    async def _enter(self, request: Request) -> tuple[Staff, Any]:
        """The person, who may do this now, and the organization, None for a new one. Raises
        NoSuchPage, AccessDenied, Answered."""
        staff = await self._console.enter(request, Area.ORGANIZATIONS)
        operation = OPERATIONS[self._kind]
        if not staff.may(operation):
            raise AccessDenied("your role does not include this")
        there = None
        if self._kind is not OrganizationForm.ADD:
            name = request.path_parameters["organization"]
            there = await self._console.read(staff, "organizations.show", organization=name)
        await self._console.prove_if_sensitive(staff, operation, request)
        return staff, there

    async def _body(self, staff: Staff, there: Any, values: Mapping[str, str]) -> dict[str, Any]:
        """What the operation gets. Raises Flawed."""
        match self._kind:
            case OrganizationForm.ADD:
                return {"id": _id(values["id"]), **_name_and_groups(values)}
            case OrganizationForm.EDIT:
                return _name_and_groups(values)
            case OrganizationForm.RULE:
                return {"rule": await self._rule(there.rule, values)}
            case OrganizationForm.MEMBER:
                user = await self._user(staff, values["user"].strip()[:_LONGEST])
                return {"user": user, "administrator": bool(values["administrator"])}

    async def _effect(self, staff: Staff, there: Any, body: Mapping[str, Any]) -> EffectView:
        if self._kind is OrganizationForm.MEMBER:
            user = body["user"]
            return await effect_of(self._console, staff, there.id, change="join", user=user)
        rule = body["rule"]
        return await effect_of(self._console, staff, there.id, change="rule", rule=rule)

    async def _rule(self, before: OrganizationRule, values: Mapping[str, str]) -> OrganizationRule:
        """The rule. A name that nothing has would forbid nothing: it is a flaw, unless it is in the
        rule already."""
        lists = {one: _lines(values[one]) for one in ("listed", "blocked", "forbidden")}
        most = _lines(values["permissions"]) if values["limited"] else None
        shell = self._console.frame.shell
        permissions = (await shell.context()).installation.offer.permissions
        old = {*before.forbidden, *(before.permissions or ())}
        for field, names in (("forbidden", lists["forbidden"]), ("permissions", most or ())):
            for one in names:
                if one not in permissions and one not in old:
                    raise Flawed(FormFlaw.PERMISSIONS, field, one)
        apps = {*before.listed, *before.blocked}
        new = {field: set(lists[field]) - apps for field in ("listed", "blocked")}
        queries = {one: One(Client, one) for added in new.values() for one in added}
        clients = await shell.ask(lambda _: existing(queries))
        for field, added in new.items():
            for one in sorted(added - clients.keys()):
                raise Flawed(FormFlaw.APPS, field, one)
        try:
            return msgspec.convert(
                {
                    **lists,
                    "apps": values["apps"],
                    "permissions": most,
                    "ask": bool(values["ask"]),
                },
                OrganizationRule,
            )
        except msgspec.ValidationError as error:
            raise Flawed(FormFlaw.CONFLICT, "", str(error)) from error

    async def _user(self, staff: Staff, text: str) -> str:
        """The id of the user with this email address, user name or id. Raises Flawed."""
        if not text:
            raise Flawed(FormFlaw.USER, "user")
        if not staff.may("users.list"):
            return text
        if "@" not in text:
            try:
                return str((await self._console.read(staff, "users.show", user=text)).id)
            except NoSuchPage:
                pass
        for field in ("email", "username") if "@" in text else ("username",):
            page = await self._console.read(staff, "users.list", query={field: text, "limit": 2})
            # The search finds beginnings too.
            same = [one for one in page.items if getattr(one, field).lower() == text.lower()]
            if len(same) == 1:
                return str(same[0].id)
        raise Flawed(FormFlaw.USER, "user", text)

    async def _page(
        self,
        request: Request,
        staff: Staff,
        there: Any,
        *,
        values: dict[str, str],
        effect: EffectView | None = None,
        flawed: Flawed | None = None,
    ) -> Reply:
        form: PageForm = await self._console.form(request, staff)
        context = await self._console.frame.shell.context()
        hidden = [("key", base64url.encode(context.env.random_bytes(16)))]
        version = values.pop("version", "") or (str(there.version) if there else "")
        hidden.append(("version", version))
        if effect is not None:
            hidden += [(name, value) for name, value in values.items() if value]
        view = OrganizationFormView(
            **self._console.around(staff, Area.ORGANIZATIONS),
            kind=self._kind,
            name="" if there is None else plain(there.name, NAME),
            form=msgspec.structs.replace(form, hidden=(*form.hidden, *hidden)),
            values=values,
            back=ORGANIZATIONS if there is None else organization_path(there.id),
            effect=effect,
            flaw=FormFlaw.NONE if flawed is None else flawed.flaw,
            field="" if flawed is None else flawed.field,
            detail="" if flawed is None else plain(flawed.detail, REASON),
        )
        return self._console.page(request, view, status=200 if flawed is None else 409)


def _begin(kind: OrganizationForm, there: Any) -> dict[str, str]:
    """The form as it is before anybody fills it in."""
    match kind:
        case OrganizationForm.ADD:
            return dict.fromkeys(FIELDS[kind], "")
        case OrganizationForm.EDIT:
            groups = "\n".join(f"{one.source} {one.group}" for one in there.groups)
            return {"name": there.name, "groups": groups}
        case OrganizationForm.RULE:
            rule = there.rule
            return {
                "apps": rule.apps,
                "listed": "\n".join(rule.listed),
                "blocked": "\n".join(rule.blocked),
                "limited": "" if rule.permissions is None else "yes",
                "permissions": "\n".join(rule.permissions or ()),
                "forbidden": "\n".join(rule.forbidden),
                "ask": "yes" if rule.ask else "",
            }
        case OrganizationForm.MEMBER:
            return {"user": "", "administrator": ""}


def _lines(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for line in text.splitlines() if (one := line.strip())))


def _id(text: str) -> str:
    try:
        return msgspec.convert(text.strip(), OrganizationId)
    except msgspec.ValidationError as error:
        raise Flawed(FormFlaw.ID, "id", text) from error


_NAME: Final = re.compile(r"[^\u0000-\u001f\u007f-\u009f\u2028-\u202e]{1,200}")


def _name_and_groups(values: Mapping[str, str]) -> dict[str, Any]:
    name = values["name"].strip()
    if not _NAME.fullmatch(name):
        raise Flawed(FormFlaw.NAME, "name", name)
    groups = []
    for line in _lines(values["groups"]):
        source, _, group = line.partition(" ")
        if not group.strip():
            raise Flawed(FormFlaw.GROUPS, "groups", line)
        groups.append({"source": source, "group": group.strip()})
    return {"name": name, "groups": groups}
