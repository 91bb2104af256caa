"""The rules for the data of an account."""

import re
from collections.abc import Mapping
from typing import Final

from valetkey.server.model.user import ADDRESS_PARTS, PROFILE_CLAIMS, User

MAX_USERNAME: Final = 128
MAX_EMAIL: Final = 254
MAX_CLAIM: Final = 500

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+")
# OpenID Connect Core 5.1: E.164, and an extension as RFC 3966 writes it.
_PHONE: Final = re.compile(r"\+[0-9](?:[0-9 ().-]{2,30})[0-9](?:;ext=[0-9]{1,10})?", re.ASCII)
_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+", re.ASCII
)


def mistakes(user: User) -> list[str]:
    """All mistakes, each as `field: why`."""
    name, phone = user.username, user.phone_number
    rules = (
        (bool(name.strip()) and name == name.strip(), "username: is empty or has spaces around"),
        (name.isprintable(), "username: holds a character that cannot be seen"),
        (len(name) <= MAX_USERNAME, f"username: is longer than {MAX_USERNAME} characters"),
        (not user.email or _is_email(user.email), "email: is not an address"),
        (user.email or not user.email_verified, "email_verified: there is no email"),
        (not phone or _PHONE.fullmatch(phone), "phone_number: does not begin with + and a country"),
        (phone or not user.phone_number_verified, "phone_number_verified: there is no number"),
        (
            not user.password or is_password_hash(user.password),
            "password: is no PHC string of Argon2id",
        ),
    )
    wrong = [why for holds, why in rules if not holds]
    wrong += _texts("address", user.address, allowed=ADDRESS_PARTS)
    return wrong + _texts("claims", user.claims, allowed=PROFILE_CLAIMS)


def _texts(field: str, texts: Mapping[str, str], *, allowed: tuple[str, ...]) -> list[str]:
    unknown = [name for name in texts if name not in allowed]
    long = [name for name, text in texts.items() if len(text) > MAX_CLAIM]
    rules = (
        (unknown, f"{field}: {', '.join(unknown)}: not among {', '.join(allowed)}"),
        (long, f"{field}: {', '.join(long)}: longer than {MAX_CLAIM} characters"),
    )
    return [why for found, why in rules if found]


def is_password_hash(text: str) -> bool:
    """Whether this is a PHC string of Argon2id, as `password.hash_password` makes it (RFC 9106)."""
    return _PHC.fullmatch(text) is not None


def _is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None
