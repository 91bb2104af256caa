"""The consent page: its data, and the answer that its form posts.

Requests from another device use the same page. Each part of the page has a file in
`templates/consent/`.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from msgspec.structs import replace

from valetkey.server.model.limits import LONGEST, Bounds, Proposal
from valetkey.server.oauth.authorize.consent import Allow, Cancel
from valetkey.server.oauth.authorize.interaction import Why
from valetkey.server.oauth.authorize.outcome import Consent
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages import presenters
from valetkey.server.pages.components import (
    Account,
    App,
    Destination,
    KeyPart,
    LockedGroup,
    PageForm,
    PermissionItem,
    PriorAnswer,
    View,
)
from valetkey.server.pages.frame import APPS, Frame
from valetkey.server.pages.limit_fields import (
    LASTS,
    PERS,
    Field,
    Limit,
    Wrong,
    WrongField,
    read_bounds,
    with_unit,
    written,
)
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms
from valetkey.wire.catalog import Permission

# Limits on the consent page: one number for each permission and kind.

MOST: Final = 12
"""Permissions that can be limited on the page itself; the others later, on the page of limits."""


def limitable(decision: Consent, language: str) -> tuple[Limit, ...]:
    """The requested permissions that can be limited, with the limits that the app proposes."""
    counted = [row for row in decision.new if row.permission.counted]
    return tuple(
        _limit(
            row.permission,
            presenters.requested(row, language).title,
            decision.bounds.get(row.permission.id, Bounds()),
            zone=decision.user.claims.get("zoneinfo", "UTC"),
        )
        for row in counted[:MOST]
    )


def lasting(decision: Consent) -> tuple[str, ...]:
    """The ends that the user can choose: the app's own ("") first, then earlier ones."""
    if decision.once:
        return ("once",)
    shorter = (name for name, one in LASTS.items() if 0 < one.lasts < (decision.lasts or LONGEST))
    return ("", "once", *shorter)


def _limit(permission: Permission, title: str, proposed: Bounds, *, zone: str) -> Limit:
    often = (Field(name="often", per=per, most=str(n)) for per, n in proposed.often.items())
    much = (
        Field(name="much", per=per, most=with_unit(n, permission))
        for per, n in proposed.much.items()
    )
    above = proposed.ask_above
    ask = None if above is None else Field(name="ask", per="", most=with_unit(above, permission))
    return Limit(
        id=permission.id,
        title=title,
        often=tuple(often),
        much=tuple(much),
        ask=ask,
        unit=permission.unit,
        step=written(1, permission),
        zone=zone,
    )


def read_limits(form: Mapping[str, str], permissions: Mapping[str, Permission]) -> Proposal:
    """The limits that the user chose. Raises WrongField, InvalidRequest."""
    lasts = LASTS.get(form.get("until", ""))
    if lasts is None:
        raise InvalidRequest("the form names no such end")
    bounds = {
        name: _bounds(fields, permission)
        for name, permission in permissions.items()
        if permission.counted and (fields := _fields(form, name))
    }
    return Proposal(lasts=lasts.lasts, once=lasts.once, permissions=bounds)


def _bounds(fields: Mapping[str, str], permission: Permission) -> Bounds:
    try:
        return read_bounds(fields, permission)
    except WrongField as wrong:
        # Here one field is for all periods, and named after its permission.
        kind = wrong.field.partition("-")[0]
        raise WrongField(f"{kind}:{permission.id}", wrong.flaw, most=wrong.most) from wrong


def _fields(form: Mapping[str, str], name: str) -> dict[str, str]:
    """The fields of one permission, named as on the page of limits; empty if none is set."""
    fields = {}
    for kind in ("often", "much"):
        number, per = form.get(f"{kind}:{name}", ""), form.get(f"{kind}-per:{name}", "day")
        if per not in PERS:
            raise InvalidRequest("the form names no such period")
        if number:
            fields[f"{kind}-{per}"] = number
    more = {kind: form.get(f"{kind}:{name}", "") for kind in ("ask", "opens", "closes", "zone")}
    if not more["opens"] and not more["closes"]:
        # A zone alone says nothing.
        del more["zone"]
    return fields | {kind: text for kind, text in more.items() if text}


