"""How much of the server one token request enters: `python -m bench.trace`.

A code exchange and a refresh go through the whole application (`app.create`) in this process, over
the memory store, with every feature switched off that they can do without. The request before
them warms up what the server remembers. `sys.setprofile` reports each call; what counts is each
function of `src/valetkey` once, and each file that has one of them. A lambda or a comprehension
counts as part of the function that it stands in; a module's own lambdas count as one function.
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import urandom
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

import valetkey
from valetkey.jose.seal import digest
from valetkey.server import app
from valetkey.server.http.front import Front
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.oauth.features import FEATURES
from valetkey.server.oauth.tokens import code as codes
from valetkey.server.oauth.tokens.code import Code
from valetkey.server.settings import Settings
from valetkey.server.store.keyring import ensure_keys, open_keys, read_keys
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.read_cache import CachedStore
from valetkey.wire import pkce
from valetkey.wire.catalog import Catalog, Permission

SOURCE: Final = Path(valetkey.__file__).parent
ISSUER: Final = "http://127.0.0.1:8000"
MASTER: Final = bytes(32)
SECRET: Final = "s" * 43
VERIFIER: Final = "v" * 43
REDIRECT: Final = "https://app.example/cb"
SCOPE: Final = ("openid", "notes.read")
API: Final = ResourceServer(
    id="notes",
    catalog=Catalog(
        resource="https://api.example/notes",
        name="Notes",
        permissions=(Permission(id="notes.read", can="read your notes", risk="low"),),
    ),
)
APP: Final = Client(
    id="app",
    name="App",
    auth_method="client_secret_post",
    secrets=(StoredSecret(digest(SECRET), 0),),
    redirect_uris=(REDIRECT,),
    grant_types=("authorization_code", "refresh_token"),
    scope=SCOPE,
)
NEEDED: Final = frozenset({"authorization code", "refresh token"})
OPTIONAL: Final = tuple(
    one.name for one in FEATURES if one.name not in NEEDED and not one.core and one.on_by_default
)


ROUNDS: Final = 3
"""Requests of each kind; the one that entered the fewest functions counts."""


class Trace(NamedTuple):
    """The functions that a request entered, by file (relative to `src/valetkey`)."""

    functions: Mapping[str, frozenset[str]]

    @property
    def counts(self) -> tuple[int, int]:
        """How many functions, in how many files."""
        return sum(map(len, self.functions.values())), len(self.functions)


@contextmanager
def tracing() -> Iterator[Callable[[], Trace]]:
    """Reports what was entered inside the block."""
    entered: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            entered.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield lambda: _trace(entered)
    finally:
        sys.setprofile(None)


def _trace(entered: set[CodeType]) -> Trace:
    functions: dict[str, set[str]] = defaultdict(set)
    for code in entered:
        path = Path(code.co_filename)
        if path.is_relative_to(SOURCE) and code.co_name != "<module>":
            functions[str(path.relative_to(SOURCE))].add(_function_of(code))
    return Trace({path: frozenset(names) for path, names in sorted(functions.items())})


def _function_of(code: CodeType) -> str:
    """The name of the function that a lambda or a comprehension is in; of any other, its own."""
    parts = code.co_qualname.split(".<locals>.")
    while len(parts) > 1 and parts[-1].startswith("<"):
        parts.pop()
    return ".<locals>.".join(parts)


class Server:
    """The application over a memory store, with one app and one user."""

    def __init__(self, front: Front, store: CachedStore) -> None:
        self.front = front
        self._store = store
        self._env = Env(int(time.time()), urandom)
        self._user = User(id=ids.user_id(self._env), username="miko")
        self._grant = Grant(
            id=ids.owned_id(self._env, owner=self._user.id),
            user=self._user.id,
            client=APP.id,
            permissions=SCOPE,
            created=self._env.now,
            changed=self._env.now,
        )

    @classmethod
    async def start(cls, disable: tuple[str, ...] = OPTIONAL) -> "Server":
        """The application, with these features switched off."""
        store = CachedStore(MemoryStore())
        await ensure_keys(store, MASTER)
        settings = Settings(issuer=ISSUER, disable=disable)
        server = cls(app.create(settings, store, master_key=MASTER), store)
        await store.commit(tuple(map(Create, (API, APP, server._user, server._grant))))
        return server

    async def code(self) -> str:
        """An authorization code."""
        now, user = self._env.now, self._user.id
        code = Code(
            client=APP.id,
            redirect_uri=digest(REDIRECT),
            redirect_sent=True,
            challenge=pkce.challenge(VERIFIER),
            nonce="n",
            user=user,
            grant=self._grant.id,
            family=ids.owned_id(self._env, owner=user),
            session="",
            auth_time=now,
            scope=SCOPE,
            permissions=SCOPE,
            resources=(),
            device="a browser",
            expires=now + 60,
            amr=("pwd",),
        )
        keyring = open_keys(await read_keys(self._store), MASTER, now=now)
        return codes.write(msgspec.msgpack.encode(code), keyring, self._env)

    async def post(self, **parameters: str) -> dict[str, Any]:
        """What the token endpoint answers. Raises RuntimeError for a refusal."""
        form = {"client_id": APP.id, "client_secret": SECRET, **parameters}
        body = urlencode(form).encode()
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.front(_scope(body), receive, send)
        answer = b"".join(one.get("body", b"") for one in messages)
        if messages[0]["status"] != 200:
            raise RuntimeError(f"{messages[0]['status']}: {answer!r}")
        document: dict[str, Any] = json.loads(answer)
        return document

    async def exchange(self) -> dict[str, Any]:
        """One code exchange."""
        return await self.post(**await self.exchange_form())

    async def exchange_form(self) -> dict[str, str]:
        """The form of one code exchange."""
        return {
            "grant_type": "authorization_code",
            "code": await self.code(),
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }


def _scope(body: bytes) -> dict[str, Any]:
    headers = {
        "host": "127.0.0.1:8000",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(body)),
    }
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/token",
        "raw_path": b"/token",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }


async def trace(disable: tuple[str, ...] = OPTIONAL) -> dict[str, Trace]:
    """What one code exchange and one refresh enter, with these features switched off."""
    server = await Server.start(disable)
    first = await server.exchange()
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    await server.post(**refresh)
    exchanges, refreshes = list[Trace](), list[Trace]()
    for _ in range(ROUNDS):
        form = await server.exchange_form()
        with tracing() as result:
            await server.post(**form)
        exchanges.append(result())
        with tracing() as result:
            await server.post(**refresh)
        refreshes.append(result())
    # What the server remembers for a second may be over in one of them.
    return {"code exchange": min(exchanges, key=_size), "refresh": min(refreshes, key=_size)}


def _size(one: Trace) -> tuple[int, int]:
    return one.counts


def main(*, every: bool) -> None:
    """Prints the counts; `every` prints the functions too."""
    for operation, one in asyncio.run(trace()).items():
        functions, files = one.counts
        print(f"{operation:15}{functions:5} functions in {files} files")
        for path, names in one.functions.items() if every else ():
            print(f"    {path}: {', '.join(sorted(names))}")


if __name__ == "__main__":
    main(every="--all" in sys.argv)
