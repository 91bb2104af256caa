"""Limits on the consent page: one number for each permission and kind."""

from collections.abc import Mapping
from typing import Final

from valetkey.server.model.limits import LONGEST, Bounds, Proposal
from valetkey.server.oauth.authorize.outcome import Consent
from valetkey.server.pages import presenters
from valetkey.server.pages.limit_fields import (
    LASTS,
    PERS,
    Field,
    Limit,
    WrongField,
    read_bounds,
    with_unit,
    written,
)
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission

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
