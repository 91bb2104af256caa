"""The pages of passkeys, in the states people meet."""

from msgspec.structs import replace

from valetkey.server.pages.account.security import SecurityView
from valetkey.server.pages.components import View
from valetkey.server.pages.factors.passkey_views import (
    AcceptedPasskeys,
    AddPasskeyView,
    PasskeyItem,
    PasskeyNotice,
    PasskeyProblem,
    PasskeysSection,
    PasskeysView,
    PasskeyView,
)
from valetkey.server.pages.samples.parts import DAY, FORM, HOSTILE, MIKO, NOW, SITE

PHONE = PasskeyItem(
    name="Red phone",
    added=NOW - 90 * DAY,
    used=NOW - 3600,
    synced=True,
    href="/security/passkeys/1",
)
KEY = PasskeyItem(name="Key on my ring", added=NOW, used=0, synced=False, href="/x")
ACCEPTED = AcceptedPasskeys(
    rp_id="chirp.example", user_id="aA", username="miko", display_name="Miko", ids=("AQ", "Ag")
)
LIST = PasskeysView(site=SITE, account=MIKO, items=(PHONE, KEY), accepted=ACCEPTED, now=NOW)
NOBODY = replace(ACCEPTED, user_id="", ids=())
ADDING = AddPasskeyView(site=SITE, account=MIKO, form=FORM, name="Chrome on Linux")
ONE = PasskeyView(site=SITE, account=MIKO, form=FORM, item=PHONE, now=NOW, sole=True)
SECTION = PasskeysSection(items=(PHONE, KEY), now=NOW)

PASSKEYS: dict[str, View] = {
    "security-passkeys": SecurityView(site=SITE, account=MIKO, sections=(SECTION,)),
    "security-no-passkeys": SecurityView(
        site=SITE, account=MIKO, sections=(replace(SECTION, items=()),)
    ),
    "passkeys": LIST,
    "passkeys-none": replace(LIST, items=(), accepted=NOBODY, notice=PasskeyNotice.REMOVED),
    "passkeys-full": replace(LIST, full=True, notice=PasskeyNotice.ADDED),
    "passkeys-hostile": replace(LIST, items=(replace(PHONE, name=HOSTILE),)),
    "passkey-add": ADDING,
    "passkey-add-refused": replace(ADDING, problem=PasskeyProblem.REFUSED),
    "passkey-add-expired": replace(ADDING, problem=PasskeyProblem.EXPIRED),
    "passkey-add-full": replace(ADDING, problem=PasskeyProblem.FULL),
    "passkey-add-taken": replace(ADDING, problem=PasskeyProblem.IN_USE),
    "passkey-offer": replace(ADDING, later="/apps"),
    "passkey-silent": replace(ADDING, later="/apps", silent=True),
    "passkey": ONE,
    "passkey-hostile": replace(ONE, item=replace(KEY, name=HOSTILE), sole=False),
}
"""Samples by name."""
