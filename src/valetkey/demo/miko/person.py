"""Miko: what he does and reads on the pages of the authorization server."""

from collections.abc import Sequence

import msgspec

from valetkey.demo.miko.html import Body, Element, Lost
from valetkey.demo.narrator import Exchange


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A permission with a box beside it. `notes` are the words under its title."""

    id: str
    title: str
    required: bool
    ticked: bool
    risk: str = ""
    notes: str = ""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a page says that an app can and cannot do. `kept`: what it has already, on a page that
    asks for more."""

    heading: str
    can: tuple[Choice, ...]
    cannot: tuple[str, ...]
    already_granted: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The permissions with a box."""
        return tuple(choice.id for choice in self.can)


class Miko:
    """The person in front of a browser. He types his password on the platform's page only."""

    def __init__(self, body: Body, *, username: str, password: str) -> None:
        self.body = body
        self.username = username
        self._password = password
        self._told = 0

    def opens(self, url: str) -> None:
        """Goes to an address."""
        self.body.open(url)

    def signs_in(self) -> None:
        """Fills in the sign-in form that is shown. Raises Lost."""
        self.body.fill("username", self.username)
        self.body.fill("password", self._password)
        self.body.press("sign-in")

    def reads(self) -> Sheet:
        """The can and the cannot of the page that is shown. Raises Lost."""
        page = self.body.page
        heading, can, cannot = page.first("h1"), page.first(of="can"), page.first(of="cannot")
        if heading is None or can is None or cannot is None:
            raise Lost(f"{self.body.url} does not say what an app can and cannot do{_error(page)}")
        granted_list = can.first(of="kept")
        return Sheet(
            heading=heading.text,
            can=tuple(_choice(row) for row in can.all("li", of="permission")),
            cannot=_titles(cannot),
            already_granted=() if granted_list is None else _titles(granted_list),
        )

    def chooses(self, permission: str, *, on: bool) -> None:
        """Ticks or unticks a box. Raises Lost."""
        self.body.tick(permission, on=on)

    def presses(self, button: str) -> None:
        """Presses a button. Raises Lost."""
        self.body.press(button)

    def finds_app(self, client_id: str) -> None:
        """Goes from the list of connected apps to the page of one. Raises Lost."""
        rows = self.body.page.all("article")
        row = next((one for one in rows if one.attributes.get("data-client-id") == client_id), None)
        link = None if row is None else row.first("a", of="details")
        if link is None:
            raise Lost(f"{client_id} is not among the connected apps on {self.body.url}")
        origin = "/".join(self.body.url.split("/", 3)[:3])
        self.body.open(origin + link.attributes["href"])

    def lists(self, client_id: str) -> bool:
        """Whether the app is among those on the page."""
        rows = self.body.page.all("article")
        return any(one.attributes.get("data-client-id") == client_id for one in rows)

    def latest(self, method: str, path: str) -> Exchange:
        """The last time that the browser asked for a path that begins so. Raises Lost."""
        for exchange in reversed(self.body.exchanges):
            if exchange.method == method and exchange.path.startswith(path):
                return exchange
        raise Lost(f"the browser never sent {method} {path}")

    @property
    def secrets(self) -> Sequence[str]:
        """What nobody but the platform may ever see: the password, and every cookie."""
        return (self._password, *self.body.cookies)


def _choice(row: Element) -> Choice:
    box, title = row.first("input"), row.first(of="title")
    if box is None or title is None:
        raise Lost(f"a permission without a box or a title: {row.text!r}")
    risk = row.first(of="badge")
    notes = [one.text for name in ("note", "reason") for one in row.all(of=name)]
    return Choice(
        id=box.attributes["value"],
        title=title.text,
        required="disabled" in box.attributes,
        ticked="checked" in box.attributes,
        risk="" if risk is None else risk.text,
        notes=" ".join(notes),
    )


def _titles(section: Element) -> tuple[str, ...]:
    return tuple(title.text for title in section.all(of="title"))


def _error(page: Element) -> str:
    code = page.by_id("error-code")
    return "" if code is None else f": it is an error page, {code.text}"
