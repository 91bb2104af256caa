"""Runs commands as a user types them, each test in its own folder."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec
from click.testing import CliRunner, Result
from tests.installation import furnish

from valetkey.cli.root import valetkey
from valetkey.server.model.query import Many
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.store.port import Store
from valetkey.server.store.sqlite.store import SQLiteStore

T = TypeVar("T")
R = TypeVar("R", bound=Record)


class Line:
    """Runs commands in `folder`, which is the working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "valetkey.db"
        self.users: dict[str, User] = {}

    def run(self, *words: str, stdin: str = "", **environ: str) -> Result:
        """Types the words; nobody is at the terminal."""
        return CliRunner().invoke(valetkey, words, input=stdin, env=environ, prog_name="valetkey")

    def ok(self, *words: str, stdin: str = "", **environ: str) -> str:
        """Types the words, which work; what stood on stdout."""
        result = self.run(*words, stdin=stdin, **environ)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, stdin: str = "") -> Any:
        """Types the words and --json; the answer."""
        return msgspec.json.decode(self.ok(*words, "--json", stdin=stdin))

    def fails(self, *words: str, status: int, stdin: str = "", **environ: str) -> str:
        """Types the words, which do not work, and says nothing on stdout; what stood on stderr."""
        result = self.run(*words, stdin=stdin, **environ)
        assert result.exit_code == status, result.output
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        return result.stderr

    def store(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Does something with the database."""

        async def working() -> T:
            store = SQLiteStore(self.database)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(working())

    def every(self, kind: type[R]) -> tuple[R, ...]:
        """Every record of a kind."""

        async def reading(store: Store) -> tuple[R, ...]:
            wanted = Many(kind)
            return (await store.read(wanted)).many(wanted)

        return self.store(reading)

    def sql(self, statement: str) -> None:
        """Changes the database behind everybody's back."""
        connection = apsw.Connection(str(self.database))
        connection.execute(statement)
        connection.close()

    def furnish(self) -> None:
        """Puts the tests' platform into the database."""
        self.users = self.store(furnish)
