"""`valetkey brand`, and a brand in declared state."""

import threading
import time

import httpx2
import msgspec
import pytest
from tests.cli.line import Line
from tests.live import free_port

from valetkey.cli.brand_preview import Preview, serve
from valetkey.server.model.brand import Brand, BrandFile, brand_file
from valetkey.server.model.change import Create, Update
from valetkey.server.pages import contract
from valetkey.server.pages.render import edition
from valetkey.server.pages.samples import SAMPLES
from valetkey.server.store.port import Store

LOGO = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'><path d='M0 0h9'/></svg>"
DECLARED = """
[brand]
name = "Chirp"
logo_file = "logo.svg"
color = "#123c8c"
help_url = "https://chirp.example/help"
templates = "templates"
"""


@pytest.fixture
def here(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A declaration with its files. Pages enough to see a mistake: all take seconds."""
    monkeypatch.setattr(contract, "SAMPLES", {"sign-in": SAMPLES["sign-in"]})
    (line.folder / "logo.svg").write_text(LOGO)
    (line.folder / "templates").mkdir()
    (line.folder / "templates/base.html").write_text('{% extends "valetkey/base.html" %}')
    (line.folder / "chirp.toml").write_text(DECLARED)
    return line


def test_a_brand_is_applied_changed_and_removed(here: Line) -> None:
    assert here.ok("brand", "check", "-f", "chirp.toml") == "the brand has no mistakes\n"
    text = here.ok("apply", "-f", "chirp.toml")
    assert text.splitlines()[0] == "+ brand current"
    assert here.ok("apply", "-f", "chirp.toml").endswith("0 added, 0 changed, 1 unchanged\n")
    (brand,) = here.every(Brand)
    assert {file.digest for file in here.every(BrandFile)} == brand.files
    assert len(brand.files) == 2
    # A field that is not named stays, and a file that is no longer used goes.
    (here.folder / "chirp.toml").write_text('[brand]\nlogo_file = ""\nfont = "serif"\n')
    here.ok("apply", "-f", "chirp.toml")
    (brand,) = here.every(Brand)
    assert (brand.logo, brand.font, brand.color) == ("", "serif", "#123c8c")
    assert {file.digest for file in here.every(BrandFile)} == brand.files
    shown = here.json("brand", "show")
    assert (shown["from"], shown["font"]) == ("valetkey apply", "serif")
    assert here.ok("brand", "remove", "--yes") == "removed the brand\n"
    assert here.every(Brand) == ()
    assert here.every(BrandFile) == ()
    assert here.json("brand", "show")["from"] == "the settings"
    assert "no brand was applied" in here.fails("brand", "remove", "--yes", status=1)


MISTAKES = {
    "color": ('color = "#ffd1dc"', "the nearest color that passes is #8a626c"),
    "no color": ('color = "red;}"', "is no color"),
    "a link": ('help_url = "javascript:1"', "is not a web address"),
    "a font": ('font = "Comic"', "invalid enum value"),
    "a name": ('colour = "#123"', "did you mean color?"),
    "a file": ('logo_file = "none.svg"', "cannot be read"),
    "a script": ('logo_file = "evil.svg"', "holds <script>"),
    "no square": ('favicon_file = "evil.png"', "is no PNG"),
    "a text": ('texts_file = "texts.toml"', "keep the placeholders %(site)s"),
    "a template": ('templates = "evil"', 'the id "username" is missing'),
}


@pytest.mark.parametrize("declared, why", MISTAKES.values(), ids=MISTAKES)
def test_nothing_is_applied_if_there_is_a_mistake(here: Line, declared: str, why: str) -> None:
    (here.folder / "evil").mkdir()
    (here.folder / "evil/sign_in.html").write_text(
        '{% extends "base.html" %}{% block title %}a{% endblock %}{% block main %}{% endblock %}'
    )
    (here.folder / "evil.svg").write_text(LOGO.replace("path", "script"))
    (here.folder / "evil.png").write_bytes(b"GIF89a")
    (here.folder / "texts.toml").write_text('[en]\n"Sign in to %(site)s" = "Log in"\n')
    (here.folder / "evil.toml").write_text(f"[brand]\n{declared}\n")
    assert why in here.fails("apply", "-f", "evil.toml", status=2)
    assert not here.database.exists()
    assert why in here.fails("brand", "check", "-f", "evil.toml", status=2)


def test_the_settings_refuse_what_nobody_can_read(here: Line) -> None:
    (here.folder / "valetkey.toml").write_text('[brand]\ncolor = "#ffd1dc"\nlogo_file = "no.svg"\n')
    said = here.fails("config", "show", status=2)
    assert "brand.color = '#ffd1dc' (from valetkey.toml): has a contrast of 1.18" in said
    assert "brand.logo_file = 'no.svg' (from valetkey.toml)" in said


def test_the_preview_reads_the_brand_at_each_reload(here: Line) -> None:
    from valetkey.cli.brand import read_named
    from valetkey.cli.context import CommandContext

    preview = Preview(lambda: read_named(CommandContext(), here.folder / "chirp.toml"))
    addresses: list[str] = []
    thread = threading.Thread(
        target=serve, args=(preview, 0), kwargs={"on_ready": addresses.append}, daemon=True
    )
    thread.start()
    while not addresses:
        time.sleep(0.01)
    with httpx2.Client(base_url=addresses[0]) as http:
        page = http.get("/de/sign-in").text
        assert "Bei Chirp anmelden" in page
        assert (
            http.get(preview.look.site.style or "").headers["content-type"].startswith("text/css")
        )
        assert http.get("/static/valetkey.css").status_code == 200
        assert http.get("/static/../cli/brand.py").status_code == 404
        changed = DECLARED.replace('"Chirp"', '"Tweet"').replace("#123c8c", "#ffd1dc")
        (here.folder / "chirp.toml").write_text(changed)
        assert "Bei Tweet anmelden" in http.get("/de/sign-in").text
        assert "nearest color that passes" in http.get("/").text


def test_pages_can_be_written_as_files(here: Line) -> None:
    assert "pages to out" in here.ok("brand", "preview", "-f", "chirp.toml", "--out", "out")
    page = (here.folder / "out/en/sign-in.html").read_text()
    assert '<link rel="stylesheet" href="../static/valetkey.css">' in page
    assert "<a" in (here.folder / "out/index.html").read_text()
    assert (here.folder / "out/static/brand").is_dir()


def test_the_server_does_not_start_with_a_wrong_text(here: Line) -> None:
    (here.folder / "texts.toml").write_text('[en]\n"Sig in" = "Log in"\n')
    (here.folder / "valetkey.toml").write_text('[brand]\ntexts_file = "texts.toml"\n')
    assert 'did you mean "Sign in"?' in here.fails("serve", status=2)
    assert not here.database.exists()


def test_the_server_does_not_start_with_a_template_that_hides_what_it_shows(here: Line) -> None:
    sign_in = here.folder / "templates/sign_in.html"
    sign_in.write_text(
        '{% extends "base.html" %}{% block title %}a{% endblock %}{% block main %}{% endblock %}'
    )
    (here.folder / "valetkey.toml").write_text('[brand]\ntemplates = "templates"\n')
    assert 'the id "username" is missing' in here.fails("serve", status=2)
    assert not here.database.exists()
    row = _doctor(here, status=1)["brand (settings)"]
    assert row["verdict"] == "fail"
    assert "the server does not start" in row["says"]
    sign_in.unlink()
    assert _doctor(here)["brand (settings)"]["verdict"] == "ok"


def test_the_doctor_checks_the_brand_that_was_applied(here: Line) -> None:
    here.ok("apply", "-f", "chirp.toml")
    (brand,) = here.every(Brand)
    assert brand.checked_with == edition()
    assert "brand (settings)" not in _doctor(here)
    assert _doctor(here)["brand (applied)"]["verdict"] == "ok"
    # What an update of ours may do to a template: the page needs what it does not have.
    broken = brand_file(b"")
    templates = brand.templates | {"sign_in.html": broken.digest}
    there = msgspec.structs.replace(brand, templates=templates, checked_with="older")

    async def writing(store: Store) -> None:
        await store.commit([Update(there), Create(broken)])

    here.store(writing)
    row = _doctor(here, status=1)["brand (applied)"]
    assert row["verdict"] == "fail"
    assert "pages use the built-in templates; apply it again" in row["says"]


@pytest.mark.parametrize("name", ["signed_out.html", "security/password.html"])
def test_a_template_is_checked_with_every_page(line: Line, name: str) -> None:
    """Also with those whose sections are only known once there is a user."""
    file = line.folder / "templates" / name
    file.parent.mkdir(parents=True)
    file.write_text(f'{{% include "valetkey/{name}" %}}')
    (line.folder / "chirp.toml").write_text('[brand]\ntemplates = "templates"\n')
    assert line.ok("brand", "check", "-f", "chirp.toml") == "the brand has no mistakes\n"
    file.write_text("<p>Nothing</p>")
    assert "is missing" in line.fails("brand", "check", "-f", "chirp.toml", status=2)


def test_a_brand_without_templates_has_nothing_to_check(here: Line) -> None:
    (here.folder / "plain.toml").write_text('[brand]\ncolor = "#123c8c"\n')
    here.ok("apply", "-f", "plain.toml")
    assert here.every(Brand)[0].checked_with == ""
    assert "brand (applied)" not in _doctor(here)


def _doctor(here: Line, *, status: int = 0) -> dict[str, dict[str, str]]:
    result = here.run("doctor", "--json", "--set", f"issuer=http://127.0.0.1:{free_port()}")
    rows = msgspec.json.decode(result.stdout)
    failed = [row for row in rows if row["verdict"] == "fail"]
    assert bool(failed) == bool(status), failed
    return {row["what"]: row for row in rows}
