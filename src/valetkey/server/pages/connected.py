"""The data of one app's page. Each part of the page has a file in `templates/app/`."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from msgspec.structs import replace

from valetkey.server.model.event import Event
from valetkey.server.model.organization import Organization
from valetkey.server.model.receipt import Receipt
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.connections import UNUSED, Connection
from valetkey.server.oauth.grants.delegates import Branch
from valetkey.server.pages import presenters
from valetkey.server.pages.components import (
    AccessStatus,
    Account,
    App,
    DelegateItem,
    DeviceItem,
    HistoryEntry,
    LockedGroup,
    PageForm,
    PermissionItem,
    ReceiptItem,
    Section,
    Success,
    View,
)
from valetkey.server.pages.frame import APPS, Frame
from valetkey.wire import redirect


class AppView(View, frozen=True, kw_only=True):
    """One app's access. All forms post to ``form`` and differ in ``action``: ``save`` with the
    ticked ``permission`` values, ``give`` with the ticked ``more``, ``pause``, ``resume``, ``stop``
    (which leads to a page that asks for confirmation), ``stop-device`` with ``device``, ``cut`` and
    ``readmit`` with ``hand``. ``branches`` are the app's delegates. ``permissions`` is what the app
    has, ``more`` what the user can add, ``cannot`` the rest by API. ``back`` is the path of the
    list, ``begins`` an address that starts the app. ``history`` and ``receipts`` are newest first.
    ``withheld`` are words for what the user allowed too, and their ``organizations``, by name,
    don't. ``unused``: the app hasn't used its access for long. ``paused``: the user has paused it,
    whatever ``status`` is."""

    template: ClassVar = "connected_app.html"
    section: ClassVar = Section.APPS

    account: Account
    app: App
    form: PageForm
    permissions: tuple[PermissionItem, ...]
    cannot: tuple[LockedGroup, ...]
    status: AccessStatus
    since: int
    last_used: int | None
    devices: tuple[DeviceItem, ...]
    history: tuple[HistoryEntry, ...]
    back: str
    now: int
    more: tuple[PermissionItem, ...] = ()
    withheld: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    branches: tuple[DelegateItem, ...] = ()
    receipts: tuple[ReceiptItem, ...] = ()
    where: str = ""
    signs_in_only: bool = False
    unused: bool = False
    paused: bool = False
    ends: int | None = None
    begins: str | None = None
    success: Success = Success.NOTHING


def page(
    frame: Frame,
    person: Person,
    one: Connection,
    *,
    form: PageForm,
    history: Iterable[Event],
    receipts: Iterable[Receipt],
    branches: Iterable[Branch],
    organizations: Iterable[Organization],
    success: Success,
    language: str,
    context: Context,
) -> AppView:
    """The page of one app. `history` and `receipts` are newest first; `organizations` are those
    that withhold something."""
    offer = context.installation.offer
    entries = (presenters.entry(event, offer, language=language) for event in history)
    return AppView(
        site=frame.site,
        account=frame.account(person.user),
        app=presenters.app(one.client, one.grant.client),
        form=form,
        permissions=tuple(_permissions(one, language, context)),
        withheld=presenters.titles(offer.ordered(one.grant.withheld), offer, language),
        organizations=tuple(its.name for its in organizations),
        more=presenters.more(one, offer, language=language),
        cannot=presenters.cannot(offer.cannot(one.grant.permissions), offer, language),
        status=presenters.status(one, context.env.now),
        paused=one.grant.status == "paused",
        ends=one.grant.limits.until or None,
        since=one.grant.created,
        last_used=one.used or None,
        where=one.where,
        signs_in_only=one.signs_in_only,
        unused=one.is_unused(context.env.now),
        receipts=tuple(map(presenters.receipt, receipts)),
        devices=tuple(map(presenters.device, one.alike_devices)),
        branches=tuple(presenters.branch(each, offer, language=language) for each in branches),
        history=tuple(entry for entry in entries if entry is not None),
        back=APPS,
        begins=_begins(one, context),
        now=context.env.now,
        success=success,
    )


def _begins(one: Connection, context: Context) -> str | None:
    """The address that starts the app, with this server's issuer (OpenID Connect Core 4)."""
    if one.client is None or not one.client.initiate_login_uri:
        return None
    return redirect.with_parameters(
        one.client.initiate_login_uri, {"iss": context.installation.issuer}
    )


def _permissions(one: Connection, language: str, context: Context) -> Iterator[PermissionItem]:
    """What the app has, with the day of last use if its APIs report it."""
    opened = one.opened
    since = max(one.grant.changed, one.grant.created)
    for item in presenters.granted(
        one.grant, one.client, context.installation.offer, language=language
    ):
        used = opened.get(item.id, 0)
        tells = bool(opened) and item.kind in _USED
        idle = tells and context.env.now - max(used, since) >= UNUSED
        yield replace(item, used=used or None, idle=idle)


_USED: Final = ("view", "act")
"""What APIs tell of. That a user was recognised is no use of anything of theirs."""
