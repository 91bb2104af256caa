"""The palette of the pages: our colors, those of a brand, and why a color is refused."""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.color import (
    BLACK,
    TEXT,
    WHITE,
    Color,
    contrast,
    least_contrast,
    lighter,
    nearest,
    read_color,
    tinted,
)

Palette: TypeAlias = dict[str, str]
"""Values of custom properties, by their names without the dashes."""

Theme: TypeAlias = Literal["auto", "light", "dark"]

# As in `pages/static/valetkey.css`; a test compares them.
LIGHT: Final[Palette] = {
    "paper": "#edf1ee",
    "card": "#fff",
    "sunk": "#f5f8f6",
    "ink": "#14211b",
    "soft": "#4c5b54",
    "line": "#d6dfda",
    "edge": "#718078",
    "key": "#0b5a42",
    "key-deep": "#07432f",
    "on-key": "#fff",
    "mint": "#e3f1ea",
    "on-mint": "#0b5a42",
    "brass": "#b07a17",
    "sand": "#fbf1da",
    "on-sand": "#6d4700",
    "alarm": "#a12a1a",
    "alarm-deep": "#7f1f12",
    "on-alarm": "#fff",
    "blush": "#fbe9e5",
    "on-blush": "#8e2416",
    "shade": "0 1px 2px rgb(10 40 28 / 8%), 0 14px 40px -18px rgb(10 40 28 / 28%)",
}
DARK: Final[Palette] = {
    "paper": "#0b110e",
    "card": "#141c18",
    "sunk": "#1a2420",
    "ink": "#e8efeb",
    "soft": "#a7b6ae",
    "line": "#2b3832",
    "edge": "#7b8c84",
    "key": "#7fd8b4",
    "key-deep": "#a6e9cd",
    "on-key": "#06261b",
    "mint": "#15332a",
    "on-mint": "#93e2c2",
    "brass": "#e6bd6a",
    "sand": "#352911",
    "on-sand": "#f2cd82",
    "alarm": "#ff9d8c",
    "alarm-deep": "#ffbcaf",
    "on-alarm": "#3a0d06",
    "blush": "#391a15",
    "on-blush": "#ffb3a6",
    "shade": "0 0 0 1px rgb(255 255 255 / 6%), 0 18px 50px -20px rgb(0 0 0 / 80%)",
}
_TINTED: Final = ("paper", "card", "sunk", "line")
_HOVER: Final = 0.08
"""How much darker a link or button becomes under the pointer, in the light; lighter in the dark."""


class Colors(msgspec.Struct, frozen=True, kw_only=True):
    """The colors that a brand names, as `#rrggbb`, "" for ours. In the dark, a brand that names no
    `color_dark` has the nearest to `color` that can be read there."""

    color: str = ""
    color_dark: str = ""
    background: str = ""
    background_dark: str = ""
    theme: Theme = "auto"

    @property
    def themes(self) -> tuple[Literal["light", "dark"], ...]:
        """The themes in which pages are displayed."""
        return ("light", "dark") if self.theme == "auto" else (self.theme,)

    def palette(self, theme: Literal["light", "dark"]) -> Palette:
        """The colors in a theme that differ from ours. Raises ValueError for what is no color."""
        accent, background = self._own_colors(theme)
        ours = LIGHT if theme == "light" else DARK
        changed: Palette = {}
        # Our greys have a little of the brand's hue.
        if like := background or accent or self.background or self.color:
            hue = read_color(like)
            changed = {name: str(tinted(read_color(ours[name]), hue)) for name in _TINTED}
        if background:
            changed["paper"] = str(read_color(background))
        if not accent and self.color:
            accent = str(nearest(read_color(self.color), _behind(ours | changed)))
        if accent:
            changed |= _of_accent(read_color(accent), ours | changed, theme)
        return changed

    def _own_colors(self, theme: Literal["light", "dark"]) -> tuple[str, str]:
        """The accent and the background that the brand names for a theme."""
        if theme == "light":
            return self.color, self.background
        return self.color_dark, self.background_dark

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """The name of each color that is refused, and why."""
        if not self.are_colors():
            yield from self._no_colors()
            return
        for theme in self.themes:
            yield from self._unreadable(theme)

    def are_colors(self) -> bool:
        """Whether each one is a color, of whatever contrast."""
        return not any(self._no_colors())

    def _no_colors(self) -> Iterator[tuple[str, str]]:
        for name in ("color", "color_dark", "background", "background_dark"):
            if text := getattr(self, name):
                try:
                    read_color(text)
                except ValueError as error:
                    yield name, str(error)

    def _unreadable(self, theme: Literal["light", "dark"]) -> Iterator[tuple[str, str]]:
        suffix = "" if theme == "light" else "_dark"
        palette = (LIGHT if theme == "light" else DARK) | self.palette(theme)
        accent, background = self._own_colors(theme)
        on_background = ("ink", "soft") if accent or self.color else ("ink", "soft", "key")
        texts = [read_color(palette[name]) for name in on_background]
        if background and (why := _why_not(read_color(background), texts, "the text")):
            yield f"background{suffix}", why
        elif accent and (why := _why_not(read_color(accent), _behind(palette), "what is behind")):
            yield f"color{suffix}", why


def _behind(palette: Palette) -> list[Color]:
    """What links, and the marks of focus, stand on."""
    return [read_color(palette[name]) for name in ("paper", "card", "sunk")]


def _of_accent(accent: Color, ours: Palette, theme: Literal["light", "dark"]) -> Palette:
    deep = lighter(accent, -_HOVER if theme == "light" else _HOVER)
    label = max((WHITE, BLACK), key=lambda color: contrast(color, accent))
    return {
        "key": str(accent),
        # A hover that could not be read is left out.
        "key-deep": str(deep if least_contrast(deep, (*_behind(ours), label)) >= TEXT else accent),
        "on-key": str(label),
        "brass": str(accent),
    }


def _why_not(color: Color, beside: list[Color], what: str) -> str:
    worst = min(beside, key=lambda one: contrast(color, one))
    ratio = contrast(color, worst)
    if ratio >= TEXT:
        return ""
    # Rounded down: 4.49 is not 4.5.
    return (
        f"has a contrast of {int(ratio * 100) / 100} with {what} ({worst}), and needs {TEXT} (WCAG "
        f"2.2, 1.4.3); the nearest color that passes is {nearest(color, beside)}"
    )
