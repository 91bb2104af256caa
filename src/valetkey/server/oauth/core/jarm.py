"""Signed answers of the authorization endpoint (JARM): nobody can forge one, and an answer to one
app is useless to another."""

from collections.abc import Mapping
from typing import Final

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.model.client import Client
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.cite import Cite

CITE: Final = Cite("JWT Secured Authorization Response Mode", "4.1")

PARAMETER: Final = "response"
SECONDS: Final = 600
"""The longest time, in seconds, for which an answer is valid (2.1)."""

TYPE: Final = "JWT"

MODES: Final[Mapping[str, str]] = {
    "jwt": "query",
    "query.jwt": "query",
    "form_post.jwt": "form_post",
}
"""How the answer travels in each of its modes. `jwt` alone is the default for a code (2.3.4)."""


def is_signed(mode: str) -> bool:
    """Whether the answer in this mode is signed."""
    return mode in MODES


def sign_answer(parameters: Mapping[str, str], client: Client, context: Context) -> dict[str, str]:
    """Sign the answer as one parameter (2.1). `iss` is already among its parameters."""
    claims = {**parameters, "aud": client.id, "exp": context.env.now + SECONDS}
    key = context.id_token_key(client)
    return {PARAMETER: jws.sign(msgspec.json.encode(claims), key=key, typ=TYPE)}


JARM: Final = Feature(
    name="signed answers",
    cites=(CITE,),
    requires=("authorization code", "form post"),
    response_modes=tuple(MODES),
    metadata=lambda _: {"authorization_signing_alg_values_supported": tuple(reversed(ALGORITHMS))},
)
