"""The command line: `valetkey <noun> <verb>`. Needs the `server` extra."""

import sys

from valetkey import __version__

__all__ = ["__version__", "main"]


def main() -> None:
    """Runs the command that `sys.argv` names."""
    try:
        # Here, so that without the extra a sentence is read and no traceback.
        from valetkey.cli.root import valetkey  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "valetkey":
            raise
        print(f"valetkey: {error.name} is missing: install valetkey[server]", file=sys.stderr)
        raise SystemExit(1) from None
    valetkey(prog_name="valetkey")
