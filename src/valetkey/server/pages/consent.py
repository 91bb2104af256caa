"""The consent page: what it is filled with, and what its form says.

A page that asks for a yes in another way, such as for a device, is filled and read here too. What a
part of the page shows is a file of `templates/consent/`.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from valetkey.server.oauth.authorize.consent import Allow, Cancel
from valetkey.server.oauth.authorize.outcome import Consent
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages import consent_limits, presenters, views
from valetkey.server.pages.components import Answer, Form
from valetkey.server.pages.frame import APPS, Frame
from valetkey.server.pages.limit_fields import Wrong, WrongField
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms
from valetkey.wire.catalog import Permission


def page(
    frame: Frame,
    asked: Consent,
    *,
    form: Form,
    switch: Form | None,
    language: str,
    context: Context,
) -> views.Consent:
    """The page for what is asked. `form` takes the answer, `switch` leads to another account."""
    now = context.env.now
    return views.Consent(
        site=frame.site,
        form=form,
        account=frame.account(asked.user),
        app=presenters.app(asked.client, asked.client.id),
        destination=presenters.destination(asked.reply_to.uri),
        cause=views.Cause(asked.why),
        broad=asked.broad,
        asked=tuple(presenters.asked(row, language) for row in asked.new),
        kept=tuple(presenters.can(permission, language) for permission in asked.kept),
        cannot=presenters.cannot(asked.cannot, context.installation.offer, language),
        apps=APPS,
        switch=switch,
        changed=asked.why == "changed",
        limits=consent_limits.offered(asked, language),
        lasting=() if asked.kept or not asked.new else consent_limits.lasting(asked),
        once=asked.once and not asked.kept,
        parts=presenters.parts_to_be(asked.tier),
        threshold=asked.tier.threshold if asked.tier else 1,
        ends=asked.ends or (now + asked.lasts if asked.lasts and not asked.kept else None),
    )


def as_typed(view: views.Consent, form: forms.Form, wrong: WrongField) -> views.Consent:
    """The page again: its boxes and its limits as they were left, and the field that is wrong."""
    ticked = frozenset(form.all("permission"))
    return replace(
        view,
        asked=tuple(
            replace(one, ticked=one.id in ticked, answer=Answer.OPEN) for one in view.asked
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
