"""What the pages say holds: code compiles, commands are there, files can be applied, links lead
somewhere."""

import os
import re
import shlex
import tomllib
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner
from tests.docs.markdown import PAGES, ROOT, Block, anchors, blocks, commands, links, read
from tests.mmdb import countries

from valetkey.cli.declaration import TABLES, read_catalog
from valetkey.cli.root import valetkey
from valetkey.server.pages.locales import LOCALES
from valetkey.server.pages.render import make_environment
from valetkey.server.pages.texts import messages, read_texts
from valetkey.server.settings import load
from valetkey.wire import catalog

TARGETS: Final = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
PICTURES: Final = ROOT / "docs" / "pictures"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec", dont_inherit=True)


@pytest.mark.parametrize("line", commands(), ids=lambda one: f"{one} {one.text}")
def test_a_command_is_there(line: Block) -> None:
    program, *words = shlex.split(line.text, comments=True)
    if program == "make":
        assert {word for word in words if "=" not in word} <= {*TARGETS}
    else:
        _follow(words)


@pytest.mark.parametrize("target", sorted({*TARGETS} - {"help"}))
def test_contributors_know_every_target(target: str) -> None:
    assert f"\n| `make {target}` |" in read(ROOT / "CONTRIBUTING.md")


def _follow(words: list[str]) -> None:
    """Goes down the line, word by word: groups, commands, options and their values."""
    context = click.Context(valetkey, info_name="valetkey")
    rest = list(words)
    while rest:
        word = rest.pop(0)
        command = context.command
        if word == ">":
            return  # What follows is the shell's.
        if word == "--all" and command.name == "list":
            continue  # Lists of a server elsewhere have it.
        if word.startswith("-"):
            known = {name: one for one in command.get_params(context) for name in one.opts}
            option = known[word.partition("=")[0]]
            if isinstance(option, click.Option) and not option.is_flag and "=" not in word:
                rest.pop(0)
        elif isinstance(command, click.Group):
            below = command.get_command(context, word)
            assert below is not None, word
            context = click.Context(below, info_name=word, parent=context)
        else:
            assert any(isinstance(one, click.Argument) for one in command.params), word


SVG: Final = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"></svg>'

TEXTS: Final = [one for one in blocks("toml") if {"en", "de"} & tomllib.loads(one.text).keys()]
"""Texts of a brand, by language."""

CATALOGS: Final = [one for one in blocks("toml") if "permissions" in tomllib.loads(one.text)]
STATES: Final = [
    one
    for one in blocks("toml")
    if TABLES.keys() & tomllib.loads(one.text).keys()
    # A brand with a name is an applied one: in the settings, the name stands outside.
    or "name" in tomllib.loads(one.text).get("brand", {})
]


@pytest.mark.parametrize("block", CATALOGS, ids=str)
def test_a_catalog_is_one(block: Block, tmp_path: Path) -> None:
    assert catalog.mistakes(read_catalog(_written(block, tmp_path))) == []


@pytest.mark.parametrize("block", STATES, ids=str)
def test_declared_state_can_be_applied(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r'_env = "(\w+)"', block.text):
        is_password = name in re.findall(r'password_env = "(\w+)"', block.text)
        monkeypatch.setenv(name, "one word for each garden gate" if is_password else "s" * 40)
    for name in re.findall(r'secret_file = "([a-z.]+)"', block.text):
        Path(name).write_text("s" * 40, "utf-8")
    for name in re.findall(r'catalog_file = "([a-z.]+)"', block.text):
        (shown,) = [one for one in CATALOGS if one.page == block.page]
        Path(name).write_text(shown.text, "utf-8")
    for name in re.findall(r'(?:logo|favicon)_file = "([a-z.]+)"', block.text):
        Path(name).write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>', "utf-8"
        )
    if '"scim"' in block.text:
        monkeypatch.setenv("VALETKEY_ENABLE", "scim")
    file = str(_written(block, tmp_path))
    done = CliRunner().invoke(valetkey, ["apply", "-f", file, "--dry-run"])
    assert done.exit_code == 0, done.output


GUARDED = [one for one in blocks("toml") if "[[routes]]" in one.text]
"""Files of `valetkey guard`, which `tests.resource.test_nginx` runs."""


