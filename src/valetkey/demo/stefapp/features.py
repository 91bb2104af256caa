"""The parts of stefApp's window, and what opens each."""

from typing import Final

import msgspec


class Feature(msgspec.Struct, frozen=True):
    """A part of the window. `permission` opens it, `does` says what for; `asks` is the scope to ask
    for with it; `path` is what it reads."""

    permission: str
    does: str
    asks: str
    path: str = ""


FEATURES: Final[dict[str, Feature]] = {
    "timeline": Feature("chirps.read", "read your timeline", "chirps.read", "/chirps"),
    "post": Feature("chirps.write", "post in your name", "chirps.write"),
    "profile": Feature("profile.read", "see your profile", "profile.read", "/profile"),
    "edit": Feature("profile.write", "change your profile", "profile.write"),
    "messages": Feature("dms.read", "read your messages", "dms.read dms.send", "/messages"),
    "send": Feature("dms.send", "send messages", "dms.send"),
}

OTHERS: Final = {
    "openid": "recognise you",
    "profile": "see your name",
    "offline_access": "stay connected",
}
DOES: Final = {one.permission: one.does for one in FEATURES.values()} | OTHERS
