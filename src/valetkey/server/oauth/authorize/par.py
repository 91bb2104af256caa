"""Pushed authorization requests (RFC 9126): the request is sent ahead, and only its name travels
through the browser."""

from typing import Final

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Rule
from valetkey.server.oauth.authorize.grant_management import find_grant
from valetkey.server.oauth.authorize.jar import effective_parameters
from valetkey.server.oauth.authorize.reply_address import address
from valetkey.server.oauth.authorize.request import INSTANCE, stored_parameters
from valetkey.server.oauth.authorize.request_stages import understand_and_check
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import Authenticated, Call, Endpoint, Feature
from valetkey.server.oauth.core.rate_limit import RateLimit, count
from valetkey.server.oauth.senders.binding import bind
from valetkey.spec.errors import InvalidRequest
from valetkey.spec.names import REQUEST_URI_PREFIX, Cite
from valetkey.wire.form import Form

CITE: Final = Cite("RFC 9126", "2")

PACE: Final = RateLimit(what="pushed request", most=1000, seconds=100)
"""Of one network, in the name of clients for whom nobody vouches (ATTACKS A23)."""


def push(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Keeps a request that would pass the authorization endpoint, and names it."""
    by = yield from authenticate(call, context)
    by, proof = yield from bind(by, call.request, context)
    if "request_uri" in call.form:
        raise InvalidRequest("request_uri may not be pushed")
    inside = yield from effective_parameters(call.form, by.client, context)
    # RFC 9126 2.1: what the authorization endpoint needs is pushed whole; or RFC 9101 4, inside.
    inside.need("client_id")
    resources = inside.all("resource")
    form = Form({**_with_sender(inside, by), "client_id": by.client.id}, {"resource": resources})
    address(form, by.client, context)
    request = understand_and_check(form, by.client, context, pushed=True)
    yield from find_grant(request.managed, by.client)
    # Nobody vouches for such a client, so its name is anybody's.
    stranger = by.client.is_public or by.client.origin != "declared"
    if stranger:
        yield from count(PACE, call.address, context)
    pending = Pending(
        id=ids.to_text(context.env.random_bytes(ids.LENGTH)),
        kind="pushed",
        client=by.client.id,
        parameters=stored_parameters(form, request),
        resources=resources,
        created=context.env.now,
        expires=context.env.now + context.installation.lifetimes.pushed_request,
    )
    document = {
        "request_uri": REQUEST_URI_PREFIX + pending.id,
        "expires_in": context.installation.lifetimes.pushed_request,
    }
    return Answer(
        document=document,
        changes=(Create(pending), *proof),
        unregistered_client=pending.id if stranger else "",
    )


def _with_sender(form: Form, by: Authenticated) -> dict[str, str]:
    """The parameters, with the key that the client has proved to hold (RFC 9449 10.1), and with the
    copy of the app that calls."""
    jkt = "" if by.confirmation is None else by.confirmation.jkt
    if jkt and form.get("dpop_jkt", jkt) != jkt:
        raise InvalidRequest("dpop_jkt names another key than the proof")
    own = {"dpop_jkt": jkt, INSTANCE: by.instance}
    return {**form} | {name: value for name, value in own.items() if value}


PAR: Final = Feature(
    name="pushed authorization requests",
    requires=("authorization code",),
    cites=(CITE,),
    endpoints=(
        Endpoint(
            path="/par",
            metadata="pushed_authorization_request_endpoint",
            cite=CITE,
            rule=push,
            status=201,
        ),
    ),
    # RFC 9126 5
    metadata=lambda context: (
        {"require_pushed_authorization_requests": True}
        if context.installation.demands.pushed == "required"
        else {}
    ),
)
