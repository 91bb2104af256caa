"""What stefApp's window shows."""

from typing import Literal, TypeAlias

import msgspec

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
