"""Answers of the authorization endpoint as one signed token (JARM): nobody can write one, and what
the server said to one app says nothing to another."""

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
"""For which an answer is good, at the most (2.1)."""

TYPE: Final = "JWT"

MODES: Final[Mapping[str, str]] = {
    "jwt": "query",
    "query.jwt": "query",
    "form_post.jwt": "form_post",
}
"""How each of its modes travels. `jwt` alone is the usual one for a code (2.3.4)."""


def is_signed(mode: str) -> bool:
    """Whether the answer in this mode is signed."""
    return mode in MODES


def sign_answer(parameters: Mapping[str, str], client: Client, context: Context) -> dict[str, str]:
    """The answer as one parameter (2.1). `iss` is among what it says already."""
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
