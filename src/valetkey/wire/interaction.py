"""`x-fapi-interaction-id`: one name for a call, in the logs of both sides (FAPI 1.0 Baseline
6.2.1). An API returns the one that the caller sent, or makes one."""

import re
from typing import Final

from valetkey.spec.cite import Cite

CITE: Final = Cite("FAPI 1.0 Baseline", "6.2.1")
HEADER: Final = "x-fapi-interaction-id"

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def read(value: str) -> str:
    """The id that a caller sent, as it is; "" for anything but a UUID: nothing else of a caller's
    goes into a reply."""
    return value if _UUID.fullmatch(value) else ""


def make(raw: bytes) -> str:
    """An id of these 16 random bytes (RFC 9562 5.4)."""
    text = raw.hex()
    variant = "89ab"[raw[8] >> 6]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
