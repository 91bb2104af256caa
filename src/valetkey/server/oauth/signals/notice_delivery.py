"""The delivery of notices to users: by mail, and to the operator's webhook. The webhook also sends
codes to phones.

What cannot be delivered stays for two weeks, so that an operator can send it again; then it is
dropped. Nobody can fill a user's inbox: one kind of mail goes to one account or address a few times
an hour.
"""

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec

from valetkey.server.accounts.notices import (
    CODE,
    FACTS,
    MAIL,
    PURPOSE,
    TEXT,
    WEBHOOK,
    CodeMail,
    Letter,
    is_address,
    signing_key,
)
from valetkey.server.model.change import Change, Count, Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import event
from valetkey.server.model.hours import utc_text
from valetkey.server.model.keys import KeyGone, Secret
from valetkey.server.model.query import One, Rule
from valetkey.server.model.stream import LEASE, Job
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.message_delivery import Delivery, LeasedJob, Message, reschedule
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 5321", "4.5.4")
HOOK: Final = Cite("Standard Webhooks", "1.0.0")

PAUSES: Final = (5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200)
"""Seconds to wait after each failure: a day in all. Then the notice waits to be sent again."""

CODE_PAUSES: Final = (3, 10, 30, 60, 120, 240)
"""Seconds to wait after each failure of a mail with a code, which soon expires."""

FAILED_SECONDS: Final = 14 * 86400
"""Seconds for which a notice that could not be delivered is kept."""

FAILED: Final = "failed"
"""The fact that says why a notice could not be delivered."""

GOOD: Final = "lease"
LAST: Final = "last"

HOURLY: Final = 5
"""Mails of one kind to one account, or codes to one address or number, in an hour."""

PACE_SECONDS: Final = 3600

_CODES: Final = frozenset({CODE, TEXT})
_HOOKS: Final = frozenset({WEBHOOK, TEXT})


# Mail.


def lease(job: Job, context: Context) -> Rule[LeasedJob]:
    """Lease a mail, if its receiver may get another one. A failed notice whose time is over is
    dropped."""
    stored = One(Job, job.key)
    if (yield (stored,)).one(stored) is None:
        return LeasedJob()
    if FAILED in job.facts or _has_expired(job, context):
        return LeasedJob(changes=(Remove(job),))
    facts = job.facts
    if job.kind != WEBHOOK and GOOD not in facts:
        counter = yield from _count(job, context)
        if counter > HOURLY:
            dropped = event(
                context.env,
                "undelivered",
                by="server",
                user=job.user,
                client=job.client,
                note=f"{job.facts['notice']}: too many in an hour",
            )
            return LeasedJob(changes=(Remove(job),), events=(dropped,) if job.user else ())
        # Counted once, however often it is tried.
        facts = facts | {GOOD: LAST if counter == HOURLY else "1"}
    leased = msgspec.structs.replace(job, due=context.env.now + LEASE, facts=facts)
    return LeasedJob(job=leased, changes=reschedule(job, leased))


def _count(job: Job, context: Context) -> Rule[int]:
    now, kind = context.env.now, job.facts["notice"]
    # Codes by address or number: an attacker may ask for those of many accounts that share one.
    to = job.facts.get("number") or job.facts.get("email", "").casefold()
    of = to if job.kind in _CODES else job.user
    name = hashlib.sha256(of.encode()).hexdigest()[:32]
    more = Count(
        Throttle(bucket=f"mail {kind} {name}", tried=1, since=now, expires=now + PACE_SECONDS)
    )
    return (yield (more,)).counter(more).tried


def _has_expired(job: Job, context: Context) -> bool:
    return job.kind in _CODES and context.env.now >= int(job.facts["expires"])


