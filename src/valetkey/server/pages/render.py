"""Render a view as HTML."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final
from zlib import crc32

from jinja2 import (
    ChoiceLoader,
    DictLoader,
    Environment,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from valetkey import __version__
from valetkey.server.pages import components, limit_fields
from valetkey.server.pages.components import View
from valetkey.server.pages.locales import LOCALES, Locale
from valetkey.server.pages.moments import filters

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


@cache
def edition() -> str:
    """The edition of our templates: it differs when one of them differs."""
    digest = sha256(__version__.encode())
    todo = [files(__package__).joinpath("templates")]
    while todo:
        for entry in sorted(todo.pop().iterdir(), key=lambda one: one.name):
            if entry.is_dir():
                todo.append(entry)
            else:
                digest.update(f"\0{entry.name}\0".encode() + entry.read_bytes())
    return digest.hexdigest()[:16]


def render(view: View, *, language: str) -> str:
    """The page in one of the languages of ``LOCALES``."""
    return render_in(view, locale=LOCALES[language])


def render_in(view: View, *, locale: Locale) -> str:
    """The page in any locale, including one that isn't shipped."""
    return render_with(environment(locale), view)


def render_with(env: Environment, view: View) -> str:
    """The page by the templates of an environment."""
    template = env.get_template(view.template)
    return template.render({"view": view} | {enum.__name__: enum for enum in view.enums})


NO_TEMPLATES: Final[Mapping[str, str]] = MappingProxyType({})

OURS: Final = "valetkey"
"""The folder under whose name our templates are always to be had."""


class OwnTemplates(ImmutableSandboxedEnvironment):
    """Templates of an operator in front of ours. They can neither reach Python nor turn escaping
    off."""

    def __init__(self, templates: Mapping[str, str], **options: Any) -> None:
        ours = options.pop("loader")
        behind = PrefixLoader({OURS: ours})
        super().__init__(loader=ChoiceLoader([DictLoader(templates), behind, ours]), **options)
        del self.filters["safe"]


@cache
def environment(locale: Locale) -> Environment:
    """Our templates, each compiled on first use in this locale."""
    return make_environment(locale)


def make_environment(locale: Locale, *, templates: Mapping[str, str] = NO_TEMPLATES) -> Environment:
    """Our templates behind those of an operator, of which there may be none."""
    kind = partial(OwnTemplates, templates) if templates else Environment
    env = kind(
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
        **filters(locale.tag),
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
