"""What the pages of the user's e-mail address and phone number display."""

from enum import StrEnum
from typing import ClassVar

from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.components import Account, PageForm, Section, View


class ContactKind(StrEnum):
    """An e-mail address, or a phone number."""

    EMAIL = "email"
    PHONE = "phone"


class ContactSection(SecuritySection, frozen=True, kw_only=True):
    """The address or number, "" for none, and the way to another one."""

    template: ClassVar = "security/contact.html"

    kind: ContactKind
    href: str
    value: str
    verified: bool


class ContactProblem(StrEnum):
    """Why the form is displayed again. ``FORM``: it was no address or number. ``PLACE``: no codes
    are sent to such numbers."""

    NONE = "none"
    FORM = "form"
    PLACE = "place"


class ContactView(View, frozen=True, kw_only=True):
    """The form for an address or a number: field ``email`` or ``phone``, button ``#send``.
    ``proved``: it has just been proved."""

    template: ClassVar = "contact.html"
    section: ClassVar = Section.SECURITY
    enums: ClassVar = (ContactKind, ContactProblem)

    account: Account
    form: PageForm
    kind: ContactKind
    value: str
    verified: bool
    entered: str = ""
    problem: ContactProblem = ContactProblem.NONE
    proved: bool = False


class ProofProblem(StrEnum):
    """Why the form is displayed again. ``OVER``: no code is expected any more."""

    NONE = "none"
    CODE = "code"
    OVER = "over"


class ProveContactView(View, frozen=True, kw_only=True):
    """The form for the code: field ``code``, button ``#prove``. ``value`` is the address or number
    to which it went; ``remaining`` is how often another code may be tried."""

    template: ClassVar = "prove_contact.html"
    section: ClassVar = Section.SECURITY
    enums: ClassVar = (ContactKind, ProofProblem)

    account: Account
    form: PageForm
    kind: ContactKind
    back: str
    value: str = ""
    code: str = ""
    problem: ProofProblem = ProofProblem.NONE
    remaining: int = 0
