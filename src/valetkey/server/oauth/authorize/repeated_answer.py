"""A request that has just been answered: who presses twice gets the same answer again.

It is kept for some seconds, for the same browser and session, and for the very same form. The code
in it is sealed: the database yields none.
"""

from typing import Final, TypeVar

import msgspec

from valetkey.jose import seal
from valetkey.jose.seal import digest
from valetkey.server.model.change import Change, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.authorize.browser_session import Visit, person
from valetkey.server.oauth.authorize.consent import Allow, Cancel
from valetkey.server.oauth.authorize.outcome import AuthorizeDecision, Deny, Permit
from valetkey.server.oauth.authorize.permit import again
from valetkey.server.oauth.authorize.reply_address import address
from valetkey.server.oauth.authorize.request_stages import Over, over, waiting
from valetkey.server.oauth.authorize.session_state import session_state
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import AccessDenied
from valetkey.wire.form import Form

SECONDS: Final = 10
"""For which an answer is kept. Codes live longer, so the one that is repeated is still good."""

PURPOSE: Final = b"answer"


D = TypeVar("D", bound=AuthorizeDecision)


def decline(name: str, visit: Visit, context: Context) -> Rule[Permit | Deny]:
    """The no of somebody who has not said who they are: nothing of theirs changes, and the request
    is over. Raises OAuthError, for a page."""
    said = Cancel()
    try:
        asked, pending = yield from waiting(name, visit, context)
    except Over:
        before = yield from repeated(name, said, visit, context=context)
        if before is None:
            raise
        return before
    denied = Deny(
        error=AccessDenied(),
        reply_to=asked.sent.reply_to,
        client=asked.sent.client,
        changes=over(asked, context),
    )
    return remembered(denied, pending, said, visit=visit, context=context)


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The answer: a digest of what was said, and by whom; the key that sealed the code, and the
    code, which is empty for a no."""

    said: str
    key: str
    code: bytes


def remembered(
    decision: D, pending: Pending, said: Allow | Cancel, *, visit: Visit, context: Context
) -> D:
    """The decision, whose request is kept for a moment instead of being forgotten at once."""
    if not isinstance(decision, Permit | Deny) or Remove(pending) not in decision.changes:
        return decision
    if decision.reply_to is None or not decision.reply_to.uri:
        return decision  # The app comes for it: nobody is sent anywhere, so nobody twice.
    code = decision.code if isinstance(decision, Permit) else ""
    kept = msgspec.structs.replace(
        pending,
        kind="answered",
        contents=msgspec.msgpack.encode(_kept(_said(said, pending, visit), code, context)),
        expires=context.env.now + SECONDS,
    )
    changes: tuple[Change, ...] = tuple(
        Update(kept) if change == Remove(pending) else change for change in decision.changes
    )
    return msgspec.structs.replace(decision, changes=changes)


def repeated(
    name: str, said: Allow | Cancel, visit: Visit, *, context: Context
) -> Rule[Permit | Deny | None]:
    """The answer that was given just before, where this is the same once more; None where it is
    another one, or none was given. A no yields no code, so it needs no sign-in. Nothing is
    written."""
    wanted = One(Pending, name)
    pending = (yield (wanted,)).one(wanted)
    if pending is None or pending.kind != "answered" or context.env.now >= pending.expires:
        return None
    if pending.browser != visit.browser:
        return None
    if isinstance(said, Allow) and (yield from person(visit, context)) is None:
        return None
    kept = msgspec.msgpack.decode(pending.contents, type=Kept)
    if kept.said != _said(said, pending, visit):
        return None
    of_client = One(Client, pending.client)
    form = Form(pending.parameters, {"resource": pending.resources})
    client, reply_to = address(form, (yield (of_client,)).one(of_client), context)
    if not kept.code:
        return Deny(error=AccessDenied(), reply_to=reply_to, client=client)
    code = _opened(kept, context)
    openid = "openid" in form.get("scope", "").split()
    state = session_state(client.id, reply_to, visit, context=context) if openid else ""
    return None if code is None else again(code, reply_to, session_state=state)


def _kept(said: str, code: str, context: Context) -> Kept:
    key = context.installation.keyring.sealing[0]
    nonce = context.env.random_bytes(seal.NONCE)
    sealed = seal.seal(key.raw, code.encode(), nonce=nonce, purpose=PURPOSE) if code else b""
    return Kept(said, key.kid, sealed)


def _opened(kept: Kept, context: Context) -> str | None:
    key = context.installation.keyring.sealing_key(kept.key)
    if key is None:
        return None
    return seal.unseal(key.raw, kept.code, purpose=PURPOSE).decode()


def _said(said: Allow | Cancel, pending: Pending, visit: Visit) -> str:
    return digest(repr((said, pending.id, pending.browser, visit.session)))