def write_mail(job: Job, context: Context) -> Rule[Letter | None]:
    """The mail; None if the user has no address to which it may go, or is gone."""
    user, client = yield from _about(job)
    address = job.facts.get("email", "") or _address(user, context)
    if not context.installation.notices.mail or not is_address(address):
        return None
    secrets = CodeMail()
    if job.kind == CODE:
        opened = _secrets(job, context)
        if opened is None:
            return None
        secrets = opened
    claims = {} if user is None else user.claims
    chosen = ("", "") if user is None else (user.language, user.zone)
    offer = context.installation.offer
    names = offer.expand_known(job.facts.get("permissions", "").split())
    kind: Any = job.facts["notice"]
    return Letter(
        id=job.facts.get("id", job.id),
        kind=kind,
        to=address,
        at=job.created,
        language=job.facts.get("language") or chosen[0] or claims.get("locale", ""),
        zone=job.facts.get("zone") or chosen[1] or claims.get("zoneinfo", ""),
        # The person who asks for a code may have chosen the name, and not the reader.
        name="" if user is None or job.kind == CODE else user.display_name,
        app=job.facts.get("app", "") if client is None else client.name,
        vetted=client is not None and client.verified,
        grant=job.facts.get("grant", ""),
        permissions=tuple(offer.permissions[one] for one in names),
        facts={name: job.facts[name] for name in FACTS.get(kind, ()) if name in job.facts},
        secrets=secrets,
        expires=int(job.facts.get("expires", "0")),
        last=job.facts.get(GOOD) == LAST,
    )


def _about(job: Job) -> Rule[tuple[User | None, Client | None]]:
    """The user and the client that it is about."""
    user_query, client_query = One(User, job.user), One(Client, job.client)
    queries = tuple(query for query in (user_query, client_query) if query.key)
    results = (yield queries) if queries else None
    user = results.one(user_query) if results and job.user else None
    return user, results.one(client_query) if results and job.client else None


def _secrets(job: Job, context: Context) -> CodeMail | None:
    """The secrets of a code that still counts, or None."""
    if _has_expired(job, context):
        return None
    try:
        raw = context.installation.keyring.unseal(job.sealed, purpose=PURPOSE)
    except KeyGone:
        return None
    return msgspec.msgpack.decode(raw, type=CodeMail)


def _address(user: User | None, context: Context) -> str:
    if user is None or not (user.email_verified or context.installation.notices.unverified):
        return ""
    return user.email


# The webhook.


