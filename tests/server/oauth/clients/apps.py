"""Clients that prove themselves by keys of their own, and what they sign."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from tests.jose.corpus import Honest
from tests.jose.forge import Shared
from tests.keys import key
from tests.server.oauth.forms import form
from tests.server.oauth.world import ISSUER, World

from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring, Secret
from valetkey.server.oauth.clients import credentials
from valetkey.server.oauth.core.feature import Call, RequestInfo
from valetkey.wire.assertion import ASSERTION_TYPE, TYPE

MINE: Final = key("ES256", "an app's")


def jwks(*keys: PrivateKey) -> dict[str, Any]:
    """The JWK Set of the public halves."""
    return {"keys": [one.public().jwk() for one in keys]}


SIGNER: Final = Client(
    id="signer",
    name="Signer",
    auth_method="private_key_jwt",
    jwks=jwks(MINE),
    redirect_uris=("https://signer.example/cb",),
    grant_types=("authorization_code", "refresh_token", "client_credentials"),
    scope=("openid", "chirps"),
)
"""A confidential client with one key, of which it brought the public half."""

SHARED: Final = Shared(b"vk_cs_a_secret_that_the_app_and_the_server_share")


def sharer(keyring: Keyring, env: Env, secret: bytes = SHARED.secret) -> Client:
    """An app that proves itself by an HMAC with its secret."""
    client = msgspec.structs.replace(
        SIGNER, id="sharer", name="Sharer", auth_method="client_secret_jwt", jwks={}
    )
    kept = credentials.new_secret(Secret(secret.decode()), client=client, keyring=keyring, env=env)
    return msgspec.structs.replace(client, secrets=(kept,))


_COUNT = iter(range(1_000_000))


def claims(world: World, **changed: Any) -> dict[str, Any]:
    """The claims of a fresh assertion, as changed. `...` leaves one out."""
    given = {
        "iss": "signer",
        "sub": "signer",
        "aud": ISSUER,
        "jti": f"j-{next(_COUNT)}",
        "iat": world.now,
        "exp": world.now + 60,
    }
    return {name: value for name, value in (given | changed).items() if value is not ...}


def assertion(
    world: World,
    /,
    *,
    by: PrivateKey | Shared = MINE,
    typ: str = TYPE,
    changed: Mapping[str, Any] = {},
    **more: Any,
) -> str:
    """A fresh assertion, its claims `changed`."""
    return Honest(by, claims(world, **changed, **more), typ).token()


def with_assertion(text: str, /, *, path: str = "/token", **parameters: Any) -> Call:
    """A call that brings it, of the endpoint at `path`."""
    both = {"client_assertion": text, "client_assertion_type": ASSERTION_TYPE}
    return Call(form=form({**both, **parameters}), request=RequestInfo(path=path))
