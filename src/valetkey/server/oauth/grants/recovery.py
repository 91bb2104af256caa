"""A forgotten password, the proof of an e-mail address or a phone number, and sign-in by mail.

All mail a code of eight letters, and a link that has it; to a phone goes only the code. The code
counts once, for 15 minutes, five times at most, and only in the browser that asked, or in a session
of the user that asked (an address or a number). A link that is opened elsewhere shows where to type
the code. To open a link changes nothing, since scanners of mail open links.

For an unknown username, the same is stored and the same work is done, and no mail goes out (ATTACKS
A70). So it is for a username that was asked for too often.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from valetkey.jose import base64url, seal
from valetkey.server.accounts.notices import CodeKind, mail_code, tell, text_code
from valetkey.server.accounts.throttle import account_of
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.event import By, event
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import User, password_mark, sign_in_name
from valetkey.server.oauth.authorize.user_code import format_code
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.credentials import (
    CredentialsChanged,
    change_email,
    change_password,
    change_phone,
)
from valetkey.server.oauth.grants.sent_codes import (
    Asker,
    CodeChecked,
    MailedKind,
    RecoveryKind,
    RecoveryRequest,
    may_send,
    new_id,
    new_request,
    waiting,
)

FORGOT: Final = "/forgot"
EMAIL: Final = "/security/email"
PHONE: Final = "/security/phone"
MAIL_SIGN_IN: Final = "/sign-in/email"

TEXTS: Final = 5
"""Codes to phones in an hour, for each account."""

_MAILS: Final[dict[MailedKind, tuple[CodeKind, str]]] = {
    "reset": ("password_reset", FORGOT),
    "address": ("address_verification", EMAIL),
    "sign-in": ("sign_in_code", MAIL_SIGN_IN),
}
"""The mail of each kind that mails, and the path of the page that takes its code."""


def begin_reset(username: str, asker: Asker, context: Context) -> Rule[RecoveryRequest]:
    """Mails a code to the verified address of the user with this name. Raises
    TemporarilyUnavailable for a network that asks too often, whatever the name."""
    whose = yield from _receiver(username, asker, context)
    return _begin("reset", whose, asker, email=_address(whose), context=context)


def begin_sign_in(
    username: str, asker: Asker, *, pending: str = "", target: str = "", context: Context
) -> Rule[RecoveryRequest]:
    """Mails a code that signs the user in, as `begin_reset` does. They go on with the request
    `pending`, or else at the page `target`."""
    whose = yield from _receiver(username, asker, context, what="sign-in mails")
    there = {"pending": pending, "target": target}
    return _begin("sign-in", whose, asker, email=_address(whose), more=there, context=context)


def _receiver(
    username: str, asker: Asker, context: Context, *, what: str = "mails"
) -> Rule[User | None]:
    """The user with this name, if a code may be mailed to them now."""
    allowed = yield from may_send(f"{what} {account_of(username)}", asker, context)
    query = OneByAlias(User, sign_in_name(username))
    user = (yield (query,)).one(query)
    able = user is not None and user.status == "active" and user.password and user.email_verified
    return user if able and allowed else None


def _address(user: User | None) -> str:
    return "" if user is None else user.email


def begin_address(
    user: User, email: str, *, asker: Asker, context: Context
) -> Rule[RecoveryRequest]:
    """Mails a code to an address that the user wants to have, or has and did not prove. Raises
    TemporarilyUnavailable as `begin_reset` does."""
    allowed = yield from may_send(f"mails {user.id}", asker, context)
    return _begin("address", user, asker, email=email, sends=allowed, context=context)


def begin_phone(
    user: User, number: str, *, asker: Asker, context: Context
) -> Rule[RecoveryRequest]:
    """Sends a code to a phone number, in E.164 form, that the user wants to have, or has and did
    not prove. Raises TemporarilyUnavailable as `begin_reset` does."""
    # Per account, not per browser: a user has as many browsers as they like.
    anywhere = asker._replace(name="")
    allowed = yield from may_send(f"texts {user.id}", anywhere, context, most=TEXTS)
    env, installation = context.env, context.installation
    code, pending = new_request(
        "phone", user, asker, more={"phone_number": number}, context=context
    )
    texts: tuple[Create, ...] = ()
    if allowed and installation.notices.reaches(number):
        texts = text_code(
            user=user.id,
            number=number,
            code=format_code(code),
            expires=pending.expires,
            env=env,
            to=installation.notices,
            keyring=installation.keyring,
            language=asker.language,
        )
    return RecoveryRequest(id=pending.id, changes=(Create(pending), *texts))


def link_for_support(
    user: User, *, seconds: int, context: Context, reason: str = ""
) -> Rule[RecoveryRequest]:
    """A link with which the user chooses a new password, once, in whatever browser. `secret` is its
    path. The user is notified, with the reason."""
    yield from ()
    secret = base64url.encode(context.env.random_bytes(32))
    pending = Pending(
        id=new_id(context),
        kind="reset",
        client="",
        parameters={"user": user.id, "mark": password_mark(user), "digest": seal.digest(secret)},
        created=context.env.now,
        expires=context.env.now + seconds,
    )
    path = f"{FORGOT}/{pending.id}?code={secret}"
    audit_event = event(
        context.env, "reset-link-made", by="administrator", user=user.id, reason=reason
    )
    notices = tell(
        "password_link_made",
        user=user.id,
        env=context.env,
        to=context.installation.notices,
        facts={"reason": reason},
    )
    changes = (Create(pending), *notices)
    return RecoveryRequest(id=pending.id, secret=path, changes=changes, events=(audit_event,))


def finish_reset(
    name: str, password_hash: str, *, browser: str, device: str, by: By = "user", context: Context
) -> Rule[CredentialsChanged]:
    """Stores the new password of a request whose code was just checked, and uses it up. Every
    session ends. No change if the request is over, or the password has changed meanwhile."""
    pending = yield from waiting(name, "reset", context)
    if pending is None or pending.browser not in ("", browser):
        return CredentialsChanged()
    query = One(User, pending.parameters["user"])
    user = (yield (query,)).one(query)
    if user is None or user.status != "active" or password_mark(user) != pending.parameters["mark"]:
        return CredentialsChanged()
    changed = yield from change_password(
        user.id, password_hash, by=by, device=device, context=context
    )
    return _used_up(pending, changed)


def finish_sign_in(name: str, *, browser: str, context: Context) -> Rule[CodeChecked]:
    """Uses up a code that was just checked. `user` is whose it is, `over` as in `check_code`, also
    if their password has changed meanwhile."""
    pending = yield from waiting(name, "sign-in", context)
    if pending is None or pending.browser != browser:
        return CodeChecked(over=True)
    query = One(User, pending.parameters["user"])
    user = (yield (query,)).one(query)
    if user is None or user.status != "active" or password_mark(user) != pending.parameters["mark"]:
        return CodeChecked(over=True)
    return CodeChecked(user=user, changes=(Remove(pending),))


def finish_address(
    name: str, *, user: str, device: str, context: Context
) -> Rule[CredentialsChanged]:
    """Gives the user the address of a request whose code was just checked, and uses it up."""
    pending = yield from _own(name, "address", user, context=context)
    if pending is None:
        return CredentialsChanged()
    email = pending.parameters["email"]
    changed = yield from change_email(user, email, device=device, context=context)
    return _used_up(pending, changed)


def finish_phone(
    name: str, *, user: str, device: str, context: Context
) -> Rule[CredentialsChanged]:
    """Gives the user the phone number of a request whose code was just checked, and uses it up."""
    pending = yield from _own(name, "phone", user, context=context)
    if pending is None:
        return CredentialsChanged()
    number = pending.parameters["phone_number"]
    changed = yield from change_phone(user, number, device=device, context=context)
    return _used_up(pending, changed)


def _own(name: str, kind: RecoveryKind, user: str, *, context: Context) -> Rule[Pending | None]:
    """The request, if it still waits and is this user's."""
    pending = yield from waiting(name, kind, context)
    return pending if pending is not None and pending.parameters["user"] == user else None


def _used_up(pending: Pending, changed: CredentialsChanged) -> CredentialsChanged:
    return msgspec.structs.replace(changed, changes=(Remove(pending), *changed.changes))


def _begin(
    kind: MailedKind,
    user: User | None,
    asker: Asker,
    *,
    email: str,
    sends: bool = True,
    more: Mapping[str, str] = {},
    context: Context,
) -> RecoveryRequest:
    env, installation = context.env, context.installation
    stored = {"email": email if kind == "address" else "", **more}
    code, pending = new_request(kind, user, asker, more=stored, context=context)
    mail, place = _MAILS[kind]
    mails = mail_code(
        mail,
        user="" if user is None or not sends else user.id,
        email=email if sends else "",
        code=format_code(code),
        link=f"{installation.issuer}{place}/{pending.id}?code={code}",
        expires=pending.expires,
        env=env,
        to=installation.notices,
        keyring=installation.keyring,
        language=asker.language,
    )
    return RecoveryRequest(id=pending.id, changes=(Create(pending), *mails))
