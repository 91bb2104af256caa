"""Consent receipts: what the page displayed, and the resulting grant."""

from collections.abc import Iterable, Iterator
from typing import Final

from valetkey.server.model import ids
from valetkey.server.model.grant import Grant
from valetkey.server.model.receipt import Line, Place, Receipt
from valetkey.server.oauth.authorize.outcome import Consent
from valetkey.server.oauth.core.context import Context
from valetkey.wire import redirect
from valetkey.wire.catalog import Permission

LONGEST: Final = 35
"""The most characters of a stored language tag (RFC 5646 4.4.1)."""


def receipt(
    sheet: Consent, grant: Grant, ticked: Iterable[str], *, language: str, context: Context
) -> Receipt:
    """The receipt of a consent that resulted in this grant."""
    offer = context.installation.offer
    lines = tuple(_lines(sheet, grant, frozenset(ticked), language=language))
    shut = [one for one in sheet.cannot if one.whole]
    resources = {offer.resource_of[line.id] for line in lines} | {one.resource for one in shut}
    return Receipt(
        id=ids.owned_id(context.env, owner=grant.user),
        user=grant.user,
        client=grant.client,
        grant=grant.id,
        request=sheet.pending.id,
        at=context.env.now,
        language=language[:LONGEST],
        app=sheet.client.name,
        destination=redirect.host(sheet.reply_to.uri),
        why=sheet.why,
        lines=lines,
        shut=tuple(one.name for one in shut),
        revisions={one: offer.revisions[one] for one in offer.revisions if one in resources},
    )


def _lines(
    sheet: Consent, grant: Grant, ticked: frozenset[str], *, language: str
) -> Iterator[Line]:
    for row in sheet.new:
        name = row.permission.id
        yield Line(
            id=name,
            words=row.permission.words_in(language).can,
            place="asked",
            risk=row.permission.risk,
            required=row.required,
            ticked=name in ticked or row.required,
            granted=name in grant.permissions,
            reason=row.reason,
        )
    for one in sheet.already_granted:
        yield _other(one, one.words_in(language).can, place="kept", granted=True)
    for group in sheet.cannot:
        if not group.whole:
            for one in group.permissions:
                yield _other(one, one.words_in(language).cannot, place="cannot", granted=False)


def _other(one: Permission, words: str, *, place: Place, granted: bool) -> Line:
    return Line(id=one.id, words=words, place=place, risk=one.risk, granted=granted)
