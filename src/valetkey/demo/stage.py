"""The stage: a folder with all that the programs need, and the programs on it."""

import json
import os
import shlex
import sys
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from secrets import choice, randbelow, token_urlsafe
from string import Template
from typing import Final

import msgspec

from valetkey.demo.programs import Programs, free_ports
from valetkey.demo.tape import Tape
from valetkey.jose import jwk
from valetkey.wire import opaque

# `python -m valetkey.demo.stage FOLDER URL`: the "system browser" of the demo.
#
# While Miko is there, the address is handed to him. Afterwards the machine's own browser gets it.

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
        line = shlex.join((sys.executable, "-m", "valetkey.demo.stage", str(self.folder), "%s"))
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


HERE: Final = Path(__file__).parent
USER: Final = "miko"

_WORDS: Final = (
    "amber anchor apple arrow basil beacon birch bottle brook candle canyon cedar cellar cherry "
    "cider clover cobalt copper coral cotton dahlia delta ember fable falcon fennel fern fjord "
    "garden ginger gravel harbor hazel heron indigo island ivory jasmin kettle kite lagoon "
    "lantern lemon lilac linen maple marble meadow mint nectar oak olive orchid otter pepper "
    "pine plum quartz river saffron sage thistle velvet violet"
)


class Website(msgspec.Struct, frozen=True, kw_only=True):
    """A place of its own at which users sign in; the authorization server then has no users.

    `module` is the program; it gets `--port`, `--issuer`, `--secret` (a file) and `--password` (a
    file). `settings` are those of the server, and `state` is declared state, both with `$site` for
    the program's address. `user` is Miko's id there. `embeds` is the path at which the program
    holds the authorization server, "" for a server of its own.
    """

    module: str
    settings: str
    state: str
    user: str
    embeds: str = ""


class Addresses(msgspec.Struct, frozen=True):
    """Where everything is. `window` holds the secret without which stefApp shows nothing. `site` is
    where users sign in, "" for the server itself."""

    server: str
    chirp: str
    stefapp: str
    window: str
    backend: str
    site: str = ""


OWNER: Final = "noor"
"""The user name of the platform's owner."""

CONSOLE: Final = """enable = ["administration"]

[administration]
second_factor = false
"""
"""Settings with which the owner opens the console. One factor is enough on this machine."""


