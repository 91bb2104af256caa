"""What a page displays: plain data, one record for each page, defined beside its handler. A handler
fills the record, and ``render`` turns it into HTML. Strings are raw, since templates escape them;
text from apps has been through ``app_text.plain``. Times are Unix seconds, durations are seconds.
``None`` means that a link, a time or an image doesn't exist."""

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from valetkey.server.pages.components import Site


class View(Struct, frozen=True, kw_only=True):
    """A page. ``template`` is its file in ``templates``, which sees the record as ``view``, and
    each of ``enums`` by its name."""

    template: ClassVar[str]
    enums: ClassVar[tuple[type[StrEnum], ...]] = ()

    site: Site
