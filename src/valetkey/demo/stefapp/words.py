"""What stefApp says when something did not go as its user wanted."""

import time
from typing import Final, Literal, TypeAlias

import httpx2
import msgspec

from valetkey.client import (
    CodeMistyped,
    Denied,
    KeyInterrupted,
    KeyPaused,
    KeyStopped,
    KeySuspended,
    LimitReached,
    PermissionMissing,
    PermissionTaken,
    ShardsMissing,
    Tokens,
)

# What stefApp's window shows.

State: TypeAlias = Literal["new", "waiting", "connected", "paused", "suspended", "ended"]


class Notice(msgspec.Struct, frozen=True):
    """What came of the last thing that was done. `detail`: the very words of the refusal."""

    tone: Literal["good", "bad"]
    text: str
    detail: str = ""


class Panel(msgspec.Struct, frozen=True):
    """A part of the window. With `why` it is closed, for that reason; `ask` is the scope that would
    open it, "" where asking does not help; `rows` is what Chirp answered."""

    why: str = ""
    ask: str = ""
    rows: tuple[dict[str, object], ...] = ()


class Part(msgspec.Struct, frozen=True):
    """A part of the key, and who has it. `uri` is where its user fetches it, "" for nowhere."""

    who: str
    is_claimed: bool
    uri: str = ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The whole window. `why` says how the key was lost; `waiting` is how far the wait for an
    answer is, and `address` where the browser was sent; `seconds` is how long the access token is
    good; `file` is where the tokens are kept. `threshold` of the `parts` open the key; `look`
    is the page at Chirp where an alarm is answered."""

    state: State
    notice: Notice | None = None
    name: str = ""
    why: str = ""
    waiting: str = ""
    address: str = ""
    panels: dict[str, Panel] = {}
    granted: tuple[str, ...] = ()
    seconds: int = 0
    file: str = ""
    threshold: int = 0
    parts: tuple[Part, ...] = ()
    look: str = ""


# The parts of stefApp's window, and what opens each.


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


def closed(feature: Feature) -> Panel:
    return Panel(why=f"You have not allowed stefApp to {feature.does}.", ask=feature.asks)


def ended(notice: Notice | None, error: KeyStopped, *, look: str) -> View:
    match error:
        case KeyPaused():
            state, grey, why = _PAUSED
        case KeySuspended():
            state, grey, why = _SUSPENDED
        case KeyInterrupted():
            state, grey, why = _INTERRUPTED
        case _:
            state, grey, why = _STOPPED
    return View(
        state=state,
        notice=notice,
        why=why,
        look=look,
        panels=dict.fromkeys(FEATURES, Panel(why=f"The key that opened this {grey}.")),
    )


_Ended: TypeAlias = tuple[State, str, str]
_STOPPED: Final[_Ended] = (
    "ended",
    "is gone",
    (
        "You stopped it at Chirp, so it opens nothing here any more. What is grey comes back when "
        "you connect again."
    ),
)
_PAUSED: Final[_Ended] = (
    "paused",
    "is paused",
    (
        "You paused it at Chirp, so it opens nothing here for now. What is grey comes back when "
        "you resume it there."
    ),
)
_SUSPENDED: Final[_Ended] = (
    "suspended",
    "is suspended",
    (
        "Somebody showed one part of it without the others, as a thief would. They got nothing. "
        "Review at Chirp: what is grey comes back when you let it go on there."
    ),
)
_INTERRUPTED: Final[_Ended] = (
    "paused",
    "is out of use",
    (
        "Chirp has taken it out of use for now, so it opens nothing here. What is grey comes back "
        "when Chirp lets it go on."
    ),
)
_REFUSED_KEYS: Final[tuple[tuple[type[KeyStopped], str], ...]] = (
    (KeySuspended, "The key is suspended."),
    (KeyPaused, "You have paused stefApp at Chirp."),
    (KeyInterrupted, "Chirp has taken this key out of use for now."),
    (KeyStopped, "Chirp no longer accepts this key."),
)
ALONE: Final = (
    "stefApp's server does not answer, and this computer's part of the key opens nothing."
)

_HOLDERS: Final = {
    "device": "this computer",
    "backend": "stefApp's server",
    "recovery_code": "your recovery code",
}


def parts(tokens: Tokens) -> tuple[Part, ...]:
    return tuple(
        Part(_HOLDERS.get(one.holder, one.holder), one.status == "held", one.claim_uri)
        for one in tokens.shards
    )


def describe(error: Exception) -> Notice:
    """What went wrong, in words for the user; the exact ones beside them."""
    match error:
        case PermissionMissing(permissions=missing):
            does = " and ".join(DOES.get(one, one) for one in sorted(missing))
            why = "took that away" if isinstance(error, PermissionTaken) else "have not allowed it"
            detail = f"403 insufficient_scope: {' '.join(sorted(missing))}"
            return Notice("bad", f"Chirp refused to let stefApp {does}: you {why}.", detail)
        case LimitReached():
            return _limited(error)
        case ShardsMissing():
            return Notice("bad", ALONE, str(error))
        case CodeMistyped():
            return Notice("bad", "That is no recovery code.", str(error))
        case KeyStopped():
            words_for_it = next(words for kind, words in _REFUSED_KEYS if isinstance(error, kind))
            return Notice("bad", words_for_it, str(error))
        case Denied(code="access_denied"):
            return Notice("bad", "You said no, so nothing was connected.", error.code)
        case httpx2.HTTPStatusError():
            words_for_it = error.response.text[:200]
            return Notice("bad", f"Chirp answered {error.response.status_code}.", words_for_it)
        case _:
            return Notice("bad", "That did not work.", str(error))


def _limited(error: LimitReached) -> Notice:
    """What ran out, and when there is more."""
    does = DOES.get(error.permission, error.permission)
    often = "once" if error.most == 1 else f"{error.most} times"
    spans = {"hour": "an hour", "day": "a day", "month": "a month"}
    bounds = {
        "often": f"{often} {spans.get(error.per, 'in all')}",
        "hours": "at certain hours",
    }
    if error.amount is not None:
        bounds["much"] = f"up to {error.amount} {error.unit} {spans.get(error.per, 'in all')}"
    text = f"Chirp refused: you let stefApp {does} only {bounds.get(error.limit, 'so much')}."
    when = time.strftime("%H:%M UTC on %d %B", time.gmtime(error.back_at or 0))
    more = f"It goes on at {when}, or" if error.back_at else "It goes on"
    text = f"{text} {more} when you raise the limit at Chirp."
    return Notice("bad", text, f"403 limit_reached: {error.permission}")
