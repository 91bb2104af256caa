"""The whole story on this machine: a platform, an app, and a user between them."""

from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """`valetkey demo`: plays the story; the exit status."""
    # Here: the programs of the demo import this package too, and one of them has to come first.
    from valetkey.demo import show  # noqa: PLC0415

    return show.main(arguments)
