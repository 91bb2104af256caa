"""How a brand looks: the templates, texts, colors and pictures of the pages."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import jinja2
import msgspec
from jinja2 import nodes

from valetkey.server.http import log
from valetkey.server.model.brand import FONTS, Brand, brand_file
from valetkey.server.model.palette import DARK, LIGHT, Colors, Palette
from valetkey.server.model.picture import JPEG, PNG, SVG, WEBP, WOFF2, Picture, read_picture
from valetkey.server.pages.components import Site, View
from valetkey.server.pages.locales import LOCALES, Locale
from valetkey.server.pages.render import environment, make_environment, render_with
from valetkey.server.pages.texts import OwnTexts, Texts, messages, read_texts

BRAND: Final = "brand"
"""The folder of a brand's files, below that of our own static files."""

CSS: Final = "text/css; charset=utf-8"
_WIDE: Final = 2.0
"""Width by height, from which a logo contains the name."""

_CONTRAST: Final[Palette] = {
    "soft": "var(--ink)",
    "line": "var(--edge)",
    "edge": "var(--ink)",
    "shade": "0 0 0 1px var(--ink)",
}
"""As in `static/valetkey.css`: what changes for people who prefer more contrast."""


class SiteLinks(msgspec.Struct, frozen=True, kw_only=True):
    """What is around pages besides the brand: the name of an installation and the links to its
    policies if the brand has none, and the paths of our static files and of the home page."""

    name: str
    privacy: str = ""
    terms: str = ""
    static: str
    home: str


class Asset(msgspec.Struct, frozen=True):
    """A file of a brand as it is served. `name` is unique for its contents."""

    name: str
    media: str
    body: bytes


_ENDINGS: Final = {
    CSS: "css",
    WOFF2: "woff2",
    SVG: "svg",
    PNG: "png",
    JPEG: "jpg",
    WEBP: "webp",
}


def _asset(kind: str, media: str, body: bytes) -> Asset:
    return Asset(f"{kind}-{brand_file(body).digest[:16]}.{_ENDINGS[media]}", media, body)


