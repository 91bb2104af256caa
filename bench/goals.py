"""What is aimed at, side by side in one run: ours durable, node-oidc-provider in memory."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

import msgspec

from bench.data import BARE, FIRST, NEXT, Run, quotient, spread

OURS: Final = "valetkey"
ON_POSTGRES: Final = "valetkey, PostgreSQL"
NODE: Final = "node-oidc-provider"
GLEWLWYD: Final = "glewlwyd"

KINDS: Final = ("PBKDF2, 27,500 iterations", "bcrypt, cost 10")
"""Imported password hashes of which one core can check 30 a second beside tokens."""

Ratios = Callable[[Run], Sequence[float]]


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One ratio, round by round; `must` and `aim` for its median. With `less`, less is better."""

    what: str
    must: float
    aim: float
    ratios: Ratios
    less: bool = False

    def verdict(self, run: Run) -> str:
        """In one word."""
        ratios = self.ratios(run)
        if not ratios:
            return "not measured"
        value = median(ratios)
        reached = [value <= bar if self.less else value >= bar for bar in (self.must, self.aim)]
        return "aim" if all(reached) else "must" if reached[0] else "missed"


def _rate(operation: str, *, of: str = OURS, to: str = NODE, theirs: str = "") -> Ratios:
    return lambda run: quotient(run.rates(operation, of), run.rates(theirs or operation, to))


def _memory_quiet(run: Run) -> list[float]:
    pairs = [(run.of(name, OURS), run.of(name, NODE)) for name in run.operations()]
    return [one.quiet / other.quiet for one, other in pairs if one and other]


def _memory_loaded(run: Run) -> list[float]:
    pairs = [(run.of(name, OURS), run.of(name, NODE)) for name in run.operations()]
    return [
        one.rounds[-1].resident / other.rounds[-1].resident for one, other in pairs if one and other
    ]


def _first(run: Run) -> list[float]:
    pairs = [(run.of(name, OURS), run.of(name, NODE)) for name in run.operations()]
    return [one.first / other.first for one, other in pairs if one and other]


def _workers(run: Run) -> list[float]:
    return [two / one for one, two in run.workers.get(OURS, ())]


def _beside_imported(kind: str) -> Ratios:
    return lambda run: [one.loud / one.quiet for one in run.imported.get(kind, ())]


def _growth(run: Run) -> list[float]:
    """Of the store and operation that grow the most, from 10,000 to 10,000,000 families."""
    most = [one for one in run.grown if one.families == 10_000_000]
    if not most:
        return []
    worst = max(most, key=lambda one: one.median)
    return [worst.lowest, worst.median, worst.highest]


def _kit(row: str) -> Ratios:
    return lambda run: (
        []
        if run.kit is None
        else quotient(run.kit.rows[row], [2 * one for one in run.kit.rows[BARE]])
    )


