"""What samples are made of: people, apps and permissions, with kind and with hostile words."""

from msgspec.structs import replace

from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import (
    GROUPS,
    RISKS,
    Account,
    App,
    LockedGroup,
    Need,
    PageForm,
    PermissionItem,
    PriorAnswer,
    Section,
    Site,
    Trust,
)

NOW = 1_795_509_000  # 24 November 2026, 08:30 UTC
HOUR, DAY = 3_600, 86_400
HOSTILE = (
    "<script>alert(1)</script>\"><img src=x onerror=alert(2)>' style=color:red "
    "\u202eelgooG\u2066 {{ 7*7 }}"
)

SITE = Site(
    name="Chirp",
    static="/static",
    home="/",
    privacy="/privacy",
    terms="/terms",
)
FORM = PageForm(action="/here", csrf="c5rf-t0ken", hidden=(("pending", "p-17"),))
MIKO = Account(name="Miko Lind", username="miko", sign_out="/sign-out", sections=tuple(Section))

STEF = App(client_id="stefapp", name="stefApp", trust=Trust.UNVERIFIED)
CALENDAR = App(
    client_id="https://calendar.example/client.json",
    name="Calendar",
    trust=Trust.VERIFIED,
    host="calendar.example",
    privacy="https://calendar.example/privacy",
    terms="https://calendar.example/terms",
)
CHIRP_DESK = App(client_id="desk", name="Chirp Desk", trust=Trust.VERIFIED, logo="/static/key.svg")
EVIL = App(
    client_id='evil"><script>alert(3)</script>',
    name=plain(HOSTILE, 60),
    trust=Trust.UNVERIFIED,
    host="accounts.google.com.sign-in.a-very-long-subdomain-that-never-seems-to-end.example",
    privacy="javascript:alert(4)",
    terms="http://plain.example/",
)
RAW = replace(EVIL, client_id="raw", name=HOSTILE * 120)

PROFILE = PermissionItem(
    id="profile:read",
    title="See your name and picture",
    kind="identity",
    reason="So that you see which account you post from.",
    need=Need.REQUIRED,
)
READ = PermissionItem(
    id="posts:read",
    title="Read your timeline",
    kind="view",
    need=Need.REQUIRED,
)
POST = PermissionItem(
    id="posts:write",
    title="Post in your name",
    kind="act",
    reason="stefApp posts the song that you are listening to.",
    risk="medium",
)
STAY = PermissionItem(
    id="offline_access",
    title="Go on when you have closed it",
    kind="stay",
    risk="medium",
)
MESSAGES = PermissionItem(
    id="messages:read",
    title="Read your direct messages",
    kind="view",
    risk="high",
    ticked=False,
)
SEND = PermissionItem(
    id="messages:write",
    title="Send direct messages",
    kind="act",
    risk="high",
    ticked=False,
    answer=PriorAnswer.REFUSED,
)
DELETE = PermissionItem(id="posts:delete", title="Delete your posts", kind="act", risk="high")
EDIT = PermissionItem(id="profile:write", title="Change your profile", kind="act", risk="medium")
FOLLOW = PermissionItem(id="follows:write", title="Follow and unfollow people", kind="act")
EMAIL = PermissionItem(id="email", title="See your e-mail address", kind="identity")
PHOTO = PermissionItem(id="photos:read", title="See your photos", kind="view")
CATALOG = (
    LockedGroup(name="Chirp", permissions=(FOLLOW, EDIT, MESSAGES, SEND, DELETE)),
    LockedGroup(permissions=(EMAIL,)),
    LockedGroup(
        name="Photos", permissions=(PHOTO, replace(DELETE, id="photos:delete")), whole=True
    ),
)
MANY = tuple(
    PermissionItem(
        id=f"thing-{n}:do",
        title=f"Do thing number {n} with everything that belongs to it and then some",
        kind=GROUPS[n % 4],
        risk=RISKS[n % 3],
        need=list(Need)[n % 2],
        reason=plain(f"We want this. {HOSTILE}", 200),
    )
    for n in range(30)
)

PLATFORM = (
    LockedGroup(name="Chirp", permissions=MANY),
    LockedGroup(permissions=MANY[:2]),
    LockedGroup(name=plain(HOSTILE, 60), permissions=MANY, whole=True),
    LockedGroup(name="Photos", permissions=(PHOTO,), whole=True),
)
