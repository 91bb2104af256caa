"""Render a view as HTML."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from zlib import crc32

from jinja2 import Environment, PackageLoader, StrictUndefined

from valetkey.server.pages import components, limit_fields
from valetkey.server.pages.i18n import LOCALES, Locale
from valetkey.server.pages.views import View

_ENUMS = (
    components.PriorAnswer,
    components.Success,
    components.Need,
    components.Reach,
    components.Shelf,
    components.AccessStatus,
    components.Trust,
    limit_fields.Flaw,
)
"""What every template sees by its name."""


def render(view: View, *, language: str) -> str:
    """The page in one of the languages of ``LOCALES``."""
    return render_in(view, locale=LOCALES[language])


def render_in(view: View, *, locale: Locale) -> str:
    """The page in any locale, including one that isn't shipped."""
    template = environment(locale).get_template(view.template)
    return template.render({"view": view} | {enum.__name__: enum for enum in view.enums})


@cache
def environment(locale: Locale) -> Environment:
    """The templates, each compiled on first use in this locale."""
    env = Environment(
        loader=PackageLoader("valetkey.server.pages"),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=True,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_translations(locale.translations, newstyle=True)  # type: ignore[attr-defined]
    env.filters |= {
        "initial": _initial,
        "riskiest_first": _riskiest_first,
        "tint": _tint,
        "utc": _utc,
    }
    env.globals |= {"locale": locale, "GROUPS": components.GROUPS}
    env.globals |= {enum.__name__: enum for enum in _ENUMS}
    return env


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def _riskiest_first(
    permissions: Iterable[components.PermissionItem],
) -> list[components.PermissionItem]:
    return sorted(permissions, key=lambda permission: components.RISKS.index(permission.risk))


def _initial(name: str) -> str:
    """The first letter or digit of a name, in place of a logo."""
    return next((char.upper() for char in name if char.isalnum()), "•")


def _tint(client_id: str) -> int:
    """One of six colors, always the same for an app."""
    return crc32(client_id.encode()) % 6
