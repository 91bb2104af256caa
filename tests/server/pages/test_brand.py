"""How a brand looks, and what its templates and texts have to keep."""

import re

import pytest
from msgspec.structs import replace
from tests.rows import row

from valetkey.server.model.brand import Brand, brand_file
from valetkey.server.pages import contract
from valetkey.server.pages.components import Site
from valetkey.server.pages.contract import broken
from valetkey.server.pages.samples import SAMPLES
from valetkey.server.pages.samples.parts import HOSTILE
from valetkey.server.pages.samples.views import SIGN_IN
from valetkey.server.pages.theme import Look, SiteLinks

LINKS = SiteLinks(name="Chirp", privacy="https://chirp.example/p", static="/static", home="/apps")
LOGO = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d 10'/>"


def look(brand: Brand = Brand(), *, texts: str = "", **templates: str) -> Look:  # noqa: B008
    """A brand with these templates: `consent__cannot` is `consent/cannot.html`."""
    names = {name.replace("__", "/") + ".html": source for name, source in templates.items()}
    files = {name: brand_file(source.encode()) for name, source in names.items()}
    own = brand_file(texts.encode())
    bodies = {file.digest: file.body for file in (*files.values(), own)}
    bodies |= {digest: digest.encode() for digest in brand.files}
    brand = replace(
        brand,
        templates={name: file.digest for name, file in files.items()},
        texts=own.digest if texts else "",
    )
    return Look(brand, bodies, links=LINKS)


def shown(dressed: Look, language: str = "en") -> str:
    """The sign-in page."""
    return dressed.render(replace(SIGN_IN, site=dressed.site), language=language)


def test_without_a_brand_there_is_nothing_of_one() -> None:
    plain = look()
    assert plain.assets == {}
    assert plain.site == Site(name="Chirp", static="/static", home="/apps", privacy=LINKS.privacy)
    assert "Sign-in by valetkey" in shown(plain)


def test_the_footer_and_the_form_have_the_links() -> None:
    page = shown(
        look(
            Brand(
                name="Bird",
                help_url="https://bird.example/help",
                forgot_url="https://bird.example/forgot",
                powered_by=False,
            )
        )
    )
    assert "<title>Sign in · Bird</title>" in page
    assert 'id="forgot" href="https://bird.example/forgot"' in page
    assert '<a href="https://bird.example/help"' in page
    assert "valetkey</p>" not in page


def test_a_wide_logo_is_the_name_and_a_square_one_stands_beside_it() -> None:
    for width, wide in ((30, True), (10, False)):
        body = LOGO % width
        brand = Brand(logo=brand_file(body).digest)
        dressed = Look(brand, {brand.logo: body}, links=LINKS)
        assert dressed.site.wide == wide
        assert (dressed.site.icon is None) == wide
        assert ('alt="Chirp"' in shown(dressed)) == wide
        assert ("<span>Chirp</span>" in shown(dressed)) != wide


def test_the_style_sheet_changes_what_the_brand_names() -> None:
    assert "--key: #123c8c;" in look(Brand(color="#123c8c")).assets["style"].body.decode()
    dark = look(Brand(theme="dark", color_dark="#ff7a18")).assets["style"].body.decode()
    assert "color-scheme: dark;" in dark
    assert "prefers-color-scheme" not in dark
    # Nothing in a style sheet comes from the operator but colors of six digits.
    assert re.sub(r"#[0-9a-f]{3,6}", "", dark).count("#") == 0


# Texts.

SENT = 'You\u2019ll be sent to <b class="place">%(place)s</b>.'
MANY = "%(n)s permission it already has"
TEXTS = [
    row("text", "no such message", '[en]\n"Sig in" = "Log in"', 'did you mean "Sign in"'),
    row("text", "a lost placeholder", '[en]\n"Sign in to %(site)s" = "Log in"', "placeholders"),
    row("text", "another placeholder", '[en]\n"Sign in" = "%(app)s"', "placeholders"),
    row("A68", "markup", '[en]\n"Sign in" = "<script>x</script>"', "markup"),
    row("A68", "a lost tag", f"[en]\n'{SENT}' = 'To %(place)s'", "markup"),
    row("text", "a percent sign", '[en]\n"Sign in" = "100 %"', "%%"),
    row("text", "nothing", '[en]\n"Sign in" = ""', "of 1 to"),
    row("text", "written backwards", '[en]\n"Sign in" = "\\u202eni"', "control"),
    row("text", "another language", '[xx]\n"Sign in" = "a"', "begin a table"),
    row(
        "text",
        "one form of two",
        '[de]\n"%(n)s permission it already has" = "a %(n)s"',
        "list of 2",
    ),
    row("text", "no TOML", "[", "not TOML"),
]


@pytest.mark.parametrize("texts, why", TEXTS)
def test_a_text_keeps_what_the_message_says(texts: str, why: str) -> None:
    dressed = look(texts=texts)
    assert len(dressed.mistakes) == 1
    assert why in dressed.mistakes[0]
    assert shown(dressed) == shown(look())


