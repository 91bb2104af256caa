"""Codes that are sent to users: the request that waits for one, its check, and how many are sent.

A code has eight letters. It counts once, for 15 minutes, five times at most, and only in the
browser that asked, unless the request names none.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from valetkey.jose import seal
from valetkey.server.accounts.throttle import Buckets, Budget, Throttled, count
from valetkey.server.model import ids
from valetkey.server.model.change import Count
from valetkey.server.model.counters import Throttle
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User, password_mark
from valetkey.server.oauth.authorize.user_code import draw, plain
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.rate_limit import RateLimit
from valetkey.server.oauth.core.rate_limit import count as count_network

MailedKind: TypeAlias = Literal["reset", "address", "sign-in"]
RecoveryKind: TypeAlias = Literal[MailedKind, "phone"]

SECONDS: Final = 900
"""For which a code counts."""

PURPOSE: Final = b"recovery code"
TRIES: Final = Budget("codes of a recovery", 5)
HOUR: Final = 3600
MAILS: Final = 3
"""In an hour, that strangers can cause for an account. An address gets five codes an hour in total
(`signals.notice_delivery`): two are for the browsers that the account knows."""

OWN_MAILS: Final = 5
"""In an hour, for each browser in which the user signed in before."""

NETWORK: Final = RateLimit(what="code request", most=20, seconds=3600)


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


def new_request(
    kind: RecoveryKind,
    user: User | None,
    asker: Asker,
    *,
    more: Mapping[str, str],
    context: Context,
) -> tuple[str, Pending]:
    """A new code, and the request that waits for it."""
    env, name = context.env, new_id(context)
    code = draw(env)
    pending = Pending(
        id=name,
        kind=kind,
        client="",
        parameters={
            "user": "" if user is None else user.id,
            "mark": "" if user is None else password_mark(user),
            **more,
        },
        contents=_mac(name, code, context.installation.keyring.macs[0].raw),
        browser=asker.browser,
        created=env.now,
        expires=env.now + SECONDS,
    )
    return code, pending


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


def _is_code(pending: Pending, typed: str, context: Context) -> bool:
    if stored := pending.parameters.get("digest"):
        return seal.same(seal.digest(typed).encode(), stored.encode())
    code = plain(typed)
    keys = context.installation.keyring.macs
    return any(seal.same(_mac(pending.id, code, key.raw), pending.contents) for key in keys)


def _mac(name: str, code: str, key: bytes) -> bytes:
    # Under a key: there are few codes, and a digest of each could be tried (ATTACKS A82).
    return seal.mac(key, PURPOSE, name.encode(), code.encode())


def new_id(context: Context) -> str:
    """The id of a new request."""
    return ids.to_text(context.env.random_bytes(ids.LENGTH))


def may_send(bucket: str, asker: Asker, context: Context, *, most: int | None = None) -> Rule[bool]:
    """Whether this bucket of an account has room for another code for this browser: `most` in an
    hour, by default as many as there are mails. Whether or not, as much is written."""
    if asker.address is not None:
        yield from count_network(NETWORK, asker.address, context)
    now, bucket = context.env.now, f"{bucket} {asker.name}".strip()
    more = Count(Throttle(bucket=bucket, tried=1, since=now, expires=now + HOUR))
    tried = (yield (more,)).counter(more).tried
    if most is None:
        most = OWN_MAILS if asker.name else MAILS
    return tried <= most
