"""The pages of the user's account, in the states that people meet."""

from typing import get_args

from msgspec.structs import replace

from valetkey.server.accounts.profile import EDITABLE
from valetkey.server.model.event import Kind
from valetkey.server.pages.account.activity import ActivityEntry, ActivityFilter, ActivityView
from valetkey.server.pages.account.deletion import DeleteView, DeletionView, RestoreView
from valetkey.server.pages.account.profile import ProfileNotice, ProfileView
from valetkey.server.pages.account.sessions import SessionItem, SessionsNotice, SessionsView
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import HistoryEntry, View
from valetkey.server.pages.samples.parts import DAY, FORM, HOSTILE, HOUR, MIKO, NOW, SITE

SESSIONS = SessionsView(
    site=SITE,
    account=MIKO,
    form=FORM,
    items=(
        SessionItem(
            id="1",
            device="Firefox on Linux",
            network="203.0.113.0/24",
            country="DE",
            began=NOW - 3 * HOUR,
            last_seen=NOW,
            current=True,
        ),
        SessionItem(
            id="2",
            device="Chrome on Android",
            network="2001:db8:42::/56",
            country="NZ",
            began=NOW - 9 * HOUR,
            last_seen=NOW - HOUR,
            current=False,
        ),
        SessionItem(
            id="3",
            device="",
            network="unknown",
            country="",
            began=NOW - DAY,
            last_seen=NOW - DAY,
            current=False,
        ),
    ),
    now=NOW,
    idle=4 * HOUR,
    longest=12 * HOUR,
)

ACTIVITY = ActivityView(
    site=SITE,
    account=MIKO,
    entries=(
        ActivityEntry(
            event=HistoryEntry(when=NOW - HOUR, kind="signed-in", by="user", count=3),
            device="Firefox on Linux",
            country="DE",
        ),
        ActivityEntry(
            event=HistoryEntry(when=NOW - 2 * HOUR, kind="signed-in", by="user"),
            device="Chrome on Windows",
            unknown=True,
            country="NZ",
            new_country=True,
        ),
        ActivityEntry(
            event=HistoryEntry(when=NOW - 3 * HOUR, kind="sign-in-refused", by="user", count=12)
        ),
        ActivityEntry(
            event=HistoryEntry(
                when=NOW - DAY, kind="downgraded", by="user", subjects=("Post in your name",)
            ),
            app="stefApp",
        ),
        ActivityEntry(
            event=HistoryEntry(
                when=NOW - DAY,
                kind="disconnected",
                by="administrator",
                subjects=("Firefox on Linux",),
                reason="Lost phone",
            ),
            app="Calendar",
        ),
    ),
    here="/activity",
    next="/activity?show=all&from=0",
)
EVERY_KIND = tuple(
    ActivityEntry(event=HistoryEntry(when=NOW - n * HOUR, kind=kind, by="user"))
    for n, kind in enumerate(get_args(Kind))
)
HOSTILE_ENTRY = ActivityEntry(
    event=HistoryEntry(
        when=NOW, kind="granted", by="app", subjects=(plain(HOSTILE, 60),), reason=HOSTILE
    ),
    app=HOSTILE,
    device=HOSTILE,
    country=HOSTILE,
)
VALUES = {
    "name": "Miko Lind",
    "given_name": "Miko",
    "family_name": "Lind",
    "nickname": "",
    "website": "https://miko.example",
    "birthdate": "1990-12-31",
    "language": "de",
    "zone": "Europe/Berlin",
}
PROFILE = ProfileView(
    site=SITE,
    account=MIKO,
    form=FORM,
    download=FORM,
    delete="/profile/delete",
    values=VALUES,
    fields=EDITABLE,
    languages=(("en", "English"), ("de", "Deutsch")),
    zones=("UTC", "Africa/Cairo", "Europe/Berlin"),
)
WRONG = VALUES | {"website": HOSTILE, "zone": "Mars/Olympus", "birthdate": "31.12.1990"}
DELETION = DeletionView(
    site=SITE, due=NOW + 14 * DAY, code="ABCDE-FGH12-34567-89ABC-DEFGH", restore="/restore"
)
RESTORE = RestoreView(site=SITE, form=FORM, sign_in="/sign-in")
DELETE = DeleteView(site=SITE, account=MIKO, form=FORM, days=14, back="/profile")

ACCOUNT: dict[str, View] = {
    "activity": ACTIVITY,
    "activity-every-kind": replace(ACTIVITY, entries=EVERY_KIND, next=None),
    "activity-hostile": replace(ACTIVITY, entries=(HOSTILE_ENTRY,)),
    "activity-none": replace(ACTIVITY, entries=(), next=None, show=ActivityFilter.SIGN_INS),
    "activity-nothing-yet": replace(ACTIVITY, entries=(), show=ActivityFilter.APPS),
    "profile": PROFILE,
    "profile-saved": replace(PROFILE, notice=ProfileNotice.SAVED),
    "profile-owned": replace(PROFILE, owned=True),
    "profile-wrong": replace(
        PROFILE, values=WRONG, wrong=("name", "website", "birthdate", "language", "zone")
    ),
    "profile-hostile": replace(PROFILE, owned=True, values=dict.fromkeys(VALUES, HOSTILE)),
    "delete-account": DELETE,
    "delete-account-at-once": replace(DELETE, days=0),
    "deletion": DELETION,
    "deletion-done": replace(DELETION, due=0, code=""),
    "restore": RESTORE,
    "restore-wrong": replace(RESTORE, wrong=True),
    "restore-done": replace(RESTORE, restored=True),
    "sessions": SESSIONS,
    "sessions-one": replace(SESSIONS, items=SESSIONS.items[:1], idle=12 * HOUR),
    "sessions-hostile": replace(
        SESSIONS, items=(replace(SESSIONS.items[1], device=HOSTILE, network=HOSTILE),)
    ),
    **{
        f"sessions-{one.value.replace('_', '-')}": replace(SESSIONS, notice=one)
        for one in SessionsNotice
        if one is not SessionsNotice.NONE
    },
}
