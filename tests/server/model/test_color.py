"""Contrast, and the nearest color that passes."""

import re
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valetkey.server.model.color import (
    BLACK,
    TEXT,
    WHITE,
    Color,
    color_of,
    contrast,
    least_contrast,
    nearest,
    read_color,
    shade_of,
)
from valetkey.server.model.palette import DARK, LIGHT, Colors, Palette

PARTS = st.integers(0, 255)
COLORS = st.builds(Color, PARTS, PARTS, PARTS)
STYLES = Path("src/valetkey/server/pages/static/valetkey.css")


NONE = ["red", "#12", "#1234", "#gggggg", "#١٢٣", "#123456;}", "#123456\n", "url(//x)", ""]


@pytest.mark.parametrize("text", NONE)
def test_only_a_color_is_a_color(text: str) -> None:
    with pytest.raises(ValueError, match="is no color"):
        read_color(text)


KNOWN = [("#000", "#fff", 21.0), ("#777", "#fff", 4.48), ("#767676", "#fff", 4.54)]


@pytest.mark.parametrize("one, other, ratio", KNOWN)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(read_color(one), read_color(other)) == pytest.approx(ratio, abs=0.01)
    assert contrast(read_color(other), read_color(one)) == contrast(
        read_color(one), read_color(other)
    )


@settings(deadline=None, max_examples=40)
@given(COLORS)
def test_a_color_is_the_same_after_oklch(color: Color) -> None:
    again = color_of(shade_of(color))
    assert max(abs(a - b) for a, b in zip(_parts(color), _parts(again), strict=True)) <= 1


@settings(deadline=None, max_examples=40)
@given(COLORS, st.sampled_from([WHITE, BLACK, Color(0xED, 0xF1, 0xEE), Color(20, 28, 24)]))
def test_what_is_proposed_passes_and_what_passes_stays(color: Color, behind: Color) -> None:
    proposed = nearest(color, [behind])
    assert contrast(proposed, behind) >= TEXT
    assert nearest(proposed, [behind]) == proposed
    assert (proposed == color) == (contrast(color, behind) >= TEXT)


def test_between_black_and_white_there_may_be_none() -> None:
    with pytest.raises(ValueError, match="no color has a contrast of 7 with each"):
        nearest(Color(1, 2, 3), [BLACK, WHITE], ratio=7)


def _parts(color: Color) -> tuple[int, int, int]:
    return color.red, color.green, color.blue


# The palette.


def _declared(block: str) -> Palette:
    return dict(re.findall(r"--([a-z-]+): ([^;]+);", block))


def test_our_palette_is_that_of_the_style_sheet() -> None:
    css = STYLES.read_text("utf-8")
    light, dark = re.findall(r":root \{\n(.*?)\n *\}", css, re.DOTALL)[:2]
    assert {name: _declared(light)[name] for name in LIGHT} == LIGHT
    assert _declared(dark) == DARK


TEXTS = {"paper": ("ink", "soft", "key", "key-deep"), "card": ("ink", "soft", "key", "key-deep")}
PAIRS = {
    **TEXTS,
    "sunk": ("ink", "soft", "key", "key-deep"),
    "key": ("on-key",),
    "key-deep": ("on-key",),
    "mint": ("on-mint",),
    "sand": ("on-sand",),
    "blush": ("on-blush",),
    "alarm": ("on-alarm",),
    "alarm-deep": ("on-alarm",),
}
"""Every text, by what is behind it."""


@settings(deadline=None, max_examples=40)
@given(st.builds(str, COLORS), st.sampled_from(["color", "background", "both"]))
def test_a_brand_that_is_accepted_can_be_read(named: str, what: str) -> None:
    """The color as it is, or what is proposed in its place."""
    names = ("color", "background") if what == "both" else (what,)
    themes: tuple[tuple[Literal["light", "dark"], str], ...] = (("light", ""), ("dark", "_dark"))
    for theme, suffix in themes:
        colors = Colors(**{f"{name}{suffix}": named for name in names}, theme=theme)
        for _ in range(3):
            wrong = dict(colors.mistakes())
            if not wrong:
                break
            better = {name: why.rpartition(" ")[2] for name, why in wrong.items()}
            colors = Colors(**{name: getattr(colors, name) for name in ("theme", *_NAMES)} | better)
        assert [*colors.mistakes()] == []
        palette = (LIGHT if theme == "light" else DARK) | colors.palette(theme)
        for behind, texts in PAIRS.items():
            for text in texts:
                ratio = contrast(read_color(palette[text]), read_color(palette[behind]))
                assert ratio >= TEXT, (theme, behind, text, palette)


_NAMES = ("color", "color_dark", "background", "background_dark")


@settings(deadline=None, max_examples=40)
@given(st.builds(str, COLORS))
def test_in_the_dark_an_accent_for_the_light_is_made_readable(color: str) -> None:
    colors = Colors(color=str(nearest(read_color(color), [Color(0xEA, 0xEA, 0xEA)])))
    palette = DARK | colors.palette("dark")
    behind = [read_color(palette[name]) for name in ("paper", "card", "sunk")]
    assert least_contrast(read_color(palette["key"]), behind) >= TEXT


REFUSED = [
    (Colors(color="#ffd1dc"), {"color": "#8a626c"}),
    (Colors(background="#111", color="#0b5a42"), {"background": "#cdcdcd"}),
    (Colors(background_dark="#fafafa"), {"background_dark": ""}),
    (Colors(color="pink", background="1;}"), {"color": "", "background": ""}),
    (Colors(color="#ffd1dc", theme="dark"), {}),
    (Colors(color="#0b5a42"), {}),
]


@pytest.mark.parametrize("colors, wrong", REFUSED)
def test_a_color_that_cannot_be_read_is_refused_with_the_nearest(
    colors: Colors, wrong: dict[str, str]
) -> None:
    found = dict(colors.mistakes())
    assert found.keys() == wrong.keys()
    for name, proposed in wrong.items():
        assert proposed in found[name]
