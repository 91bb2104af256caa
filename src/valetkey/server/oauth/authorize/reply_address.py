"""The address of the answer. Only `address` makes a `ReplyTo`, and only that is a redirect."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.model.client import Client
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.spec.names import Cite
from valetkey.wire import redirect
from valetkey.wire.form import Form

# Signed answers of the authorization endpoint (JARM): nobody can forge one, and an answer to one
# app is useless to another.

JARM_CITE: Final = Cite("JWT Secured Authorization Response Mode", "4.1")

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
    cites=(JARM_CITE,),
    requires=("authorization code", "form post"),
    response_modes=tuple(MODES),
    metadata=lambda _: {"authorization_signing_alg_values_supported": tuple(reversed(ALGORITHMS))},
)


CITE: Final = Cite("RFC 6749", "3.1.2")


QUERY: Final = "query"
FORM_POST: Final = "form_post"


class ReplyTo(msgspec.Struct, frozen=True):
    """A redirect URI that the client registered, the unchanged `state`, and the response mode.
    `sign` makes one signed parameter of the answer.

    `uri` is "" if there is no redirect: the app is on another device, and fetches the answer.
    """

    uri: str
    state: str
    issuer: str
    mode: str = QUERY
    sign: Callable[[Mapping[str, str]], dict[str, str]] | None = None

    def parameters(self, **parameters: str) -> dict[str, str]:
        """The parameters of the answer, with `iss` and `state` (RFC 9207); one parameter if it is
        signed."""
        state = {"state": self.state} if self.state else {}
        whole = {**parameters, **state, "iss": self.issuer}
        return whole if self.sign is None else self.sign(whole)

    @property
    def is_decoupled(self) -> bool:
        """Whether the app fetches the answer, without a redirect."""
        return not self.uri

    def location(self, answer: dict[str, str]) -> str:
        """The URI with an answer, as `parameters` returns it, in its query."""
        return redirect.with_parameters(self.uri, answer)


class WrongAddress(InvalidRequest):
    """The redirect URI is missing, or not registered, so there is no redirect."""


def no_redirect(*, issuer: str) -> ReplyTo:
    """The address of an app on another device: none."""
    return ReplyTo("", "", issuer)


def response_modes(context: Context) -> tuple[str, ...]:
    """The supported response modes."""
    return (
        QUERY,
        *(mode for feature in context.installation.features for mode in feature.response_modes),
    )


def address(form: Form, client: Client | None, context: Context) -> tuple[Client, ReplyTo]:
    """The client and its checked address. Raises OAuthError, for a page, never for a redirect."""
    if client is None:
        raise InvalidClient("no such app is registered here", status=400)
    if client.status != "active":
        raise InvalidClient("this app is suspended here", status=400)
    if not client.redirect_uris:
        raise InvalidRequest("this app is not registered for signing people in")
    uri = form.get("redirect_uri")
    if uri is None:
        if len(client.redirect_uris) > 1 or "openid" in form.get("scope", "").split():
            raise WrongAddress("redirect_uri is missing")
        uri = client.redirect_uris[0]
    elif not any(redirect.matches(registered, uri) for registered in client.redirect_uris):
        raise WrongAddress("redirect_uri is not one that this app registered")
    mode = form.get("response_mode", QUERY)
    supported = mode if mode in response_modes(context) else QUERY
    sign = partial(sign_answer, client=client, context=context) if is_signed(supported) else None
    travels = MODES.get(supported, supported)
    return client, ReplyTo(uri, form.get("state", ""), context.installation.issuer, travels, sign)


FORM_POST_RESPONSES: Final = Feature(
    name="form post",
    cites=(Cite("OAuth 2.0 Form Post Response Mode", "2"),),
    requires=("authorization code",),
    response_modes=(FORM_POST,),
)
