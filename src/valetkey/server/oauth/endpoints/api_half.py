"""The API half of a split access token (`wire.split_token`), for the API in its audience."""

from functools import partial
from typing import Final

import msgspec

from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients.authentication import authenticate_resource_server
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse, signed_by
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.senders.binding import is_offered
from valetkey.server.oauth.tokens.state import NAME, STEP, Dead, Live, token_state
from valetkey.spec.errors import InvalidClient
from valetkey.wire import split_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.split_token import CITE, NOTHING, PATH, ApiHalfAnswer


def answer_api_half(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Returns the API half for an app half, if the token is valid and for this API. Raises
    InvalidClient for callers that are no API."""
    text = call.form.need("token")
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="not a resource server")
    if not split_token.is_app_half(text):
        return Answer(document=NOTHING)  # Not a split token.
    token = yield from token_state(text, context)
    audience = server.catalog.resource
    if isinstance(token, Dead) or not context.installation.offer.is_for(token.token.aud, audience):
        return Answer(document=NOTHING)
    if not is_offered(token.token.cnf, context):
        return Answer(document=NOTHING)
    make = partial(_answer, token, text, audience, context=context)
    return Answer(document=signed_by(context.installation.keyring, make))


def _answer(live: Live, text: str, audience: str, *, context: Context) -> ApiHalfAnswer:
    """The API half of the token as it was issued, so that the API treats it like an ordinary token,
    and learns about its grant in the same way. It leaves out what concerns other APIs."""
    token = _for(live.token, audience, context)
    half = split_token.of_api(token, text, key=context.access_token_key(live.client))
    return ApiHalfAnswer(active=True, access_token_half=half)


def _for(token: AccessToken, audience: str, context: Context) -> AccessToken:
    own = context.installation.offer.names_of(audience)
    return msgspec.structs.replace(
        token,
        # As the app spelled it.
        aud=tuple(
            one for one in token.aud if context.installation.offer.find_resource(one) == audience
        ),
        scope=" ".join(one for one in token.scope.split() if one in own),
        limited=tuple(one for one in token.limited if one in own),
        authorization_details=tuple(
            one for one in token.authorization_details if one.type == audience
        ),
    )


SPLIT_TOKENS: Final = Feature(
    name=NAME,
    issuing=STEP,
    cites=(CITE,),
    endpoints=(
        Endpoint(path=PATH, metadata="access_token_half_endpoint", cite=CITE, rule=answer_api_half),
    ),
)
