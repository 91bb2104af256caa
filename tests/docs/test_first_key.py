"""The tutorial and the guide to apps, done as they are written: real programs, on other ports."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from tests.browser import Browser
from tests.docs.markdown import ROOT, Block, blocks
from tests.docs.miko import PASSWORD
from tests.docs.stage import Stage

TUTORIAL: Final = ROOT / "docs" / "tutorial" / "first-key.md"
GUIDE: Final = ROOT / "docs" / "howto" / "build-an-app.md"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The tutorial, as far as the app."""
    made = Stage(tmp_path_factory.mktemp("first-key"))
    try:
        made.write_files(TUTORIAL)
        for line in _lines(_shell()[1:]):
            made.type(line, PASSWORD)
        yield made
    finally:
        made.stop()


def _shell() -> list[Block]:
    return [one for one in blocks("sh") if one.page == TUTORIAL]


def _lines(shell: list[Block]) -> list[str]:
    lines = [line for block in shell for line in block.text.splitlines()]
    return lines[: lines.index("python app.py")]


def _uncheck(stage: Stage, permission: str) -> None:
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
    _uncheck(stage, "chirps.write")
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
