"""The `claims` parameter (OpenID Connect Core 5.5): claims that an app asks for one by one."""

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
    """What is asked one by one. `userinfo` and `id_token` name claims about the user. `sub` is whom
    the app wants to hear of, "" for anybody; `acr` the ways of signing in that it wants, of which
    one has to be met where they are `essential`."""

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    sub: str = ""
    acr: tuple[str, ...] = ()
    essential: bool = False

    @property
    def permissions(self) -> tuple[str, ...]:
        """What opens the claims: they are asked for like any permission."""
        names = (*self.userinfo, *self.id_token)
        return tuple(dict.fromkeys(PERMISSION_BY_CLAIM[name] for name in names))


NO_CLAIMS: Final = RequestedClaims()


def read(text: str) -> RequestedClaims:
    """What the parameter asks for. What is not known here is passed over (5.5: "MUST be ignored").
    Raises InvalidRequest where it cannot be read."""
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
    """`value` or `values`, which have to be text."""
    values = member.get("values", [member["value"]] if "value" in member else [])
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError("a value is no text")
    return tuple(values)


def _subject(*members: Mapping[str, dict[str, Any] | None]) -> str:
    subjects = {value for one in members for value in _values(one.get("sub") or {})}
    if len(subjects) > 1:
        raise ValueError("sub is asked for with more than one value")
    return next(iter(subjects), "")