class Look:
    """A brand, ready to be displayed. Raises no error for what is wrong: it is left out, and listed
    in `mistakes`."""

    def __init__(
        self,
        brand: Brand,
        files: Mapping[str, bytes],
        *,
        links: SiteLinks,
        locales: Mapping[str, Locale] = LOCALES,
    ) -> None:
        self.brand = brand
        self.locales = locales
        self.files = files
        self.mistakes: list[str] = []
        self._templates = dict(self._read_templates(files))
        self._texts = self._read_texts(files.get(brand.texts))
        self._environments: dict[str, jinja2.Environment] = {}
        self._ours: dict[str, jinja2.Environment] = {}
        self.assets = {asset.name.partition("-")[0]: asset for asset in self._assets(files)}
        self.site = self._site(links)

    # Rendering.

    def render(self, view: View, *, language: str) -> str:
        """The page in one of the languages of `locales`. If a template of the operator fails, the
        page is ours."""
        if not self._templates:
            return render_with(self.environment(language), view)
        try:
            return render_with(self.environment(language), view)
        except Exception as error:
            log.warning("template failed", template=view.template, detail=repr(error)[:500])
            return self.render_ours(view, language=language)

    def render_ours(self, view: View, *, language: str) -> str:
        """The page by our own template, with the operator's texts."""
        if not self._texts:
            return render_with(environment(self.locales[language]), view)
        if language not in self._ours:
            self._ours[language] = make_environment(self._locale(language))
        return render_with(self._ours[language], view)

    def render_strictly(self, view: View, *, language: str) -> str:
        """The page. Raises what a template raises."""
        return render_with(self.environment(language), view)

    def environment(self, tag: str) -> jinja2.Environment:
        """The templates in a language, each compiled on first use."""
        if not self._templates and not self._texts:
            return environment(self.locales[tag])
        if tag not in self._environments:
            made = make_environment(self._locale(tag), templates=self._templates)
            self._environments[tag] = made
        return self._environments[tag]

    def _locale(self, tag: str) -> Locale:
        locale = self.locales[tag]
        if not (texts := self._texts.get(tag)):
            return locale
        own = OwnTexts(texts, locale.translations)
        return msgspec.structs.replace(locale, translations=own)

    # Texts and templates.

    def _read_templates(self, files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
        for name, digest in self.brand.templates.items():
            source = files[digest].decode("utf-8", "replace")
            mistakes = [*template_mistakes(name, source)]
            self.mistakes += mistakes
            if not mistakes:
                yield name, source

    def _read_texts(self, body: bytes | None) -> dict[str, Texts]:
        if body is None:
            return {}
        env = make_environment(LOCALES["en"], templates=self._templates)
        texts, mistakes = read_texts(body, messages(env), self.locales)
        self.mistakes += (f"texts_file: {mistake}" for mistake in mistakes)
        return texts

    # Files.

    def _assets(self, files: Mapping[str, bytes]) -> Iterator[Asset]:
        self._pictures: dict[str, Picture] = {}
        for kind in ("logo", "logo_dark", "favicon"):
            if digest := getattr(self.brand, kind):
                self._pictures[kind] = picture = read_picture(files[digest])
                yield _asset(kind, picture.media, picture.body)
        font = None
        if digest := self.brand.font_file:
            yield (font := _asset("font", WOFF2, files[digest]))
        if css := style_sheet(self.brand, font="" if font is None else font.name):
            yield _asset("style", CSS, css.encode())

    def _site(self, links: SiteLinks) -> Site:
        brand = self.brand
        paths = {
            kind: f"{links.static}/{BRAND}/{asset.name}" for kind, asset in self.assets.items()
        }
        logo, dark = paths.get("logo"), paths.get("logo_dark")
        if brand.theme == "dark" and dark:
            logo = dark
        picture = self._pictures.get("logo")
        wide = picture is not None and picture.width > _WIDE * picture.height
        return Site(
            name=brand.name or links.name,
            static=links.static,
            home=links.home,
            privacy=brand.privacy_url or links.privacy or None,
            terms=brand.terms_url or links.terms or None,
            help=brand.help_url or None,
            forgot=brand.forgot_url or None,
            style=paths.get("style"),
            favicon=paths.get("favicon"),
            logo=logo,
            logo_dark=dark if brand.theme == "auto" else None,
            wide=wide,
            powered_by=brand.powered_by,
            scheme="light dark" if brand.theme == "auto" else brand.theme,
        )


# Templates.

_SAFE_NAME: Final = re.compile(r"[a-z_]+(/[a-z_]+)*\.html", re.ASCII)
_TRANSLATING: Final = frozenset({"_", "gettext", "ngettext", "pgettext", "npgettext"})


def template_mistakes(name: str, source: str) -> Iterator[str]:
    """Why a template of an operator is refused: it might put text from strangers into the page as
    HTML."""
    if not _SAFE_NAME.fullmatch(name):
        yield f"templates: {name}: only lower-case letters, _ and folders, and .html at the end"
        return
    try:
        tree = make_environment(LOCALES["en"]).parse(source, name)
    except jinja2.TemplateSyntaxError as error:
        yield f"templates: {name}, line {error.lineno}: {error.message}"
        return
    called = {id(node.node) for node in tree.find_all(nodes.Call) if _is_text(node)}
    for node in tree.find_all((nodes.Filter, nodes.Name, nodes.EvalContextModifier)):
        match node:
            case nodes.EvalContextModifier():
                yield f"templates: {name}, line {node.lineno}: autoescape stays on"
            case nodes.Filter(name="safe"):
                yield f"templates: {name}, line {node.lineno}: the filter safe is not allowed"
            case nodes.Name(name=used) if used in _TRANSLATING and id(node) not in called:
                why = f'{used} is only for a text in quotation marks: {used}("Sign in")'
                yield f"templates: {name}, line {node.lineno}: {why}"
            case _:
                pass


def _is_text(call: nodes.Call) -> bool:
    """Whether the first argument is a text in the template, whose markup is the operator's."""
    return bool(call.args) and isinstance(call.args[0], nodes.Const)


# The style sheet.


def style_sheet(brand: Brand, *, font: str) -> str:
    """The style sheet of a brand, which follows ours; "" if it changes nothing."""
    colors = brand.colors if brand.colors.are_colors() else Colors(theme=brand.theme)
    light, dark = colors.palette("light"), colors.palette("dark")
    rules = []
    if font:
        rules.append(
            f'@font-face {{\n  font-family: "brand";\n  src: url("{font}") format("woff2");\n'
            "  font-display: swap;\n  font-weight: 100 900;\n}\n"
        )
    if font or brand.font != "system":
        own = '"brand", ' if font else ""
        rules.append(_root({"sans": f"{own}{FONTS[brand.font]}"}))
    match brand.theme:
        case "auto":
            rules += [_root(light)] if light else []
            rules += [_media("prefers-color-scheme: dark", dark)] if dark else []
        case "light":
            rules.append(_root({**LIGHT, **light}, scheme="light"))
        case "dark":
            rules.append(_root({**DARK, **dark}, scheme="dark"))
    if rules:
        rules.append(_media("prefers-contrast: more", _CONTRAST))
    return "\n".join(rules)


def _root(palette: Palette, *, scheme: str = "") -> str:
    lines = [f"  --{name}: {value};" for name, value in palette.items()]
    if scheme:
        lines.insert(0, f"  color-scheme: {scheme};")
    return "\n".join((":root {", *lines, "}\n"))


def _media(query: str, palette: Palette) -> str:
    return f"@media ({query}) {{\n{_root(palette)}}}\n"
