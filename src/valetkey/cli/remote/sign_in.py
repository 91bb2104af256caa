"""`valetkey login`, `logout` and `whoami`."""

import contextlib
import os
import platform
import webbrowser
from typing import Any, Final

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.options import PATH, Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import cell, columns
from valetkey.cli.remote.connection import Connection, app_of, http_client
from valetkey.cli.remote.contexts import (
    BUILT_IN,
    Contexts,
    ServerContext,
    change_contexts,
    check_name,
    check_server,
    has_key_store,
    name_of,
    read_contexts,
    token_store,
)
from valetkey.cli.remote.targets import OperationCall, target_of
from valetkey.client.device_and_ciba import Waiting
from valetkey.client.errors import ClientError
from valetkey.client.key import Key
from valetkey.client.tokens import Connected
from valetkey.server.admin.table import BY_NAME
from valetkey.server.model.assurance import TWO_FACTORS
from valetkey.server.model.role import PREFIX, ROLES, SCOPES, administration

ABOUT_ME: Final = ("openid", "offline_access")
MINUTES: Final = 10.0
"""Minutes to answer in the browser."""


@click.command(cls=Command)
@click.argument("address", metavar="SERVER")
@click.option("--name", default="", help="The name of the context; the host by default.")
@click.option("--device", is_flag=True, help="Type a code in a browser on another device.")
@click.option(
    "--role", type=click.Choice(sorted(ROLES)), help="Ask for what this role needs, and no more."
)
@click.option(
    "--scope", default="", help='Ask for these permissions alone: "users.read apps.read".'
)
@click.option("--ca", type=PATH, help="A PEM file of the authority that vouches for the server.")
@click.option(
    "--client-id", default=BUILT_IN, show_default=True, help="The app as which to sign in."
)
@click.option(
    "--secret-file", type=PATH, help="The secret of an app that acts for itself, for scripts."
)
@click.option("--again", is_flag=True, help="Sign in afresh, as sensitive acts need it.")
@click.option("--use", is_flag=True, help="Use this server for all commands from now on.")
@click.option("--plain-file", is_flag=True, help="Do not use the system's key store.")
@click.pass_obj
def login(
    command: CommandContext,
    /,
    address: str,
    *,
    name: str,
    device: bool,
    role: str | None,
    scope: str,
    use: bool,
    again: bool,
    **options: Any,
) -> None:
    """Sign in to a server, to administer it from here.

    SERVER is its address, or the name of a context. A browser opens on this machine; without one,
    or with --device, you type a code in a browser elsewhere. The server keeps asking what your
    roles are: signing in gives you nothing that they do not.
    """
    name, context = _context(address, name, options)
    if context.secret_file:
        _check_machine(name, context)
    else:
        wanted = _scope(role, scope)
        connection = Connection(name, context)
        connected = _sign_in(command, connection, wanted, device=device, again=again)
        _say_missing(command, connected)

    def added(there: Contexts) -> Contexts:
        current = name if use else there.current
        return Contexts(current=current, contexts={**there.contexts, name: context})

    change_contexts(added)
    where = "the system's key store" if context.sealed else "a file that only you can read"
    command.note(
        f"{'Signed in' if not context.secret_file else 'The secret works'} at {context.server}. "
        f"{'' if context.secret_file else f'The key is in {where}. '}"
        + (
            "All commands go there now; back to this machine: valetkey context use local"
            if use
            else f"Go there with --context {name}, or for all commands: valetkey context use {name}"
        )
    )
    document = {"context": name, "server": context.server, "current": use}
    command.show(document, f"{name}  {context.server}")


def _context(server: str, name: str, options: dict[str, Any]) -> tuple[str, ServerContext]:
    """The context to sign in to, with its name. An existing one keeps what no option changes."""
    there = read_contexts().contexts
    if server in there and "/" not in server:
        name, server = name or server, there[server].server
    server = check_server(server)
    name = check_name(name or name_of(server))
    old = there.get(name)
    if old is not None and old.server != server:
        raise InvalidUsage(f"the context {name} is of {old.server}: choose another --name")
    ca, secret = options["ca"], options["secret_file"]
    for file in (ca, secret):
        if file is not None and not file.is_file():
            raise InvalidUsage(f"there is no file {file}")
    return name, ServerContext(
        server=server,
        client_id=options["client_id"],
        ca_file=str(ca.absolute()) if ca else (old.ca_file if old else ""),
        secret_file=str(secret.absolute()) if secret else "",
        sealed=not options["plain_file"] and not secret and has_key_store(),
    )


def _scope(role: str | None, scope: str) -> tuple[str, ...]:
    if role and scope:
        raise InvalidUsage("--role and --scope: only one of them")
    names = scope.split() if scope else ROLES[role] if role else SCOPES  # type: ignore[index]
    return (*ABOUT_ME, *sorted(one if one.startswith(PREFIX) else PREFIX + one for one in names))


