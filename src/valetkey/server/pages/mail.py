"""Mails to users: one template, from which the text is read too, so both say the same."""

import re
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime as format_date_header
from html.parser import HTMLParser
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

import msgspec

from valetkey.server.accounts.notices import Letter
from valetkey.server.model.brand import FONTS
from valetkey.server.model.hours import known_zone
from valetkey.server.model.palette import DARK, LIGHT, Palette
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import View
from valetkey.server.pages.frame import APPROVALS, APPS
from valetkey.server.pages.locales import choose
from valetkey.server.pages.moments import filters, in_zone
from valetkey.server.pages.theme import Look

SECURITY: Final = "/security"
"""The page of a user's ways to sign in."""

RESTORE: Final = "/restore"
"""The page that cancels the deletion of an account."""

LONGEST: Final = 80
"""Characters of what others wrote, such as the name of an app."""

_TO_APPS: Final = frozenset(
    {
        "app_connected",
        "sensitive_permission",
        "access_suspended",
        "access_stopped",
        "access_ends_soon",
    }
)
_NO_PAGE: Final = frozenset({"test", "email_changed"})
_TO_RESTORE: Final = frozenset({"deletion_requested", "deletion_soon"})
CODES: Final = frozenset({"password_reset", "address_verification", "sign_in_code"})


class MailView(View, frozen=True, kw_only=True):
    """A mail. `light` and `dark` are palettes; `dark` is empty if the brand has one theme. Times
    are in words. `action` is an address, "" for none. `advises`: it says what to do."""

    template: ClassVar = "mail.html"

    kind: str
    light: Palette
    dark: Palette
    font: str
    when: str
    name: str = ""
    app: str = ""
    permissions: tuple[str, ...] = ()
    device: str = ""
    address: str = ""
    country: str = ""
    factor: str = ""
    label: str = ""
    new_email: str = ""
    remaining: str = ""
    failures: str = ""
    reason: str = ""
    until: str = ""
    code: str = ""
    expires: str = ""
    action: str = ""
    advises: bool = True
    is_code: bool = False
    last: bool = False

    @property
    def has_facts(self) -> bool:
        """Whether there is a table of facts."""
        return any(
            (
                self.device,
                self.address,
                self.country,
                self.factor,
                self.label,
                self.new_email,
                self.remaining,
                self.failures,
                self.reason,
            )
        )


class MailStyle(msgspec.Struct, frozen=True, kw_only=True):
    """What all mails share: the address of the server, of which links begin, the sender's name and
    address, the address for answers, "" for none, and the language and the zone of users for whom
    none is known."""

    issuer: str
    sender: tuple[str, str]
    reply_to: tuple[str, str] | None = None
    language: str = "en"
    zone: str = "UTC"


def compose(letter: Letter, look: Look, style: MailStyle) -> EmailMessage:
    """The mail in the user's language, as text and as HTML."""
    tags = [letter.language.replace("_", "-"), style.language]
    language = choose(filter(None, tags), default="en", among=look.locales)
    view = view_of(letter, look, style, language=language)
    html = look.render(view, language=language)
    subject, text = text_of(html)
    return envelope(letter, subject=subject, text=text, html=html, style=style)


