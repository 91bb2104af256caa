"""Convert the limits of a grant to the fields of its page."""

from collections.abc import Mapping

import msgspec

from valetkey.server.model.leasing import Allowance, PeriodCount
from valetkey.server.model.limits import Bounds
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.limits import LimitableGrant
from valetkey.server.pages import limit_fields
from valetkey.server.pages.limit_fields import PERS, Field, Limit, Used
from valetkey.wire.catalog import Permission


def as_typed(limit: Limit, typed: Mapping[str, str]) -> Limit:
    """The limits of a permission as the user entered them."""

    def field(one: Field) -> Field:
        return msgspec.structs.replace(one, value=typed.get(one.name, ""))

    return msgspec.structs.replace(
        limit,
        often=tuple(map(field, limit.often)),
        much=tuple(map(field, limit.much)),
        ask=None if limit.ask is None else field(limit.ask),
        opens=typed.get("opens", ""),
        closes=typed.get("closes", ""),
        zone=typed.get("zone", limit.zone),
        zone_set=True,
    )


def limits_of(
    state: LimitableGrant, context: Context, *, zone: str, language: str
) -> tuple[Limit, ...]:
    """Each granted permission that can be limited, with its limits and use."""
    permissions = context.installation.offer.permissions
    counted = (one for one in context.installation.offer.ordered(state.grant.permissions))
    return tuple(
        _titled(
            _limit(permissions[one], state, now=context.env.now, zone=zone),
            permissions[one],
            language,
        )
        for one in counted
        if permissions[one].counted
    )


def _titled(limit: Limit, permission: Permission, language: str) -> Limit:
    """The limit with the title in the user's language."""
    words = permission.words_in(language).can
    return msgspec.structs.replace(limit, title=words[:1].upper() + words[1:])


def _limit(permission: Permission, state: LimitableGrant, *, now: int, zone: str) -> Limit:
    one = permission.id
    now_set, proposed = state.grant.limits.of(one), state.proposal.permissions.get(one, Bounds())
    mine = [hours for hours in now_set.hours if hours not in proposed.hours]
    used = state.of(one, now)
    asks = now_set.ask_above
    top = proposed.ask_above
    return Limit(
        id=one,
        title=permission.can[:1].upper() + permission.can[1:],
        often=tuple(
            Field(
                name=f"often-{per}",
                per=per,
                value=_text(now_set.often.get(per)),
                most=_text(proposed.often.get(per)),
            )
            for per in PERS
        ),
        much=_amounts(permission, now_set, proposed),
        ask=Field(
            name="ask",
            per="",
            value="" if asks is None else limit_fields.written(asks, permission),
            most="" if top is None else limit_fields.written(top, permission),
        )
        if permission.unit
        else None,
        unit=permission.unit,
        step=limit_fields.written(1, permission),
        opens=mine[0].opens if mine else "",
        closes=mine[0].closes if mine else "",
        zone=mine[0].zone if mine else zone,
        zone_set=bool(mine),
        used=(*_used_often(used, now_set), *_used_much(used, now_set, permission)),
    )


def _amounts(permission: Permission, now_set: Bounds, proposed: Bounds) -> tuple[Field, ...]:
    if not permission.unit:
        return ()

    def text(most: int | None) -> str:
        return "" if most is None else limit_fields.written(most, permission)

    return tuple(
        Field(
            name=f"much-{per}",
            per=per,
            value=text(now_set.much.get(per)),
            most=text(proposed.much.get(per)),
        )
        for per in PERS
    )


def _used_often(used: Allowance, now_set: Bounds) -> list[Used]:
    return [
        Used(per=per, used=str(count.used), most=str(now_set.often[per]), until=_until(count))
        for per, count in used.often.items()
    ]


def _used_much(used: Allowance, now_set: Bounds, permission: Permission) -> list[Used]:
    return [
        Used(
            per=per,
            used=limit_fields.written(count.used, permission),
            most=limit_fields.with_unit(now_set.much[per], permission),
            until=_until(count),
        )
        for per, count in used.much.items()
    ]


def _until(count: PeriodCount) -> int | None:
    return count.end or None


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
