"""R04: a code, a refresh token, a pushed request is used at most once, however many bring it at
the same moment to two processes on one database."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import pytest
from tests.promises import pageapp
from tests.promises.conftest import Budget, Figure, Piece
from tests.promises.furnished import database
from tests.promises.ledger import Violation
from tests.promises.pageapp import PageApp, code_in, signed_in
from tests.promises.process import Process, nodes, running
from tests.promises.wire import Connection, Reply, together

SIDE: Final = 8
"""Calls in one race, half of them to each node."""

RACES: Final[dict[Budget, int]] = {"short": 40, "long": 17_000}
"""Races of each of the three kinds on each database: 102,000 in the long budget."""

TRACKS: Final = 8
"""On which races are run at the same time, so that they share commits too."""


class Track(msgspec.Struct):
    """Where the races are run. `silent`: in the last one somebody heard neither yes nor no."""

    app: PageApp
    connections: list[Connection]
    outcomes: Counter[int]
    silent: bool = False

    async def race(self, request: bytes) -> list[Reply]:
        """The replies to one request, sent by all at the same moment, but for those of 503: they
        are counted, and say nothing. Raises Violation for any other 5xx."""
        replies = await together(self.connections, request)
        self.outcomes.update(one.status for one in replies)
        said = [one for one in replies if one.status != 503]
        failed = [one for one in said if one.status >= 500]
        if failed:
            raise Violation(f"answered by {failed[0]}")
        self.silent = len(said) < len(replies)
        return said

    async def ask(self, request: bytes) -> Reply:
        """The reply to a request that nobody races: on a busy machine it is asked for again."""
        return await self.connections[0].insist(request)

    def one_of(self, won: Sequence[object], what: str) -> bool:
        """Whether somebody won the last race. Raises Violation where it was more than one, or
        nobody though all were answered."""
        if len(won) > 1 or not (won or self.silent):
            raise Violation(f"a {what} was good for {len(won)}")
        return bool(won)


async def codes(track: Track, races: int) -> None:
    """Exactly one gets tokens for a code, and they are worth nothing: it was in many hands."""
    for _ in range(races):
        code = code_in(await track.ask(track.app.code_wanted()))
        replies = await track.race(pageapp.redeem(code))
        won = [one.document for one in replies if one.status == 200]
        if not track.one_of(won, "code") or track.silent:
            continue
        told = await track.ask(pageapp.introspect(won[0]["access_token"]))
        if told.document["active"]:
            raise Violation("a code in many hands left a living token")


async def refresh_tokens(track: Track, races: int) -> None:
    """All get the same successor, which is then what they race for."""
    tokens = await pageapp.connect(track.app, track.connections[0])
    for _ in range(races):
        replies = await track.race(pageapp.refresh(tokens["refresh_token"]))
        won = {one.document["refresh_token"] for one in replies if one.status == 200}
        if track.one_of(list(won), "refresh token"):
            tokens["refresh_token"] = won.pop()
    told = await track.ask(pageapp.introspect(tokens["access_token"]))
    if not told.document["active"]:
        raise Violation("a race for a refresh token ended its family")


async def pushed_requests(track: Track, races: int) -> None:
    """Exactly one gets a code."""
    for _ in range(races):
        name = (await track.ask(pageapp.push())).document["request_uri"]
        replies = await track.race(track.app.pushed_wanted(name))
        track.one_of([code_in(one) for one in replies if code_in(one)], "pushed request")


Kind: TypeAlias = Callable[[Track, int], Awaitable[None]]


def _run(
    both: tuple[Process, ...], kinds: Sequence[Kind], races: int, *, tracks: int = TRACKS
) -> Counter[int]:
    apps = [signed_in(both[0].url) for _ in range(tracks)]

    async def racing() -> Counter[int]:
        outcomes: Counter[int] = Counter()
        shares = [len(range(number, races, tracks)) for number in range(tracks)]
        await asyncio.gather(*map(on_track, apps, shares, repeat(outcomes)))
        return outcomes

    async def on_track(app: PageApp, share: int, outcomes: Counter[int]) -> None:
        connections = [Connection(both[number % 2].port) for number in range(SIDE)]
        track = Track(app, connections, outcomes)
        try:
            for kind in kinds:
                await kind(track, share)
        finally:
            for one in connections:
                await one.close()

    return asyncio.run(racing())


@pytest.mark.slow
def test_used_at_most_once(
    kind: str, budget: Budget, piece: Piece, tmp_path: Path, figure: Figure
) -> None:
    races = piece.share(RACES[budget])
    with database(kind, tmp_path) as address, running(nodes(tmp_path, address, 2)) as both:
        outcomes = _run(both, (codes, refresh_tokens, pushed_requests), races)
    figure("races", 3 * races)
    figure("answers by status", dict(outcomes))
    # The short budget shares its machine with other tests.
    assert budget == "short" or 503 not in outcomes


@pytest.mark.slow
@pytest.mark.sensitivity
def test_a_dropped_precondition_is_noticed(kind: str, tmp_path: Path, figure: Figure) -> None:
    with (
        database(kind, tmp_path) as address,
        running(nodes(tmp_path, address, 2, broken="forgets-preconditions")) as both,
    ):
        for one in (codes, pushed_requests):
            with pytest.raises(Violation) as found:
                _run(both, [one], RACES["long"], tracks=1)
            figure("the checker said", str(found.value))
