"""References to specifications."""

from typing import NamedTuple


class Cite(NamedTuple):
    """A place in a specification: `Cite("RFC 8628", "3.5")`."""

    document: str
    section: str

    def __str__(self) -> str:
        return f"{self.document} section {self.section}"
