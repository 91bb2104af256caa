"""The page that CONTRIBUTING.md adds: taken from there, rendered, and opened."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import AsyncMock, Mock

import pytest
from jinja2 import ChoiceLoader, DictLoader
from tests.docs.markdown import ROOT, blocks
from tests.server.pages.document import Document

from valetkey.server.pages.frame import Frame, TableRow
from valetkey.server.pages.locales import LOCALES, Locale, read_catalog, translations
from valetkey.server.pages.render import environment, render_in
from valetkey.server.pages.samples.parts import MIKO, NOW, SITE

pytestmark = pytest.mark.anyio

FILE = ROOT / "src/valetkey/server/pages/account/me.py"
CATALOG = ROOT / "src/valetkey/server/pages/locale/de/LC_MESSAGES/valetkey.po"


OF_THE_PAGE = {"python": "MeView", "html": "view.since", "po": "Hello", "text": "MeView"}
"""What only the example's block in each language says."""


def _block(language: str) -> str:
    shown = [one.text for one in blocks(language) if one.page.name == "CONTRIBUTING.md"]
    (text,) = [one for one in shown if OF_THE_PAGE[language] in one]
    return text


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module that the guide shows, imported."""
    file = tmp_path_factory.mktemp("contributing") / FILE.name
    file.write_text(_block("python"), "utf-8")
    spec = importlib.util.spec_from_file_location("me", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def german() -> Iterator[Locale]:
    """German with the new messages, whose templates include the new one."""
    po = CATALOG.read_text("utf-8") + "\n" + _block("po")
    locale = Locale(tag="de", name="Deutsch", translations=translations(read_catalog(po.encode())))
    env = environment(locale)
    assert env.loader is not None
    env.loader = ChoiceLoader([DictLoader({"me.html": _block("html")}), env.loader])
    yield locale
    environment.cache_clear()


async def test_the_page_is_displayed_in_the_users_language(me: ModuleType, german: Locale) -> None:
    session = SimpleNamespace(auth_time=NOW)
    frame = Mock(
        spec=Frame,
        site=SITE,
        require_person=AsyncMock(return_value=SimpleNamespace(user=None, session=session)),
        account=Mock(return_value=MIKO),
        page=Mock(side_effect=lambda _, view: render_in(view, locale=german)),
    )
    html = Document(await me.MePage(frame).show(Mock()))
    assert html.one("h1").text == "Hallo, Miko Lind"
    assert "Sie haben sich am 24. November 2026, 08:30 UTC angemeldet." in html.one("main").text
    assert html.one("a", href="/apps", **{"class": "button plain"}).text == "Verbundene Apps"


def test_its_row_is_one_of_the_table(me: ModuleType) -> None:
    frame = Mock(spec=Frame)
    row = eval(_block("text"), {**vars(me), "TableRow": TableRow, "frame": frame})
    assert (row.path, row.views, {*row.handlers}) == ("/me", (me.MeView,), {"GET"})
    assert isinstance(row, TableRow)


def test_no_message_is_missing_and_none_is_too_many(german: Locale) -> None:
    env = environment(LOCALES["en"])
    found = {
        message if isinstance(message, str) else message[0]
        for _, _, message in env.extract_translations(_block("html"))  # type: ignore[attr-defined]
    }
    shown, missing = _messages(_block("po")), found - _messages(CATALOG.read_text("utf-8"))
    assert missing <= shown, f"add to the catalog in CONTRIBUTING.md: {missing - shown}"
    # A page of the server may use some of these messages too.
    assert shown <= found, f"the page in CONTRIBUTING.md does not use {shown - found}: remove them"


@pytest.mark.parametrize("check", [["format", "--check"], ["check"]], ids=" ".join)
def test_it_is_written_as_the_house_writes(check: list[str]) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), *check, "--stdin-filename", str(FILE), "-"]
    done = subprocess.run(
        command, input=_block("python"), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _messages(po: str) -> set[str]:
    return {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in read_catalog(po.encode())
        if message.id
    }
