"""The pages about what a user has allowed, in the states that people meet."""

from msgspec.structs import replace

from valetkey.server.pages.apps_list import StopUnusedView
from valetkey.server.pages.components import (
    AccessStatus,
    HistoryEntry,
    KeyPart,
    Shelf,
    Success,
    View,
)
from valetkey.server.pages.limit_fields import Flaw, Wrong
from valetkey.server.pages.samples.parts import (
    CALENDAR,
    CHIRP_DESK,
    DAY,
    EMAIL,
    EVIL,
    FORM,
    HOSTILE,
    MANY,
    MESSAGES,
    MIKO,
    NOW,
    PLATFORM,
    POST,
    PROFILE,
    RAW,
    READ,
    SEND,
    SITE,
)
from valetkey.server.pages.samples.views import (
    APP,
    APPS,
    LIMITS,
    PARTS,
    PAYING,
    POSTING,
    RECEIPT,
    ROW,
    STOP,
)

GRANTS: dict[str, View] = {
    "limits": LIMITS,
    "limits-saved": replace(LIMITS, limits=(POSTING,), notice="saved"),
    "limits-wrong": replace(LIMITS, ends=None, longest=30 * DAY, notice="wrong"),
    "limits-field": replace(
        LIMITS,
        limits=(
            replace(PAYING, often=tuple(replace(f, value="abc") for f in PAYING.often)),
            POSTING,
        ),
        wrong=Wrong(field="often-day", flaw=Flaw.MOST, most="10", permission=PAYING.id),
    ),
    "limits-day": replace(
        LIMITS, until="date", date="2020-01-01", wrong=Wrong(field="date", flaw=Flaw.DAY)
    ),
    "limits-again": replace(LIMITS, notice="again"),
    "limits-answered": replace(LIMITS, notice="answered"),
    "limits-none": replace(LIMITS, limits=()),
    "limits-hostile": replace(
        LIMITS,
        app=EVIL,
        limits=(replace(PAYING, id=HOSTILE, title=HOSTILE, unit=HOSTILE, zone=HOSTILE),),
    ),
    "apps": APPS,
    "apps-waiting": replace(APPS, apps=(ROW,), waiting=2, approvals="/approvals"),
    "apps-one": replace(APPS, apps=(ROW,), success=Success.STOPPED, stopped="Calendar"),
    "apps-narrowed": replace(
        APPS,
        search="chi",
        shelf=Shelf.UNUSED,
        apps=(
            replace(ROW, unused=True, last_used=NOW - 70 * DAY, where="Firefox on Android"),
            replace(ROW, app=CALENDAR, permissions=(EMAIL,), signs_in_only=True),
        ),
        next="/apps?from=x",
        unused="/unused",
        success=Success.UNUSED_STOPPED,
    ),
    "apps-no-match": replace(APPS, apps=(), search="nothing"),
    "apps-look-on": replace(APPS, apps=(), shelf=Shelf.SENSITIVE, next="/apps?from=x"),
    "unused": StopUnusedView(
        site=SITE,
        account=MIKO,
        apps=(
            replace(ROW, unused=True, last_used=NOW - 70 * DAY),
            replace(ROW, app=EVIL, href="/apps/evil", last_used=None),
        ),
        form=FORM,
        back="/apps",
        now=NOW,
    ),
    "unused-none": StopUnusedView(
        site=SITE, account=MIKO, apps=(), form=FORM, back="/apps", now=NOW
    ),
    "apps-none": replace(APPS, apps=()),
    "apps-hostile": replace(
        APPS,
        apps=(replace(ROW, app=EVIL), replace(ROW, app=RAW, permissions=MANY)),
        stopped=HOSTILE,
    ),
    "app": APP,
    "app-withheld": replace(
        APP, withheld=("Send messages as you", HOSTILE), organizations=("Acme", HOSTILE)
    ),
    "app-saved": replace(APP, success=Success.SAVED, ends=NOW + 30 * DAY),
    "app-given": replace(
        APP,
        success=Success.ALLOWED,
        where="Firefox on Linux",
        unused=True,
        permissions=(
            PROFILE,
            replace(READ, used=NOW - 3 * DAY),
            replace(POST, idle=True, used=NOW - 70 * DAY),
        ),
        more=(
            replace(MESSAGES, reason="To show them beside your timeline."),
            replace(SEND, brings=("read your direct messages",)),
        ),
        receipts=(RECEIPT, replace(RECEIPT, when=NOW - 90 * DAY, already=("Read your timeline",))),
        history=(
            HistoryEntry(
                when=NOW - DAY,
                kind="paused",
                by="administrator",
                reason="Somebody reported this app.",
            ),
        ),
    ),
    "app-parts": replace(
        APP,
        devices=(
            replace(
                APP.devices[0],
                suspended=True,
                threshold=2,
                see_parts="/apps/stefapp/shards/phone",
                parts=(
                    KeyPart(holder="device", set_up=True, alarm=True),
                    KeyPart(holder="backend", set_up=True),
                    KeyPart(holder="second_device", set_up=False),
                    KeyPart(holder="recovery_code", set_up=False, spent=True),
                ),
            ),
        ),
    ),
    "app-signs-in": replace(APP, permissions=(EMAIL,), signs_in_only=True),
    "app-paused": replace(
        APP,
        app=CALENDAR,
        status=AccessStatus.PAUSED,
        paused=True,
        success=Success.PAUSED,
        devices=(),
    ),
    "app-suspended": replace(
        APP,
        app=replace(CALENDAR, why_suspended="It sent messages that nobody asked for."),
        status=AccessStatus.SUSPENDED,
        paused=True,
    ),
    "app-many": replace(APP, app=RAW, permissions=MANY, cannot=PLATFORM),
    "app-everything": replace(APP, app=CHIRP_DESK, cannot=(), last_used=NOW - 10),
    "parts": PARTS,
    "parts-alarm": replace(
        PARTS,
        app=EVIL,
        suspended=True,
        parts=(
            replace(PARTS.parts[0], alarm=True),
            PARTS.parts[1],
            KeyPart(holder="second_device", set_up=False),
        ),
    ),
    "parts-code": replace(PARTS, holder="recovery_code", code="7Q4K-WM2T-0A9C-ZX5N-H3PB-8RVD-E6GJ"),
    "parts-ticket": replace(
        PARTS,
        holder="device",
        ticket="vk_kt_" + "A1b2-" * 22,
        size=29,
        picture="M4 4h7v7h-7zM18 4h7v7h-7zM4 18h7v7h-7zM14 14h1v1h-1z",
    ),
    "stop": STOP,
    "stop-one": replace(STOP, app=EVIL, devices=1),
}
