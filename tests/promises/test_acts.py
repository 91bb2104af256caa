"""R01, for accounts: no acknowledged act on an account is lost by `kill -9`, none happens twice,
and who was erased stays erased.

Passwords are changed and reset; passkeys, authenticator apps and recovery codes come, are used and
go; sessions end; the platform deactivates users; accounts are deleted, given back and erased.
"""

import os
import time
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import pytest
from tests.mail_server import Mailbox, mailbox
from tests.postgres import MISSING
from tests.promises.account_pages import DIRECTORY, Account
from tests.promises.broken import DEADLY
from tests.promises.conftest import Budget, Figure, Piece
from tests.promises.furnished import WORD, database, with_store
from tests.promises.game import Game, Players, game
from tests.promises.holder import Holder
from tests.promises.ledger import Ledger, Violation
from tests.promises.process import Process, running
from tests.promises.test_kill import Struck
from tests.rows import row

from valetkey.server.accounts import password
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import Identity, User
from valetkey.server.store.port import Store

pytest.importorskip("scim2_models", reason="the extra `scim` is not installed")

ISSUER: Final = "http://localhost:8000"
"""Passkeys belong to a domain."""

SETTINGS: Final = """
enable = ["scim"]

[mail]
host = "localhost"
port = {port}
security = "none"
sender = "Chirp <no-reply@chirp.example>"

[lifetimes]
erasure_grace = {grace}
"""

ACTS: Final = (
    "change_password",
    "add_passkey",
    "use_recovery_code",
    "remove_passkey",
    "end_sessions",
    "request_deletion",
    "erase",
    "add_authenticator",
    "reset_password",
    "remove_authenticator",
    "cancel_deletion",
    "make_codes",
    "open_session",
    "deactivate",
    "activate",
)
"""What was acknowledged last before a kill, in turns."""

DAY: Final = 86400

