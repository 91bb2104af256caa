"""Colors: the contrast of two of them, and the nearest color that has enough of it."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

TEXT: Final = 4.5
"""The least contrast of text with what is behind it (WCAG 2.2, 1.4.3)."""

_HEX: Final = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.ASCII | re.IGNORECASE)
_STEPS: Final = 400
"""Steps of lightness between black and white that are tried."""


class Color(msgspec.Struct, frozen=True):
    """A color of sRGB; each part is from 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


BLACK: Final = Color(0, 0, 0)
WHITE: Final = Color(255, 255, 255)


class Shade(msgspec.Struct, frozen=True):
    """A color in OKLCH, where equal steps look equal: lightness from 0 to 1, chroma, and hue in
    radians."""

    lightness: float
    chroma: float
    hue: float


def read_color(text: str) -> Color:
    """Read `#rgb` or `#rrggbb`. Raises ValueError."""
    match = _HEX.fullmatch(text)
    if match is None:
        raise ValueError("is no color such as #0b5a42")
    digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
    return Color(*bytes.fromhex(digits))


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def least_contrast(color: Color, beside: Sequence[Color]) -> float:
    """The smallest contrast with any of these colors."""
    return min(contrast(color, one) for one in beside)


def nearest(color: Color, beside: Sequence[Color], *, ratio: float = TEXT) -> Color:
    """The color itself if it has this contrast with each of the others; else the nearest that has,
    of the same hue and another lightness. Raises ValueError if there is none."""
    for candidate in _candidates(color):
        if least_contrast(candidate, beside) >= ratio:
            return candidate
    raise ValueError(
        f"no color has a contrast of {ratio} with each of {', '.join(map(str, beside))}"
    )


def _candidates(color: Color) -> Iterator[Color]:
    """The color, then lighter and darker ones, the nearest first."""
    yield color
    shade = shade_of(color)
    for step in range(1, _STEPS + 1):
        for lightness in (shade.lightness - step / _STEPS, shade.lightness + step / _STEPS):
            if 0 <= lightness <= 1:
                yield color_of(Shade(lightness, shade.chroma, shade.hue))
    yield from (BLACK, WHITE)


def lighter(color: Color, by: float) -> Color:
    """The color with its lightness changed by so much, darker for less than 0."""
    shade = shade_of(color)
    return color_of(Shade(min(1.0, max(0.0, shade.lightness + by)), shade.chroma, shade.hue))


def tinted(neutral: Color, like: Color) -> Color:
    """The neutral color with the hue of another one, and no more chroma than that has."""
    shade, hue = shade_of(neutral), shade_of(like)
    return color_of(Shade(shade.lightness, min(shade.chroma, hue.chroma), hue.hue))


def shade_of(color: Color) -> Shade:
    """The color in OKLCH (CSS Color 4, 9.2)."""
    red, green, blue = (_linear(part) for part in (color.red, color.green, color.blue))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return Shade(lightness, math.hypot(a, b), math.atan2(b, a))


def color_of(shade: Shade) -> Color:
    """The color of sRGB with this lightness and hue, and as much of the chroma as sRGB has."""
    most, least = shade.chroma, 0.0
    parts = _parts(shade, most)
    if not _within(parts):
        for _ in range(12):
            middle = (most + least) / 2
            inside = _within(_parts(shade, middle))
            least, most = (middle, most) if inside else (least, middle)
        parts = _parts(shade, least)
    red, green, blue = (round(255 * _encoded(min(1.0, max(0.0, part)))) for part in parts)
    return Color(red, green, blue)


def _within(parts: tuple[float, ...]) -> bool:
    return all(-0.0005 <= part <= 1.0005 for part in parts)


def _parts(shade: Shade, chroma: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(shade.hue), chroma * math.sin(shade.hue)
    long = (shade.lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (shade.lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (shade.lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _luminance(color: Color) -> float:
    red, green, blue = (_linear(part) for part in (color.red, color.green, color.blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _encoded(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)
