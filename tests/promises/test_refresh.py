"""R05: a refresh token has one valid successor, and a lost reply signs nobody out."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import pytest
from tests.promises import pageapp
from tests.promises.conftest import Budget, Figure, Piece
from tests.promises.furnished import database
from tests.promises.ledger import Violation
from tests.promises.pageapp import PageApp, signed_in
from tests.promises.process import Process, nodes, running
from tests.promises.proxy import cutting
from tests.promises.wire import TRIES, Connection, Cut, Reply, together
from tests.proofs import MINE, OTHER, Wish, proof

from valetkey.jose.jwk import PrivateKey

CROWD: Final = 50
SHARE: Final = 0.1
"""Replies that are cut."""

SHORTEST: Final = "1"
"""Seconds of the window for a lost reply, where it should soon be over."""

WITHIN: Final = 1.0
"""Seconds in which every node knows that a family is over."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How often each is done, and the answers that say nothing: on a busy machine, 503 is one."""

    crowds: int = 10
    calls: int = 300
    replays: int = 5
    passed_over: tuple[int, ...] = (503,)

    def piece(self, piece: Piece) -> "Size":
        """The share of a piece."""
        return msgspec.structs.replace(
            self,
            crowds=piece.share(self.crowds),
            calls=piece.share(self.calls),
            replays=piece.share(self.replays),
        )


SIZES: Final[dict[Budget, Size]] = {
    "short": Size(),
    "long": Size(crowds=2_000, calls=50_000, replays=500, passed_over=()),
}


class Track(msgspec.Struct):
    """A connection to each of the two nodes."""

    app: PageApp
    nodes: tuple[Connection, Connection]
    issuer: str

    @contextlib.asynccontextmanager
    async def crowd(self) -> AsyncIterator[list[Connection]]:
        """Fresh connections, half of them to each node."""
        crowd = [Connection(self.nodes[number % 2].port) for number in range(CROWD)]
        try:
            yield crowd
        finally:
            for one in crowd:
                await one.close()


async def crowds(track: Track, size: Size) -> int:
    """All of a crowd get the same successor."""
    tokens = await pageapp.connect(track.app, track.nodes[0])
    async with track.crowd() as crowd:
        for _ in range(size.crowds):
            replies = await together(crowd, pageapp.refresh(tokens["refresh_token"]))
            if {one.status for one in replies} - {200, 400, *size.passed_over}:
                raise Violation(f"answered by {[one.status for one in replies]}")
            tips = {one.document["refresh_token"] for one in replies if one.status == 200}
            if not tips and size.passed_over:
                continue
            if len(tips) != 1:
                raise Violation(f"one refresh token has {len(tips)} successors")
            tokens = _taken(await track.nodes[1].insist(pageapp.refresh(tips.pop())))
    return size.crowds * CROWD


async def cut_replies(track: Track, size: Size) -> int:
    """Whoever brings the same refresh token again after a lost reply goes on."""
    tokens = await pageapp.connect(track.app, track.nodes[0])
    async with cutting(track.nodes[0].port, share=SHARE, seed=5) as proxy:
        async with contextlib.aclosing(Connection(proxy.port)) as through:
            for _ in range(size.calls):
                tokens = _taken(await through.insist(pageapp.refresh(tokens["refresh_token"])))
        if not proxy.cut:
            raise ValueError("no reply was cut")
    if not (await track.nodes[1].insist(pageapp.introspect(tokens["access_token"]))).document[
        "active"
    ]:
        raise Violation("the last token is dead")
    return proxy.cut


async def replays(track: Track, size: Size) -> float:
    """An older generation, brought again, ends the family on every node; the longest that took."""
    longest = 0.0
    for _ in range(size.replays):
        one, other = track.nodes
        first = await pageapp.connect(track.app, one)
        second = _taken(await one.insist(pageapp.refresh(first["refresh_token"])))
        third = _taken(await other.insist(pageapp.refresh(second["refresh_token"])))
        if (await one.insist(pageapp.refresh(first["refresh_token"]))).status != 400:
            raise Violation("an older generation was taken")
        since = time.monotonic()
        for node in (other, one):
            await _over(node, third, until=since + WITHIN)
        longest = max(longest, time.monotonic() - since)
    return longest


