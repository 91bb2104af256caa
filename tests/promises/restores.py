"""A game of restores: keys are handed out, a backup is made, random things end, the database is
lost. A ledger says what each key opens at the loss."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from click.testing import CliRunner
from tests.live import Live
from tests.postgres import Cluster, binaries
from tests.server.oauth.admin.desk import context

from valetkey.cli.root import valetkey
from valetkey.jose import base64url
from valetkey.server.audit.recorder import recorded
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.client import Status
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.client_status import change_client_status
from valetkey.server.oauth.admin.user_status import change_user_status
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.server.oauth.grants.changes import GrantChanged, StatusChange, change_status, narrow
from valetkey.server.oauth.tokens import refresh_token
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.server.store.revocations.marks import begin_keeping
from valetkey.server.store.revocations.places import FolderPlace
from valetkey.server.store.settle import settle

PATIENCE: Final = 20.0
"""Seconds for which a busy machine is waited for."""

PEOPLE: Final = 8
BOTH: Final = ("chirps.read", "chirps.write")


class Key:
    """A key that an app has: its refresh tokens, newest last. `grant` is shared by two keys."""

    def __init__(self, user: User, grant: str, client: str, token: str) -> None:
        self.user, self.user_id = user.username, user.id
        self.grant, self.client = grant, client
        self.tokens = [token]
        self.revoked = False


class Game:
    """One installation, and what its ledger says. With a cluster, its database is there."""

    def __init__(self, folder: Path, dice: random.Random, cluster: Cluster | None) -> None:
        self.dice, self.folder, self.cluster = dice, folder, cluster
        self.place = folder / "beside"
        self.place.mkdir()
        self.keys: list[Key] = []
        self.stopped: set[str] = set()
        self.paused: set[str] = set()
        self.narrowed: set[str] = set()
        self.disabled: set[str] = set()
        self.erased: set[str] = set()
        self.sessions: dict[str, str] = {}
        self.suspended = False
        self.url = "" if cluster is None else cluster.fresh()
        self.database = folder / "valetkey.db"
        self.server = self._server()
        self.server.start()
        self.server.run(begin_keeping(self.server.store, FolderPlace(self.place)))
        self.server.run(self._fill())

    def _server(self, master_key: bytes | None = None) -> Live:
        more: dict[str, Any] = {"at": PostgresURL(self.url)} if self.url else {}
        return Live(
            self.database, revocations_folder=self.place, master_key=master_key or b"", **more
        )

    async def _fill(self) -> None:
        store, env = self.server.store, Env(int(time.time()), os.urandom)
        ring = open_keys(await read_keys(store), self.server.master_key, now=env.now)
        for number in range(PEOPLE):
            user = User(id=ids.user_id(env), username=f"user{number}", created=env.now)
            changes: list[Create] = [Create(user)]
            session = Session(
                id=ids.owned_id(env, owner=user.id),
                digest="0" * 43,
                user=user.id,
                auth_time=env.now,
                expires=env.now + 86400,
            )
            changes.append(Create(session))
            self.sessions[user.username] = session.id
            for client in ("stefapp", "tv"):
                changes += self._hand_out(user, client, env, ring)
            await store.commit(changes)

    def _hand_out(self, user: User, client: str, env: Env, ring: Keyring) -> list[Create]:
        grant = Grant(
            id=ids.owned_id(env, owner=user.id),
            user=user.id,
            client=client,
            permissions=BOTH,
            created=env.now,
            changed=env.now,
        )
        made = [Create(grant)]
        for _ in range(2):
            family = TokenFamily(
                id=ids.owned_id(env, owner=user.id),
                grant=grant.id,
                user=user.id,
                client=client,
                scope=BOTH,
                permissions=BOTH,
                refreshable=True,
                created=env.now,
                used=env.now,
                expires=env.now + 86400,
            )
            made.append(Create(family))
            token = refresh_token.write(RefreshToken(family.id, 0, 0), ring)
            self.keys.append(Key(user, grant.id, client, token))
        return made

    # What people do.

    def command(self, *words: str, fails: bool = False) -> str:
        """Runs a command, as an operator does on the server's machine."""
        environ = {
            "VALETKEY_DATABASE": self.url or str(self.database),
            "VALETKEY_MASTER_KEY": base64url.encode(self.server.master_key),
            "VALETKEY_REVOCATIONS_FOLDER": str(self.place),
        }
        result = CliRunner().invoke(valetkey, words, env=environ, prog_name="valetkey")
        assert (result.exit_code != 0) == fails, (words, result.output, result.exception)
        return result.output

    def refresh(self, key: Key, token: str = "") -> tuple[str, ...] | None:
        """The scope of a refresh, None where it is refused."""
        form = {"grant_type": "refresh_token", "client_id": key.client}
        form["refresh_token"] = token or key.tokens[-1]
        until = time.monotonic() + PATIENCE
        # A busy machine may be told to come back. Then nothing was spent.
        while (answer := self.server.http.post("/token", data=form)).status_code == 503:
            assert time.monotonic() < until, answer.text
        assert answer.status_code in {200, 400, 401}, answer.text
        if answer.status_code != 200:
            return None
        body = answer.json()
        if not token:
            key.tokens.append(body["refresh_token"])
        return tuple(body["scope"].split())

    def opens(self, key: Key) -> tuple[str, ...]:
        """What a key opens, by the ledger."""
        if not self._is_live(key) or (self.suspended and key.client == "tv"):
            return ()
        # Without the permission to post there is only one left.
        return BOTH[:1] if key.grant in self.narrowed else BOTH

    def _is_live(self, key: Key) -> bool:
        ended = key.revoked or key.grant in self.stopped | self.paused
        return not (ended or key.user in self.disabled | self.erased)

    def act(self) -> str:
        """One thing that happens, and its name."""
        acts: list[tuple[int, Callable[[Key], None]]] = [
            (4, self.use), (4, self.revoke), (2, self.stop), (2, self.pause), (1, self.resume),
            (2, self.narrow), (1, self.disable), (1, self.enable), (1, self.erase),
            (1, self.sign_out), (1, self.suspend),
        ]  # fmt: skip
        weights = [weight for weight, _ in acts]
        (chosen,) = self.dice.choices([act for _, act in acts], weights)
        chosen(self.dice.choice(self.keys))
        return chosen.__name__

    def use(self, key: Key) -> None:
        assert (self.refresh(key) or ()) == self.opens(key)

    def revoke(self, key: Key) -> None:
        form = {"client_id": key.client, "token": key.tokens[-1]}
        assert self.server.http.post("/revoke", data=form).status_code in {200, 401}
        if not (self.suspended and key.client == "tv"):
            key.revoked = True

    def decide(self, rule: Callable[[Context], Rule[Any]]) -> Any:
        """What an administrator decides, on the running server."""
        at = context(int(time.time()))
        return self.server.run(settle(recorded(self.server.store), lambda: rule(at)))

    def _turn(self, key: Key, how: StatusChange) -> bool:
        if key.grant in self.stopped or key.user in self.erased:
            return False
        outcome = self.decide(
            lambda at: change_status(
                key.grant, how, user=key.user_id, by="administrator", context=at
            )
        )
        assert isinstance(outcome, GrantChanged)
        return True

    def stop(self, key: Key) -> None:
        if self._turn(key, "stop"):
            self.stopped.add(key.grant)

    def pause(self, key: Key) -> None:
        if self._turn(key, "pause"):
            self.paused.add(key.grant)

    def resume(self, key: Key) -> None:
        if self._turn(key, "resume"):
            self.paused.discard(key.grant)

    def narrow(self, key: Key) -> None:
        if key.grant in self.stopped or key.user in self.erased:
            return
        self.decide(lambda at: narrow(key.grant, BOTH[:1], user=key.user_id, by="user", context=at))
        self.narrowed.add(key.grant)

    def disable(self, key: Key) -> None:
        if key.user not in self.erased:
            self.decide(lambda at: change_user_status(key.user_id, "disabled", context=at))
            self.disabled.add(key.user)
            self.sessions.pop(key.user, None)

    def enable(self, key: Key) -> None:
        if key.user in self.disabled:
            self.decide(lambda at: change_user_status(key.user_id, "active", context=at))
            self.disabled.discard(key.user)

    def erase(self, key: Key) -> None:
        if key.user not in self.erased and len(self.erased) < PEOPLE // 3:
            self.decide(lambda at: removal.user(key.user_id, at))
            self.disabled.discard(key.user)
            self.erased.add(key.user)
            self.sessions.pop(key.user, None)

    def sign_out(self, key: Key) -> None:
        if key.user not in self.erased:
            self.command("user", "sign-out", key.user)
            self.sessions.pop(key.user, None)

    def suspend(self, key: Key) -> None:
        status: Status = "active" if self.suspended else "suspended"
        self.decide(lambda at: change_client_status("tv", status, context=at))
        self.suspended = not self.suspended
        time.sleep(1.1)  # The server may be a second behind, and a busy machine more.
        live = [one for one in self.keys if one.client == "tv" and self._is_live(one)]
        until = time.monotonic() + PATIENCE
        while live and (self.refresh(live[0]) or ()) != self.opens(live[0]):
            assert time.monotonic() < until, "the server does not see the app's status"

    # Backup, loss, restore.

    def backup(self) -> None:
        """Makes a backup while the server runs."""
        if self.cluster is None:
            self.command("db", "backup", str(self.folder / "copy.db"))
        else:
            self._postgres("pg_dump", "-Fc", "-f", str(self.folder / "copy.dump"), self.url)

    def lose(self) -> None:
        """The server dies, and its database is gone. What is beside it is as of that moment."""
        kept = self.folder / f"kept{len(list(self.folder.iterdir()))}"
        shutil.copytree(self.place, kept)
        self.server.stop()
        shutil.rmtree(self.place)
        kept.rename(self.place)
        if self.cluster is None:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.database}{suffix}").unlink(missing_ok=True)
            shutil.copy(self.folder / "copy.db", self.database)
        else:
            self.url = self.cluster.fresh()
            self._postgres("pg_restore", "-d", self.url, str(self.folder / "copy.dump"))

    def _postgres(self, program: str, *words: str) -> None:
        folder = binaries()
        assert folder is not None
        done = subprocess.run(
            [str(folder / program), *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def restart(self) -> None:
        """A server on what was restored."""
        self.server = self._server(self.server.master_key)
        self.server.start(furnished=False)

    def restore(self, *more: str) -> dict[str, Any]:
        """Applies what is beside the database; what the command says."""
        answer: dict[str, Any] = msgspec.json.decode(
            self.command("db", "restore", "--apply", *more, "--json")
        )
        applied: dict[str, Any] = answer["applied"]
        return applied

    async def lives(self, session: str) -> bool:
        """Whether the restored database has the session."""
        query = One(Session, session)
        return (await self.server.store.read(query)).one(query) is not None