@pytest.mark.parametrize(
    "block",
    [one for one in blocks("toml") if one not in (*CATALOGS, *STATES, *GUARDED, *TEXTS)],
    ids=str,
)
def test_settings_hold(block: Block, tmp_path: Path) -> None:
    if "[pkcs11]" in block.text and not Path("/usr/lib/softhsm/libsofthsm2.so").exists():
        pytest.skip("softhsm2 is not installed")
    if "[sign_in.ldap]" in block.text:
        pytest.importorskip("bonsai", reason="the extra `ldap` is not installed")
    text = block.text.replace("/var/lib/valetkey/", "")
    for name in re.findall(r'(?:password|secret|token|pin)_file = "(/[^"]+)"', text):
        secret = tmp_path / Path(name).name
        secret.write_text("whsec_" + "QUFB" * 8, "utf-8")
        secret.chmod(0o600)
        text = text.replace(name, str(secret))
    for name in re.findall(r'blocklist_file = "(/[^"]+)"', text):
        (tmp_path / Path(name).name).write_text("chirp\n", "utf-8")
        text = text.replace(name, str(tmp_path / Path(name).name))
    for name in re.findall(r'countries_file = "(/[^"]+)"', text):
        countries(tmp_path / Path(name).name, DE="203.0.113.0/24")
        text = text.replace(name, str(tmp_path / Path(name).name))
    upstream = "VALETKEY_SIGN_IN__UPSTREAM__{}__CLIENT_SECRET"
    named = re.findall(r'\[\[sign_in\.upstream\]\]\s*name = "(\w+)"', text)
    secrets = {upstream.format(one.upper()): "s" * 40 for one in named}
    load({}, secrets, _written(block._replace(text=text), tmp_path))


@pytest.mark.parametrize("block", TEXTS, ids=str)
def test_texts_of_a_brand_are_texts(block: Block) -> None:
    pages = make_environment(LOCALES["en"])
    texts, mistakes = read_texts(block.text.encode(), messages(pages))
    assert mistakes == ()
    assert {tag for tag, changed in texts.items() if changed} == {"en", "de"}


def _written(block: Block, folder: Path) -> Path:
    file = folder / "shown.toml"
    file.write_text(block.text, "utf-8")
    return file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_pages_of_the_documentation_link_to_nothing_outside_it() -> None:
    docs = ROOT / "docs"
    for page in PAGES:
        if page.is_relative_to(docs):
            local = [link for link in links(page) if "://" not in link]
            outside = [one for one in local if os.path.relpath(page.parent / one, docs)[:2] == ".."]
            assert outside == [], page


def test_every_page_is_in_the_table_of_contents() -> None:
    docs = ROOT / "docs"
    tables = [read(docs / name) for name in ("index.md", "internals.md")]
    named = set(re.findall(r"^((?:[a-z]+/)?[a-z][a-z0-9-]*)$", "\n".join(tables), re.MULTILINE))
    there = {
        page.relative_to(docs).with_suffix("").as_posix()
        for page in PAGES
        if page.is_relative_to(docs)
    }
    without = {"index", "internals"}
    assert named == {one for one in there - without if not one.startswith("decisions/")}


def test_each_decision_has_a_number_of_its_own() -> None:
    notes = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    numbers = [int(note.name[:4]) for note in notes]
    assert [number for number in numbers if numbers.count(number) > 1] == []
    for number, note in zip(numbers, notes, strict=True):
        assert read(note).startswith(f"# {number}. ")


def test_the_readme_says_what_it_is_in_twenty_lines() -> None:
    opening = read(ROOT / "README.md").partition("## ")[0]
    assert len([line for line in opening.splitlines() if line]) <= 20


@pytest.mark.parametrize("name", ["consent", "apps", "app"])
def test_a_screenshot_is_small(name: str) -> None:
    assert (PICTURES / f"{name}.png").stat().st_size < 200_000


@pytest.mark.parametrize("name", ["flow", "layers", "token-request", "consent"])
def test_a_drawing_is_readable_in_light_and_dark_and_aloud(name: str) -> None:
    drawing = PICTURES / f"{name}.svg"
    tree = ElementTree.parse(drawing)
    space = {"svg": "http://www.w3.org/2000/svg"}
    assert tree.findtext("svg:title", namespaces=space)
    assert tree.findtext("svg:desc", namespaces=space)
    assert "prefers-color-scheme: dark" in drawing.read_text("utf-8")
    assert "://" not in drawing.read_text("utf-8").replace(space["svg"], "")
