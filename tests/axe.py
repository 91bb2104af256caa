"""What axe says of a page."""

from typing import Final

from axe_playwright_python.sync_playwright import (  # type: ignore[import-untyped]
    DEFAULT_OPTIONS,
    Axe,
)
from playwright.sync_api import Page

OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules that see colours: the others find the same in the light and in the dark."""


def violations(page: Page, *rules: str) -> list[tuple[str, list[str]]]:
    """What axe objects to, by these rules or by all: each with the elements that break it."""
    only = {"runOnly": [*rules]} if rules else {}
    found = Axe().run(page, options=DEFAULT_OPTIONS | only).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]
