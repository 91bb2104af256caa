"""`valetkey completion`: completion of commands and options in a shell."""

import click
from click.shell_completion import get_completion_class

from valetkey.cli.context import CommandContext
from valetkey.cli.options import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes commands and options in your shell.

    Add it to what the shell reads when it starts. bash, in ~/.bashrc: eval "$(valetkey completion
    bash)". zsh, in ~/.zshrc: eval "$(valetkey completion zsh)". fish, once: valetkey completion
    fish > ~/.config/fish/completions/valetkey.fish
    """
    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click ships all three
        raise click.UsageError(f"no completion for {shell}")
    root = context.find_root()
    script = kind(root.command, {}, "valetkey", "_VALETKEY_COMPLETE").source()
    command = context.ensure_object(CommandContext)
    command.show({"shell": shell, "script": script}, script)
