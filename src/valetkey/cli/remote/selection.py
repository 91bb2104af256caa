"""To which server a command line goes: decided from its words, before the command is known."""

from collections.abc import Sequence
from typing import Final

from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.remote.contexts import LOCAL, check_server, read_contexts

OF_THIS_MACHINE: Final = ("--database", "--config", "--set")
"""Options that are about the database of this machine."""


def context_name(words: Sequence[str]) -> str:
    """The name of the context, "" for the database of this machine: by --context, by --server, and
    else the current one. A server with several contexts stands for the current one, if that is one
    of them. Raises Failed, InvalidUsage."""
    name, server = option_in(words, "--context"), option_in(words, "--server")
    local = [one for one in OF_THIS_MACHINE if option_in(words, one)]
    if name and server:
        raise InvalidUsage("--context and --server: only one of them")
    if (server or (name and name != LOCAL)) and local:
        raise InvalidUsage(f"{local[0]} is about the database of this machine, not a server's")
    if name == LOCAL or (local and not name):
        return ""
    there = read_contexts()
    if name:
        if name not in there.contexts:
            raise Failed(f"there is no context {name!r}: valetkey login SERVER", type="not-value")
        return name
    if server:
        address = check_server(server)
        fitting = [one for one, it in there.contexts.items() if it.server == address]
        if not fitting:
            raise Failed(
                f"you are not signed in at {address}: valetkey login {address}", type="signed-out"
            )
        if there.current not in fitting and len(fitting) > 1:
            # Each has rights of its own: a guess could do what nobody meant.
            names = ", ".join(sorted(fitting))
            raise InvalidUsage(
                f"you have several contexts at {address}: choose one with --context: {names}"
            )
        return there.current if there.current in fitting else fitting[0]
    return there.current if there.current in there.contexts else ""


def option_in(words: Sequence[str], option: str) -> str:
    """The last value of an option in the words of a command line, "" for none."""
    value = ""
    for at, word in enumerate(words):
        if word == "--":
            break
        if word == option:
            value = "".join(words[at + 1 : at + 2])
        elif word.startswith(option + "="):
            value = word.partition("=")[2]
    return value
