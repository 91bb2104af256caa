"""The `claims` parameter (OpenID Connect Core 5.5): requests for single claims."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.jose.objects import read_object
from valetkey.server.oauth.core.claims import PERMISSION_BY_CLAIM
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidRequest

CITE: Final = Cite("OpenID Connect Core", "5.5")
MAX_LENGTH: Final = 4096


class RequestedClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The requested claims. `userinfo` and `id_token` are names of claims about the user. `sub` is
    the expected user, "" for any; `acr` are the requested authentication contexts, of which one has
    to be met if they are `essential`."""

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    sub: str = ""
    acr: tuple[str, ...] = ()
    essential: bool = False

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that the claims need, which are requested like any other."""
        names = (*self.userinfo, *self.id_token)
        return tuple(dict.fromkeys(PERMISSION_BY_CLAIM[name] for name in names))


NO_CLAIMS: Final = RequestedClaims()


def read(text: str) -> RequestedClaims:
    """Parses the parameter. It ignores unknown members (5.5: "MUST be ignored"). Raises
    InvalidRequest if it is malformed."""
    if not text:
        return NO_CLAIMS
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"claims is longer than {MAX_LENGTH} characters")
    try:
        members = read_object(text)
        userinfo, id_token = _member(members, "userinfo"), _member(members, "id_token")
        acr = id_token.get("acr") or {}
        return RequestedClaims(
            userinfo=tuple(name for name in userinfo if name in PERMISSION_BY_CLAIM),
            id_token=tuple(name for name in id_token if name in PERMISSION_BY_CLAIM),
            sub=_subject(userinfo, id_token),
            acr=_values(acr),
            essential=acr.get("essential") is True,
        )
    except ValueError as error:
        raise InvalidRequest("claims cannot be read", detail=f"claims: {error}") from error


def _member(members: Mapping[str, Any], name: str) -> dict[str, dict[str, Any] | None]:
    member = members.get(name)
    if member is None:
        return {}
    if not isinstance(member, dict):
        raise ValueError(f"{name} is no object")
    for claim, value in member.items():
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"{claim!r} is neither null nor an object")
    return member


def _values(member: Mapping[str, Any]) -> tuple[str, ...]:
    """The `value` or `values` of a claim, which have to be strings."""
    values = member.get("values", [member["value"]] if "value" in member else [])
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError("a value is no text")
    return tuple(values)


def _subject(*members: Mapping[str, dict[str, Any] | None]) -> str:
    subjects = {value for one in members for value in _values(one.get("sub") or {})}
    if len(subjects) > 1:
        raise ValueError("sub is asked for with more than one value")
    return next(iter(subjects), "")
