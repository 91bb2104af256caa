"""Convert records to parts of views: apps, permissions, devices, history."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, Kind
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.limits import expired
from valetkey.server.model.receipt import Place, Receipt
from valetkey.server.oauth.authorize.outcome import Row
from valetkey.server.oauth.core.offer import Locked, Offer
from valetkey.server.oauth.grants.connections import Connection
from valetkey.server.oauth.grants.delegates import CLIENT, Branch
from valetkey.server.oauth.shards.response import path
from valetkey.server.pages import components, logos
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import (
    AccessStatus,
    App,
    Destination,
    DeviceItem,
    HistoryEntry,
    KeyPart,
    Need,
    PermissionItem,
    PriorAnswer,
    Reach,
    Trust,
)
from valetkey.wire import redirect
from valetkey.wire.catalog import Permission
from valetkey.wire.key_shards import Tier
from valetkey.wire.lease import DAY

_NAME: Final = 60
_REASON: Final = 200


def app(client: Client | None, client_id: str) -> App:
    """The app, by its id only if it was removed."""
    if client is None:
        return App(client_id=client_id, name=client_id, trust=Trust.UNVERIFIED)
    return App(
        client_id=client.id,
        name=plain(client.name, _NAME) or client.id,
        trust=Trust.VERIFIED if client.verified else Trust.UNVERIFIED,
        host=redirect.host(client.uri) if client.uri else "",
        logo=logos.address(client),
        privacy=client.policy_uri or None,
        terms=client.tos_uri or None,
        why_suspended=client.suspension.reason if client.suspension else "",
    )


def can(permission: Permission, language: str, *, need: Need = Need.OPTIONAL) -> PermissionItem:
    """A permission that the app has."""
    words = permission.words_in(language).can
    return _item(permission, words, need=need, answer=PriorAnswer.ALLOWED)


def cannot(
    groups: Iterable[Locked], offer: Offer, language: str
) -> tuple[components.LockedGroup, ...]:
    """What the app cannot do, by API."""
    return tuple(
        components.LockedGroup(
            name="" if one.resource == offer.issuer else plain(one.name, _NAME),
            permissions=tuple(
                _item(each, each.words_in(language).cannot) for each in one.permissions
            ),
            whole=one.whole,
        )
        for one in groups
    )


def requested(row: Row, language: str) -> PermissionItem:
    """A permission that the user decides about now."""
    item = _item(
        row.permission,
        row.permission.words_in(language).can,
        need=Need.REQUIRED if row.required else Need.OPTIONAL,
        answer=PriorAnswer.REFUSED if row.refused else PriorAnswer.OPEN,
        reason=plain(row.reason, _REASON),
    )
    brings = tuple(one.words_in(language).can for one in row.implied)
    return replace(item, ticked=row.ticked, brings=brings)


def requestable(permission: Permission, reason: str, language: str) -> PermissionItem:
    """A permission that an app may ask for, and why, in the app's words."""
    words = permission.words_in(language).can
    return _item(permission, words, reason=plain(reason, _REASON))


def _item(
    permission: Permission,
    words: str,
    *,
    need: Need = Need.OPTIONAL,
    answer: PriorAnswer = PriorAnswer.OPEN,
    reason: str = "",
) -> PermissionItem:
    return PermissionItem(
        id=permission.id,
        title=_title(words),
        kind=permission.group,
        risk=permission.risk,
        need=need,
        answer=answer,
        reason=reason,
    )


def _title(words: str) -> str:
    return words[:1].upper() + words[1:]


def granted(
    grant: Grant, client: Client | None, offer: Offer, *, language: str
) -> tuple[PermissionItem, ...]:
    """What the grant allows, in catalog order."""
    must = offer.with_implied(() if client is None else client.required) | {"openid"}
    granted_now = {one: offer.permissions[one] for one in offer.ordered(grant.permissions)}
    return tuple(
        replace(
            can(permission, language, need=Need.REQUIRED if one in must else Need.OPTIONAL),
            brings=_brings(one, offer, language),
        )
        for one, permission in granted_now.items()
    )


def _brings(name: str, offer: Offer, language: str) -> tuple[str, ...]:
    others = offer.ordered(offer.with_implied((name,)) - {name})
    return tuple(offer.permissions[one].words_in(language).can for one in others)


def status(one: Connection, now: int) -> AccessStatus:
    """Whether access works now."""
    grant, client = one.grant, one.client
    if client is None or expired(grant.limits, now):
        return AccessStatus.OVER
    if client.status != "active":
        return AccessStatus.SUSPENDED
    return AccessStatus.PAUSED if grant.status == "paused" else AccessStatus.ACTIVE


def device(families: Sequence[TokenFamily]) -> DeviceItem:
    """One device of an app: families with the same name, the last used one first."""
    family = families[0]
    return DeviceItem(
        id=family.id,
        name=family.device,
        count=len(families),
        since=min(one.created for one in families),
        last_used=family.used or None,
        parts=parts(family),
        threshold=family.shards.threshold if family.shards else 1,
        see_parts=path(family) if family.shards is not None else "",
        suspended=family.status == "suspended",
    )


