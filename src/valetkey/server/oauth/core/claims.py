"""The claims about a user, and the permission for each (OpenID Connect Core 5)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from valetkey.server.model.user import PROFILE_CLAIMS, User
from valetkey.spec import names

Claim: TypeAlias = str | bool | int | dict[str, str]


def _profile(user: User) -> dict[str, Claim]:
    chosen: dict[str, Claim] = {
        name: user.claims[name] for name in PROFILE_CLAIMS if name in user.claims
    }
    if not user.has_generated_name:
        chosen["preferred_username"] = user.username
    return chosen | {"updated_at": user.changed}


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
"""The claims of each permission (OpenID Connect Core 5.4), and the function that reads them from a
user."""

PERMISSION_BY_CLAIM: Final[Mapping[str, str]] = {
    claim: permission
    for permission, (claims, _) in CLAIMS_BY_PERMISSION.items()
    for claim in claims
}
"""The permission for each claim."""


def claims_of(user: User, permissions: Iterable[str]) -> dict[str, Claim]:
    """The claims of the user that these permissions allow."""
    result: dict[str, Claim] = {}
    for permission in CLAIMS_BY_PERMISSION:
        if permission in permissions:
            result |= CLAIMS_BY_PERMISSION[permission][1](user)
    return result


def select_claims(
    user: User, permissions: Iterable[str], *, whole: Iterable[str], claim_names: Iterable[str]
) -> dict[str, Claim]:
    """The allowed claims that were requested: all claims of the permissions in `whole`, and the
    claims in `claim_names`."""
    selected = {
        claim
        for one in whole
        if one in CLAIMS_BY_PERMISSION
        for claim in CLAIMS_BY_PERMISSION[one][0]
    } | set(claim_names)
    claims = claims_of(user, frozenset(permissions))
    return {name: value for name, value in claims.items() if name in selected}
