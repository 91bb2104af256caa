"""Names that people could take for one another (UTS 39, in the part that matters most): letters of
other scripts that look like Latin ones, digits that look like letters."""

import re
import unicodedata
from typing import Final

_SCRIPTS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH"})
"""Scripts that have letters which look alike."""

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
    """One spelling of a name, without case and without forms for compatibility (RFC 8265 3.3)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())


def skeleton(text: str) -> str:
    """What a name looks like: two names of one skeleton can be taken for one another."""
    letters = folded(text).translate(_LOOKS_LIKE)
    for pair, one in _TOGETHER:
        letters = letters.replace(pair, one)
    return letters


def silhouette(text: str) -> str:
    """As `skeleton`, for names with spaces and signs in them, which nobody remembers."""
    return skeleton(_BETWEEN.sub("", text))


def why_not_one_script(text: str) -> str:
    """Why a name could be taken for another, or "": letters that look alike are of several
    scripts (ATTACKS A52)."""
    scripts = {unicodedata.name(one, "").partition(" ")[0] for one in text if one.isalpha()}
    return "mixes scripts whose letters look alike" if len(scripts & _SCRIPTS) > 1 else ""


def poses_as_latin(text: str) -> bool:
    """Whether a name of another script reads as a Latin one from its first letter to its last."""
    letters = [one for one in folded(text) if one.isalpha()]
    foreign = any(not one.isascii() for one in letters)
    return foreign and all(one.translate(_LOOKS_LIKE).isascii() for one in letters)
