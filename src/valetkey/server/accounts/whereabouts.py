"""Where a user is who signs in, and what is new about it: the browser, or the country.

An account remembers the countries of its sign-ins, as browsers remember their accounts (see
`http.cookies`). A sign-in from another one is a sign of risk: its user is told, and a trusted
device asks for the second factor after all where the operator wants that.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from valetkey.server.accounts.notices import NOBODY, NoticeTargets, tell
from valetkey.server.model.change import Change, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User

REMEMBERED: Final = 365 * 86400
"""Seconds for which an account remembers a country, and the last one for longer."""

MOST: Final = 10
"""Countries that an account remembers: the last ones."""

STEP: Final = 86400
"""Seconds after which the time of a country is written again."""

NEW_ACCOUNT: Final = 600
"""Seconds after the creation of an account in which no browser is new to it."""


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a user is: the browser and the coarse network, as in `Session`, and the country, as in
    `User.countries`, "" if unknown. `is_known`: someone has signed in to the account in this
    browser before."""

    device: str = ""
    network: str = ""
    country: str = ""
    is_known: bool = True


NOWHERE: Final = Whereabouts()


def is_new_country(user: User, country: str) -> bool:
    """Whether nobody has signed in to the account from this country lately, but from others."""
    return bool(country) and bool(user.countries) and country not in user.countries


def remember_country(user: str, country: str, now: int) -> Rule[tuple[Change, ...]]:
    """The changes after a sign-in to the account of this id; () if there is nothing to write."""
    if not country:
        return ()
    query = One(User, user)
    row = (yield (query,)).one(query)
    if row is None or now - row.countries.get(country, 0) < STEP:
        return ()
    return (Update(msgspec.structs.replace(row, countries=_with(row.countries, country, now))),)


def _with(countries: Mapping[str, int], country: str, now: int) -> dict[str, int]:
    others = [
        (one, at) for one, at in countries.items() if one != country and now - at < REMEMBERED
    ]
    others.sort(key=lambda pair: -pair[1])
    return {country: now, **dict(others[: MOST - 1])}


def announce_sign_in(
    user: User, where: Whereabouts, *, env: Env, to: NoticeTargets = NOBODY
) -> tuple[Change, ...]:
    """The notice of a sign-in from a browser, or else from a country, that is new to the
    account."""
    facts = {"address": where.network, "device": where.device, "country": where.country}
    is_new_browser = not where.is_known and env.now - user.created >= NEW_ACCOUNT
    if is_new_browser and to.tells("new_device"):
        return tell("new_device", user=user.id, env=env, to=to, facts=facts)
    if is_new_country(user, where.country):
        return tell("new_country", user=user.id, env=env, to=to, facts=facts)
    return ()
