"""R15: after a restore of any backup, no key is alive that was revoked since, and nobody is asked
again for what stands."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from tests.live import free_port
from tests.postgres import MISSING, cluster
from tests.promises.conftest import Budget, Figure, Piece
from tests.promises.restores import BOTH, Game

from valetkey.server.store.database import open_store
from valetkey.server.store.revocations.places import FolderPlace
from valetkey.server.store.revocations.restoring import Revived, check_not_revived
from valetkey.server.store.revocations.shipping import key_of

GAMES = {"short": 2, "long": 100}


async def _starts(game: Game) -> bool:
    """Whether a server would start on the database."""
    store = await open_store(game.server.settings.database)
    try:
        key = await key_of(store, game.server.master_key)
        await check_not_revived(store, FolderPlace(game.place), key)
    except Revived:
        return False
    finally:
        await store.close()
    return True


def _play(game: Game, acts: Counter[str]) -> int:
    """One game; returns how many keys were asked about after the restore."""
    for _ in range(game.dice.randint(0, 8)):
        game.act()
    game.backup()
    before = {id(key): (game.opens(key), len(key.tokens)) for key in game.keys}
    sessions = dict(game.sessions)
    for _ in range(game.dice.randint(1, 25)):
        acts[game.act()] += 1
    game.lose()
    applied = game.restore()
    assert applied["epoch"] is None
    assert applied["asked_again"] == 0
    game.restart()
    try:
        assert asyncio.run(_starts(game))
        for key in game.keys:
            expected = game.opens(key)
            # What the backup had narrowed stays so: only narrowing is kept.
            was = before[id(key)][0]
            if len(expected) > len(was):
                expected = was
            assert (game.refresh(key) or ()) == expected, vars(key)
        for key in game.keys:
            for spent in key.tokens[:-2]:
                assert game.refresh(key, spent) is None
        for user, session in sessions.items():
            if user not in game.disabled:
                assert game.server.run(game.lives(session)) == (user in game.sessions), user
    finally:
        game.server.stop()
    return len(game.keys)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_restore_revives_a_key(
    kind: str, budget: Budget, piece: Piece, figure: Figure, tmp_path: Path
) -> None:
    if kind == "postgres" and MISSING:
        pytest.skip(MISSING)
    acts: Counter[str] = Counter()
    keys = 0

    def play(one: object) -> None:
        nonlocal keys
        for number in piece.members(GAMES[budget]):
            folder = tmp_path / str(number)
            folder.mkdir()
            game = Game(folder, random.Random(f"{kind} {number}"), one)  # type: ignore[arg-type]
            try:
                keys += _play(game, acts)
            finally:
                game.server.stop()

    if kind == "postgres":
        with cluster() as running:
            play(running)
    else:
        play(None)
    figure("restores", {"games": len(piece.members(GAMES[budget])), "keys": keys, **acts})


@pytest.fixture
def game(tmp_path: Path) -> Game:
    return Game(tmp_path, random.Random(1), None)


def test_a_server_does_not_start_on_an_older_database(game: Game) -> None:
    game.backup()
    key = game.keys[0]
    game.revoke(key)
    assert asyncio.run(_starts(game))
    game.lose()
    assert not asyncio.run(_starts(game))
    assert "db restore --apply" in game.command("serve", "--port", str(free_port()), fails=True)
    assert game.restore()["narrowed"] == {"families": 1}
    assert asyncio.run(_starts(game))
    game.restart()
    assert game.refresh(key) is None
    assert game.refresh(game.keys[1]) == BOTH
    game.server.stop()
