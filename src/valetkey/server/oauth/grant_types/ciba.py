"""Client-initiated backchannel authentication (OpenID Connect CIBA Core 1.0): an app asks a user on
another device, and polls for the answer."""

from collections.abc import Mapping
from typing import Any, Final

from valetkey.jose import jwt
from valetkey.jose.jwk import CLIENT_ALGORITHMS
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.pending import DecoupledRequest, Pending
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.authorize.checks import DECOUPLED_CHECKS
from valetkey.server.oauth.authorize.jar import SIGNED_REQUESTS, effective_parameters_decoupled
from valetkey.server.oauth.authorize.request import stored_parameters, understand
from valetkey.server.oauth.clients.authentication import authenticate, may_use
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Refuse
from valetkey.server.oauth.core.feature import Authenticated, Call, Endpoint, Feature, GrantType
from valetkey.server.oauth.core.field_checks import why_not_text
from valetkey.server.oauth.core.subjects import find_user
from valetkey.server.oauth.grant_types import jwt_bearer, narrowing, polling
from valetkey.server.oauth.grant_types.polling import PollRequest
from valetkey.server.oauth.grants.approvals import APPROVALS, new_approval, too_many
from valetkey.spec import names
from valetkey.spec.errors import (
    AccessDenied,
    ExpiredLoginHintToken,
    InvalidBindingMessage,
    InvalidGrant,
    InvalidRequest,
    UnknownUserId,
)
from valetkey.spec.names import Cite
from valetkey.wire import request_object
from valetkey.wire.form import Form
from valetkey.wire.id_token import IdToken

CITE: Final = Cite("OpenID Connect CIBA", "7")
REDEEM: Final = Cite("OpenID Connect CIBA", "10.1")

HINT_TYPE: Final = "login-hint+jwt"
"""The type of a login_hint_token. CIBA Core 7.1 leaves its form to the deployment: here it is an
assertion about a user (RFC 7523 3)."""

HINTS: Final = ("login_hint", "id_token_hint", "login_hint_token")

MAX_MESSAGE: Final = 100
"""Characters of a binding message. It has to fit on two screens, so that the user can compare
them."""