class Stage:
    """What is set up before the story begins. Raises Failed where a program does not come up."""

    def __init__(
        self,
        folder: Path,
        programs: Programs,
        *,
        more: Path | None = None,
        secrets: Sequence[str] = (),
        keys: Sequence[str] = (),
        website: Website | None = None,
        console: bool = False,
    ) -> None:
        """`more` is declared state that a story adds; `secrets` names the apps in it that have one,
        `keys` those that have a key of their own. `console`: there is an owner, and the console."""
        server, chirp, stefapp, backend, site = free_ports(5)
        key = token_urlsafe(18)
        self.folder = folder
        self.programs = programs
        # Cookies do not tell ports apart: under a name of its own, the server's stay away from
        # stefApp, which has to live at 127.0.0.1 (RFC 8252 7.3).
        embeds = "" if website is None else website.embeds
        here = f"http://127.0.0.1:{site}"
        if embeds:
            site, here = server, f"http://localhost:{server}"
        self.addresses = Addresses(
            server=f"http://localhost:{server}{embeds}",
            chirp=f"http://127.0.0.1:{chirp}",
            stefapp=f"http://127.0.0.1:{stefapp}",
            window=f"http://127.0.0.1:{stefapp}/{key}/",
            backend=f"http://127.0.0.1:{backend}",
            site="" if website is None else here,
        )
        self.password = password()
        self.chirp_secret = opaque.write("cs", os.urandom(32))
        self.backend_secret = opaque.write("cs", os.urandom(32))
        self.secrets = {name: opaque.write("cs", os.urandom(32)) for name in secrets}
        self.keys = {name: jwk.generate("ES256") for name in keys}
        self._more = more
        self._website = website
        self._console = console
        self.door = Door(folder / "door")
        self.tape = Tape(folder / "stefapp.tape")
        self.tokens = folder / "stefapp" / "tokens.json"
        self.held = folder / "stefapp-server"
        self._ports = {
            "server": server,
            "chirp": chirp,
            "stefapp": stefapp,
            "backend": backend,
            "site": site,
        }

    def set_up(self) -> None:
        """Writes the files, and brings the installation to its declared state."""
        self.write("miko.password", self.password)
        self.write("chirp.secret", self.chirp_secret)
        self.write("stefapp-server.secret", self.backend_secret)
        self.write("stefapp-server.seal", token_urlsafe(32))
        catalog = Template((HERE / "chirp" / "catalog.toml").read_text("utf-8"))
        self.write("catalog.toml", catalog.substitute(chirp=self.addresses.chirp))
        self.write("state.toml", (HERE / "state.toml").read_text("utf-8"))
        site, at = self._website, {"site": self.addresses.site, "chirp": self.addresses.chirp}
        people = (HERE / "user.toml").read_text("utf-8") if site is None else site.state
        self.write("people.toml", Template(people).substitute(at))
        self.write("site.secret", opaque.write("cs", os.urandom(32)))
        settings = {
            "issuer": self.addresses.server,
            "name": "Chirp",
            "port": self._ports["server"],
            "database": "server.db",
        }
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        more = "" if site is None else Template(site.settings).substitute(at)
        console = CONSOLE if self._console else ""
        self.write("valetkey.toml", "".join(lines) + console + more)
        self.door.open()
        self.tokens.parent.mkdir(mode=0o700)
        self.programs.run("valetkey", "apply", "-f", "state.toml")
        self.programs.run("valetkey", "apply", "-f", "people.toml")
        for name, secret in self.secrets.items():
            self.write(f"{name}.secret", secret)
        for name, key in self.keys.items():
            jwks = {"keys": [key.public().jwk()]}
            self.write(f"{name}.jwks.json", json.dumps(jwks))
        if self._more is not None:
            added = Template(self._more.read_text("utf-8"))
            self.write("more.toml", added.substitute(chirp=self.addresses.chirp))
            self.programs.run("valetkey", "apply", "-f", "more.toml")

    def make_owner(self) -> None:
        """Makes the owner, who has Miko's password."""
        self.programs.run("valetkey", "admin", "create", OWNER, "--password-file", "miko.password")

    def start(self, *, stefapp: bool = True) -> None:
        """Starts the programs: the server, Chirp, and stefApp where it is in the story."""
        if self._website is None or not self._website.embeds:
            self.start_server()
        if self._website is not None:
            self.start_site(self._website)
        self.start_chirp()
        if stefapp:
            self.start_stefapp()

    def start_server(self) -> None:
        """Starts the authorization server."""
        self.programs.start("server", "valetkey", "serve", port=self._ports["server"])

    def start_site(self, site: Website) -> None:
        """Starts the place at which users sign in."""
        port = self._ports["site"]
        self.programs.start(
            "site",
            site.module,
            f"--port={port}",
            f"--issuer={self.addresses.server}",
            "--secret=site.secret",
            "--password=miko.password",
            port=port,
        )

    def start_chirp(self) -> None:
        """Starts the platform's API. Chirp knows Miko by the name that tokens of his carry."""
        if self._website is None:
            users = json.loads(self.programs.run("valetkey", "user", "list", "--json"))
            miko = next(user["id"] for user in users if user["username"] == USER)
        else:
            miko = self._website.user
        port = self._ports["chirp"]
        self.programs.start(
            "chirp",
            "valetkey.demo.chirp",
            f"--port={port}",
            f"--issuer={self.addresses.server}",
            f"--miko={miko}",
            port=port,
        )

    def start_stefapp(self) -> None:
        """Starts the app, recorded from its first byte, and the server that is its own."""
        backend = self._ports["backend"]
        self.programs.begin(
            "stefapp-server",
            "valetkey.demo.stefapp.backend",
            f"--port={backend}",
            f"--issuer={self.addresses.server}",
            "--secret=stefapp-server.secret",
            "--seal=stefapp-server.seal",
            f"--folder={self.held}",
        )
        self.programs.start(
            "stefapp",
            "valetkey.demo.stefapp",
            f"--window={self.addresses.window}",
            f"--api={self.addresses.chirp}",
            f"--issuer={self.addresses.server}",
            f"--tokens={self.tokens}",
            f"--backend={self.addresses.backend}",
            f"--tape={self.tape.file}",
            port=self._ports["stefapp"],
            environ=self.door.command,
        )
        self.programs.await_port("stefapp-server", backend)

    def write(self, name: str, text: str) -> None:
        """Writes a file that only we can read."""
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def password() -> str:
    """Four words and a number: some 36 random bits, and easy to type by hand."""
    words = [choice(_WORDS.split()) for _ in range(4)]
    return " ".join((*words, str(randbelow(9000) + 1000)))
