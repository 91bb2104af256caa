"""Reads a page as far as Miko has to: elements, their text, the forms."""

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Final, Protocol

import msgspec

from valetkey.demo.narrator import Exchange

_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})


class Element(msgspec.Struct, eq=False):
    """An element; what is in it are elements and pieces of text."""

    tag: str
    attributes: dict[str, str] = {}
    inside: list["Element | str"] = []

    @property
    def text(self) -> str:
        """What a person reads of it, in one line."""
        return " ".join("".join(self.words()).split())

    def words(self) -> Iterator[str]:
        """Every piece of text in it, in order."""
        for one in self.inside:
            if isinstance(one, str):
                yield one
            else:
                yield from one.words()

    @property
    def id(self) -> str:
        """Its id, or ""."""
        return self.attributes.get("id", "")

    def all(self, tag: str = "", *, of: str = "") -> Iterator["Element"]:
        """It and the elements in it, in order: those of the tag, those of the class `of`."""
        classes = self.attributes.get("class", "").split()
        if (not tag or self.tag == tag) and (not of or of in classes):
            yield self
        for one in self.inside:
            if isinstance(one, Element):
                yield from one.all(tag, of=of)

    def first(self, tag: str = "", *, of: str = "") -> "Element | None":
        """The first of them."""
        return next(self.all(tag, of=of), None)

    def by_id(self, name: str) -> "Element | None":
        """The element of that id."""
        return next((one for one in self.all() if one.id == name), None)

    def form_of(self, name: str) -> "Element | None":
        """The form that the element of that id stands in."""
        return next((form for form in self.all("form") if form.by_id(name)), None)


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {}, [])
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, [])
        self._open[-1].inside.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)


def parse(html: str) -> Element:
    """The page as a tree."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.root


# What Miko acts with: a browser, whichever there is.


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
