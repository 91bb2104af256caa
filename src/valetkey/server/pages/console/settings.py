"""The settings of this process, each with where its value comes from."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.listings import SettingRow, SettingsView
from valetkey.server.pages.console.parts import Area
from valetkey.server.pages.console.staff import Console

SETTINGS: Final = Area.SETTINGS.path

LONGEST: Final = 300
"""Characters of a value."""


class SettingValue(Struct, frozen=True, kw_only=True):
    """A setting that is in force: its full name, its value as JSON without secrets, where it comes
    from ("default" for nowhere), and whether it may change while the server runs."""

    name: str
    value: Any
    origin: str
    live: bool


class SettingsPage:
    """`/console/settings`."""

    def __init__(self, console: Console, values: Sequence[SettingValue]) -> None:
        self._console = console
        self._values = values

    async def show(self, request: Request) -> Reply:
        """List the settings, or those that a search finds."""
        staff = await self._console.enter(request, Area.SETTINGS)
        parameters = request.parameters()
        search = parameters.get("search", "").strip()[:100]
        changed = parameters.get("show", "") == "changed"
        view = SettingsView(
            **self._console.around(staff, Area.SETTINGS),
            rows=tuple(
                SettingRow(
                    name=one.name,
                    value=text_of(one.value),
                    origin=plain(one.origin, 200),
                    live=one.live,
                )
                for one in self._values
                if search.lower() in one.name and not (changed and one.origin == "default")
            ),
            here=SETTINGS,
            search=search,
            changed=changed,
        )
        return self._console.page(request, view)


def text_of(value: object) -> str:
    """A value as text, "" for none."""
    if value in (None, "", [], (), {}):
        return ""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return plain(", ".join(map(text_of, value)), LONGEST)
        case Mapping():
            return plain(
                ", ".join(f"{name}: {text_of(one)}" for name, one in value.items()), LONGEST
            )
        case _:
            return plain(str(value), LONGEST)