class HookUser(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user, as the operator's platform knows them."""

    id: str
    external_id: str = ""
    username: str = ""
    email: str = ""
    locale: str = ""
    zoneinfo: str = ""


class HookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook (Standard Webhooks, payload structure)."""

    type: str
    timestamp: str
    data: dict[str, Any]


def write_hook(job: Job, context: Context) -> Rule[Message | None]:
    """The signed message, unless the operator has set another address since."""
    targets = context.installation.notices
    if not targets.webhook or job.url != targets.webhook:
        return None
    user, client = yield from _about(job)
    kind: Any = job.facts["notice"]
    facts: dict[str, Any] = {
        name: _typed(name, job.facts[name]) for name in FACTS.get(kind, ()) if name in job.facts
    }
    data: dict[str, Any] = {"user": HookUser(id=job.user) if user is None else _hook_user(user)}
    if job.client:
        name = job.facts.get("app", "") if client is None else client.name
        data["app"] = {"id": job.client, "name": name}
    if grant := job.facts.get("grant"):
        data["grant"] = grant
    if email := job.facts.get("email"):
        data["email"] = email
    return _signed(data | facts, job, context)


def write_text(job: Job, context: Context) -> Rule[Message | None]:
    """The signed message that asks the operator's platform to send a code to a phone."""
    targets, query = context.installation.notices, One(User, job.user)
    if not targets.texts or job.url != targets.webhook:
        return None
    user, secrets = (yield (query,)).one(query), _secrets(job, context)
    if user is None or secrets is None:
        return None
    data = {
        "user": _hook_user(user),
        "phone_number": job.facts["number"],
        "code": secrets.code,
        "expires": int(job.facts["expires"]),
        "language": job.facts.get("language") or user.language or user.claims.get("locale", ""),
    }
    return _signed(data, job, context)


def _signed(data: dict[str, Any], job: Job, context: Context) -> Message:
    body = _event(f"account.{job.facts['notice']}", job.created, data)
    secrets = context.installation.notices.secrets
    headers = signature_headers(body, notice=job.facts["id"], now=context.env.now, secrets=secrets)
    return Message(body=body, content_type="application/json", headers=headers)


def _event(kind: str, at: int, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(HookEvent(type=kind, timestamp=utc_text(at), data=data))


def sample_event(now: int, *, secrets: tuple[Secret, ...]) -> tuple[bytes, dict[str, str]]:
    """An event that only shows that events arrive: its body and its headers."""
    body = _event("test", now, {})
    return body, signature_headers(body, notice=f"test.{now}", now=now, secrets=secrets)


def _typed(name: str, value: str) -> object:
    if name == "permissions":
        return value.split()
    return int(value) if name in _NUMBERS and value.isdecimal() else value


_NUMBERS: Final = frozenset({"at", "ends", "left", "failures"})


def _hook_user(user: User) -> HookUser:
    return HookUser(
        id=user.id,
        external_id=user.external,
        username=user.label,
        email=user.email if user.email_verified else "",
        locale=user.language or user.claims.get("locale", ""),
        zoneinfo=user.zone or user.claims.get("zoneinfo", ""),
    )


def signature_headers(
    body: bytes, *, notice: str, now: int, secrets: tuple[Secret, ...]
) -> dict[str, str]:
    """The headers of a webhook: one signature for each secret, so that a receiver may have the old
    one or the new one (Standard Webhooks, signature scheme)."""
    name = f"msg_{notice}"
    signed = f"{name}.{now}.".encode() + body
    signatures = [
        base64.b64encode(hmac.new(signing_key(secret), signed, hashlib.sha256).digest()).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


# Failures.


def failed(job: Job, why: str, context: Context, *, final: bool) -> Rule[Outcome]:
    """Try again later; keep a notice that was refused, or failed too often, to be sent again."""
    query = One(Job, job.key)
    stored = (yield (query,)).one(query)
    if stored is None:
        return Outcome()
    pauses = CODE_PAUSES if job.kind in _CODES else PAUSES
    # An error of the operator's own receiver gets fixed, and is not about one message: except that
    # "gone" asks for no more (Standard Webhooks, requirements).
    final = final and (job.kind not in _HOOKS or why.endswith(" 410"))
    if not final and stored.tried < len(pauses):
        due = context.env.now + pauses[stored.tried]
        again = msgspec.structs.replace(stored, due=due, tried=stored.tried + 1)
        return Outcome(changes=reschedule(stored, again))
    undelivered = event(
        context.env,
        "undelivered",
        by="server",
        user=job.user,
        client=job.client,
        note=f"{job.kind}: {why}"[:200],
    )
    if job.kind in _CODES:
        return Outcome(changes=(Remove(stored),), events=(undelivered,) if job.user else ())
    return Outcome(changes=_set_aside(stored, why, context), events=(undelivered,))


def _set_aside(job: Job, why: str, context: Context) -> tuple[Change, ...]:
    facts = job.facts | {FAILED: why[:200]}
    due = context.env.now + FAILED_SECONDS
    return reschedule(job, msgspec.structs.replace(job, due=due, facts=facts))


def resend(job: Job, *, webhook: str, now: int) -> tuple[Change, ...]:
    """The changes that send a failed notice again, to where notices go now."""
    facts = {name: value for name, value in job.facts.items() if name not in (FAILED, GOOD)}
    url = webhook if job.kind == WEBHOOK else job.url
    again = msgspec.structs.replace(job, url=url, due=now, tried=0, facts=facts, version=0)
    return (Remove(job), Create(again))


NOTICES: Final = Feature(
    name="notices",
    cites=(CITE, HOOK),
    core=True,
    deliveries=(
        Delivery(kind=MAIL, cite=CITE, lease=lease, write=write_mail, on_failed=failed),
        Delivery(kind=CODE, cite=CITE, lease=lease, write=write_mail, on_failed=failed),
        Delivery(kind=TEXT, cite=HOOK, lease=lease, write=write_text, on_failed=failed),
        Delivery(kind=WEBHOOK, cite=HOOK, lease=lease, write=write_hook, on_failed=failed),
    ),
)
