"""The tutorial and the guide to apps, done as they are written: real programs, on other ports."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.browser import Browser
from tests.docs.markdown import ROOT, Block, blocks, read
from tests.docs.miko import PASSWORD
from tests.live import free_port

TUTORIAL: Final = ROOT / "docs" / "tutorial" / "first-key.md"
GUIDE: Final = ROOT / "docs" / "howto" / "build-an-app.md"
NAMED: Final = re.compile(r"`([a-z]+\.(?:py|toml))`:\n\n$")

pytestmark = pytest.mark.slow


class Stage:
    """A reader's machine: a folder, an environment, and addresses of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = f"http://127.0.0.1:{free_port()}"
        self.api = f"http://127.0.0.1:{free_port()}"
        self.programs: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "BROWSER": f"{sys.executable} -m tests.docs.miko %s",
            "VALETKEY_ISSUER": self.server,
            "VALETKEY_PORT": self.server.rpartition(":")[2],
        }

    def local(self, text: str) -> str:
        """The text, with this machine's addresses."""
        for address in ("http://127.0.0.1:8000", "https://id.chirp.example"):
            text = text.replace(address, self.server)
        for address in ("http://127.0.0.1:8001", "https://api.chirp.example"):
            text = text.replace(address, self.api)
        return text.replace("--port 8001", f"--port {self.api.rpartition(':')[2]}")

    def run(self, line: str, *, said: str = "", **env: str) -> str:
        """One line of the shell, to its end; what it printed."""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env={**self.env, **env},
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, line: str, address: str) -> None:
        """A line that stays, until it answers."""
        with (self.folder / "log").open("ab") as log:
            command = ["sh", "-c", f"exec {line}"]
            program = subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdout=log, stderr=log
            )
        self.programs.append(program)
        for _ in range(300):
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(address)
                return
            assert program.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        raise AssertionError(f"{line} does not answer")

    def stop(self) -> None:
        """Ends what stays."""
        for program in self.programs:
            program.terminate()
            program.wait(20)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The tutorial, as far as the app."""
    made = Stage(tmp_path_factory.mktemp("first-key"))
    try:
        _files(made)
        for line in _lines(_shell()[1:]):
            _type(made, line)
        yield made
    finally:
        made.stop()


def _files(stage: Stage) -> None:
    text = read(TUTORIAL)
    for block in blocks("python", "toml"):
        if block.page == TUTORIAL:
            (name,) = NAMED.findall(text[: text.index(f"```{block.language}\n{block.text}")])
            (stage.folder / name).write_text(stage.local(block.text), "utf-8")


def _shell() -> list[Block]:
    return [one for one in blocks("sh") if one.page == TUTORIAL]


def _lines(shell: list[Block]) -> list[str]:
    lines = [line for block in shell for line in block.text.splitlines()]
    return lines[: lines.index("python app.py")]


def _type(stage: Stage, line: str) -> None:
    stay = {"valetkey serve": stage.server, "uvicorn api:app --port 8001": stage.api}
    if line in stay:
        stage.start(stage.local(line), stay[line])
    elif line.startswith("valetkey user add"):
        stage.run(f"{line} --password-stdin", said=PASSWORD)
    else:
        stage.run(line)


def _untick(stage: Stage, permission: str) -> None:
    """What the tutorial has its reader do in the browser."""
    browser = Browser(stage.server)
    browser.open("/apps")
    assert "· Chirp</title>" in browser.page.text
    browser.press("sign-in", username="miko", password=PASSWORD)
    (link,) = set(re.findall(r'href="(/apps/\w+)"', browser.page.text))
    browser.open(link)
    browser.press("save", boxes={*browser.form("save").boxes} - {permission})
    browser.http.close()


def test_the_tutorial(stage: Stage) -> None:
    assert "My first chirp" in stage.run("python app.py")
    assert "My first chirp" in stage.run("python app.py", BROWSER="false")
    _untick(stage, "chirps.write")
    assert stage.run("python app.py", BROWSER="false") == "Miko does not allow: chirps.write\n"


def test_the_guide_to_apps(stage: Stage) -> None:
    program = "\n".join(one.text for one in blocks("python") if one.page == GUIDE)
    (stage.folder / "guide.py").write_text(stage.local(program), "utf-8")
    said = stage.run("python guide.py", MIKO="careful", HOME=str(stage.folder))
    granted, left_out, posted = said.splitlines()
    assert "chirps.read" in granted
    assert "chirps.write" not in granted
    assert left_out == "left out: chirps.write"
    assert "'text': 'Hello'" in posted
    assert not (stage.folder / ".config/stefapp/key.json").exists()