def envelope(
    letter: Letter, *, subject: str, text: str, html: str, style: MailStyle
) -> EmailMessage:
    """The message with its headers. No header has anything in it that a stranger chose, except for
    the subject, which is one line of visible text."""
    mail = EmailMessage(policy=SMTP)
    name, address = style.sender
    mail["From"] = Address(display_name=name, addr_spec=address)
    local, _, domain = letter.to.rpartition("@")
    mail["To"] = Address(username=local, domain=domain)
    if style.reply_to is not None:
        name, answers = style.reply_to
        mail["Reply-To"] = Address(display_name=name, addr_spec=answers)
    mail["Subject"] = plain(subject, 200)
    mail["Date"] = format_date_header(datetime.fromtimestamp(letter.at, ZoneInfo("UTC")))
    mail["Message-ID"] = f"<{letter.id}@{address.rpartition('@')[2]}>"
    # RFC 3834 5: no out-of-office notes come back.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def view_of(letter: Letter, look: Look, style: MailStyle, *, language: str) -> MailView:
    """What the template shows."""
    colors = look.brand.colors
    dark_only = colors.theme == "dark"
    dark = DARK | colors.palette("dark") if colors.theme != "light" else {}
    light = dark if dark_only else LIGHT | colors.palette("light")
    facts = letter.facts
    when = _clock(language, letter.zone, style.zone)
    until = facts.get("at") or facts.get("ends") or ""
    return MailView(
        site=look.site,
        kind=letter.kind,
        light=light,
        dark={} if dark_only else dark,
        font=FONTS[look.brand.font].replace('"', "'"),
        when=when(letter.at),
        name=_quoted(letter.name),
        app=plain(letter.app, LONGEST) if letter.vetted else _quoted(letter.app),
        permissions=tuple(plain(one.words_in(language).can, 200) for one in letter.permissions),
        device=_quoted(facts.get("device", "")),
        address=plain(facts.get("address", ""), LONGEST),
        country=filters(language)["country"](plain(facts.get("country", ""), LONGEST)),
        factor=_quoted(facts.get("factor", "")),
        label=_quoted(facts.get("name", "")),
        new_email=plain(facts.get("new_email", ""), 254),
        remaining=plain(facts.get("left", ""), 10),
        failures=plain(facts.get("failures", ""), 10),
        # Of a misused part, the reason is for the log: the steps say what to do.
        reason="" if letter.kind == "access_suspended" else _quoted(facts.get("reason", ""), 300),
        until=when(int(until)) if until.isdecimal() else "",
        code=letter.secrets.code,
        expires=when(letter.expires) if letter.expires else "",
        action=_action(letter, style.issuer),
        advises=letter.kind != "test",
        is_code=letter.kind in CODES,
        last=letter.last,
    )


def _action(letter: Letter, issuer: str) -> str:
    if letter.kind in CODES:
        return letter.secrets.link
    if letter.kind in _NO_PAGE:
        return ""
    if letter.kind in _TO_RESTORE:
        return f"{issuer}{RESTORE}"
    if letter.kind == "approval_waiting":
        one = letter.facts.get("approval", "")
        return f"{issuer}{APPROVALS}/{one}" if one else f"{issuer}{APPROVALS}"
    if letter.kind in _TO_APPS:
        return f"{issuer}{APPS}/{letter.grant}" if letter.grant else f"{issuer}{APPS}"
    return f"{issuer}{SECURITY}"


def _quoted(text: str, most: int = LONGEST) -> str:
    """What a stranger may have written, so that no mail program makes a link of it."""
    return re.sub(r"(?<=[^\s.])\.(?=\w)", " .", plain(text, most).replace("://", ": //"))


def _clock(language: str, *zones: str) -> Callable[[int], str]:
    name = next((one for one in zones if one and known_zone(one)), "UTC")
    written = filters(language)["moment"]

    def clock(moment: int) -> str:
        with in_zone(name):
            return written(moment)

    return clock


class _Text(HTMLParser):
    """Reads the text out of a mail. Only what the template uses is understood."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.blocks: list[str] = []
        self._inside = ""
        self._line: list[str] = []
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        match tag:
            case "title" | "style":
                self._inside = tag
            case "li":
                self._end()
                self._line = ["- "]
            case "a":
                self._href = dict(attrs).get("href") or ""
            case "td" if self._line:
                self._line.append(": ")
            case "p" | "h1" | "h2" | "tr" | "br" | "ul":
                self._end()
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "title" | "style":
                self._inside = ""
            case "a":
                if self._href not in "".join(self._line):
                    self._line.append(f":\n{self._href}")
            case "li" | "tr":
                self._end()
            case "h1":
                title = "".join(self._line).strip()
                self._end()
                self.blocks.append(f"{'=' * min(len(title), 60)}\n\n")
            case "p" | "h2" | "ul" | "table":
                self._end()
                self.blocks.append("\n")
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        elif self._inside != "style":
            text = re.sub(r"\s+", " ", data)
            self._line.append(text if self._line else text.lstrip())

    def _end(self) -> None:
        line = "".join(self._line).strip()
        self._line = []
        if line:
            self.blocks.append(f"{line}\n")


def text_of(html: str) -> tuple[str, str]:
    """The title of an HTML mail, and its text."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    return reader.title.strip(), re.sub(r"\n{3,}", "\n\n", "".join(reader.blocks)).strip() + "\n"
