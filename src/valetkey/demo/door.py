"""`python -m valetkey.demo.door FOLDER URL`: the "system browser" of the demo.

While Miko is there, the address is handed to him. Afterwards the machine's own browser gets it.
"""

import os
import shlex
import sys
import time
import webbrowser
from pathlib import Path
from typing import Final

OTHERS: Final = "DEMO_BROWSER"
"""The variable that keeps what $BROWSER was."""

PAUSE: Final = 0.02


class Door:
    """Where addresses are handed over. `folder` exists while Miko is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def command(self) -> dict[str, str]:
        """The environment in which `webbrowser` comes here."""
        line = shlex.join((sys.executable, "-m", "valetkey.demo.door", str(self.folder), "%s"))
        return {"BROWSER": line, OTHERS: os.environ.get("BROWSER", "")}

    def open(self) -> None:
        """Miko comes."""
        self.folder.mkdir()

    def close(self) -> None:
        """Miko leaves."""
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()

    def hand_over(self, url: str) -> bool:
        """Gives Miko the address; False where nobody is there."""
        if not self.folder.is_dir():
            return False
        coming = self.folder / f".{os.getpid()}"
        coming.write_text(url, "utf-8")
        coming.rename(self.folder / f"{time.time_ns()}-{os.getpid()}.url")
        return True

    def receive(self, *, seconds: float) -> str | None:
        """The next address, or None where none comes in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for file in sorted(self.folder.glob("*.url")):
                url = file.read_text("utf-8")
                file.unlink()
                return url
            time.sleep(PAUSE)
        return None


def main(folder: str, url: str) -> int:
    """Hands the address over. 0 where somebody took it."""
    if Door(Path(folder)).hand_over(url):
        return 0
    others = os.environ.get(OTHERS, "")
    if others:
        os.environ["BROWSER"] = others
    else:
        os.environ.pop("BROWSER", None)
    return 0 if webbrowser.open(url) else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
