"""What an API sees of authorization details (RFC 9396 9.1), as the key stands now."""

from typing import Any

from valetkey.resource import Principal
from valetkey.wire.access_token import AccessToken
from valetkey.wire.authorization_details import Detail

API = "https://chirp.example"
LIMITS: dict[str, dict[str, Any]] = {"chirps.write": {"often": {"day": 5}}}
DETAILS = Detail(type=API, actions=("chirps.read", "chirps.write"), limits=LIMITS)


def principal(*permissions: str, version: int = 1) -> Principal:
    token = AccessToken(
        iss="https://id.example",
        sub="miko",
        aud=(API,),
        client_id="kite",
        jti="1",
        iat=0,
        exp=60,
        scope="chirps.read chirps.write",
        grant_version=1,
        authorization_details=(DETAILS,),
    )
    return Principal(
        sub="miko",
        client_id="kite",
        permissions=frozenset(permissions),
        token=token,
        grant_version=version,
    )


def test_as_they_were_issued_while_nothing_has_changed() -> None:
    assert principal("chirps.read", "chirps.write").authorization_details == (DETAILS,)


def test_a_permission_that_was_taken_away_is_not_among_them() -> None:
    (left,) = principal("chirps.read", version=2).authorization_details
    assert left.actions == ("chirps.read",)
    assert left.limits == {}


def test_limits_from_before_a_change_are_not_told() -> None:
    (left,) = principal("chirps.read", "chirps.write", version=2).authorization_details
    assert (left.actions, left.limits) == (DETAILS.actions, {})


def test_a_key_that_opens_nothing_has_none() -> None:
    assert principal().authorization_details == ()
