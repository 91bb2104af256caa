"""One database of some size, the real server on it, and the requests of its members."""

import asyncio
import base64
import contextlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from tests.live import free_port

from bench.fill import fill, size, warm
from bench.load import form_request
from bench.population import API, LIFETIMES, PERMISSIONS, REDIRECT, SECRET, Member, Population
from valetkey.jose import base64url, jwt
from valetkey.jose.seal import digest
from valetkey.server.model import ids
from valetkey.server.model.change import Stale, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import One
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.server.oauth.tokens import code, refresh_token
from valetkey.server.oauth.tokens.code import Code
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.server.store.port import Store, Unavailable
from valetkey.wire import access_token, pkce
from valetkey.wire.access_token import AccessToken

VERIFIER: Final = pkce.verifier(bytes(32))


def basic(name: str, secret: str) -> str:
    """What stands in an Authorization header after `Basic`."""
    return base64.b64encode(f"{name}:{secret}".encode()).decode()


TURNS: Final = 100
"""Refreshes that go on at the same time, where it is the store alone that is asked."""

BASIC: Final = basic(API.id, SECRET)


class Snapshot(msgspec.Struct, kw_only=True):
    """What has to be known of a filled database: who is in it, its master key, how often its
    members were asked for, and how often they refreshed since."""

    people: Population
    master: bytes
    visits: int = 0
    refreshes: int = 0


