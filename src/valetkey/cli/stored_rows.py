"""`valetkey db show`: stored rows in readable form, without secrets."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, TypeVar

import click
import msgspec

from valetkey.cli.context import CommandContext, Failed, InvalidUsage, columns
from valetkey.cli.options import Command
from valetkey.server.model.query import One, PageQuery
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.store.port import RECORDS, Store

R = TypeVar("R", bound=Record)

PAGE: Final = 200
"""The number of records that are read in one step."""

HIDDEN: Final = "(hidden)"

_SECRET: Final = frozenset(
    [
        *("password", "mark"),  # users
        *("secrets", "registration_token"),  # clients and APIs
        *("digest", "browser", "session"),  # digests of cookies
        *("parameters", "contents"),  # requests and answers that wait
        *("sealed", "authorization"),
    ]
)
"""Fields that hold a secret, a digest of one, or what an app sent in confidence."""

_KINDS: Final = {kind.table: kind for kind in RECORDS}


async def every_record(store: Store, kind: type[R]) -> AsyncIterator[Sequence[R]]:
    """Read all records of a kind, some at a time, in the store's own order."""
    before = ""
    while True:
        page = await store.page(PageQuery(record=kind, before=before, limit=PAGE, walk=True))
        yield page.records
        before = page.next
        if not before:
            return


def without_secrets(record: Record) -> dict[str, Any]:
    """All stored fields of a record; secrets, and whatever is stored as bytes, are masked."""
    return {
        field: HIDDEN if field in _SECRET or isinstance(value, bytes) else value
        for field, value in stored_fields(record).items()
    }


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(sorted(_KINDS)), required=False)
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Print every row of KIND, or of all kinds.")
@click.pass_obj
def show(command: CommandContext, kind: str | None, name: str | None, *, every: bool) -> None:
    """Print one stored row, or every row with --all, in readable form. Secrets are masked.

    Rows of users are packed in the database, so plain SQL does not read them. With --all, each row
    is one line; with --json, one JSON object a line, which names its table in `table`.
    """
    if every == (name is not None) or not (every or kind):
        raise InvalidUsage("give KIND and NAME for one row, or --all")
    if every:
        kinds = [_KINDS[kind]] if kind else list(RECORDS)
        command.run(lambda store: _print_all(store, kinds, command=command))
    else:
        _show_one(command, _KINDS[str(kind)], str(name))


async def _print_all(
    store: Store, kinds: Sequence[type[Record]], *, command: CommandContext
) -> None:
    for kind in kinds:
        async for records in every_record(store, kind):
            for record in records:
                document = {"table": kind.table, **without_secrets(record)}
                line = msgspec.json.encode(document, enc_hook=str).decode()
                click.echo(line if command.as_json else f"{kind.table}  {record.key}  {line}")


def _show_one(command: CommandContext, kind: type[Record], name: str) -> None:
    query: One[Any] = One(kind, name)

    async def read(store: Store) -> Record | None:
        return (await store.read(query)).one(query)

    record = command.run(read)
    if record is None:
        raise Failed(f"there is no such row in {kind.table}: {name}")
    document = without_secrets(record)
    rows = [(field, str(value)) for field, value in document.items()]
    command.show(document, columns(("field", "value"), rows))
