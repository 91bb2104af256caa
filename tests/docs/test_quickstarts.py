"""The quickstarts, done as they are written: every file, every command, every line of output."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from tests.browser import Browser
from tests.docs.markdown import ROOT, Block, blocks, read
from tests.docs.miko import PASSWORD
from tests.docs.stage import Stage

TUTORIALS: Final = ROOT / "docs" / "tutorial"
SETUP: Final = re.compile(r"\. \.venv|mkdir |cd ")
"""The test makes the reader's folder and environment itself."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The server of "Run the server", as the later quickstarts need it."""
    stage = Stage(tmp_path_factory.mktemp("platform"))
    try:
        follow(stage, "run-it")
        yield stage
    finally:
        stage.stop()


def steps(page: str) -> list[Block]:
    return [one for one in blocks("sh", "text") if one.page == TUTORIALS / f"{page}.md"]


def follow(
    stage: Stage, page: str, *, before: dict[str, Callable[[Stage], None]] | None = None
) -> None:
    """Does what the page says, and compares each output with the one that the page shows. `before`
    has what the reader does by hand under a heading, before its commands."""
    stage.write_files(TUTORIALS / f"{page}.md")
    by_hand = {heading_line(page, heading): do for heading, do in (before or {}).items()}
    printed = ""
    for block in steps(page):
        for line in [one for one in by_hand if one < block.line]:
            by_hand.pop(line)(stage)
        if block.language == "text":
            assert shows(printed, block.text), f"{block}: {printed}"
        else:
            lines = [line for line in block.text.splitlines() if not SETUP.match(line)]
            printed = "".join(act(stage, line) for line in lines)


def heading_line(page: str, heading: str) -> int:
    return read(TUTORIALS / f"{page}.md").partition(f"## {heading}\n")[0].count("\n") + 1


def act(stage: Stage, line: str) -> str:
    """A line of the shell, or what it stands for on this machine."""
    if line.startswith("GRANT="):
        listed = json.loads(stage.run("valetkey grant list --user miko --json"))
        stage.env["GRANT"] = listed[0]["id"]
        return ""
    if line.startswith("python -m pytest -q tests/"):
        return stage.run(f"cd {ROOT} && {line} -p no:cacheprovider")
    if line.startswith("grep -rn"):
        return stage.run(line.replace("..", str(ROOT)))
    return stage.published(stage.type(line, PASSWORD))


def shows(printed: str, expected: str) -> bool:
    """Whether each expected line was printed. An ellipsis stands for anything; the width of a
    column doesn't count."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    return all(
        any(
            re.fullmatch(re.escape(" ".join(want.split())).replace("…", ".*"), line)
            for line in lines
        )
        for want in expected.splitlines()
    )


def test_run_the_server(platform: Stage) -> None:
    assert (platform.folder / "copy.db").exists()


def test_build_an_app_then_support_its_user(platform: Stage) -> None:
    follow(platform, "build-an-app", before={"Stop the access": stop_in_the_browser})
    follow(platform, "support-people")


def stop_in_the_browser(stage: Stage) -> None:
    """What the page has its reader do at /apps."""
    browser = Browser(stage.server)
    browser.open("/apps")
    browser.press("sign-in", username="miko", password=PASSWORD)
    (link,) = set(re.findall(r'href="(/apps/\w+)"', browser.page.text))
    browser.open(f"{link}/stop")
    browser.press("stop")
    browser.http.close()


def test_protect_an_api(tmp_path_factory: pytest.TempPathFactory) -> None:
    follow(Stage(tmp_path_factory.mktemp("chirp")), "protect-an-api")


def test_audit_the_server(platform: Stage) -> None:
    follow(platform, "audit-it")
