"""`valetkey demo`: the whole story, on this machine."""

import click


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def demo(args: tuple[str, ...]) -> None:
    """Play the story: sign-in, consent, use, change, stop."""
    # Here, because no other command needs what it imports.
    from valetkey.demo import main  # noqa: PLC0415

    raise SystemExit(main(list(args)))
