"""The one family that a client without rotation has in a browser: created at the first sign-in, and
renewed in place by later ones. So the database grows with grants, not with sign-ins.

Families differ by what was requested, since a refresh repeats that request. A family's name is
derived from the request, so no index is needed to find it. The names change after half the lifetime
of a refresh token, so a family that is renewed has at least the other half to live.

A code that creates no family is made single-use by a marker, which lives as long as the code.
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
"""The purpose of the single-use values of codes that created no family."""

PERIOD: Final = SIGN_INS
"""Seconds for which a family that can't be refreshed is renewed."""

_STEP: Final = 3600
"""Seconds between two renewals that change only the end."""

_MARGIN: Final = 60
"""Seconds for which a code is remembered after its end: the clocks of two nodes may differ."""


class Renewed(msgspec.Struct, frozen=True, eq=False):
    """The family that a code leads to, and the changes to commit."""

    family: TokenFamily
    changes: tuple[Change, ...]


class Place(msgspec.Struct, frozen=True, eq=False):
    """Where such a family is stored: its name, and `lasts`, its longest life in seconds. `used`
    marks the code as redeemed."""

    name: str
    lasts: int
    used: SingleUse

    @property
    def wants(self) -> tuple[One[SingleUse], One[TokenFamily]]:
        """The queries for the marker of the code and for the family."""
        return One(SingleUse, self.used.key), One(TokenFamily, self.name)

    def is_redeemed(self, results: Results) -> bool:
        """Whether the code was redeemed before."""
        return results.one(self.wants[0]) is not None

    def renewed(
        self, fresh: TokenFamily, root: TokenFamily | None, current: TokenFamily | None, *, now: int
    ) -> Renewed:
        """The family after a sign-in that would have created `fresh`. `root` has the name, and
        `current` is the family that replaced it when it was closed, or else `root` itself."""
        used = Create(self.used)
        if root is None or current is None:
            made = fresh if root else msgspec.structs.replace(fresh, id=self.name)
            return Renewed(made, (Create(made), *_led(root, made), used))
        # Renewing an expired family that can't be refreshed revives no token.
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
            acr=fresh.acr,
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
    """The change that leads from the name to the family that replaces it."""
    if root is None:
        return ()
    return (Update(msgspec.structs.replace(root, replaced_by=to.id)),)


def place(
    code: Code, client: Client, *, refreshable: bool, retention: int, context: Context
) -> Place | None:
    """The place of the family that the code creates or renews; None for a code that creates a
    family of its own. `retention` is how many seconds a family that can't be refreshed is
    stored."""
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
