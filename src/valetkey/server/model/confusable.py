"""Names that look alike (the most relevant part of UTS 39): letters of other scripts that look like
Latin letters, and digits that look like letters."""

import re
import unicodedata
from typing import Final

_SCRIPTS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH"})
"""Scripts with letters that look alike."""

_PAIRS: Final = (
    # Cyrillic, small letters and the capitals that fold into them.
    "аaсcԁdеeһhіiјjкkоoрpԛqѕsуyхxѵvԝwьbвbмmнhтtгrӏlпnиu"  # noqa: RUF001
    # Greek.
    "αaβbγyεeηnιiκkνvοoρpτtυuχxωwζzϲc"  # noqa: RUF001
    # Armenian, and Latin letters of other alphabets.
    "օoսuոnհhցgզqյjլlıiɑaɡgʟl"  # noqa: RUF001
    # Digits and a stroke.
    "0o1l|l"
)
_LOOKS_LIKE: Final = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)))
_TOGETHER: Final = (("rn", "m"), ("vv", "w"))
_BETWEEN: Final = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """The name without case and compatibility forms (RFC 8265 3.3)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())


def skeleton(text: str) -> str:
    """The look of a name: two names with the same skeleton look alike."""
    letters = folded(text).translate(_LOOKS_LIKE)
    for pair, one in _TOGETHER:
        letters = letters.replace(pair, one)
    return letters


def silhouette(text: str) -> str:
    """As `skeleton`, but without spaces and punctuation, which people don't remember."""
    return skeleton(_BETWEEN.sub("", text))


def why_not_one_script(text: str) -> str:
    """Why a name is not accepted, or "": its letters are of several scripts that look alike
    (ATTACKS A52)."""
    scripts = {unicodedata.name(one, "").partition(" ")[0] for one in text if one.isalpha()}
    return "mixes scripts whose letters look alike" if len(scripts & _SCRIPTS) > 1 else ""


def poses_as_latin(text: str) -> bool:
    """Whether each letter of a name in another script looks like a Latin letter."""
    letters = [one for one in folded(text) if one.isalpha()]
    foreign = any(not one.isascii() for one in letters)
    return foreign and all(one.translate(_LOOKS_LIKE).isascii() for one in letters)
