"""The consent page: its data, and the answer that its form posts.

Requests from another device use the same page. Each part of the page has a file in
`templates/consent/`.
"""

from collections.abc import Mapping
from typing import ClassVar

from msgspec.structs import replace

from valetkey.server.oauth.authorize.consent import Allow, Cancel
from valetkey.server.oauth.authorize.interaction import Why
from valetkey.server.oauth.authorize.outcome import Consent
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages import consent_limits, presenters
from valetkey.server.pages.components import (
    Account,
    App,
    Destination,
    KeyPart,
    LockedGroup,
    PageForm,
    PermissionItem,
    PriorAnswer,
)
from valetkey.server.pages.frame import APPS, Frame
from valetkey.server.pages.limit_fields import Limit, Wrong, WrongField
from valetkey.server.pages.views import View
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms
from valetkey.wire.catalog import Permission


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
        limits=consent_limits.limitable(decision, language),
        lasting=()
        if decision.already_granted or not decision.new
        else consent_limits.lasting(decision),
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
                limits=consent_limits.read_limits(form, permissions),
                language=form.get("language", ""),
            )
        case "cancel":
            return Cancel()
        case _:
            raise InvalidRequest("the form says neither yes nor no")
