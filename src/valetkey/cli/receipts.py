"""`valetkey grant receipt`: the consent receipts of a grant."""

from typing import Any, Final

import click

from valetkey.cli.context import CommandContext, Failed, fields, format_time
from valetkey.cli.options import Command
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, PageQuery
from valetkey.server.model.receipt import Line, Place, Receipt
from valetkey.server.store.port import Store

MOST: Final = 100
"""The largest number of receipts that are displayed, newest first."""

TITLES: Final[dict[Place, str]] = {
    "asked": "was asked for",
    "kept": "had already",
    "cannot": "cannot",
}


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@click.pass_obj
def receipt(command: CommandContext, name: str) -> None:
    """Show what each consent page displayed to the user, and what they selected."""

    async def read(store: Store) -> tuple[Receipt, ...]:
        wanted = One(Grant, name)
        if (await store.read(wanted)).one(wanted) is None:
            raise Failed(f"there is no such grant: {name}")
        query = PageQuery(record=Receipt, index="grant", value=name, limit=MOST)
        return (await store.page(query)).records

    receipts = command.run(read)
    command.show([_document(one) for one in receipts], "\n\n".join(map(_text, receipts)))


def _document(one: Receipt) -> dict[str, Any]:
    return fields(one) | {"lines": [fields(line) for line in one.lines]}


def _text(one: Receipt) -> str:
    editions = " ".join(f"{resource}#{number}" for resource, number in one.revisions.items())
    head = (
        f"{format_time(one.at)}  {one.app} ({one.client}), to {one.destination}, in {one.language}",
        f"  request {one.request}, because: {one.why}; catalogs: {editions or '-'}",
    )
    lines = [line for place in TITLES for line in _part(one, place)]
    shut = [f"  no access to: {', '.join(one.shut)}"] if one.shut else []
    return "\n".join((*head, *lines, *shut))


def _part(one: Receipt, place: Place) -> list[str]:
    lines = [line for line in one.lines if line.place == place]
    return [f"  {TITLES[place]}:", *map(_line, lines)] if lines else []


def _line(line: Line) -> str:
    box = ("[x]" if line.ticked else "[ ]") if line.place == "asked" else "   "
    notes = [
        *(["required"] if line.required else []),
        *(["given"] if line.granted and line.place == "asked" else []),
    ]
    text = f"    {box} {line.words} ({', '.join((line.id, *notes))})"
    return f"{text}\n        in the app's words: {line.reason}" if line.reason else text
