"""What an account's own data has to hold to."""

import re
from typing import Final

from valetkey.model.user import PROFILE_CLAIMS, User

MAX_USERNAME: Final = 128
MAX_EMAIL: Final = 254
MAX_CLAIM: Final = 500

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+")
_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+", re.ASCII
)


def mistakes(user: User) -> list[str]:
    """Everything that is wrong, each as `field: why`; empty where nothing is."""
    name = user.username
    unknown = [claim for claim in user.claims if claim not in PROFILE_CLAIMS]
    long = [claim for claim, text in user.claims.items() if len(text) > MAX_CLAIM]
    rules = (
        (bool(name.strip()) and name == name.strip(), "username: is empty or has spaces around"),
        (name.isprintable(), "username: holds a character that cannot be seen"),
        (len(name) <= MAX_USERNAME, f"username: is longer than {MAX_USERNAME} characters"),
        (not user.email or _is_email(user.email), "email: is not an address"),
        (user.email or not user.email_verified, "email_verified: there is no email"),
        (not unknown, f"claims: {', '.join(unknown)}: not among {', '.join(PROFILE_CLAIMS)}"),
        (not long, f"claims: {', '.join(long)}: longer than {MAX_CLAIM} characters"),
        (not user.password or is_kept(user.password), "password: is no PHC string of Argon2id"),
    )
    return [why for holds, why in rules if not holds]


def is_kept(text: str) -> bool:
    """Whether this is a PHC string of Argon2id, as `password.keep` writes it (RFC 9106)."""
    return _PHC.fullmatch(text) is not None


def _is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None
