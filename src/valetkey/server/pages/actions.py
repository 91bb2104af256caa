"""What each button on an app's page does."""

from collections.abc import Callable
from typing import Final, TypeAlias

from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import (
    GrantOutcome,
    StatusChange,
    change_status,
    disconnect_all,
    narrow,
    widen,
)
from valetkey.server.oauth.grants.connections import Connection
from valetkey.server.pages.components import Success
from valetkey.wire import form as forms

Action: TypeAlias = Callable[[Connection, forms.Form, Context], Rule[GrantOutcome]]


def _narrow(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    """Keep the ticked permissions, and those that the app requires."""
    required = context.installation.offer.with_implied(
        () if one.client is None else one.client.required
    )
    keep = (*form.all("permission"), *required, "openid")
    return narrow(one.grant.id, keep, user=one.grant.user, by="user", context=context)


def turn_by_user(one: Connection, how: StatusChange, context: Context) -> Rule[GrantOutcome]:
    """Pause, resume or stop the grant as its user."""
    return change_status(one.grant.id, how, user=one.grant.user, by="user", context=context)


def _widen(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    """Add the ticked permissions, and those that they imply."""
    more = form.all("more")
    return widen(one.grant.id, more, user=one.grant.user, by="user", context=context)


def _disconnect(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    names = one.alike(form.need("device"))
    return disconnect_all(names, user=one.grant.user, by="user", context=context)


def _cut(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    return delegates.revoke(
        one.grant.id, form.need("hand"), user=one.grant.user, by="user", context=context
    )


def _readmit(one: Connection, form: forms.Form, context: Context) -> Rule[GrantOutcome]:
    return delegates.readmit(
        one.grant.id, form.need("hand"), user=one.grant.user, by="user", context=context
    )


ACTIONS: Final[dict[str, tuple[Action, Success]]] = {
    "save": (_narrow, Success.SAVED),
    "give": (_widen, Success.ALLOWED),
    "pause": (lambda one, form, context: turn_by_user(one, "pause", context), Success.PAUSED),
    "resume": (lambda one, form, context: turn_by_user(one, "resume", context), Success.RESUMED),
    "stop-device": (_disconnect, Success.DEVICE_STOPPED),
    "cut": (_cut, Success.CUT),
    "readmit": (_readmit, Success.READMITTED),
}
"""What the buttons of an app's page do, and what is said of it afterwards."""
