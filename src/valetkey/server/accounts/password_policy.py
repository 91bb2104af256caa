"""What a new password has to be (NIST SP 800-63B-4 3.1.1.2).

A minimum length, and none of the passwords that attackers try first; no rules about kinds of
characters. The whole password is compared, never a part of it. It is refused if it is common, or
only repeats, or if nothing else is in it than one common password, names (of the user, the address
or the server), runs such as 12345, qwerty or 2026, and at most two more characters.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

from valetkey.server.accounts.password import MAX_BYTES, normalized
from valetkey.server.model.keys import Secret

MIN_ALONE: Final = 15
"""Characters of a password that is the only factor."""

MIN_EVER: Final = 8
"""Characters of one that another factor always goes with."""

OTHERS: Final = 2
"""Other characters that make no password from what is expected."""

SHORTEST_NAME: Final = 3
SHORTEST_COMMON: Final = 4
SHORTEST_RUN: Final = 3
LONGEST_UNIT: Final = 4
"""Characters of what only repeats."""

LONGEST_EXPECTED: Final = 64
"""Characters of a password that is searched for common ones: nobody guesses a longer one so."""

_FAMOUS: Final = frozenset({"correcthorsebatterystaple", "letmeinletmein", "passwordstandard"})
_ROWS: Final = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm")
_COLUMNS: Final = ("1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p")
_KEYS: Final = frozenset(
    pair for row in (*_ROWS, *_COLUMNS) for one in (row, row[::-1]) for pair in pairwise(one)
)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_APART: Final = re.compile(r"[\W_]+")
_LETTERS: Final = str.maketrans("@4301!$57", "aaeoiisst")
_SEPARATORS: Final = dict.fromkeys(map(ord, " -._,/"))
_GAP: Final = "\n"


class PasswordProblem(StrEnum):
    """Why a new password is not accepted."""

    SHORT = "short"
    LONG = "long"
    COMMON = "common"
    NAMES = "names"
    REPEATED = "repeated"
    BREACHED = "breached"


class PasswordPolicy(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The operator's rules: the minimum of characters, the folded passwords that are too common,
    and the names of the server, which are no secret."""

    shortest: int = MIN_ALONE
    common: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()

    def problem(self, password: Secret, *, about: Iterable[str] = ()) -> PasswordProblem | None:
        """The first problem of a new password, None for a good one. `about` are the names of its
        user: username, display name, e-mail address."""
        text = normalized(password)
        if len(text) < self.shortest:
            return PasswordProblem.SHORT
        if max(len(text.encode()), len(password.reveal().encode())) > MAX_BYTES:
            return PasswordProblem.LONG
        text = fold(text)
        if _repeats(text):
            return PasswordProblem.REPEATED
        names = _names((*self.names, *about))
        for spelling in dict.fromkeys((text, text.translate(_LETTERS))):
            if problem := self._expected(spelling, names):
                return problem
        return None

    def _expected(self, text: str, names: tuple[str, ...]) -> PasswordProblem | None:
        bare = _APART.sub("", text)
        if bare in _FAMOUS or bare in self.common or text in self.common:
            return PasswordProblem.COMMON
        rest = _without(text, names)
        if rest != text and _others(rest) <= OTHERS:
            return PasswordProblem.NAMES
        candidates = (rest, *self._without_common(text, names))
        return PasswordProblem.COMMON if any(_others(one) <= OTHERS for one in candidates) else None

    def _without_common(self, text: str, names: tuple[str, ...]) -> Iterator[str]:
        """The text without each common password that is in it, and without the names."""
        if len(text) > LONGEST_EXPECTED:
            return
        parts = {
            text[start:end]
            for start in range(len(text))
            for end in range(start + SHORTEST_COMMON, len(text) + 1)
        }
        for part in parts & self.common:
            yield _without(text.replace(part, _GAP), names)


def fold(text: str) -> str:
    """The text without case and compatibility forms: so passwords are compared."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    """The names in these texts, whole and by their words, the longest first."""
    folded = [fold(text.strip()) for text in texts]
    words = {word for text in folded for word in (text, *_APART.split(text), _APART.sub("", text))}
    return tuple(sorted((one for one in words if len(one) >= SHORTEST_NAME), key=len, reverse=True))


def _without(text: str, names: tuple[str, ...]) -> str:
    for name in names:
        text = text.replace(name, _GAP)
    return text


def _repeats(text: str) -> bool:
    """Whether the text is a short one, again and again."""
    return any(
        text == (text[:size] * (len(text) // size + 1))[: len(text)]
        for size in range(1, LONGEST_UNIT + 1)
    )


def _others(text: str) -> int:
    """How many characters are in no run and no gap. Separators don't count."""
    parts = (part.translate(_SEPARATORS) for part in text.split(_GAP))
    return sum(_count_others(_YEAR.sub("", part)) for part in parts)


def _count_others(text: str) -> int:
    count, start = 0, 0
    while start < len(text):
        end = _run_end(text, start)
        if end - start < SHORTEST_RUN:
            count, end = count + 1, start + 1
        start = end
    return count


def _run_end(text: str, start: int) -> int:
    """Where the longest run that begins here ends: equal, rising or falling characters, or
    neighbors on a keyboard."""
    return max(_end(text, start, kind) for kind in ("=", "+", "-", "keys"))


def _end(text: str, start: int, kind: str) -> int:
    end = start + 1
    while end < len(text) and _follows(text[end - 1], text[end], kind):
        end += 1
    return end


def _follows(one: str, next_one: str, kind: str) -> bool:
    step = ord(next_one) - ord(one)
    # After 9 comes 0, as on a keyboard.
    match kind:
        case "=":
            return step == 0
        case "+":
            return step == 1 or (one, next_one) == ("9", "0")
        case "-":
            return step == -1 or (one, next_one) == ("0", "9")
        case _:
            return (one, next_one) in _KEYS


# In plain words, for the command line. Pages have their own, in each language.


def explain(problem: PasswordProblem, policy: PasswordPolicy) -> str:
    """Why a password is not accepted, in a sentence without a capital and a full stop."""
    return {
        PasswordProblem.SHORT: f"a password has at least {policy.shortest} characters",
        PasswordProblem.LONG: f"a password has at most {MAX_BYTES} bytes",
        PasswordProblem.COMMON: "this password is among the first that attackers try",
        PasswordProblem.NAMES: "this password has little besides names that others know",
        PasswordProblem.REPEATED: "this password repeats a few characters",
        PasswordProblem.BREACHED: "this password is known from a data breach",
    }[problem]
