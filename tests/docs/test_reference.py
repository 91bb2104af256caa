"""The reference says all that there is: settings, commands, errors, endpoints, standards."""

import ipaddress
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Final
from unittest.mock import Mock

import click
import pytest
from docs._ext import attacks
from docs._ext.citations import citations
from docs._ext.generated import DOCS, FOLDS, MARK, pages, with_facts
from tests.conformance import results
from tests.conformance.plans import PLANS
from tests.docs.markdown import ROOT, read

from valetkey.cli.root import valetkey
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.endpoints.driver import endpoints
from valetkey.server.endpoints.health import health
from valetkey.server.http.fetch import Fetcher
from valetkey.server.http.hashing import Passwords
from valetkey.server.http.installation import Installations
from valetkey.server.http.outbox import Outbox
from valetkey.server.http.shell import Shell
from valetkey.server.model import role
from valetkey.server.model.policy import PROFILES, Lifetimes
from valetkey.server.oauth.endpoints import scim
from valetkey.server.oauth.features import FEATURES
from valetkey.server.pages.brand import CurrentBrand
from valetkey.server.pages.credentials.password_way import PasswordWay
from valetkey.server.pages.frame import Frame
from valetkey.server.pages.routes import pages as pages_for_people
from valetkey.server.pages.ways import SignInChoice
from valetkey.server.settings.tree import LEAVES
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import RECORDS
from valetkey.spec.errors import registered

REFERENCE: Final = ROOT / "docs" / "reference"
ROW: Final = re.compile(r"^\| `(/[^`]*)` \| ([A-Z, ]+)", re.MULTILINE)


def _page(name: str) -> str:
    return read(REFERENCE / f"{name}.md")


def _shell() -> Shell:
    store = MemoryStore()
    at = Installations(
        store,
        issuer="http://127.0.0.1:8000",
        lifetimes=Lifetimes(),
        features=FEATURES,
        master_key=bytes(32),
    )
    return Shell(store, at)


def test_every_table_is_on_a_page() -> None:
    marks = [mark for file in DOCS.rglob("*.md") for mark in MARK.findall(read(file))]
    assert sorted(marks) == sorted(FOLDS)


PAGES: Final = dict(pages())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_generated_tables_are_up_to_date(page: Path) -> None:
    assert read(page) == PAGES[page], "run: python -m docs._ext.generated"


ATTACKS: Final = {one for row in attacks.rows() for one in row.numbers}


@pytest.mark.parametrize("number", attacks.cited())
def test_every_attack_that_the_code_cites_is_on_its_page(number: str) -> None:
    assert number in ATTACKS


@pytest.mark.parametrize("name", LEAVES)
def test_every_setting(name: str) -> None:
    page = _page("settings")
    assert f"| `{name}` |" in page or f"VALETKEY_{name.upper().replace('.', '__')}" in page


def _commands(context: click.Context) -> list[str]:
    if not isinstance(context.command, click.Group):
        return [context.command_path]
    children = [
        click.Context(one, info_name=name, parent=context)
        for name, one in context.command.commands.items()
    ]
    return [path for child in children for path in _commands(child)]


@pytest.mark.parametrize("path", _commands(click.Context(valetkey, info_name="valetkey")))
def test_every_command(path: str) -> None:
    assert f"\n### {path}\n" in _page("commands")


def test_a_command_that_reads_its_own_arguments_speaks_for_itself() -> None:
    _, _, demo = _page("commands").partition("\n### valetkey demo\n")
    assert "--no-browser" in demo.partition("\n### ")[0]


@pytest.mark.parametrize("code", registered())
def test_every_error(code: str) -> None:
    assert f"\n({code})=\n## {code}\n\nHTTP " in _page("errors")


def test_an_error_without_an_entry_is_noticed() -> None:
    page = _page("errors").replace("## login_required", "## login_wanted")
    with pytest.raises(ValueError, match=r"login_required.*login_wanted"):
        with_facts(page)


