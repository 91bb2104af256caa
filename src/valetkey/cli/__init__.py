"""The command line: `valetkey <noun> <verb>`. Needs the `server` extra."""

import gc
import sys

from valetkey import __version__
from valetkey.cli import memory

__all__ = ["__version__", "main"]


SERVERS = frozenset({"serve", "guard"})
"""Commands that run for long."""

GARBAGE = 20_000
"""Objects more than were let go of, after which it is looked for cycles."""


def main() -> None:
    """Runs the command that `sys.argv` names."""
    if not SERVERS.isdisjoint(sys.argv[1:]):
        memory.begin_anew()
    # What is imported stays, and what a request makes is gone with it, by its count of references.
    # To look for cycles among it after every 700 objects, as Python does, costs a tenth of a start
    # and a thirtieth of the time after it, and finds none.
    gc.set_threshold(GARBAGE)
    try:
        # Here, so that without the extra a sentence is read and no traceback.
        from valetkey.cli.root import valetkey  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "valetkey":
            raise
        print(f"valetkey: {error.name} is missing: install valetkey[server]", file=sys.stderr)
        raise SystemExit(1) from None
    valetkey(prog_name="valetkey")
