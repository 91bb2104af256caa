"""What the pages of passkeys display."""

from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from valetkey.server.model.factor import Factor
from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.components import Account, PageForm, Section, View
from valetkey.server.pages.frame import SECURITY

PASSKEYS: Final = f"{SECURITY}/passkeys"
ADD: Final = f"{PASSKEYS}/add"
NEW: Final = f"{PASSKEYS}/new"


class PasskeyNotice(StrEnum):
    """What happened."""

    NONE = "none"
    ADDED = "added"
    RENAMED = "renamed"
    REMOVED = "removed"


class PasskeyProblem(StrEnum):
    """Why there is no new passkey, as `accounts.passkeys.Why`."""

    NONE = "none"
    EXPIRED = "expired"
    REFUSED = "refused"
    FULL = "full"
    IN_USE = "taken"


class PasskeyItem(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey: ``used`` is 0 until the first sign-in with it. ``synced``: the user's other
    devices may have it too. ``href`` is its own page."""

    name: str
    added: int
    used: int
    synced: bool
    href: str


class AcceptedPasskeys(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser may tell its password manager (WebAuthn 5.1.10): the ids that are still
    good, and the names of the user. ``user_id`` is the handle, "" without a passkey."""

    rp_id: str
    user_id: str
    username: str
    display_name: str
    ids: tuple[str, ...]


class PasskeysSection(SecuritySection, frozen=True, kw_only=True):
    """The passkeys on the security page. ``now`` is the time."""

    template: ClassVar = "security/passkeys_section.html"

    items: tuple[PasskeyItem, ...]
    now: int
    href: str = PASSKEYS
    add: str = ADD


class PasskeysView(View, frozen=True, kw_only=True):
    """The passkeys, each with a link to its page."""

    template: ClassVar = "security/passkeys.html"
    enums: ClassVar = (PasskeyNotice,)
    section: ClassVar = Section.SECURITY

    account: Account
    items: tuple[PasskeyItem, ...]
    accepted: AcceptedPasskeys
    now: int
    back: str = SECURITY
    add: str = ADD
    full: bool = False
    notice: PasskeyNotice = PasskeyNotice.NONE


class AddPasskeyView(View, frozen=True, kw_only=True):
    """Add a passkey: field ``name``, button ``#add-passkey``, which needs the script. With
    ``later``, the path at which the user was going on, it is an offer."""

    template: ClassVar = "security/add_passkey.html"
    enums: ClassVar = (PasskeyProblem,)
    section: ClassVar = Section.SECURITY

    account: Account
    form: PageForm
    name: str
    problem: PasskeyProblem = PasskeyProblem.NONE
    back: str = PASSKEYS
    later: str = ""
    silent: bool = False


class PasskeyView(View, frozen=True, kw_only=True):
    """One passkey: field ``name`` with button ``#rename``, and button ``#remove``. ``sole``: there
    is no other second factor."""

    template: ClassVar = "security/passkey.html"
    section: ClassVar = Section.SECURITY

    account: Account
    form: PageForm
    item: PasskeyItem
    now: int
    sole: bool
    back: str = PASSKEYS


def passkey_item(factor: Factor) -> PasskeyItem:
    """A passkey as pages show it."""
    return PasskeyItem(
        name=factor.name,
        added=factor.created,
        used=factor.used,
        synced=factor.backed_up,
        href=f"{PASSKEYS}/{factor.id}",
    )