def test_every_endpoint_with_its_methods() -> None:
    told = dict(ROW.findall(_page("endpoints")))
    served = {
        path: one.methods - {"OPTIONS", "HEAD"}
        for path, one in endpoints(FEATURES, _shell()).items()
        # Their own guides, and their own discovery.
        if not path.startswith((scim.PATH, role.PATH))
    }
    listed = {path: {*text.strip().split(", ")} for path, text in told.items()}
    wrong = {path for path in {*listed, *served} if listed.get(path) != served.get(path)}
    assert not wrong, (
        f"the rows of {sorted(wrong)} in docs/reference/endpoints.md, each with its methods, are "
        "not what the server answers"
    )


def test_every_page_for_people() -> None:
    frame = Frame(
        _shell(),
        outbox=Outbox(_shell(), Fetcher(ssl.create_default_context).post),
        passwords=Passwords(),
        issuer="http://127.0.0.1:8000",
        brand=Mock(spec=CurrentBrand),
        unthrottled=(ipaddress.ip_network("127.0.0.0/8"),),
        passkeys=RelyingParty(rp_id="chirp.example", name="Chirp", origins=()),
    )
    served = {
        getattr(route, "path", "")
        for route in pages_for_people(frame, SignInChoice((PasswordWay(frame),))).routes
    }
    told = set(re.findall(r"^\| `(/[^`]*)` \| [a-z]", _page("endpoints"), re.MULTILINE))
    served -= {"/static", "/{path:path}"}
    assert told == served, (
        f"{sorted(served - told)}: add a row to the table of pages in "
        f"docs/reference/endpoints.md; {sorted(told - served)}: remove it there"
    )


def test_every_health_check() -> None:
    told = set(re.findall(r"^\| `(/\w+)` \| 200:", _page("endpoints"), re.MULTILINE))
    assert told == health(_shell()).keys()


BY_CHOICE: Final = {"dynamic": ["oidcc-discovery-endpoint-verification"]}
"""Modules that the suite fails, and that stay so."""


@pytest.mark.parametrize("plan", PLANS)
def test_every_module_of_a_conformance_plan(plan: str) -> None:
    rows = results.read(plan)
    assert tuple(row.test for row in rows) == PLANS[plan].modules
    assert [row.test for row in rows if row.result == "failed"] == BY_CHOICE.get(plan, [])
    assert all(row.note for row in rows if row.result != "passed"), "it says why"
    assert not set(PLANS[plan].modules) & set(PLANS[plan].left_out)


def test_every_profile_is_told_of() -> None:
    page = read(ROOT / "docs" / "reference" / "profiles.md").partition("<!--")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == [*PROFILES]


CITED: Final = sorted(
    {cite.document for feature in FEATURES for cite in feature.cites}
    | {error.cite.document for error in registered().values()}
)


@pytest.mark.parametrize("document", CITED)
def test_every_standard_of_a_feature_or_an_error(document: str) -> None:
    told, _, where = _page("standards").partition("## Where each is cited")
    assert re.search(rf"^\| .*{document.removeprefix('RFC ')}\b.* \|", told, re.MULTILINE)
    assert document in where


def test_citations_are_found_where_they_stand() -> None:
    assert "wire/pkce.py" in citations()["RFC 7636"]["4.6"]
    assert "RFC 8628" in citations()
    assert "RFC 1149" not in citations()


@pytest.mark.parametrize("table", [record.table for record in RECORDS])
def test_every_table_of_the_database(table: str) -> None:
    page = read(ROOT / "docs" / "explanation" / "tokens.md")
    assert re.search(rf"^\|.*`{table}`.*\|", page, re.MULTILINE)


@pytest.mark.timeout(900)
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    sphinx = Path(sys.executable).with_name("sphinx-build")
    command = [str(sphinx), "-W", "--keep-going", "-q", "docs", str(tmp_path / "html")]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees")],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    built = (tmp_path / "html" / "reference" / "errors.html").read_text("utf-8")
    assert 'id="invalid_grant"' in built
