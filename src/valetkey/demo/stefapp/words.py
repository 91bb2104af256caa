"""What stefApp says when something did not go as its user wanted."""

import time
from typing import Final, TypeAlias

import httpx2

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
from valetkey.demo.stefapp.features import DOES, FEATURES, Feature
from valetkey.demo.stefapp.view import Notice, Panel, Part, State, View


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