def parts(family: TokenFamily) -> tuple[KeyPart, ...]:
    """The parts of a split key, the device's first; empty for other keys."""
    shards = family.shards
    if shards is None:
        return ()
    return tuple(
        KeyPart(
            holder=one.holder,
            set_up=one.is_claimed,
            spent=one.is_spent,
            last_seen=one.used or None,
            alarm=family.status == "suspended" and one.holder == shards.alarm,
        )
        for one in shards.of
    )


def parts_to_be(tier: Tier | None) -> tuple[KeyPart, ...]:
    """The parts of a key that will be split, as they will be."""
    holders = () if tier is None else tier.holders
    return tuple(KeyPart(holder=one, set_up=True) for one in holders)


def branch(
    one: Branch, offer: Offer, *, language: str, over: bool = False
) -> components.DelegateItem:
    """A delegate, and those below it. `over`: the user has revoked one above it."""
    delegate = one.delegate
    registered = delegate.name.startswith(CLIENT)
    return components.DelegateItem(
        id=delegate.name,
        app=app(one.client, delegate.name.removeprefix(CLIENT)) if registered else None,
        can=titles(offer.ordered(delegate.permissions), offer, language),
        since=delegate.first,
        last=delegate.last * DAY,
        cut=one.revoked,
        over=over,
        below=tuple(
            branch(each, offer, language=language, over=over or one.revoked) for each in one.below
        ),
    )


def destination(uri: str) -> Destination:
    """Where the browser goes afterwards."""
    if not uri:
        return Destination(reach=Reach.OTHER_DEVICE)
    if redirect.is_loopback(uri):
        return Destination(reach=Reach.DEVICE)
    if uri.startswith("https:"):
        return Destination(reach=Reach.WEB, place=redirect.host(uri))
    return Destination(reach=Reach.SCHEME, place=uri.partition(":")[0])


HISTORY: Final[frozenset[Kind]] = frozenset(
    [
        "granted",
        "upgraded",
        "downgraded",
        "paused",
        "resumed",
        "stopped",
        "connected",
        "disconnected",
        "replayed",
        "limited",
        "approved",
        "declined",
        "suspended",
        "reissued",
        "claimed",
        "cut",
        "readmitted",
    ]
)
"""Events in the history that users read. The others are for the audit."""


def entry(event: Event, offer: Offer, *, language: str) -> HistoryEntry | None:
    """One line of a grant's history, or None for an event that users don't see."""
    if event.kind not in HISTORY:
        return None
    named = titles(offer.ordered(event.permissions), offer, language)
    subjects = named or ((event.note,) if event.note else ())
    return HistoryEntry(
        when=event.at,
        kind=event.kind,
        by=event.by,
        subjects=subjects,
        reason=plain(event.reason, _REASON),
        count=event.count,
    )


def titles(names: Iterable[str], offer: Offer, language: str) -> tuple[str, ...]:
    """The permissions in the words of their catalogs."""
    return tuple(_title(offer.permissions[one].words_in(language).can) for one in names)


def row(
    one: Connection, offer: Offer, *, language: str, now: int, href: str
) -> components.ConnectionItem:
    """One row of the list."""
    return components.ConnectionItem(
        app=app(one.client, one.grant.client),
        permissions=granted(one.grant, one.client, offer, language=language),
        status=status(one, now),
        since=one.grant.created,
        last_used=one.used or None,
        href=href,
        where=one.where,
        signs_in_only=one.signs_in_only,
        unused=one.is_unused(now),
    )


def more(one: Connection, offer: Offer, *, language: str) -> tuple[PermissionItem, ...]:
    """What the app is registered for and doesn't have. The user can add it, unless an organization
    withholds it."""
    if one.client is None or one.client.status != "active":
        return ()
    there = frozenset((*one.grant.permissions, *one.grant.withheld))
    return tuple(
        replace(
            _item(
                offer.permissions[name],
                offer.permissions[name].words_in(language).can,
                answer=PriorAnswer.REFUSED if name in one.grant.refused else PriorAnswer.OPEN,
                reason=plain(one.client.reasons.get(name, ""), _REASON),
            ),
            brings=_brings(name, offer, language),
            ticked=False,
        )
        for name in offer.expand_known(one.client.scope)
        if name not in there
    )


def receipt(stored: Receipt) -> components.ReceiptItem:
    """What the consent page displayed, in the words of that day."""
    return components.ReceiptItem(
        when=stored.at,
        language=stored.language,
        place=plain(stored.destination, _NAME),
        requested=tuple(
            components.ReceiptLine(
                words=_title(plain(one.words, _REASON)),
                ticked=one.ticked,
                allowed=one.granted,
                required=one.required,
                reason=plain(one.reason, _REASON),
            )
            for one in stored.lines
            if one.place == "asked"
        ),
        already=_words(stored, "kept"),
        cannot=_words(stored, "cannot"),
        shut=tuple(plain(one, _NAME) for one in stored.shut),
    )


def _words(stored: Receipt, place: Place) -> tuple[str, ...]:
    return tuple(_title(plain(one.words, _REASON)) for one in stored.lines if one.place == place)
