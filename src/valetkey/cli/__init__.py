"""The command line: `valetkey <noun> <verb>`. All but `resource check` needs the `server` extra."""

import gc
import sys

from valetkey import __version__

__all__ = ["__version__", "main"]


GC_THRESHOLD = 20_000
"""New objects after which Python looks for reference cycles."""


def main() -> None:
    """Runs the command that `sys.argv` names."""
    # Modules stay, and reference counts free what a request makes. Python looks for cycles after
    # every 700 new objects by default: that takes a tenth of a start and a thirtieth of the time
    # after it, and finds none.
    gc.set_threshold(GC_THRESHOLD)
    try:
        # Here, so that an installation without the extra gets a sentence instead of a traceback.
        from valetkey.cli.root import valetkey  # noqa: PLC0415

        valetkey.may_restart = True
        valetkey(prog_name="valetkey")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "valetkey":
            raise
        if sys.argv[1:3] == ["resource", "check"]:
            # An API's own tests need no server.
            from valetkey.resource.check import main as check  # noqa: PLC0415

            raise SystemExit(check(sys.argv[3:])) from None
        print(f"valetkey: {error.name} is missing: install valetkey[server]", file=sys.stderr)
        raise SystemExit(1) from None
