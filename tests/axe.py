"""What axe says of a page."""

from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules that see colours: the others find the same in the light and in the dark."""


_OPTIONS: Final = {
    "resultTypes": ["violations"],
    # Else axe makes a selector for each element that it looks at, and nobody reads it.
    "selectors": False,
}
_RUN: Final = """async (options) => (await axe.run(options)).violations.map(
    (rule) => [rule.id, rule.nodes.map((node) => node.html)])"""


def violations(page: Page, *rules: str) -> list[tuple[str, list[str]]]:
    """What axe objects to, by these rules or by all: each with the elements that break it."""
    only: dict[str, Any] = {"runOnly": [*rules]} if rules else {}
    # Half a megabyte, which a page that has it already does not read again.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[list[Any]] = page.evaluate(_RUN, {**_OPTIONS, **only})
    return [(rule, nodes) for rule, nodes in found]