def test_a_text_takes_the_place_of_ours_in_its_language() -> None:
    dressed = look(
        texts='[en]\n"Sign in to %(site)s" = "Hop on, %(site)s & friends <3"\n'
        '[de]\n"%(n)s permission it already has" = ["%(n)s Recht", "%(n)s Rechte"]'
    )
    assert "<h1>Hop on, Chirp &amp; friends &lt;3</h1>" in shown(dressed)
    assert "<h1>Bei Chirp anmelden</h1>" in shown(dressed, "de")
    more = replace(SAMPLES["consent-more"], site=dressed.site)
    assert "<summary>3 Rechte</summary>" in dressed.render(more, language="de")


# Templates.

UNSAFE = [
    row("A68", "unescaped", "{{ view.app|safe }}", "filter safe"),
    row("A68", "as a translation", "{{ _(view.app) }}", "only for a text"),
    row("A68", "by another name", "{% set say = _ %}{{ say(view.app) }}", "only for a text"),
    row(
        "A68", "without escaping", "{% autoescape false %}{{ view.app }}{% endautoescape %}", "auto"
    ),
    row("text", "a slip", "{% if %}", "line 1"),
]


@pytest.mark.parametrize("source, why", UNSAFE)
def test_a_template_that_could_let_markup_in_is_left_out(source: str, why: str) -> None:
    dressed = look(sign_in=source)
    assert why in dressed.mistakes[0]
    assert shown(dressed) == shown(look())


REACHING = [
    "{{ ''.__class__.__mro__ }}",
    "{{ view.site.nothing }}",
    "{{ [view.app]|map('safe')|list }}",
]


@pytest.mark.parametrize("source", REACHING)
def test_a_template_that_fails_is_replaced_by_ours(source: str) -> None:
    dressed = look(sign_in=source)
    assert dressed.mistakes == []
    assert shown(dressed) == shown(look())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages enough to see each mistake: all take seconds."""
    names = ("sign-in", "consent", "consent-hostile", "error")
    monkeypatch.setattr(contract, "SAMPLES", {name: SAMPLES[name] for name in names})


OWN = (
    '{% extends "valetkey/sign_in.html" %}{% block main %}<p>Welcome</p>{{ super() }}{% endblock %}'
)
BARE = '{% extends "base.html" %}{% block title %}a{% endblock %}{% block main %}MAIN{% endblock %}'
FOLDED = '<details>{% include "valetkey/consent/cannot.html" %}</details>'
HIDDEN = '<div hidden>{% include "valetkey/consent/cannot.html" %}</div>'
BROKEN = [
    row("A64", "no list of what it cannot do", {"consent__cannot": "<p>-</p>"}, "has to be seen"),
    row("A64", "the list folded away", {"consent__cannot": FOLDED}, "has to be seen"),
    row("A64", "the list hidden", {"consent__cannot": HIDDEN}, "has to be seen"),
    row("A64", "no app", {"consent__hero": "<h1>Allow?</h1>"}, '"stefApp" has to be seen'),
    row("A64", "no place", {"consent__facts": ""}, "has to be seen"),
    row("A64", "no way to say no", {"consent__decision": ""}, 'id="cancel"'),
    row("A64", "no token", {"sign_in": BARE.replace("MAIN", "<form method=post>")}, 'name="csrf"'),
    row("A68", "a script", {"sign_in": OWN.replace("<p>", "<script>1</script><p>")}, "without src"),
    row("A68", "a handler", {"sign_in": OWN.replace("<p>", "<p onclick='a()'>")}, "<p onclick>"),
    row("A68", "a style", {"sign_in": OWN.replace("<p>", "<p style='color:red'>")}, "<p style>"),
    row("A51", "a picture elsewhere", {"sign_in": OWN.replace("<p>", "<img src='//x'>")}, "//x"),
    row("A63", "a form elsewhere", {"sign_in": OWN.replace("<p>", "<form action='//x'>")}, "//x"),
    row(
        "text", "what is not there", {"sign_in": OWN.replace("Welcome", "{{ nope }}")}, "Undefined"
    ),
]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("templates, why", BROKEN)
def test_a_template_keeps_the_contract(templates: dict[str, str], why: str) -> None:
    dressed = look(Brand(), **templates)
    assert dressed.mistakes == []
    assert any(why in mistake for mistake in broken(dressed)), [*broken(dressed)]


@pytest.mark.usefixtures("few")
def test_a_template_may_add_to_ours() -> None:
    dressed = look(sign_in=OWN, base='{% extends "valetkey/base.html" %}')
    assert [*dressed.mistakes, *broken(dressed)] == []
    page = dressed.render(replace(SIGN_IN, site=dressed.site, app=HOSTILE), language="en")
    assert "<p>Welcome</p>" in page
    assert "<script>alert" not in page
