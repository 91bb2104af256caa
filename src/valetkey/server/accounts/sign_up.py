"""Sign-up: a person makes an account. The feature is off by default."""

from typing import Literal, TypeAlias

import msgspec

from valetkey.server.accounts import password, profile
from valetkey.server.accounts.throttle import Caller, Throttled, attempt
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create
from valetkey.server.model.confusable import poses_as_latin, skeleton, why_not_one_script
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import OneByAlias, Rule
from valetkey.server.model.secret import Secret
from valetkey.server.model.user import User, sign_in_name

Wrong: TypeAlias = Literal["username", "taken", "password", "email"]


class AccountRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The account that a person requests."""

    username: str
    name: str = ""
    email: str = ""

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


def judge(
    request: AccountRequest, secret: Secret, *, caller: Caller | None, env: Env
) -> Rule[Judged | Throttled]:
    """Checks a request for an account. The answer reveals whether a name is taken, so each attempt
    is counted."""
    wait = 0.0
    if caller is not None:
        tried = yield from attempt(request.username, caller, env.now)
        if isinstance(tried, Throttled):
            return tried
        wait = tried.wait
    fields = {mistake.partition(":")[0] for mistake in profile.mistakes(request.user(env))}
    if fields & {"username", "claims"} or _poses(request.username):
        return Judged("username", wait)
    if "email" in fields:
        return Judged("email", wait)
    if password.mistakes(secret):
        return Judged("password", wait)
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
