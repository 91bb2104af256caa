"""What a page displays: plain data, one record for each page, beside its handler.

A handler fills the record, ``render`` turns it into HTML. Strings are raw, since the templates
escape them; what an app supplied has been through ``app_text.plain`` before. Moments are Unix
seconds, spans are seconds. ``None`` stands for a link, a moment or an image that does not exist.
"""

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