async def bound(track: Track, size: Size) -> float:
    """An app that proves a key goes on with the token before the newest, long after any window, and
    nobody without the key ends a family. How many refresh tokens were tried so."""
    families = [await _three(track) for _ in range(size.replays)]
    await asyncio.sleep(1 + int(SHORTEST))  # So every window is over.
    for given in families:
        for text, by in itertools.product(given, (None, OTHER)):
            if (await _proving(track, pageapp.refresh, text, by)).status != 400:
                raise Violation("a bound refresh token was taken without its key")
        if await _turned(track, given[-2]) != given[-1]:
            raise Violation("one refresh token has two successors")
        await _turned(track, given[-1])
    return 6 * size.replays


async def _three(track: Track) -> list[str]:
    """The first three refresh tokens of a family that is bound to a key."""
    code = pageapp.code_in(await track.nodes[0].insist(track.app.code_wanted()))
    first = _taken(await _proving(track, pageapp.redeem, code, MINE))["refresh_token"]
    second = await _turned(track, first)
    return [first, second, await _turned(track, second)]


async def _turned(track: Track, text: str) -> str:
    return _taken(await _proving(track, pageapp.refresh, text, MINE))["refresh_token"]


async def _proving(
    track: Track, make: Callable[..., bytes], text: str, by: PrivateKey | None
) -> Reply:
    """The answer to a request that is made until there is one, each time with a fresh proof."""
    for _ in range(TRIES):
        made = proof(Wish(address=f"{track.issuer}/token", by=by)) if by else ""
        with contextlib.suppress(Cut):
            reply = await track.nodes[0].ask(make(text, proof=made))
            if reply.status != 503:
                return reply
    raise Violation(f"no answer in {TRIES} tries")


async def _over(node: Connection, tokens: dict[str, str], *, until: float) -> None:
    while (await node.insist(pageapp.introspect(tokens["access_token"]))).document["active"]:
        if time.monotonic() > until:
            raise Violation("a replayed family lives on")
    if (await node.insist(pageapp.refresh(tokens["refresh_token"]))).status != 400:
        raise Violation("a replayed family is refreshed")


def _taken(reply: Reply) -> dict[str, str]:
    if reply.status != 200:
        raise Violation(f"stranded: answered by {reply}")
    return reply.document


Story: TypeAlias = Callable[[Track, Size], Awaitable[float]]


def _run(both: tuple[Process, ...], story: Story, size: Size) -> float:
    async def telling() -> float:
        one, other = (Connection(node.port) for node in both)
        try:
            track = Track(signed_in(both[0].url), (one, other), both[0].issuer)
            return await story(track, size)
        finally:
            await one.close()
            await other.close()

    return asyncio.run(telling())


@pytest.mark.slow
def test_one_lineage(
    kind: str, budget: Budget, piece: Piece, tmp_path: Path, figure: Figure
) -> None:
    size = SIZES[budget].piece(piece)
    with database(kind, tmp_path) as address, running(nodes(tmp_path, address, 2)) as both:
        figure("refreshes in crowds", _run(both, crowds, size))
        figure("replies cut", _run(both, cut_replies, size))
        figure("of so many refreshes", size.calls)
        figure("seconds to the end everywhere, at most", round(_run(both, replays, size), 3))


@pytest.mark.slow
def test_who_holds_the_key(
    kind: str, budget: Budget, piece: Piece, tmp_path: Path, figure: Figure
) -> None:
    size = SIZES[budget].piece(piece)
    window = {"lifetimes.refresh_window": SHORTEST}
    with (
        database(kind, tmp_path) as address,
        running(nodes(tmp_path, address, 2, broken="", **window)) as both,
    ):
        figure("refreshes without the key", _run(both, bound, size))


@pytest.mark.slow
@pytest.mark.parametrize(
    "story, broken",
    [
        (cut_replies, "knows-no-window"),
        (replays, "overlooks-replays"),
        (bound, "knows-no-window"),
        (bound, "overlooks-keys"),
    ],
    ids=["cut replies", "replays", "a key's holder", "a key's thief"],
)
@pytest.mark.sensitivity
def test_it_is_noticed(story: Story, broken: str, tmp_path: Path, figure: Figure) -> None:
    window = {"lifetimes.refresh_window": SHORTEST} if story is bound else {}
    with (
        database("sqlite", tmp_path) as address,
        running(nodes(tmp_path, address, 2, broken=broken, **window)) as both,
        pytest.raises(Violation) as found,
    ):
        _run(both, story, Size())
    figure("the checker said", str(found.value))
