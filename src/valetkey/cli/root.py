"""The root of the command line, and its commands."""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple

import click

from valetkey import __version__
from valetkey.cli import memory
from valetkey.cli.options import Group, command_context


class Entry(NamedTuple):
    """A command of the root: its module, where the help lists it, and its summary, so that the help
    imports none of them."""

    module: str
    heading: str
    summary: str


RUN: Final = "Run the server"
PEOPLE: Final = "People"
APPS: Final = "Apps and APIs"
ACCESS: Final = "Access"
RECORDS: Final = "Audit and statistics"
KEYS: Final = "Keys"
LOOK: Final = "Look and language"
REMOTE: Final = "Administer a server from elsewhere"

HEADINGS: Final = (RUN, PEOPLE, APPS, ACCESS, RECORDS, KEYS, LOOK, REMOTE)
"""The headings of the help, in order."""

ENTRIES: Final[dict[str, Entry]] = {
    "init": Entry("init", RUN, "Set up a server: settings, keys, database, first user."),
    "serve": Entry("serve", RUN, "Run the server."),
    "doctor": Entry("checks.doctor", RUN, "Check an installation."),
    "health": Entry("health", RUN, "Ask the server whether it is ready."),
    "config": Entry("config", RUN, "The settings."),
    "db": Entry("db", RUN, "The database: its schema, its backups."),
    "guard": Entry("guard", RUN, "Decide for a proxy which calls may pass."),
    "demo": Entry("root", RUN, "Play the story: sign-in, consent, use, change, stop."),
    "user": Entry("users", PEOPLE, "The users."),
    "import": Entry(
        "imports.apps.commands", PEOPLE, "Import users, apps and grants from elsewhere."
    ),
    "mail": Entry("notices", PEOPLE, "The mails to users."),
    "notices": Entry("notices", PEOPLE, "The notices to users, by mail and webhook."),
    "client": Entry("clients", APPS, "The apps."),
    "resource": Entry("resources", APPS, "The APIs and their catalogs."),
    "apply": Entry("apply", APPS, "Apply a declared state from a file."),
    "grant": Entry("grants", ACCESS, "The grants that users gave to apps."),
    "bulk-stop": Entry("remote.nouns", ACCESS, "Stop many grants, with a preview."),
    "organization": Entry("remote.nouns", ACCESS, "Companies, and their rules for apps."),
    "policy": Entry("remote.nouns", ACCESS, "The policies for apps."),
    "role": Entry("remote.nouns", ACCESS, "Who has which role."),
    "admin": Entry("administrators", ACCESS, "Administrators: owners, roles, and their apps."),
    "events": Entry("events.commands", RECORDS, "The audit log: who did what to what."),
    "stats": Entry("remote.nouns", RECORDS, "Numbers by hour and by day."),
    "top": Entry("monitoring.top", RECORDS, "What the server does right now, in a terminal."),
    "stream": Entry("remote.nouns", RECORDS, "The receivers of security events."),
    "job": Entry("remote.nouns", RECORDS, "The messages that wait to be sent."),
    "settings": Entry("remote.nouns", RECORDS, "The settings, as the server uses them."),
    "key": Entry("keys", KEYS, "The server's own keys."),
    "brand": Entry("brand", LOOK, "The look of the pages."),
    "locale": Entry("locales", LOOK, "Languages of your own for the pages."),
    "login": Entry("remote.sign_in", REMOTE, "Sign in to a server."),
    "logout": Entry("remote.sign_in", REMOTE, "Sign out of a server."),
    "whoami": Entry("remote.sign_in", REMOTE, "Who you are there, and what you may do."),
    "context": Entry("remote.context_commands", REMOTE, "The servers that you administer."),
    "completion": Entry("help.completion", REMOTE, "Completion for bash, zsh and fish."),
}
"""Every command, in the order of the help."""


KEYWORDS: Final = {"import": "imports", "bulk-stop": "bulk_stop"}
"""Commands whose modules have other names for them: keywords of Python, and those with a dash."""

ALIASES: Final = {"statistics": "stats"}
"""Other names of commands, which the help does not list."""

LONG_RUNNING: Final = frozenset({"serve", "guard"})
"""Commands that run until they are stopped."""


LOCAL: Final = frozenset({"admin", "apply", "brand", "db", "import", "mail", "notices"})
"""Commands that work on the database and the settings of this machine alone."""


class Commands(Mapping[str, click.Command]):
    """The commands. Each is imported only when it is used, so that the server starts without
    loading the administration commands."""

    def __getitem__(self, name: str) -> click.Command:
        name = ALIASES.get(name, name)
        module = import_module(f"valetkey.cli.{ENTRIES[name].module}")
        command: click.Command = getattr(module, KEYWORDS.get(name, name))
        return command

    def __contains__(self, name: object) -> bool:
        return name in ENTRIES or name in ALIASES

    def __iter__(self) -> Iterator[str]:
        return iter(ENTRIES)

    def __len__(self) -> int:
        return len(ENTRIES)


class Root(Group):
    """The root of the command line. `may_restart`: the process runs nothing but this line."""

    may_restart = False

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        words = tuple(args)
        try:
            context = super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            raise _for(words, error) from error
        context.meta[__name__] = words
        return context

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort) as error:
            raise _for(ctx.meta.get(__name__, ()), error) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # The options before the command are parsed, so this is the command. Its module is not
        # imported yet: a restart repeats as little as possible.
        if self.may_restart and not ctx.resilient_parsing and args[0] in LONG_RUNNING:
            memory.restart_with_huge_pages()
        command_context(ctx).words = ctx.meta[__name__]
        if args[0] in LOCAL and not ctx.resilient_parsing:
            command_context(ctx).check_local(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their headings, in plain words."""
        width = max(map(len, ENTRIES))
        for heading in HEADINGS:
            rows = [(name, one.summary) for name, one in ENTRIES.items() if one.heading == heading]
            if rows:
                with formatter.section(heading):
                    # Every section has its second column at the same place.
                    formatter.write_dl([(name.ljust(width), text) for name, text in rows])


def _for(words: Sequence[str], error: click.ClickException | click.Abort) -> Exception:
    """The error, as JSON if the command line asks for JSON."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    # Imported here: a server that starts has no use for it.
    from valetkey.cli.output.json_errors import as_json, wants_json  # noqa: PLC0415

    return as_json(error) if wants_json(words) else error


@click.group(cls=Root, commands=Commands())
@click.version_option(__version__, prog_name="valetkey")
@click.pass_context
def valetkey(context: click.Context) -> None:
    """Let an app use your API on a user's behalf, without ever seeing the password.

    Exit status: 0 done; 1 failed; 2 usage error (options, settings, a file).
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def demo(args: tuple[str, ...]) -> None:
    """Play the story: sign-in, consent, use, change, stop."""
    try:
        # Imported here, because no other command needs what it imports.
        from valetkey.demo import main  # noqa: PLC0415
    except ModuleNotFoundError as error:
        from valetkey.cli.output.errors import Failed  # noqa: PLC0415 - not for the start of a server

        raise Failed(f"{error.name} is missing: install valetkey[demo]") from error

    raise SystemExit(main(list(args)))
