"""Short stories that the tests of grant types tell again and again."""

from typing import Any, Final

from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.spec.errors import InvalidGrant

PLAIN: Final = {"code_challenge": None, "code_challenge_method": None}
"""A request without PKCE, as the policy of `web` lets it be."""


def code_of(world: World) -> str:
    """A code of Kite's, to which Miko has agreed."""
    return world.agree(request("kite")).code


def spent(world: World, client: str, code: str, **parameters: Any) -> bool:
    """Whether the code is refused now, however rightly it is presented."""
    try:
        world.redeem(client, code, **parameters)
    except InvalidGrant:
        return True
    return False


def leaf(tokens: dict[str, Any]) -> str:
    """The refresh token."""
    return str(tokens["refresh_token"])


def refused(world: World, text: str, client: str = "kite") -> bool:
    """Whether the refresh token is refused now."""
    try:
        world.refresh(client, text)
    except InvalidGrant:
        return True
    return False
