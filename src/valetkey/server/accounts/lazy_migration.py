"""Users who move at their first sign-in: the platform that knows them checks the password once, and
then they have an account here, with the password that they typed."""

from typing import Any, Final

import msgspec

from valetkey.server.accounts.provisioning import (
    MAX_SUBJECT,
    Profile,
    known_as,
    new_identity,
    read_profile,
)
from valetkey.server.accounts.sign_up import mistakes
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create
from valetkey.server.model.confusable import poses_as_latin, skeleton, why_not_one_script
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import OneByAlias, Query, Rule
from valetkey.server.model.user import PLATFORM, Identity, User, identity_alias, sign_in_name
from valetkey.spec.errors import InvalidRequest

PROFILE: Final = frozenset({"verified", "username", "sub"})
"""The members of an answer that are no claims."""


class PlatformUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user whom the platform knows by this name and password. `subject` is the platform's stable
    id, "" if it told none."""

    subject: str
    profile: Profile


class WrongAnswer(ValueError):
    """The platform's answer makes no sense, or is about someone else. The text is for the log and
    has no secrets."""


class Moved(msgspec.Struct, frozen=True):
    """The user as now stored. `is_new` is False if there was one already, made meanwhile: then the
    password has still to be checked. Without a user, `why` is for the log."""

    user: User | None
    is_new: bool = False
    why: str = ""
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def read_answer(answer: dict[str, Any], username: str) -> PlatformUser | None:
    """The user in an answer of the platform, None if it does not accept the password. Raises
    WrongAnswer."""
    verified = answer.get("verified")
    if verified is False:
        return None
    # Only an answer that repeats the name was made for this question.
    name = answer.get("username")
    if verified is not True or not isinstance(name, str):
        raise WrongAnswer("it lacks verified or username")
    if sign_in_name(name) != sign_in_name(username):
        raise WrongAnswer("it is about another username")
    subject = answer.get("sub", "")
    if not isinstance(subject, str) or len(subject) > MAX_SUBJECT or not _is_plain(subject):
        raise WrongAnswer("its sub is no printable text, or too long")
    claims = {name: value for name, value in answer.items() if name not in PROFILE}
    try:
        return PlatformUser(subject=subject, profile=read_profile(claims))
    except InvalidRequest as error:
        raise WrongAnswer(f"a claim is wrong: {error.description}") from error


def _is_plain(text: str) -> bool:
    return not text or text.isprintable()


def move(username: str, there: PlatformUser, *, password_hash: str, env: Env) -> Rule[Moved]:
    """Makes the user, with this password hash."""
    user = User(
        id=ids.user_id(env),
        username=username,
        password=password_hash,
        created=env.now,
        changed=env.now,
        **msgspec.structs.asdict(there.profile),
    )
    wrong = mistakes(user) or [why_not_one_script(username)]
    if wrong[0] or poses_as_latin(username):
        return Moved(None, why=wrong[0] or "the username looks like a Latin name")
    same, twin = OneByAlias(User, user.alias), OneByAlias(User, skeleton(username))
    linked = OneByAlias(Identity, identity_alias(PLATFORM, there.subject))
    wanted: tuple[Query, ...] = (same, twin, *((linked,) if there.subject else ()))
    results = yield wanted
    if (existing := results.one(same)) is not None:
        return Moved(existing)
    if results.one(twin) is not None:
        return Moved(None, why="the username looks like that of another user")
    if there.subject and results.one(linked) is not None:
        return Moved(None, why="its sub belongs to another user")
    user = known_as(user, PLATFORM, there.subject)
    changes: tuple[Change, ...] = (Create(user),)
    if there.subject:
        changes += (Create(new_identity(user.id, PLATFORM, there.subject, env=env)),)
    audit_event = event(env, "signed-up", by="user", user=user.id, note=PLATFORM)
    return Moved(user, is_new=True, changes=changes, events=(audit_event,))
