"""`valetkey context`: which server the commands go to."""

from pathlib import Path

import click
import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.options import Group
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import columns
from valetkey.cli.remote.contexts import (
    LOCAL,
    Contexts,
    change_contexts,
    check_name,
    read_contexts,
    rename_tokens,
)


@click.group(cls=Group)
def context() -> None:
    """The servers that you administer from here."""


@context.command(name="list")
@click.pass_obj
def list_contexts(command: CommandContext) -> None:
    """List the contexts. The one in use has a star."""
    there = read_contexts()
    rows = [("*" if not there.current else "", LOCAL, "the database of this machine", "")]
    rows += [
        ("*" if name == there.current else "", name, one.server, one.client_id)
        for name, one in sorted(there.contexts.items())
    ]
    document = [
        {"name": name, "current": name == there.current, **msgspec.structs.asdict(one)}
        for name, one in sorted(there.contexts.items())
    ]
    command.show(document, columns(("", "name", "server", "app"), rows))


@context.command()
@click.argument("name")
@click.pass_obj
def use(command: CommandContext, name: str) -> None:
    """Use a context for all commands from now on; `local` is the database of this machine."""

    def used(there: Contexts) -> Contexts:
        if name != LOCAL and name not in there.contexts:
            raise Failed(f"there is no context {name!r}: valetkey login SERVER", type="not-found")
        return msgspec.structs.replace(there, current="" if name == LOCAL else name)

    there = change_contexts(used)
    server = there.contexts[name].server if name != LOCAL else "the database of this machine"
    command.show({"current": name}, f"{name}: {server}")


@context.command(name="set")
@click.argument("name")
@click.option("--rename", default="", help="Another name for it.")
@click.option("--ca", help='A PEM file of the authority that vouches for it; "" for the system\'s.')
@click.pass_obj
def set_context(command: CommandContext, name: str, *, rename: str, ca: str | None) -> None:
    """Change a context: its name, or the authority that vouches for its server."""
    if ca and not Path(ca).is_file():
        raise InvalidUsage(f"there is no file {ca}")

    def changed(there: Contexts) -> Contexts:
        if name not in there.contexts:
            raise Failed(f"there is no context {name!r}: valetkey context list", type="not-found")
        one = there.contexts[name]
        if ca is not None:
            one = msgspec.structs.replace(one, ca_file=str(Path(ca).absolute()) if ca else "")
        new = check_name(rename) if rename else name
        if new != name:
            if new in there.contexts:
                raise Failed(f"there is a context {new} already", type="conflict")
            rename_tokens(name, new, one)
        others = {key: it for key, it in there.contexts.items() if key != name}
        current = new if there.current == name else there.current
        return Contexts(current=current, contexts={**others, new: one})

    change_contexts(changed)
    command.show({"name": rename or name}, f"changed {rename or name}")
