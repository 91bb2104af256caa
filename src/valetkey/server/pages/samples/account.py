"""The pages of the user's account, in the states that people meet."""

from msgspec.structs import replace

from valetkey.server.pages.components import View
from valetkey.server.pages.samples.parts import DAY, FORM, HOSTILE, HOUR, MIKO, NOW, SITE
from valetkey.server.pages.sessions import SessionItem, SessionsNotice, SessionsView

SESSIONS = SessionsView(
    site=SITE,
    account=MIKO,
    form=FORM,
    items=(
        SessionItem(
            id="1",
            device="Firefox on Linux",
            network="203.0.113.0/24",
            began=NOW - 3 * HOUR,
            last_seen=NOW,
            current=True,
        ),
        SessionItem(
            id="2",
            device="Chrome on Android",
            network="2001:db8:42::/56",
            began=NOW - 9 * HOUR,
            last_seen=NOW - HOUR,
            current=False,
        ),
        SessionItem(
            id="3",
            device="",
            network="unknown",
            began=NOW - DAY,
            last_seen=NOW - DAY,
            current=False,
        ),
    ),
    now=NOW,
    idle=4 * HOUR,
    longest=12 * HOUR,
)

ACCOUNT: dict[str, View] = {
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
