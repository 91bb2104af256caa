"""A115: a brand that deceives or attacks.

Attack: A logo, color, font, text or template of the brand runs code in the page, fetches from
elsewhere, or drops what the user has to see before they decide.
Defense: Pictures are plain shapes or pixels, and nothing runs in them. Colors are hex digits, fonts
come from a list. Texts keep placeholders and markup; templates are sandboxed, and displayed once
they were compared with ours.
"""

from pathlib import Path

import pytest
from tests.live import caught_up, live

from valetkey.server.model.brand import Brand, brand_file
from valetkey.server.model.change import Create
from valetkey.server.settings import SettingsError, read
from valetkey.server.settings.brand import BrandSettings

LOGO = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path d='M0 0h9'/></svg>"
EVIL = LOGO.replace(b"<path d='M0 0h9'/>", b"<script>alert(1)</script>")


INJECTED = {
    "color": "#123456;}body{display:none",
    "background": "url(https://evil.example)",
    "font": 'x";}@import "https://evil.example',
    "theme": "dark;}",
    "help_url": "javascript:alert(1)",
}


@pytest.mark.parametrize("name, value", INJECTED.items())
def test_no_setting_becomes_style_or_script(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"brand.{name}"):
        read({f"brand.{name}": value}, {}, None)


def test_a_logo_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "evil.svg").write_bytes(EVIL)
    with pytest.raises(SettingsError, match="holds <script>"):
        read({"brand.logo_file": str(tmp_path / "evil.svg")}, {}, None)


def test_a_stored_brand_is_shown_within_a_second_and_cannot_drop_what_counts(
    tmp_path: Path,
) -> None:
    """Even past `valetkey apply`: a template that fails or lets markup in is not used."""
    (tmp_path / "logo.svg").write_bytes(LOGO)
    brand = BrandSettings(logo_file=tmp_path / "logo.svg")
    with live(tmp_path, brand=brand) as server:
        page = server.http.get("/sign-in").text
        picture = page.partition('class="logo" src="')[2].partition('"')[0]
        answer = server.http.get(picture)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]
        assert server.http.get("/static/brand/style-0").status_code == 404
        evil = brand_file(b"{{ view.site.name|safe }}")
        applied = Brand(name="<b>Bird</b>", templates={"sign_in.html": evil.digest})
        server.run(server.store.commit((Create(applied), Create(evil))))
        caught_up()
        page = server.http.get("/sign-in").text
        assert "&lt;b&gt;Bird&lt;/b&gt;" in page
        assert "<b>Bird" not in page
        assert 'id="password"' in page