class ConsentView(View, frozen=True, kw_only=True):
    """The decision: boxes ``permission``, buttons ``#allow`` and ``#cancel``.

    The form posts the ``action`` ``allow`` or ``cancel``.

    - ``requested``: to be decided now. ``granted``: what the app has already. ``cannot``: the other
      permissions, by API. The template sorts each.
    - ``broad``: the app asks for so much that only permissions of low risk are ticked.
    - ``ends``: when access ends by itself. ``once``: the app asks for a single use.
    - ``switch``: the form to continue with another account. ``apps``: the path of connected apps.
    - ``changed``: the app's document differs from the one that the user allowed.
    - ``limits``: of requested permissions that can be limited. ``lasting``: the ends that the user
      can choose, "" for the app's own; empty if they can't.
    - ``parts``: the parts of a key that will be split, ``threshold`` of which together give access;
      empty for other keys.
    - ``typed``: what the form contained the last time, if ``wrong`` is a field that is invalid.
    """

    template: ClassVar = "consent.html"

    form: PageForm
    account: Account
    app: App
    destination: Destination
    requested: tuple[PermissionItem, ...]
    cannot: tuple[LockedGroup, ...]
    apps: str
    granted: tuple[PermissionItem, ...] = ()
    cause: Why = "permissions"
    broad: bool = False
    switch: PageForm | None = None
    ends: int | None = None
    changed: bool = False
    limits: tuple[Limit, ...] = ()
    lasting: tuple[str, ...] = ()
    once: bool = False
    parts: tuple[KeyPart, ...] = ()
    threshold: int = 1
    typed: Mapping[str, str] = {}
    wrong: Wrong | None = None


def page(
    frame: Frame,
    decision: Consent,
    *,
    form: PageForm,
    switch: PageForm | None,
    language: str,
    context: Context,
) -> ConsentView:
    """The page for a decision. `form` posts the answer, `switch` leads to another account."""
    now = context.env.now
    return ConsentView(
        site=frame.site,
        form=form,
        account=frame.account(decision.user),
        app=presenters.app(decision.client, decision.client.id),
        destination=presenters.destination(decision.reply_to.uri),
        cause=decision.why,
        broad=decision.broad,
        requested=tuple(presenters.requested(row, language) for row in decision.new),
        granted=tuple(
            presenters.can(permission, language) for permission in decision.already_granted
        ),
        cannot=presenters.cannot(decision.cannot, context.installation.offer, language),
        apps=APPS,
        switch=switch,
        changed=decision.why == "changed",
        limits=limitable(decision, language),
        lasting=() if decision.already_granted or not decision.new else lasting(decision),
        once=decision.once and not decision.already_granted,
        parts=presenters.parts_to_be(decision.tier),
        threshold=decision.tier.threshold if decision.tier else 1,
        ends=decision.ends
        or (now + decision.lasts if decision.lasts and not decision.already_granted else None),
    )


def as_typed(view: ConsentView, form: forms.Form, wrong: WrongField) -> ConsentView:
    """The page with the boxes and limits that the user entered, and the invalid field."""
    ticked = frozenset(form.all("permission"))
    return replace(
        view,
        requested=tuple(
            replace(one, ticked=one.id in ticked, answer=PriorAnswer.OPEN) for one in view.requested
        ),
        typed=dict(form),
        wrong=Wrong(field=wrong.field, flaw=wrong.flaw, most=wrong.most),
    )


def read_answer(form: forms.Form, permissions: Mapping[str, Permission]) -> Allow | Cancel:
    """The answer that the form posts. Raises InvalidRequest for another action, and for limits that
    are invalid."""
    match form.get("action"):
        case "allow":
            return Allow(
                form.all("permission"),
                form.get("seen", ""),
                limits=read_limits(form, permissions),
                language=form.get("language", ""),
            )
        case "cancel":
            return Cancel()
        case _:
            raise InvalidRequest("the form says neither yes nor no")
