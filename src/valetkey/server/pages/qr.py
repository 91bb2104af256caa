"""A text as a picture that a telephone reads."""

from typing import Final

EDGE: Final = 4
"""Modules of white around it (ISO/IEC 18004 6.3.8)."""


def squares(text: str) -> tuple[int, str]:
    """The side of the picture in modules, and the dark ones as the path of an SVG; (0, "") where
    the extra `holders` is not installed, which brings what makes them."""
    try:
        import segno  # noqa: PLC0415
    except ImportError:
        return 0, ""
    rows = segno.make(text, error="m", micro=False).matrix
    path = (
        f"M{EDGE + x} {EDGE + y}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return len(rows) + 2 * EDGE, "".join(path)
