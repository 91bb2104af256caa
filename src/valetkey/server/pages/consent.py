"""The consent page: what it is filled with, and what its form says.

A page that asks for a yes in another way, such as for a device, is filled and read here too. What a
part of the page shows is a file of `templates/consent/`.
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

    What is posted has the ``action`` ``allow`` or ``cancel``. ``asked`` is what is to be decided
    now, ``kept`` what the app holds already and keeps, ``cannot`` all the rest by API; the page
    puts each in order itself. ``broad``: the app asks for so much that nothing risky is ticked.
    ``ends`` is when the key stops by itself. ``switch`` is posted to go on as somebody else, and
    ``apps`` is the address of the connected apps. ``changed``: the app describes itself, and does
    so otherwise than when it was allowed. ``limits`` are of what is asked and can be limited, and
    ``lasting`` are the ends that the user can choose ("" is the app's own, or none), empty where
    they are not asked until when; ``once``: the app asks for just once. ``parts`` are those in
    which the key will be held, of which ``threshold`` open it; none, for an ordinary one. ``typed``
    is what the form said the last time, where ``wrong`` is a field of it that made no sense.
    """

    template: ClassVar = "consent.html"

    form: PageForm
    account: Account
    app: App
    destination: Destination
    asked: tuple[PermissionItem, ...]
    cannot: tuple[LockedGroup, ...]
    apps: str
    kept: tuple[PermissionItem, ...] = ()
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
    asked: Consent,
    *,
    form: PageForm,
    switch: PageForm | None,
    language: str,
    context: Context,
) -> ConsentView:
    """The page for what is asked. `form` takes the answer, `switch` leads to another account."""
    now = context.env.now
    return ConsentView(
        site=frame.site,
        form=form,
        account=frame.account(asked.user),
        app=presenters.app(asked.client, asked.client.id),
        destination=presenters.destination(asked.reply_to.uri),
        cause=asked.why,
        broad=asked.broad,
        asked=tuple(presenters.asked(row, language) for row in asked.new),
        kept=tuple(presenters.can(permission, language) for permission in asked.already_granted),
        cannot=presenters.cannot(asked.cannot, context.installation.offer, language),
        apps=APPS,
        switch=switch,
        changed=asked.why == "changed",
        limits=consent_limits.offered(asked, language),
        lasting=() if asked.already_granted or not asked.new else consent_limits.lasting(asked),
        once=asked.once and not asked.already_granted,
        parts=presenters.parts_to_be(asked.tier),
        threshold=asked.tier.threshold if asked.tier else 1,
        ends=asked.ends
        or (now + asked.lasts if asked.lasts and not asked.already_granted else None),
    )


def as_typed(view: ConsentView, form: forms.Form, wrong: WrongField) -> ConsentView:
    """The page again: its boxes and its limits as they were left, and the field that is wrong."""
    ticked = frozenset(form.all("permission"))
    return replace(
        view,
        asked=tuple(
            replace(one, ticked=one.id in ticked, answer=PriorAnswer.OPEN) for one in view.asked
        ),
        typed=dict(form),
        wrong=Wrong(field=wrong.field, flaw=wrong.flaw, most=wrong.most),
    )


def said(form: forms.Form, permissions: Mapping[str, Permission]) -> Allow | Cancel:
    """The user's answer, about some of these permissions. Raises InvalidRequest for a form that
    says neither yes nor no, or sets limits without sense."""
    match form.get("action"):
        case "allow":
            return Allow(
                form.all("permission"),
                form.get("seen", ""),
                limits=consent_limits.wished(form, permissions),
                language=form.get("language", ""),
            )
        case "cancel":
            return Cancel()
        case _:
            raise InvalidRequest("the form says neither yes nor no")
