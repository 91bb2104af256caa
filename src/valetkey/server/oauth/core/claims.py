"""Claims about a user: which there are, and which permission opens them (OpenID Connect Core 5)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from valetkey.server.model.user import PROFILE_CLAIMS, User
from valetkey.spec import names

Claim: TypeAlias = str | bool | int | dict[str, str]


def _profile(user: User) -> dict[str, Claim]:
    chosen: dict[str, Claim] = {
        name: user.claims[name] for name in PROFILE_CLAIMS if name in user.claims
    }
    return chosen | {"preferred_username": user.username, "updated_at": user.changed}


def _email(user: User) -> dict[str, Claim]:
    return {"email": user.email, "email_verified": user.email_verified} if user.email else {}


def _address(user: User) -> dict[str, Claim]:
    return {"address": user.address} if user.address else {}


def _phone(user: User) -> dict[str, Claim]:
    if not user.phone_number:
        return {}
    return {
        "phone_number": user.phone_number,
        "phone_number_verified": user.phone_number_verified,
    }


CLAIMS_BY_PERMISSION: Final[
    dict[str, tuple[tuple[str, ...], Callable[[User], dict[str, Claim]]]]
] = {
    names.PROFILE: ((*PROFILE_CLAIMS, "preferred_username", "updated_at"), _profile),
    names.EMAIL: (("email", "email_verified"), _email),
    names.ADDRESS: (("address",), _address),
    names.PHONE: (("phone_number", "phone_number_verified"), _phone),
}
"""The claims that a permission opens (OpenID Connect Core 5.4), and what they are for a user."""

PERMISSION_BY_CLAIM: Final[Mapping[str, str]] = {
    claim: permission
    for permission, (claims, _) in CLAIMS_BY_PERMISSION.items()
    for claim in claims
}
"""The permission that opens a claim."""


def claims_of(user: User, permissions: Iterable[str]) -> dict[str, Claim]:
    """What these permissions tell of the user."""
    result: dict[str, Claim] = {}
    for permission in CLAIMS_BY_PERMISSION:
        if permission in permissions:
            result |= CLAIMS_BY_PERMISSION[permission][1](user)
    return result


def select_claims(
    user: User, permissions: Iterable[str], *, whole: Iterable[str], claim_names: Iterable[str]
) -> dict[str, Claim]:
    """What of it was asked for: all that the permissions in `whole` open, and the claims that are
    `named` one by one."""
    selected = {
        claim
        for one in whole
        if one in CLAIMS_BY_PERMISSION
        for claim in CLAIMS_BY_PERMISSION[one][0]
    } | set(claim_names)
    claims = claims_of(user, frozenset(permissions))
    return {name: value for name, value in claims.items() if name in selected}