SERVERS: list[Any] = [
    row("R01", "SQLite", "sqlite", 1, 0),
    row("R01", "SQLite, two workers", "sqlite", 2, 1),
    row("R01", "PostgreSQL, two workers", "postgres", 2, 0),
]


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large a game is. In every other one, accounts are erased as soon as their users say
    so."""

    games: int = 1
    kills: int = 3
    holders: int = 2
    most: int = 12


SIZES: Final[dict[Budget, Size]] = {
    "short": Size(),
    "long": Size(games=4, kills=45, holders=12, most=150),
}
EACH: Final[dict[Budget, int]] = {"short": 30, "long": 300}
"""Accounts of a holder, one after the other."""


class Place(msgspec.Struct):
    """A database with accounts, and what its servers are started with."""

    folder: Path
    address: str
    box: Mailbox
    accounts: list[list[Account]]

    def node(self, *, workers: int = 1, grace: int = DAY, broken: str = "") -> Process:
        """A server that is not started."""
        text = SETTINGS.format(port=self.box.port, grace=grace)
        (self.folder / "valetkey.toml").write_text(text, "utf-8")
        more = {"workers": str(workers)} if workers > 1 else {}
        return Process(self.folder, self.address, issuer=ISSUER, broken=broken, **more)

    def holder(self, number: int, url: str, ledger: Ledger, **more: Any) -> Holder:
        """The holder of one set of accounts."""
        return Holder(
            f"holder{number}",
            self.accounts[number],
            url=url,
            issuer=ISSUER,
            ledger=ledger,
            box=self.box,
            **more,
        )


@contextmanager
def place(kind: str, folder: Path, *, holders: int, each: int) -> Iterator[Place]:
    """A place with so many accounts of each holder."""
    with mailbox() as box, database(kind, folder) as address:
        accounts = with_store(address, lambda store: _filled(store, holders, each))
        yield Place(folder, address, box, accounts)


async def _filled(store: Store, holders: int, each: int) -> list[list[Account]]:
    env = Env(int(time.time()), os.urandom)
    word = password.hash_password(Secret(WORD), salt=os.urandom(16))
    changes: list[Change] = [Create(DIRECTORY)]
    accounts = [
        [Account(f"h{holder}-{number}", ids.user_id(env)) for number in range(each)]
        for holder in range(holders)
    ]
    for one in (one for several in accounts for one in several):
        changes += (
            Create(
                User(
                    id=one.user,
                    username=one.name,
                    password=word,
                    email=one.address,
                    email_verified=True,
                    created=env.now,
                    changed=env.now,
                )
            ),
            Create(
                Identity(
                    id=ids.owned_id(env, owner=one.user),
                    user=one.user,
                    source="platform",
                    subject=one.name,
                    created=env.now,
                )
            ),
            Create(
                ProvisionedUser(
                    id=one.user,
                    source="platform",
                    username=one.name,
                    external_id=one.name,
                    subject=one.name,
                    active=True,
                    created=env.now,
                    changed=env.now,
                )
            ),
        )
    for start in range(0, len(changes), 300):
        await store.commit(changes[start : start + 300])
    return accounts


def _play(now: Game, size: Size, *, workers: int) -> None:
    """Raises Violation."""
    for number in range(size.kills):
        struck = Struck(now.nodes, 1 if workers > 1 and number % 2 else 0)
        now.play(struck.strike, most=size.most)
        struck.ready()
        now.check()


@pytest.mark.slow
@pytest.mark.parametrize("kind, workers, first", SERVERS)
def test_no_act_on_an_account_is_lost(
    kind: str,
    workers: int,
    first: int,
    *,
    budget: Budget,
    piece: Piece,
    tmp_path: Path,
    figure: Figure,
) -> None:
    if kind == "postgres" and MISSING:
        pytest.skip(MISSING)
    size, acknowledged = SIZES[budget], 0
    games = piece.members(size.games)
    for seed in games:
        folder = tmp_path / str(seed)
        folder.mkdir()
        erases = (seed + first) % 2 == 1
        with place(kind, folder, holders=size.holders, each=EACH[budget]) as there:

            def arrive(number: int, url: str, ledger: Ledger) -> Holder:
                return there.holder(number, url, ledger, seed=seed, erases=erases)  # noqa: B023

            node = there.node(workers=workers, grace=0 if erases else DAY)
            players = Players(size.holders, seed=seed, arrive=arrive, after=ACTS)
            with game([node], folder, players) as now:
                _play(now, size, workers=workers)
                now.finish()
                acknowledged += now.ledger.acknowledged
    figure("kills", len(games) * size.kills)
    figure("acknowledged", acknowledged)


LATE: Final = "answers-before-commit"
NOTICED: list[Any] = [
    row("R01", "change_password", LATE, ("change_password",)),
    row("R01", "reset_password", LATE, ("reset_password",)),
    row("R01", "add_passkey", LATE, ("add_passkey",)),
    row("R01", "remove_passkey", LATE, ("add_passkey", "remove_passkey")),
    row("R01", "add_authenticator", LATE, ("add_passkey", "add_authenticator")),
    row(
        "R01",
        "remove_authenticator",
        LATE,
        ("add_passkey", "add_authenticator", "remove_authenticator"),
    ),
    row("R01", "open_session", LATE, ("open_session",)),
    row("R01", "end_sessions", LATE, ("open_session", "end_sessions")),
    row("R01", "request_deletion", LATE, ("request_deletion",)),
    row("R01", "cancel_deletion", LATE, ("request_deletion", "cancel_deletion")),
    row("R01", "erase", LATE, ("erase",)),
    row("R01", "deactivate", LATE, ("deactivate",)),
    row("R01", "activate", LATE, ("deactivate", "activate")),
    row("R01", "a code again", "keeps-codes", ("add_passkey", "use_recovery_code")),
    row("R01", "a reset again", "keeps-resets", ("reset_password",)),
]


@pytest.fixture(scope="module")
def noticing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place("sqlite", tmp_path_factory.mktemp("acts"), holders=len(NOTICED), each=1) as there:
        yield there


@pytest.mark.slow
@pytest.mark.sensitivity
@pytest.mark.parametrize("broken, acts", NOTICED)
def test_a_server_that_loses_it_is_noticed(
    broken: str, acts: tuple[str, ...], noticing: Place, tmp_path: Path, figure: Figure
) -> None:
    number = [one.values for one in NOTICED].index((broken, acts))
    node = noticing.node(broken=broken, grace=0 if "erase" in acts else DAY)
    with ExitStack() as stack:
        stack.enter_context(running([node]))
        ledger = Ledger(tmp_path / "ledger.jsonl")
        stack.callback(ledger.close)
        holder = noticing.holder(number, node.url, ledger, seed=0)
        stack.callback(holder.close)
        for act in acts:
            time.sleep(0.2)
            if act == acts[-1]:
                ledger.heard = lambda what: node.kill() if what == acts[-1] else None
            getattr(holder, act)()
        node.buried()
        node.start()
        node.ready()
        with pytest.raises(Violation) as found:
            holder.check()
    figure("the checker said", str(found.value))


class _Deadly(Ledger):
    """The server dies in the first commit after something was asked."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(folder / "ledger.jsonl")
        self._what, self._deadly = what, folder / DEADLY

    @contextmanager
    def asking(self, key: str, what: str, *, after: Hashable) -> Iterator[None]:
        with super().asking(key, what, after=after):
            if what == self._what:
                self._deadly.touch()
            yield


ALL_ACTS: Final = [one.values[1] for one in NOTICED if one.values[0] == LATE]


@pytest.mark.slow
@pytest.mark.sensitivity
@pytest.mark.parametrize("acts", [row("R01", acts[-1], acts) for acts in ALL_ACTS])
def test_what_was_asked_in_vain_is_no_violation(acts: tuple[str, ...], tmp_path: Path) -> None:
    with place("sqlite", tmp_path, holders=1, each=1) as there, ExitStack() as stack:
        node = there.node(broken="dies-before-commit", grace=0 if "erase" in acts else DAY)
        stack.enter_context(running([node]))
        ledger = _Deadly(tmp_path, acts[-1])
        stack.callback(ledger.close)
        holder = there.holder(0, node.url, ledger, seed=0)
        stack.callback(holder.close)
        for act in acts[:-1]:
            getattr(holder, act)()
        with pytest.raises(httpx2.TransportError):
            getattr(holder, acts[-1])()
        node.buried()
        (tmp_path / DEADLY).unlink()
        node.start()
        node.ready()
        for _ in range(2):
            holder.check()