class Subject:
    """A filled database. Members are visited in an order that leaps about the whole of it, and
    nobody comes twice before everybody has come once."""

    def __init__(self, database: Database, snapshot: Snapshot, keyring: Keyring) -> None:
        self.database = database
        self.kept = snapshot
        self.people = snapshot.people
        self.port = self.pid = 0
        self.keyring = keyring
        self._stride = _stride(self.people.size)

    @classmethod
    async def open(cls, database: Database, snapshot: Snapshot) -> "Subject":
        """One that was filled before."""
        store = await open_store(database)
        try:
            keyring = open_keys(await read_keys(store), snapshot.master, now=int(time.time()))
        finally:
            await store.close()
        return cls(database, snapshot, keyring)

    @classmethod
    async def fill(cls, database: Database, people: Population) -> "Subject":
        """A new one."""
        snapshot = Snapshot(people=people, master=os.urandom(32))
        await fill(database, people, master=snapshot.master)
        return await cls.open(database, snapshot)

    async def file_size(self) -> int:
        """Bytes that the database takes."""
        return await size(self.database)

    def warm(self) -> None:
        """Has all of it in memory, as in a server that has run for long."""
        match self.database.at:
            case Path() as file:
                # Page by page, as requests read: what Linux reads ahead it keeps in large pieces,
                # and ext4 goes through all of one for each 4 KiB that are written to it.
                self.cool()
                with file.open("rb") as content:
                    os.posix_fadvise(content.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                    while content.read(1 << 24):
                        pass
            case PostgresURL() as url:
                asyncio.run(warm(url))

    def cool(self) -> None:
        """Has the operating system forget what it read of an SQLite file."""
        with Path(str(self.database)).open("rb") as content:
            os.fsync(content.fileno())
            os.posix_fadvise(content.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    @contextlib.contextmanager
    def serving(self, folder: Path) -> Iterator[None]:
        """`valetkey serve` on it, until the end."""
        self.port = free_port()
        with self.node(folder, self.port) as self.pid:
            yield

    @contextlib.contextmanager
    def node(self, folder: Path, port: int) -> Iterator[int]:
        """The process of `valetkey serve` on it, at that port, until the end."""
        at = self.database.at
        named = at.reveal() if isinstance(at, PostgresURL) else str(at)
        command = [sys.executable, "-m", "valetkey", "serve", "--database", named]
        with subprocess.Popen(
            [*command, "--port", str(port), "--issuer", self.issuer],
            cwd=folder,
            env=os.environ | {"VALETKEY_MASTER_KEY": base64url.encode(self.kept.master)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                assert process.stdout is not None
                if not process.stdout.readline():
                    raise RuntimeError("the server did not start")
                yield process.pid
            finally:
                process.terminate()

    @property
    def issuer(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def exchange(self) -> bytes:
        """A code to exchange, of somebody who adds a device."""
        member = self.visitor()
        millisecond = time.time_ns() // 1_000_000
        env = Env(millisecond // 1000, os.urandom, millisecond % 1000)
        yes = Code(
            client=member.grant.client,
            redirect_uri=digest(REDIRECT),
            redirect_sent=True,
            challenge=pkce.challenge(VERIFIER),
            nonce="",
            user=member.user.id,
            grant=member.grant.id,
            family=ids.owned_id(env, owner=member.user.id),
            session=member.family.session,
            auth_time=env.now,
            scope=PERMISSIONS,
            permissions=PERMISSIONS,
            resources=(),
            device=member.family.device,
            expires=env.now + LIFETIMES.code,
        )
        form = {
            "grant_type": "authorization_code",
            "client_id": yes.client,
            "code": code.write(msgspec.msgpack.encode(yes), self.keyring, env),
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT,
        }
        return form_request(self.port, "/token", form)

    def refresh(self) -> bytes:
        """A refresh token to refresh, which rotates."""
        client, token = self.refresh_token()
        form = {"grant_type": "refresh_token", "client_id": client, "refresh_token": token}
        return form_request(self.port, "/token", form)

    def refresh_token(self) -> tuple[str, str]:
        """A refresh token, and whose it is."""
        family, turn = self._next()
        token = RefreshToken(family.id, 0, family.generation + turn)
        return family.client, refresh_token.write(token, self.keyring)

    async def turn(self, count: int) -> None:
        """Refreshes so many families, each by what a refresh writes, through the store and without
        the server around it: many at a time, in the order of `refresh`."""
        store = await open_store(self.database)
        try:
            step = min(TURNS, self.people.size)
            for done in range(0, count, step):
                some = range(min(step, count - done))
                await asyncio.gather(*(self._turned(store) for _ in some))
        finally:
            await store.close()

    async def _turned(self, store: Store) -> None:
        """One of them. Where a busy database does not say what came of it, it is looked at."""
        query = One(TokenFamily, self._next()[0].id)
        turned: TokenFamily | None = None
        while True:
            with contextlib.suppress(Unavailable, Stale):
                family = (await store.read(query)).one(query)
                assert family is not None
                if turned is not None and family.generation == turned.generation:
                    return
                turned = _turned(family, now=int(time.time()))
                await store.commit([Update(turned)])
                return

    def _next(self) -> tuple[TokenFamily, int]:
        """Whose turn it is to refresh, and how often they did so here."""
        turn, number = divmod(self.kept.refreshes, self.people.size)
        self.kept.refreshes += 1
        return self._at(number).family, turn

    def introspection(self) -> bytes:
        """A live access token to ask about."""
        return form_request(
            self.port, "/introspect", {"token": self.token(self.visitor())}, basic=BASIC
        )

    def token(self, member: Member) -> str:
        """A live access token of the member's."""
        family, now = member.family, int(time.time())
        token = AccessToken(
            iss=self.issuer,
            sub=family.user,
            aud=(API.catalog.resource,),
            client_id=family.client,
            jti=base64url.encode(os.urandom(16)),
            scope="chirps.read chirps.write",
            iat=now,
            exp=now + LIFETIMES.access_token,
            auth_time=family.auth_time,
            grant_id=family.grant,
            grant_version=1,
            family_id=family.id,
        )
        return jwt.sign(token, key=self.keyring.signing["ES256"], typ=access_token.TYPE)

    def visitor(self) -> Member:
        """The next member, anywhere in the database."""
        self.kept.visits += 1
        return self._at(self.kept.visits + self.people.size // 2)

    def _at(self, number: int) -> Member:
        return self.people.member(number * self._stride % self.people.size)


def _stride(size: int) -> int:
    """About 0.618 of the size, and without a divisor in common with it."""
    stride = max(1, int(size * 0.6180339887))
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride


def _turned(family: TokenFamily, *, now: int) -> TokenFamily:
    """The family after a refresh."""
    return msgspec.structs.replace(
        family,
        generation=family.generation + 1,
        rotated=now,
        used=now,
        expires=min(now + LIFETIMES.refresh_idle, family.created + LIFETIMES.refresh_token),
    )