def ask(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Put a question on a user's pages, and give the app a handle to poll with."""
    caller = yield from authenticate(call, context)
    may_use(caller.client, context.installation.grant_types[names.CIBA])
    # CIBA Core 7.1.1: of a signed request, only the signed parameters count.
    form = yield from effective_parameters_decoupled(
        call.form, caller.client, context, needs=request_object.BACKCHANNEL_CLAIMS
    )
    message, seconds = _message(form), _seconds(form, context)
    request = understand(form, caller.client, context)
    for check in DECOUPLED_CHECKS["backchannel"]:
        check(request, context)
    user = yield from _hinted(form, caller, context)
    if (yield from too_many(user.id, caller.client.id, context)):
        raise AccessDenied("this user has not answered the previous request")
    name, secret = context.env.random_bytes(polling.ID).hex(), context.env.random_bytes(32)
    handle = polling.handle("ar", name, secret)
    row = Pending(
        id=name,
        kind="backchannel",
        client=caller.client.id,
        parameters={**stored_parameters(form, request), "login_hint": user.username},
        resources=form.all("resource"),
        created=context.env.now,
        expires=context.env.now + seconds,
        decoupled=DecoupledRequest(
            digest=polling.secret_digest(secret),
            interval=polling.INTERVAL,
            user=user.id,
            message=message,
            notify=message_delivery.seal_notification(
                form, caller.client, handle=handle, context=context
            ),
        ),
    )
    _, changes, events = new_approval(
        user.id, caller.client.id, words=message, request=name, seconds=seconds, context=context
    )
    document = {
        "auth_req_id": handle,
        "expires_in": seconds,
        "interval": polling.INTERVAL,
    }
    return Answer(document=document, changes=(Create(row), *changes), events=events)


def parse(form: Form) -> PollRequest:
    """Read the parameters of CIBA Core 10.1."""
    return PollRequest(form.need("auth_req_id"), narrowing.parse(form))


def decide(request: PollRequest, caller: Authenticated, context: Context) -> Rule[Issue | Refuse]:
    """Issue tokens, once, after the user allowed the request."""
    return (yield from polling.poll(request, caller, context, kind="backchannel", prefix="ar"))


def _hinted(form: Form, caller: Authenticated, context: Context) -> Rule[User]:
    """The user that the one hint names. An unknown user and a disabled one get the same answer."""
    parameters = [name for name in HINTS if name in form]
    if len(parameters) != 1:
        # CIBA Core 7.1: exactly one.
        raise InvalidRequest(f"exactly one of {', '.join(HINTS)} is needed")
    user: User | None
    if parameters[0] == "login_hint_token":
        user = yield from _of_a_trusted_server(form["login_hint_token"], caller, context)
    elif parameters[0] == "id_token_hint":
        one = One(User, _subject(form, caller.client, context))
        user = (yield (one,)).one(one)
    else:
        alias = OneByAlias(User, sign_in_name(form["login_hint"][:255]))
        user = (yield (alias,)).one(alias)
    if user is None or user.status != "active":
        raise UnknownUserId
    return user


def _of_a_trusted_server(text: str, caller: Authenticated, context: Context) -> Rule[User | None]:
    """The user that an issuer trusted by the client's policy names. The token has a type of its
    own, so that it can't be used as an assertion grant (ATTACKS A48)."""
    try:
        _, user = yield from jwt_bearer.about(text, caller, context, typ=(HINT_TYPE,))
    except jwt_bearer.Over as error:
        raise ExpiredLoginHintToken(detail=error.detail) from error
    except InvalidGrant as error:
        raise InvalidRequest("the login_hint_token is not valid", detail=error.detail) from error
    return user


def _subject(form: Form, client: Client, context: Context) -> str:
    """The user of an ID Token that this client got here. It may have expired (CIBA Core 7.1)."""
    try:
        claims = jwt.prove(
            form["id_token_hint"],
            IdToken,
            keys=context.installation.keyring.published,
            typ=("jwt", ""),
            issuer=context.installation.issuer,
        )
    except jwt.BadToken as error:
        raise InvalidRequest(
            "the id_token_hint is not from this server", detail=str(error)
        ) from error
    if claims.aud != client.id:
        raise InvalidRequest("the id_token_hint is another client's")
    return find_user(claims.sub, client, context.installation.keyring)


def _message(form: Form) -> str:
    message = form.get("binding_message", "")
    why = why_not_text(message, MAX_MESSAGE) if message else ""
    if why:
        raise InvalidBindingMessage(f"the binding_message {why}")
    return message.strip()


def _seconds(form: Form, context: Context) -> int:
    """Seconds for which the question waits: as the app requested, within the limits here."""
    text, most = form.get("requested_expiry"), context.installation.lifetimes.elsewhere
    if text is None:
        return most
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) > 0):
        raise InvalidRequest("requested_expiry is not a positive number of seconds")
    return min(int(text), most)


def _metadata(context: Context) -> Mapping[str, Any]:
    """CIBA Core 4."""
    signed = CLIENT_ALGORITHMS if SIGNED_REQUESTS in context.installation.features else ()
    return {
        "backchannel_token_delivery_modes_supported": ("poll", "ping"),
        "backchannel_user_code_parameter_supported": False,
        "backchannel_authentication_request_signing_alg_values_supported": signed,
    }


BACKCHANNEL: Final = Feature(
    name="backchannel authentication",
    cites=(CITE, REDEEM),
    grant_types=(
        GrantType(
            name=names.CIBA,
            cite=REDEEM,
            confidential_only=True,
            declared_only=True,
            parse=parse,
            decide=decide,
        ),
    ),
    endpoints=(
        Endpoint(
            path="/backchannel",
            metadata="backchannel_authentication_endpoint",
            cite=CITE,
            rule=ask,
        ),
    ),
    deliveries=(message_delivery.DELIVERY,),
    pages=(APPROVALS, f"{APPROVALS}/{{approval}}"),
    metadata=_metadata,
)
