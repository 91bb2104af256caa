"""A running server displays templates once they keep the contract, and ours until then."""

import logging
import time
from pathlib import Path
from typing import Final

import pytest
from tests.live import Live, live
from tests.rows import row

from valetkey.server.http import log
from valetkey.server.model.brand import CURRENT, Brand, brand_file
from valetkey.server.model.change import Change, Create, Remove
from valetkey.server.model.query import One
from valetkey.server.pages import contract
from valetkey.server.pages.render import edition
from valetkey.server.pages.samples import SAMPLES
from valetkey.server.settings.brand import BrandSettings

SIGN_IN: Final = (
    '{% extends "valetkey/sign_in.html" %}{% block main %}<p>Welcome</p>{{ super() }}{% endblock %}'
)
GOOD: Final = {"sign_in.html": SIGN_IN}
BAD: Final = GOOD | {"consent/cannot.html": "<p>Nothing.</p>"}
SOON: Final = 20.0


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages enough to see each mistake, and nothing of other tests is remembered."""
    names = ("sign-in", "consent")
    monkeypatch.setattr(contract, "SAMPLES", {name: SAMPLES[name] for name in names})
    monkeypatch.setattr(contract, "_results", {})


def write(folder: Path, templates: dict[str, str]) -> BrandSettings:
    for name, source in templates.items():
        file = folder / "templates" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return BrandSettings(templates=folder / "templates")


def is_own(server: Live) -> bool:
    """Whether the sign-in page is by the operator's template."""
    answer = server.http.get("/sign-in")
    assert "password" in answer.text
    return "Welcome" in answer.text


def until_checked(server: Live, checks: int = 1) -> None:
    until = time.monotonic() + SOON
    while len(contract._results) < checks:
        is_own(server)
        assert time.monotonic() < until
        time.sleep(0.02)


def apply(server: Live, templates: dict[str, str], *, checked_with: str) -> None:
    """Write a brand as `valetkey apply` does."""
    files = {name: brand_file(source.encode()) for name, source in templates.items()}
    brand = Brand(
        templates={name: file.digest for name, file in files.items()}, checked_with=checked_with
    )
    changes: list[Change] = [Create(brand), *map(Create, files.values())]
    server.run(server.store.commit(changes))
    time.sleep(1.1)  # It is read once a second.


def test_templates_of_the_settings_wait_for_their_check(tmp_path: Path) -> None:
    with live(tmp_path, brand=write(tmp_path, GOOD)) as server:
        until_checked(server)
        until = time.monotonic() + SOON
        while not is_own(server):
            assert time.monotonic() < until


def test_a_worker_does_not_check_again_what_its_parent_has_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = write(tmp_path, GOOD)
    with live(tmp_path, brand=brand) as parent:
        until_checked(parent)
    monkeypatch.setattr(contract, "broken", None)
    (tmp_path / "worker").mkdir()
    with live(tmp_path / "worker", brand=brand) as worker:
        assert is_own(worker)


def test_a_template_that_hides_what_an_app_cannot_do_is_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, log.NAME)
    with live(tmp_path, brand=write(tmp_path, BAD)) as server:
        assert not is_own(server)
        until_checked(server)
        assert not any(is_own(server) for _ in range(20))
    lines = [str(vars(record)) for record in caplog.records]
    assert any("has to be seen" in line and "consent.html" in line for line in lines), lines
    assert any("brand without its templates" in line for line in lines)


APPLIED = [
    row("A64", "checked with this edition", GOOD, edition(), True, 0),
    row("A64", "checked with another edition", GOOD, "other", True, 1),
    row("A64", "never checked, and hides", BAD, "", False, 1),
    row("A64", "fitted another edition", BAD, "other", False, 1),
]


@pytest.mark.parametrize("templates,edition_then,own,checks", APPLIED)
def test_an_applied_brand(
    tmp_path: Path, templates: dict[str, str], edition_then: str, own: bool, checks: int
) -> None:
    with live(tmp_path) as server:
        assert not is_own(server)
        apply(server, templates, checked_with=edition_then)
        if checks:
            assert not is_own(server)
            until_checked(server)
            time.sleep(0.1)
        assert is_own(server) == own
        assert len(contract._results) == checks
        found = server.run(server.store.read(One(Brand, CURRENT))).one(One(Brand, CURRENT))
        server.run(server.store.commit([Remove(found)]))
        time.sleep(1.1)
        assert not is_own(server)
