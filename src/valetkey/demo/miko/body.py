"""What Miko acts with: a browser, whichever there is."""

from collections.abc import Sequence
from typing import Protocol

from valetkey.demo.exchange import Exchange
from valetkey.demo.miko.html import Element


class Lost(Exception):
    """The page does not have what Miko looked for."""


class Body(Protocol):
    """One browser profile with one window."""

    name: str
    """What it is, for the narration."""

    @property
    def url(self) -> str:
        """Where the window is."""

    @property
    def page(self) -> Element:
        """What it shows."""

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """Every request for a page so far, with its response (without the body)."""

    @property
    def cookies(self) -> Sequence[str]:
        """The values of every cookie that it keeps."""

    def open(self, url: str) -> None:
        """Goes there."""

    def fill(self, field: str, text: str) -> None:
        """Types into the field of that id. Raises Lost."""

    def tick(self, value: str, *, on: bool) -> None:
        """Sets the box of that value. Raises Lost."""

    def press(self, button: str) -> None:
        """Presses the button of that id, and waits for the next page. Raises Lost."""

    def close(self) -> None:
        """Ends it."""
