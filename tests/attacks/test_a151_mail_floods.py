"""A151: an inbox that is flooded.

Attack: Someone lets the server send mail after mail to a person: reset codes for their address,
sign-ins, attempts; or hides one notice among many others.
Defense: An account gets five mails of one kind in an hour, and an address five mails with codes of
one kind, no matter who asks. Each kind has its own limit, so no other mail uses it up. A mail with
a code isn't sent after the code has expired. The request takes the same time and gets the same
answer. What was left out is an event.
"""

from collections import Counter

import pytest
from msgspec.structs import replace
from tests.server.oauth.world import KEYRING, World, done

from valetkey.server.accounts.notices import (
    CodeKind,
    Letter,
    NoticeKind,
    NoticeTargets,
    mail_code,
    tell,
)
from valetkey.server.model.event import Event
from valetkey.server.model.stream import Job
from valetkey.server.model.user import User
from valetkey.server.oauth.core.message_delivery import finish
from valetkey.server.oauth.signals.notice_delivery import HOURLY, failed, lease, write_mail
from valetkey.server.store.settle import ask, settle

TARGETS = NoticeTargets(mail=True)


@pytest.fixture
def world() -> World:
    world = World()
    world.at = replace(world.at, notices=TARGETS)
    for user in (world.miko, world.noor):
        world.change(User, user.id, email_verified=True)
    return world


def take(world: World, job: Job) -> Job | None:
    return done(settle(world.store, lambda: lease(job, world.context))).job


def close(world: World, job: Job) -> None:
    done(settle(world.store, lambda: finish(job, world.context)))


def fail(world: World, job: Job) -> None:
    done(settle(world.store, lambda: failed(job, "it is down", world.context, final=False)))


def sent(world: World) -> list[Letter]:
    """Sends all that is due; the mails."""
    letters = []
    for job in world.all(Job):
        leased = take(world, job)
        if leased is not None:
            letter = done(ask(world.store, write_mail(leased, world.context)))
            assert isinstance(letter, Letter)
            letters.append(letter)
            close(world, leased)
    return letters


def code(world: World, email: str, *, user: str = "", kind: CodeKind = "password_reset") -> None:
    world.write(
        *mail_code(
            kind,
            user=user,
            email=email,
            code="123456",
            expires=world.now + 900,
            env=world.env,
            to=TARGETS,
            keyring=KEYRING,
        )
    )


def test_an_address_gets_few_codes_whoever_asks(world: World) -> None:
    for number in range(40):
        email = "MIKO@example.org" if number % 2 else "miko@example.org"
        code(world, email, user=world.noor.id if number % 3 else world.miko.id)
    assert len(sent(world)) == HOURLY
    assert world.all(Job) == ()
    # Another kind, another address and another hour are not affected.
    code(world, "miko@example.org", kind="sign_in_code")
    code(world, "noor@example.org")
    assert len(sent(world)) == 2
    world.later(3601)
    code(world, "miko@example.org")
    assert len(sent(world)) == 1


def test_an_account_gets_few_of_a_kind_and_no_kind_hides_another(world: World) -> None:
    def told(kind: NoticeKind, user: str) -> None:
        world.write(*tell(kind, user=user, env=world.env, to=TARGETS))

    for _ in range(100):
        told("new_device", world.miko.id)
    told("password_changed", world.miko.id)
    told("new_device", world.noor.id)
    letters = sent(world)
    kinds = Counter((letter.kind, letter.to) for letter in letters)
    assert kinds == {
        ("new_device", "miko@example.org"): HOURLY,
        ("password_changed", "miko@example.org"): 1,
        ("new_device", "noor@example.org"): 1,
    }
    # One of them says that there will be no more.
    assert [one.kind for one in letters if one.last] == ["new_device"]
    left_out = [one for one in world.all(Event) if one.kind == "undelivered"]
    assert len(left_out) == 100 - HOURLY


def test_an_expired_code_is_not_sent(world: World) -> None:
    code(world, "miko@example.org")
    world.later(900)
    assert sent(world) == []
    assert world.all(Job) == ()


def test_an_unknown_address_does_the_same_work_and_gets_nothing(world: World) -> None:
    code(world, "")
    (job,) = world.all(Job)
    leased = take(world, job)
    assert leased is not None
    assert done(ask(world.store, write_mail(leased, world.context))) is None


def test_retries_count_once(world: World) -> None:
    world.write(*tell("new_device", user=world.miko.id, env=world.env, to=TARGETS))
    for _ in range(8):
        (job,) = world.all(Job)
        leased = take(world, job)
        assert leased is not None
        fail(world, leased)
        world.later(43_300)
    assert len(sent(world)) == 1
