"""Sign-up: a person makes an account. The feature is off by default."""

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.accounts.password_forms import is_password_hash
from valetkey.server.accounts.throttle import Caller, Throttled, attempt
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create
from valetkey.server.model.confusable import poses_as_latin, skeleton, why_not_one_script
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import OneByAlias, Rule
from valetkey.server.model.user import (
    ADDRESS_PARTS,
    GENERATED,
    PROFILE_CLAIMS,
    User,
    sign_in_name,
)

# The rules for the data of an account.

MAX_USERNAME: Final = 128
MAX_EMAIL: Final = 254
MAX_CLAIM: Final = 500

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+")
# OpenID Connect Core 5.1: E.164, and an extension as RFC 3966 writes it.
_PHONE: Final = re.compile(r"\+[0-9](?:[0-9 ().-]{2,30})[0-9](?:;ext=[0-9]{1,10})?", re.ASCII)


def mistakes(user: User) -> list[str]:
    """All mistakes, each as `field: why`."""
    name, phone = user.username, user.phone_number
    rules = (
        (bool(name.strip()) and name == name.strip(), "username: is empty or has spaces around"),
        (name.isprintable(), "username: holds a character that cannot be seen"),
        (
            not name.startswith(GENERATED),
            f"username: begins with {GENERATED}, as this server's own do",
        ),
        (len(name) <= MAX_USERNAME, f"username: is longer than {MAX_USERNAME} characters"),
        (not user.email or is_email(user.email), "email: is not an address"),
        (user.email or not user.email_verified, "email_verified: there is no email"),
        (not phone or _PHONE.fullmatch(phone), "phone_number: does not begin with + and a country"),
        (phone or not user.phone_number_verified, "phone_number_verified: there is no number"),
        (
            not user.password or is_password_hash(user.password),
            "password: is no password hash of a known form",
        ),
    )
    wrong = [why for holds, why in rules if not holds]
    wrong += _texts("address", user.address, allowed=ADDRESS_PARTS)
    return wrong + _texts("claims", user.claims, allowed=PROFILE_CLAIMS)


def _texts(field: str, texts: Mapping[str, str], *, allowed: tuple[str, ...]) -> list[str]:
    unknown = [name for name in texts if name not in allowed]
    long = [name for name, text in texts.items() if len(text) > MAX_CLAIM]
    rules = (
        (unknown, f"{field}: {_some(unknown)}: not among {', '.join(allowed)}"),
        (long, f"{field}: {_some(long)}: longer than {MAX_CLAIM} characters"),
    )
    return [why for found, why in rules if found]


def _some(names: list[str]) -> str:
    """The first names of a list."""
    return ", ".join((*(name[:40] for name in names[:5]), *(["…"] if len(names) > 5 else ())))


def is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None


Wrong: TypeAlias = Literal["username", "taken", "email"]


class AccountRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The account that a person requests."""

    username: str
    name: str = ""
    email: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What others know of the user, so that it is in no password."""
        return self.username, self.name, self.email

    def user(self, env: Env, *, password_hash: str = "") -> User:
        """The account. None of its data is verified."""
        return User(
            id=ids.user_id(env),
            username=self.username,
            password=password_hash,
            email=self.email,
            claims={"name": self.name} if self.name else {},
            created=env.now,
            changed=env.now,
        )


class Judged(msgspec.Struct, frozen=True):
    """The mistake in a request, None for none so far. Answer after `wait` seconds."""

    wrong: Wrong | None
    wait: float = 0.0
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class NewAccount(msgspec.Struct, frozen=True):
    """The new account, None if its name has been taken meanwhile."""

    user: User | None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def judge(request: AccountRequest, *, caller: Caller | None, env: Env) -> Rule[Judged | Throttled]:
    """Checks a request for an account, without its password. The answer reveals whether a name is
    taken, so each attempt is counted."""
    wait = 0.0
    if caller is not None:
        tried = yield from attempt(request.username, caller, env.now)
        if isinstance(tried, Throttled):
            return tried
        wait = tried.wait
    fields = {mistake.partition(":")[0] for mistake in mistakes(request.user(env))}
    if fields & {"username", "claims"} or _poses(request.username):
        return Judged("username", wait)
    if "email" in fields:
        return Judged("email", wait)
    names = dict.fromkeys((sign_in_name(request.username), skeleton(request.username)))
    wanted = tuple(OneByAlias(User, name) for name in names)
    results = yield wanted
    taken = any(results.one(one) is not None for one in wanted)
    return Judged("taken" if taken else None, wait)


def _poses(username: str) -> bool:
    """Whether a name is made to look like another: other users may see it."""
    return bool(why_not_one_script(username)) or poses_as_latin(username)


def make(request: AccountRequest, password_hash: str, env: Env) -> Rule[NewAccount]:
    """Makes the account, with this password hash."""
    query = OneByAlias(User, sign_in_name(request.username))
    if (yield (query,)).one(query) is not None:
        return NewAccount(None)
    user = request.user(env, password_hash=password_hash)
    audit_event = event(env, "signed-up", by="user", user=user.id)
    return NewAccount(user, (Create(user),), (audit_event,))
