"""Calls that bring proofs, in the small world."""

from typing import Any, Final

import msgspec
from tests.keys import key
from tests.proofs import MINE, Wish, proof
from tests.server.oauth.forms import call, request
from tests.server.oauth.world import ISSUER, World

from valetkey.jose.jwk import PrivateKey
from valetkey.server.oauth.core.decision import Issued
from valetkey.server.oauth.core.feature import Call, RequestInfo
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.issue.tokens import response
from valetkey.wire.access_token import Confirmation

THIRD: Final = key("ES256", "a third one")


def bound(by: PrivateKey = MINE) -> Confirmation:
    """What a token of this key's holder says."""
    return Confirmation(jkt=by.public().thumbprint())


def brought(world: World, path: str, **wish: Any) -> RequestInfo:
    """What a call to the path brings: one proof, of this moment in that world."""
    claims = {"iat": world.now} | wish.pop("claims", {})
    text = proof(Wish(address=ISSUER + path), claims=claims, **wish)
    return RequestInfo(method="POST", path=path, headers={"dpop": (text,)})


def proving(world: World, sent: Call, path: str = "/token", **wish: Any) -> Call:
    """The call, with a proof."""
    return msgspec.structs.replace(sent, request=brought(world, path, **wish))


def tokens(world: World, sent: Call) -> dict[str, Any]:
    """The token response. Raises OAuthError."""
    issued = world.post(token, sent)
    assert isinstance(issued, Issued)
    return dict(response(issued, world.context))


def redeem(world: World, client: str, code: str, **wish: Any) -> dict[str, Any]:
    """The tokens for a code, asked with a proof."""
    from tests.server.oauth.forms import VERIFIER

    given = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    return tokens(world, proving(world, call(client, **given), **wish))


def refresh(world: World, client: str, text: str, **wish: Any) -> dict[str, Any]:
    """The tokens for a refresh token, asked with a proof."""
    given = {"grant_type": "refresh_token", "refresh_token": text}
    return tokens(world, proving(world, call(client, **given), **wish))


def code(world: World, client: str = "kite", **parameters: Any) -> str:
    """A code of the app's."""
    return world.agree(request(client, **parameters)).code