GOALS: Final = (
    Goal(
        what="client credentials ES256 : node-oidc-provider",
        must=2.0,
        aim=2.6,
        ratios=_rate("client credentials"),
    ),
    Goal(
        what="client credentials ES256 : the ES256 signing limit",
        must=0.28,
        aim=0.40,
        ratios=lambda run: [tokens / bare for tokens, bare in run.limit],
    ),
    Goal(
        what="introspection of a token that was asked about before : node-oidc-provider",
        must=2.0,
        aim=2.8,
        ratios=_rate("introspection"),
    ),
    Goal(
        what="introspection of a token for the first time : node-oidc-provider",
        must=1.3,
        aim=2.0,
        ratios=_rate("introspection, first time"),
    ),
    Goal(
        what="refresh + rotation, SQLite FULL : node-oidc-provider, opaque access token",
        must=1.4,
        aim=2.0,
        ratios=_rate("refresh"),
    ),
    Goal(
        what="refresh + rotation, PostgreSQL on the same core : the same",
        must=1.7,
        aim=2.5,
        ratios=_rate("refresh", of=ON_POSTGRES),
    ),
    Goal(
        what="refresh + rotation, SQLite FULL : node-oidc-provider, JWT",
        must=1.4,
        aim=2.5,
        ratios=_rate("refresh, JWT"),
    ),
    Goal(
        what="code + PKCE, two signatures : node-oidc-provider, opaque access token (one)",
        must=1.0,
        aim=1.5,
        ratios=_rate("code, openid"),
    ),
    Goal(
        what="code + PKCE, two signatures, SQLite FULL : node-oidc-provider, JWT (two)",
        must=0.9,
        aim=1.2,
        ratios=_rate("code, two signatures"),
    ),
    Goal(
        what="code + PKCE, two signatures, PostgreSQL on the same core : the same",
        must=1.2,
        aim=1.5,
        ratios=_rate("code, two signatures", of=ON_POSTGRES),
    ),
    Goal(
        what="revocation : node-oidc-provider",
        must=1.0,
        aim=1.5,
        ratios=_rate("revocation"),
    ),
    Goal(
        what="device polling : node-oidc-provider",
        must=1.0,
        aim=1.5,
        ratios=_rate("device polling"),
    ),
    Goal(what="userinfo : node-oidc-provider", must=1.5, aim=2.2, ratios=_rate("userinfo")),
    Goal(what="jwks : node-oidc-provider", must=1.0, aim=1.3, ratios=_rate("jwks")),
    Goal(what="discovery : node-oidc-provider", must=1.0, aim=1.3, ratios=_rate("discovery")),
    Goal(
        what="client credentials : glewlwyd (SQLite WAL)",
        must=8,
        aim=16,
        ratios=_rate("client credentials", to=GLEWLWYD),
    ),
    Goal(
        what="refresh : glewlwyd (SQLite WAL)",
        must=10,
        aim=20,
        ratios=_rate("refresh", to=GLEWLWYD),
    ),
    Goal(
        what="p99 at 64 connections, client credentials : node-oidc-provider",
        must=0.35,
        aim=0.15,
        less=True,
        ratios=lambda run: quotient(
            run.waits("client credentials", OURS), run.waits("client credentials", NODE)
        ),
    ),
    Goal(
        what="memory idle : node-oidc-provider", must=0.6, aim=0.45, less=True, ratios=_memory_quiet
    ),
    Goal(
        what="memory under load : node-oidc-provider",
        must=0.4,
        aim=0.2,
        less=True,
        ratios=_memory_loaded,
    ),
    Goal(
        what="first answer after start : node-oidc-provider",
        must=1.3,
        aim=0.9,
        less=True,
        ratios=_first,
    ),
    Goal(
        what="two workers on two cores : one",
        must=1.7,
        aim=1.9,
        ratios=_workers,
    ),
    Goal(
        what="token p99 while people sign in : when nobody does",
        must=2.0,
        aim=1.5,
        less=True,
        ratios=lambda run: [loud / quiet for quiet, loud, _ in run.flood],
    ),
    *(
        Goal(
            what=f"token p99 while 30 a second sign in by imported hashes ({kind}) : nobody does",
            must=2.0,
            aim=1.5,
            less=True,
            ratios=_beside_imported(kind),
        )
        for kind in KINDS
    ),
    Goal(
        what="p99 at 10,000,000 families : at 10,000 (measured apart)",
        must=1.5,
        aim=1.2,
        less=True,
        ratios=_growth,
    ),
    Goal(
        what="kit: a live, permission-checked, DPoP-bound first call : two bare signatures",
        must=1.6,
        aim=1.25,
        less=True,
        ratios=_kit(FIRST),
    ),
    Goal(
        what="kit: the next calls with the same token : two bare signatures",
        must=1.6,
        aim=1.25,
        less=True,
        ratios=_kit(NEXT),
    ),
)


def rows(run: Run) -> list[tuple[str, ...]]:
    """The table: what, must, aim, what was seen, and what that comes to."""
    return [
        (
            goal.what,
            f"{'≤ ' if goal.less else ''}{goal.must:g}",
            f"{'≤ ' if goal.less else ''}{goal.aim:g}",
            spread(goal.ratios(run)),
            goal.verdict(run),
        )
        for goal in GOALS
    ]
