"""The one family that a client which does not rotate has in a browser: made at the first sign-in,
renewed in place by each later one. So the database grows with grants, not with sign-ins.

Families are told apart by what is asked for, since a refresh token brings back what was asked for
with it. Their names follow from that, so that they are found without an index. After half the time
for which a refresh token may live the names are others: a family that is renewed has the other half
before it.

A code that makes no family is single use by a marker, which lives as long as the code.
"""

from typing import Final

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One, Results
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.issue.status import SIGN_INS
from valetkey.server.oauth.tokens.code import Code

REDEEMED: Final = "authorization code"
"""The purpose under which codes are remembered that made no family."""

PERIOD: Final = SIGN_INS
"""Seconds for which a family is renewed that cannot be refreshed."""

_STEP: Final = 3600
"""Seconds between two renewals that change nothing but the end."""

_MARGIN: Final = 60
"""Seconds for which a code is remembered after its end: the clocks of two nodes may differ."""


class Renewed(msgspec.Struct, frozen=True, eq=False):
    """The family that a code comes to, and what is to be written."""

    family: TokenFamily
    changes: tuple[Change, ...]


class Place(msgspec.Struct, frozen=True, eq=False):
    """Where such a family is: by this name, for `lasts` seconds at the longest. `used` remembers
    that the code was redeemed."""

    name: str
    lasts: int
    used: SingleUse

    @property
    def wants(self) -> tuple[One[SingleUse], One[TokenFamily]]:
        """What tells how it stands."""
        return One(SingleUse, self.used.key), One(TokenFamily, self.name)

    def is_redeemed(self, results: Results) -> bool:
        """Whether the code was."""
        return results.one(self.wants[0]) is not None

    def renewed(
        self, fresh: TokenFamily, root: TokenFamily | None, current: TokenFamily | None, *, now: int
    ) -> Renewed:
        """The family after a sign-in that would have made `fresh`. `root` has the name, and `current`
        is the one that has taken its place since it was closed, or else the same."""
        used = Create(self.used)
        if root is None or current is None:
            made = fresh if root else msgspec.structs.replace(fresh, id=self.name)
            return Renewed(made, (Create(made), *_led(root, made), used))
        # What cannot be refreshed has nothing that could come back with it.
        ends = current.expires if current.refreshable else current.created + self.lasts
        over = current.status != "open" or now >= ends
        if over or (current.refreshable, current.instance) != (fresh.refreshable, fresh.instance):
            return Renewed(fresh, (Create(fresh), *_led(root, fresh), used))
        after = msgspec.structs.replace(
            current,
            permissions=fresh.permissions,
            session=fresh.session,
            auth_time=fresh.auth_time,
            amr=fresh.amr,
            device=fresh.device,
        )
        if after == current and now < current.used + min(
            _STEP, (current.expires - current.used) // 10
        ):
            return Renewed(current, (used,))
        ends = min(fresh.expires, current.created + self.lasts)
        after = msgspec.structs.replace(after, used=now, rotated=now, expires=ends)
        return Renewed(after, (Update(after), used))


def _led(root: TokenFamily | None, to: TokenFamily) -> tuple[Change, ...]:
    """What leads from the name to the family that takes its place."""
    if root is None:
        return ()
    return (Update(msgspec.structs.replace(root, replaced_by=to.id)),)


def place(
    code: Code, client: Client, *, refreshable: bool, retention: int, context: Context
) -> Place | None:
    """That of the family which the code makes or renews; None for a code that makes its own. `kept`
    is for how many seconds one is kept that cannot be refreshed."""
    if not code.browser:
        return None
    period, lasts = PERIOD, PERIOD + retention
    if refreshable:
        policy = context.installation.all_policies[client.policy]
        lasts = policy.refresh_token or context.installation.lifetimes.refresh_token
        period = max(1, lasts // 2)
    number = (context.env.now - ids.created_at(code.grant)) // period
    asked = (code.scope, code.resources, code.details, code.userinfo_claims, code.id_token_claims)
    parts = (code.browser, code.instance, str(refreshable), str(number), *map(" ".join, asked))
    used = SingleUse(purpose=REDEEMED, value=code.family, expires=code.expires + _MARGIN)
    return Place(ids.derived_id(code.grant, code.grant, *parts), lasts, used)
