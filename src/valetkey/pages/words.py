"""From records to what the views show: apps, permissions, devices, history."""

from typing import Final

from valetkey.model.client import Client
from valetkey.model.event import By, Event, Kind
from valetkey.model.grant import Grant, TokenFamily
from valetkey.oauth.authorize.outcome import Row
from valetkey.oauth.offer import Offer
from valetkey.pages import pieces
from valetkey.pages.pieces import (
    Actor,
    Answer,
    App,
    Deed,
    Destination,
    Device,
    Entry,
    Need,
    Reach,
    Risk,
    Status,
    Trust,
)
from valetkey.pages.pieces import Permission as Shown
from valetkey.pages.text import plain
from valetkey.wire import redirect
from valetkey.wire.catalog import Permission

_NAME: Final = 60
_REASON: Final = 200

_KINDS: Final = {
    "identity": pieces.Kind.IDENTITY,
    "view": pieces.Kind.VIEW,
    "act": pieces.Kind.ACT,
    "stay": pieces.Kind.STAY,
}


def app(client: Client | None, client_id: str) -> App:
    """The app; by its id alone where it was removed meanwhile."""
    if client is None:
        return App(client_id=client_id, name=client_id, trust=Trust.UNVERIFIED)
    return App(
        client_id=client.id,
        name=plain(client.name, _NAME) or client.id,
        trust=Trust.VERIFIED if client.verified else Trust.UNVERIFIED,
        host=redirect.host(client.uri) if client.uri else "",
    )


def can(permission: Permission, *, need: Need = Need.OPTIONAL) -> Shown:
    """A permission that the app has."""
    return _shown(permission, permission.can, need=need, answer=Answer.ALLOWED)


def cannot(permission: Permission) -> Shown:
    """A permission that the app does not have."""
    return _shown(permission, permission.cannot or permission.can)


def asked(row: Row) -> Shown:
    """A permission that is to be decided now."""
    return _shown(
        row.permission,
        row.permission.can,
        need=Need.REQUIRED if row.required else Need.OPTIONAL,
        answer=Answer.REFUSED if row.refused else Answer.OPEN,
        reason=plain(row.reason, _REASON),
    )


def _shown(
    permission: Permission,
    words: str,
    *,
    need: Need = Need.OPTIONAL,
    answer: Answer = Answer.OPEN,
    reason: str = "",
) -> Shown:
    return Shown(
        id=permission.id,
        title=_title(words),
        kind=_KINDS[permission.group],
        risk=Risk(permission.risk),
        need=need,
        answer=answer,
        reason=reason,
    )


def _title(words: str) -> str:
    return words[:1].upper() + words[1:]


def granted(grant: Grant, client: Client | None, offer: Offer) -> tuple[Shown, ...]:
    """What the grant allows, in catalog order."""
    required = () if client is None else client.required
    return tuple(
        can(
            offer.permissions[one],
            need=Need.REQUIRED if one in required or one == "openid" else Need.OPTIONAL,
        )
        for one in offer.ordered(grant.permissions)
    )


def status(grant: Grant) -> Status:
    """Whether the key works now."""
    return Status.PAUSED if grant.status == "paused" else Status.ACTIVE


def device(family: TokenFamily) -> Device:
    """One device of an app."""
    return Device(
        id=family.id, name=family.device, since=family.created, last_used=family.used or None
    )


def destination(uri: str) -> Destination:
    """Where the browser goes afterwards."""
    if not uri:
        return Destination(reach=Reach.ELSEWHERE)
    if redirect.is_loopback(uri):
        return Destination(reach=Reach.DEVICE)
    if uri.startswith("https:"):
        return Destination(reach=Reach.WEB, place=redirect.host(uri))
    return Destination(reach=Reach.SCHEME, place=uri.partition(":")[0])


_DEEDS: Final[dict[Kind, Deed]] = {
    "granted": Deed.ALLOWED,
    "upgraded": Deed.ADDED,
    "downgraded": Deed.REMOVED,
    "paused": Deed.PAUSED,
    "resumed": Deed.RESUMED,
    "stopped": Deed.STOPPED,
    "connected": Deed.DEVICE_ADDED,
    "disconnected": Deed.DEVICE_STOPPED,
    "replayed": Deed.REPLAYED,
    "limited": Deed.LIMITED,
    "approved": Deed.APPROVED,
    "declined": Deed.DECLINED,
}
"""What of a grant's events its user reads; the rest is for the audit."""

_ACTORS: Final[dict[By, Actor]] = {
    "user": Actor.USER,
    "app": Actor.APP,
    "administrator": Actor.OPERATOR,
    "server": Actor.SERVER,
}


def entry(event: Event, offer: Offer) -> Entry | None:
    """One line of a grant's history, or None for an event that is not shown."""
    deed = _DEEDS.get(event.kind)
    if deed is None:
        return None
    named = [_title(offer.permissions[one].can) for one in offer.ordered(event.permissions)]
    subjects = tuple(named) or ((event.note,) if event.note else ())
    return Entry(when=event.at, deed=deed, actor=_ACTORS[event.by], subjects=subjects)
