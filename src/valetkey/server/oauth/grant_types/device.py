"""The device authorization grant (RFC 8628): a device without a keyboard displays a code, which its
user types into a browser. RFC 10027 says what that user has to be warned of."""

from typing import Final

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.pending import DecoupledRequest, Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.authorize import user_code
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.checks import DECOUPLED_CHECKS
from valetkey.server.oauth.authorize.jar import effective_parameters_decoupled
from valetkey.server.oauth.authorize.outcome import Deny
from valetkey.server.oauth.authorize.request import stored_parameters, understand
from valetkey.server.oauth.authorize.request_stages import find_waiting, finish
from valetkey.server.oauth.clients.authentication import authenticate, may_use
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Outcome, Refuse
from valetkey.server.oauth.core.feature import Authenticated, Call, Endpoint, Feature, GrantType
from valetkey.server.oauth.core.rate_limit import RateLimit, count
from valetkey.server.oauth.grant_types import narrowing, polling
from valetkey.server.oauth.grant_types.polling import PollRequest
from valetkey.spec import names
from valetkey.spec.errors import AccessDenied
from valetkey.spec.names import Cite
from valetkey.wire.form import Form

CITE: Final = Cite("RFC 8628", "3.1")
REDEEM: Final = Cite("RFC 8628", "3.4")

PAGE: Final = "/device"
"""The page where people type the code."""


PACE: Final = RateLimit(what="device request", most=300, seconds=600)
"""The rate limit of requests that public clients start from one network."""


class Unknown(Outcome, frozen=True, kw_only=True, eq=False):
    """No request waits under this code: it is wrong, answered or expired. The answer is the same
    for all three."""


class Opened(Outcome, frozen=True, kw_only=True, eq=False):
    """A request waits under this code, and this browser may go on with it."""

    pending: Pending


def ask(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Store a device's request under two names: one for the device, one for its user."""
    caller = yield from authenticate(call, context)
    may_use(caller.client, context.installation.grant_types[names.DEVICE_CODE])
    if caller.client.is_public:
        # A public client's name is no secret, so anyone may be calling.
        yield from count(PACE, call.address, context)
    form = yield from effective_parameters_decoupled(call.form, caller.client, context)
    request = understand(form, caller.client, context)
    for check in DECOUPLED_CHECKS["device"]:
        check(request, context)
    code, secret = user_code.draw(context.env), context.env.random_bytes(32)
    row = Pending(
        id=user_code.names(code, context.installation.keyring)[0],
        kind="device",
        client=caller.client.id,
        parameters=stored_parameters(form, request),
        resources=form.all("resource"),
        created=context.env.now,
        expires=context.env.now + context.installation.lifetimes.elsewhere,
        decoupled=DecoupledRequest(
            digest=polling.secret_digest(secret),
            interval=polling.INTERVAL,
            address=call.address,
            agent=call.agent,
        ),
    )
    page = context.installation.issuer + PAGE
    document = {
        "device_code": polling.handle("dc", row.id, secret),
        "user_code": user_code.format_code(code),
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={user_code.format_code(code)}",
        "expires_in": context.installation.lifetimes.elsewhere,
        "interval": polling.INTERVAL,
    }
    stranger = row.id if caller.client.is_public else ""
    return Answer(document=document, changes=(Create(row),), unregistered_client=stranger)


def enter(typed: str, browser: Browser, context: Context) -> Rule[Opened | Unknown]:
    """The request that waits under the code, for this browser to go on with. This approves nothing
    (ATTACKS A36)."""
    code = user_code.plain(typed)
    if len(code) != user_code.LENGTH:
        return Unknown()
    wanted = [One(Pending, name) for name in user_code.names(code, context.installation.keyring)]
    found = yield tuple(wanted)
    row = next((row for one in wanted if (row := found.one(one)) is not None), None)
    if row is None or row.kind != "device" or row.decoupled is None:
        return Unknown()
    if row.decoupled.answer or context.env.now >= row.expires:
        return Unknown()
    pending = Pending(
        id=ids.free_id(context.env),
        kind="interaction",
        client=row.client,
        contents=user_code.seal_code(code, context.installation.keyring, context.env),
        browser=browser.id,
        answers=row.id,
        created=context.env.now,
        expires=row.expires,
    )
    return Opened(pending=pending, changes=(Create(pending),))


def confirm(name: str, browser: Browser, context: Context) -> Rule[Outcome]:
    """Confirm that the user means this request. Sign-in and consent come next."""
    _, pending = yield from find_waiting(name, browser, context)
    return Outcome(changes=(Update(msgspec.structs.replace(pending, confirmed=True)),))


def disown(name: str, browser: Browser, context: Context) -> Rule[Deny]:
    """Deny a request that the user did not start. Its code is invalid from now on."""
    requested, _ = yield from find_waiting(name, browser, context)
    return Deny(
        error=AccessDenied(),
        reply_to=requested.client_request.reply_to,
        client=requested.client_request.client,
        changes=finish(requested, context),
    )


def parse(form: Form) -> PollRequest:
    """Read the parameters of RFC 8628 3.4."""
    return PollRequest(form.need("device_code"), narrowing.parse(form))


def decide(request: PollRequest, caller: Authenticated, context: Context) -> Rule[Issue | Refuse]:
    """Issue tokens, once, after the user allowed the request."""
    return (yield from polling.poll(request, caller, context, kind="device", prefix="dc"))


DEVICE: Final = Feature(
    name="device authorization",
    cites=(CITE, REDEEM, Cite("RFC 10027", "6.1")),
    grant_types=(
        GrantType(
            name=names.DEVICE_CODE,
            cite=REDEEM,
            confidential_only=False,
            declared_only=False,
            parse=parse,
            decide=decide,
        ),
    ),
    endpoints=(
        Endpoint(
            path="/device_authorization",
            metadata="device_authorization_endpoint",
            cite=CITE,
            rule=ask,
        ),
    ),
    pages=(PAGE, "/continue/{pending}/confirm"),
)
