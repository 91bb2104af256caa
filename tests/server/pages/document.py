"""A page as its elements, to ask what it says and sends."""

from html.parser import HTMLParser

VOID = {"img", "input", "link", "meta"}


class Element:
    """One element, its attributes, and the text inside it with spaces and apostrophes folded."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.words: list[str] = []

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split()).replace("\u2019", "'").replace("\u2019", "'")

    @property
    def around(self) -> list["Element"]:
        """The elements around this one, the nearest first."""
        return [self.parent, *self.parent.around] if self.parent else []

    def inside(self, **attributes: str) -> bool:
        """Whether an element around this one has these attributes."""
        return any(attributes.items() <= element.attributes.items() for element in self.around)


class Document(HTMLParser):
    """All elements in order. What is left open, closed twice or given twice fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append(Element(tag, attributes, self.open[-1] if self.open else None))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.words.append(data)

    def find(self, tag: str = "", **attributes: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if tag in ("", element.tag) and attributes.items() <= element.attributes.items()
        ]

    def one(self, tag: str = "", **attributes: str) -> Element:
        (element,) = self.find(tag, **attributes)
        return element
