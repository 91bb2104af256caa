"""A forgotten password, the proof that an e-mail address is the user's, and sign-in by mail.

All mail a code of eight letters, and a link that has it. The code counts once, for 15 minutes, five
times at most, and only in the browser that asked, or in a session of the user that asked (an
address). A link that is opened elsewhere shows where to type the code. To open a link changes
nothing, since scanners of mail open links.

For an unknown username, the same is stored and the same work is done, and no mail goes out (ATTACKS
A70). So it is for a username that was asked for too often.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from valetkey.jose import base64url, seal
from valetkey.server.accounts.notices import CodeKind, mail_code, tell
from valetkey.server.accounts.throttle import Buckets, Budget, Throttled, account_of, count
from valetkey.server.model import ids
from valetkey.server.model.change import Count, Create, Remove
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import By, event
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import User, password_mark, sign_in_name
from valetkey.server.oauth.authorize.user_code import draw, format_code, plain
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.rate_limit import RateLimit
from valetkey.server.oauth.core.rate_limit import count as count_network
from valetkey.server.oauth.grants.credentials import (
    CredentialsChanged,
    change_email,
    change_password,
)

RecoveryKind: TypeAlias = Literal["reset", "address", "sign-in"]

SECONDS: Final = 900
"""For which a mailed code counts."""

PURPOSE: Final = b"recovery code"
FORGOT: Final = "/forgot"
EMAIL: Final = "/security/email"
MAIL_SIGN_IN: Final = "/sign-in/email"

_MAILS: Final[dict[RecoveryKind, tuple[CodeKind, str]]] = {
    "reset": ("password_reset", FORGOT),
    "address": ("address_verification", EMAIL),
    "sign-in": ("sign_in_code", MAIL_SIGN_IN),
}
"""The mail of each kind, and the path of the page that takes its code."""

TRIES: Final = Budget("codes of a recovery", 5)
HOUR: Final = 3600
MAILS: Final = 3
"""In an hour, that strangers can cause for an account. An address gets five codes an hour in total
(`signals.notice_delivery`): two are for the browsers that the account knows."""

OWN_MAILS: Final = 5
"""In an hour, for each browser in which the user signed in before."""

NETWORK: Final = RateLimit(what="mail request", most=20, seconds=3600)


class Asker(NamedTuple):
    """Who asks: the digest of the browser's secret, its name if the account knows it, the network
    address (None for one that isn't limited), and the language for the mail."""

    browser: str
    name: str = ""
    address: str | None = None
    language: str = ""


class RecoveryRequest(Outcome, frozen=True, kw_only=True, eq=False):
    """A request that waits for its code. `secret` is the code, which only a command may show."""

    id: str
    secret: str = ""


class CodeChecked(Outcome, frozen=True, kw_only=True, eq=False):
    """Whether the code is right; then `user` is whose it is. `remaining` is how often another one
    may be tried. `over`: no request waits in this browser."""

    user: User | None = None
    remaining: int = 0
    over: bool = False


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
    allowed = yield from _allowed(f"{what} {account_of(username)}", asker, context)
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
    allowed = yield from _allowed(f"mails {user.id}", asker, context)
    return _begin("address", user, asker, email=email, sends=allowed, context=context)


def link_for_support(
    user: User, *, seconds: int, context: Context, reason: str = ""
) -> Rule[RecoveryRequest]:
    """A link with which the user chooses a new password, once, in whatever browser. `secret` is its
    path. The user is notified, with the reason."""
    yield from ()
    secret = base64url.encode(context.env.random_bytes(32))
    pending = Pending(
        id=_new_id(context),
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


def waiting(name: str, kind: RecoveryKind, context: Context) -> Rule[Pending | None]:
    """The request, if it still waits."""
    query = One(Pending, name)
    pending = (yield (query,)).one(query)
    if pending is None or pending.kind != kind or context.env.now >= pending.expires:
        return None
    return pending


def check_code(
    name: str, kind: RecoveryKind, typed: str, *, browser: str, context: Context
) -> Rule[CodeChecked]:
    """Counts an attempt, and checks the code. It is not used up."""
    pending = yield from waiting(name, kind, context)
    if pending is None or pending.browser not in ("", browser):
        return CodeChecked(over=True)
    bucket = f"recovery {pending.id}"
    tried = yield from count(Buckets({bucket: TRIES}), context.env.now)
    if isinstance(tried, Throttled):
        return CodeChecked(changes=tried.changes)
    query = One(User, pending.parameters["user"])
    user = (yield (query,)).one(query)
    right = _is_code(pending, typed, context)
    if not right or user is None or user.status != "active":
        return CodeChecked(remaining=TRIES.attempts - tried.tried)
    return CodeChecked(user=user, remaining=TRIES.attempts)


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
    return msgspec.structs.replace(changed, changes=(Remove(pending), *changed.changes))


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
    pending = yield from waiting(name, "address", context)
    if pending is None or pending.parameters["user"] != user:
        return CredentialsChanged()
    changed = yield from change_email(
        user, pending.parameters["email"], device=device, context=context
    )
    return msgspec.structs.replace(changed, changes=(Remove(pending), *changed.changes))


def _allowed(bucket: str, asker: Asker, context: Context) -> Rule[bool]:
    """Whether this bucket of an account has room for another mail for this browser. Whether or not,
    as much is written."""
    if asker.address is not None:
        yield from count_network(NETWORK, asker.address, context)
    now, bucket = context.env.now, f"{bucket} {asker.name}".strip()
    more = Count(Throttle(bucket=bucket, tried=1, since=now, expires=now + HOUR))
    tried = (yield (more,)).counter(more).tried
    return tried <= (OWN_MAILS if asker.name else MAILS)


def _begin(
    kind: RecoveryKind,
    user: User | None,
    asker: Asker,
    *,
    email: str,
    sends: bool = True,
    more: Mapping[str, str] = {},
    context: Context,
) -> RecoveryRequest:
    env, installation = context.env, context.installation
    code, name, expires = draw(env), _new_id(context), env.now + SECONDS
    pending = Pending(
        id=name,
        kind=kind,
        client="",
        parameters={
            "user": "" if user is None else user.id,
            "mark": "" if user is None else password_mark(user),
            "email": email if kind == "address" else "",
            **more,
        },
        contents=_mac(name, code, installation.keyring.macs[0].raw),
        browser=asker.browser,
        created=env.now,
        expires=expires,
    )
    mail, place = _MAILS[kind]
    mails = mail_code(
        mail,
        user="" if user is None or not sends else user.id,
        email=email if sends else "",
        code=format_code(code),
        link=f"{installation.issuer}{place}/{name}?code={code}",
        expires=expires,
        env=env,
        to=installation.notices,
        keyring=installation.keyring,
        language=asker.language,
    )
    return RecoveryRequest(id=name, changes=(Create(pending), *mails))


def _is_code(pending: Pending, typed: str, context: Context) -> bool:
    if stored := pending.parameters.get("digest"):
        return seal.same(seal.digest(typed).encode(), stored.encode())
    code = plain(typed)
    keys = context.installation.keyring.macs
    return any(seal.same(_mac(pending.id, code, key.raw), pending.contents) for key in keys)


def _mac(name: str, code: str, key: bytes) -> bytes:
    # Under a key: there are few codes, and a digest of each could be tried (ATTACKS A82).
    return seal.mac(key, PURPOSE, name.encode(), code.encode())


def _new_id(context: Context) -> str:
    return ids.to_text(context.env.random_bytes(ids.LENGTH))
