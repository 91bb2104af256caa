"""Repeated answers: a user who submits a form twice gets the same answer again.

The answer is stored for some seconds, for the same browser and session, and for the same form. The
code in it is sealed, so the database reveals none.
"""

from typing import Final, TypeVar

import msgspec

from valetkey.jose import seal
from valetkey.jose.seal import digest
from valetkey.server.model.change import Change, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.authorize.browser_session import Browser, person, session_state
from valetkey.server.oauth.authorize.consent import Allow, Cancel
from valetkey.server.oauth.authorize.outcome import AuthorizeDecision, Deny, Permit, repeat_permit
from valetkey.server.oauth.authorize.reply_address import address
from valetkey.server.oauth.authorize.request_stages import RequestOver, find_waiting, finish
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import AccessDenied, OAuthError
from valetkey.wire.form import Form

SECONDS: Final = 10
"""Seconds for which an answer is stored. Codes are valid longer, so a repeated one is valid."""

PURPOSE: Final = b"answer"


D = TypeVar("D", bound=AuthorizeDecision)


def decline(
    name: str, browser: Browser, context: Context, *, error: OAuthError | None = None
) -> Rule[Permit | Deny]:
    """Declines a request without a sign-in: no user's data changes, and the request is over. The
    app gets `error`, or that the user refused. Raises OAuthError, for a page."""
    user_answer = Cancel()
    try:
        valid_request, pending = yield from find_waiting(name, browser, context)
    except RequestOver:
        before = yield from repeated(name, user_answer, browser, context=context)
        if before is None:
            raise
        return before
    denied = Deny(
        error=error or AccessDenied(),
        reply_to=valid_request.client_request.reply_to,
        client=valid_request.client_request.client,
        changes=finish(valid_request, context),
    )
    return remembered(denied, pending, user_answer, browser=browser, context=context)


class StoredAnswer(msgspec.Struct, frozen=True, array_like=True):
    """An answer: a digest of the form and the session; the id of the key that sealed the code, and
    the sealed code, empty for a no."""

    answer_digest: str
    key: str
    code: bytes


def remembered(
    decision: D,
    pending: Pending,
    user_answer: Allow | Cancel,
    *,
    browser: Browser,
    context: Context,
) -> D:
    """The decision, with its request stored for a moment instead of deleted at once."""
    if not isinstance(decision, Permit | Deny) or Remove(pending) not in decision.changes:
        return decision
    if decision.reply_to is None or not decision.reply_to.uri:
        return decision  # Without a redirect there is nothing to repeat.
    code = decision.code if isinstance(decision, Permit) else ""
    answered = msgspec.structs.replace(
        pending,
        kind="answered",
        contents=msgspec.msgpack.encode(
            _sealed_answer(_answer_digest(user_answer, pending, browser), code, context)
        ),
        expires=context.env.now + SECONDS,
    )
    changes: tuple[Change, ...] = tuple(
        Update(answered) if change == Remove(pending) else change for change in decision.changes
    )
    return msgspec.structs.replace(decision, changes=changes)


def repeated(
    name: str, user_answer: Allow | Cancel, browser: Browser, *, context: Context
) -> Rule[Permit | Deny | None]:
    """The stored answer, if this one is the same; None if it differs, or none is stored. A no has
    no code, so it needs no sign-in. It writes nothing."""
    query = One(Pending, name)
    pending = (yield (query,)).one(query)
    if pending is None or pending.kind != "answered" or context.env.now >= pending.expires:
        return None
    if pending.browser != browser.id:
        return None
    if isinstance(user_answer, Allow) and (yield from person(browser, context)) is None:
        return None
    stored = msgspec.msgpack.decode(pending.contents, type=StoredAnswer)
    if stored.answer_digest != _answer_digest(user_answer, pending, browser):
        return None
    of_client = One(Client, pending.client)
    form = Form(pending.parameters, {"resource": pending.resources})
    client, reply_to = address(form, (yield (of_client,)).one(of_client), context)
    if not stored.code:
        return Deny(error=AccessDenied(), reply_to=reply_to, client=client)
    code = _opened(stored, context)
    openid = "openid" in form.get("scope", "").split()
    state = session_state(client.id, reply_to, browser, context=context) if openid else ""
    return None if code is None else repeat_permit(code, reply_to, session_state=state)


def _sealed_answer(answer_digest: str, code: str, context: Context) -> StoredAnswer:
    key = context.installation.keyring.sealing[0]
    nonce = context.env.random_bytes(seal.NONCE)
    sealed = seal.seal(key.raw, code.encode(), nonce=nonce, purpose=PURPOSE) if code else b""
    return StoredAnswer(answer_digest, key.kid, sealed)


def _opened(stored: StoredAnswer, context: Context) -> str | None:
    key = context.installation.keyring.sealing_key(stored.key)
    if key is None:
        return None
    return seal.unseal(key.raw, stored.code, purpose=PURPOSE).decode()


def _answer_digest(user_answer: Allow | Cancel, pending: Pending, browser: Browser) -> str:
    return digest(repr((user_answer, pending.id, pending.browser, browser.session)))
