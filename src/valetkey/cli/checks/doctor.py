"""`valetkey doctor`: checks an installation."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from valetkey.cli.checks.installation import Row, installation, machine
from valetkey.cli.context import CommandContext
from valetkey.cli.options import Command
from valetkey.cli.output.formats import columns
from valetkey.server.settings import SettingsError, load

COLORS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(cls=Command)
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A PEM file of the authority that issued the issuer's certificate.",
)
@click.pass_obj
def doctor(command: CommandContext, /, ca: Path | None) -> None:
    """Check the machine, the settings, the database, the keys and the running server.

    Changes nothing. Exit status 1 if a check fails; a warning is no failure.
    """
    rows = tuple(_rows(command, ca))
    lines = [(row.verdict, row.what, row.says) for row in rows]
    text = columns(("", "check", "result"), lines)
    command.show([row._asdict() for row in rows], _colored(text))
    if any(row.verdict == "fail" for row in rows):
        raise SystemExit(1)


def _rows(command: CommandContext, ca: Path | None) -> Iterator[Row]:
    yield from machine()
    try:
        settings = load(command.flags, os.environ, command.config)
    except SettingsError as error:
        for mistake in error.mistakes:
            yield Row("settings", "fail", mistake)
        return
    yield Row("settings", "ok", f"valid; the issuer is {settings.issuer}")
    rows = tuple(installation(settings, ca=ca))
    yield from rows
    # Imported here: it needs the pages, if there is a brand.
    from valetkey.cli.brand import examine  # noqa: PLC0415

    verdicts = {row.what: row.verdict for row in rows}
    opens = verdicts["database"] == "ok" and verdicts.get("keys") != "fail"
    yield from examine(command, with_database=opens)


def _colored(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(click.style(line, fg=COLORS.get(line.split(" ", 1)[0])) for line in lines)