def _check_machine(name: str, context: ServerContext) -> None:
    """Raises Failed if the secret of an app does not work."""
    connection = Connection(name, context)
    try:
        connection.check()
    finally:
        connection.close()


def _sign_in(
    command: CommandContext,
    connection: Connection,
    scope: tuple[str, ...],
    *,
    device: bool,
    again: bool,
) -> Connected:
    name, context = connection.name, connection.context
    key = Key(app_of(context, scope), token_store(name, context), http=http_client(context))
    try:
        if device or not _has_browser():
            return key.connect_by_code(_shower(command), scope=_by_code(command, scope))
        opened = _Browser(command)
        return key.connect(
            open_browser=opened,
            seconds=MINUTES * 60,
            # Administrators need two factors, unless the server says otherwise.
            acr_values=TWO_FACTORS.split(),
            max_age=0 if again else None,
        )
    except ClientError as error:
        raise connection.explain(error) from error
    finally:
        key.close()
        connection.close()


MAX_LISTED: Final = 3
"""Permissions that a code does not give, which are listed; if there are more, nobody reads them."""


def _by_code(command: CommandContext, scope: tuple[str, ...]) -> tuple[str, ...]:
    """What a code that people type can give: no permission of high risk."""
    catalog = administration("").permissions
    risky = {one.id for one in catalog if one.risk == "high"}
    refused = sorted(one.removeprefix(PREFIX) for one in scope if one in risky)
    if len(refused) > MAX_LISTED:
        command.note(
            "A code gives no permission of high risk: `valetkey whoami` lists what you may do. For "
            "more, sign in with a browser."
        )
    elif refused:
        command.note(f"A code gives no {', '.join(refused)}: for that, sign in with a browser.")
    return tuple(one for one in scope if one not in risky)


class _Browser:
    """Opens the browser, and says where to go if none opens."""

    def __init__(self, command: CommandContext) -> None:
        self._command = command

    def __call__(self, address: str) -> bool:
        self._command.note(f"Opening your browser. If nothing opens, go to:\n{address}")
        with contextlib.suppress(webbrowser.Error):
            return webbrowser.open(address)
        return False


def _has_browser() -> bool:
    """Whether a browser can open on this machine: not over SSH, and not without a screen."""
    if any(os.environ.get(one) for one in ("SSH_CONNECTION", "SSH_TTY")):
        return False
    if os.environ.get("BROWSER"):
        return True
    has_screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_screen or platform.system() != "Linux"


def _shower(command: CommandContext) -> Any:
    def show(waiting: Waiting) -> None:
        command.note(
            f"Open {waiting.address} in a browser, and type this code:\n\n    {waiting.code}\n\n"
            f"It is good for {waiting.seconds // 60} minutes. Waiting…"
        )

    return show


def _say_missing(command: CommandContext, connected: Connected) -> None:
    missing = sorted(one.removeprefix(PREFIX) for one in connected.missing if one in SCOPES)
    if missing:
        command.note(f"You did not allow: {', '.join(missing)}. To add it, sign in again.")


@click.command(cls=Command)
@click.argument("name", metavar="[CONTEXT]", default="")
@click.option("--keep", is_flag=True, help="Keep the context, without its key.")
@click.pass_obj
def logout(command: CommandContext, name: str, *, keep: bool) -> None:
    """Sign out of a server: its key ends there, and is deleted here."""
    there = read_contexts()
    name = name or command.remote_name()
    if name not in there.contexts:
        raise Failed(f"there is no context {name!r}: see valetkey context list", type="not-found")
    context = there.contexts[name]
    text = f"signed out of {context.server}"
    if not context.secret_file:
        connection = Connection(name, context)
        try:
            if isinstance(connection.key, Key) and connection.key.tokens is not None:
                connection.key.revoke()
        except ClientError as error:
            # It is deleted here all the same.
            text = f"deleted the key here; {connection.explain(error).message}"
        finally:
            connection.close()

    def without(there: Contexts) -> Contexts:
        left = {one: it for one, it in there.contexts.items() if keep or one != name}
        return Contexts(current="" if there.current == name else there.current, contexts=left)

    change_contexts(without)
    command.show({"context": name, "server": context.server}, text)


@click.command(cls=Command)
@click.pass_obj
def whoami(command: CommandContext) -> None:
    """Say who you are at the server, and what you may do there now."""
    target = target_of(command)
    try:
        document = {"at": target.place, **target.do(OperationCall(BY_NAME["me.show"]))}
    finally:
        target.close()
    rows = [(name.replace("_", " "), cell(one, most=2000)) for name, one in document.items()]
    command.show(document, columns(("", ""), rows))
