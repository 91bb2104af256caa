"""Which notice comes with which act, and which events: one row for each kind of notice."""

from collections.abc import Callable
from functools import partial
from os import urandom
from typing import Final

import pyotp
import pytest
from msgspec.structs import replace
from tests.authenticator import Authenticator
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.accounts import factors, passkeys, sign_in, throttle, whereabouts
from valetkey.server.accounts.notices import MAIL, NOTICE_KINDS, WEBHOOK, NoticeKind, NoticeTargets
from valetkey.server.accounts.one_time_codes import recovery_digests, secret_text
from valetkey.server.accounts.passkey_challenge import SECONDS, new_challenge
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.accounts.throttle import IN_A_ROW, Caller
from valetkey.server.accounts.webauthn import Member, creation_options, request_options
from valetkey.server.model import ids
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.event import Event
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant, TokenFamily, new_shards
from valetkey.server.model.stream import Job
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.erasure import SOON, do_due, request_deletion
from valetkey.server.oauth.admin.unused_accounts import notify_or_disable
from valetkey.server.oauth.grants.approvals import new_approval
from valetkey.server.oauth.grants.changes import change_status, widen
from valetkey.server.oauth.grants.credentials import change_email, change_password
from valetkey.server.oauth.grants.limits import announce_ends, set_end
from valetkey.server.oauth.grants.recovery import link_for_support
from valetkey.server.oauth.logout.factor_changes import reset_factors
from valetkey.server.oauth.shards.alarm import suspend
from valetkey.server.oauth.shards.presentation import Alarm
from valetkey.spec.errors import InvalidGrant

HOOK: Final = "https://chirp.example/hook"
OLD, NEW = "$argon2id$old", "$argon2id$new"
DAY: Final = 86_400
ORIGIN: Final = "https://id.example"
PARTY: Final = RelyingParty(rp_id="id.example", name="Chirp", origins=(ORIGIN,))
STRANGER: Final = Caller("203.0.113.7")


class Told(World):
    """Miko has a password and a verified address, an account of some age, and hears of all."""

    def __init__(self) -> None:
        super().__init__()
        self.at = replace(self.at, notices=NoticeTargets(mail=True, webhook=HOOK))
        self.miko = self.change(
            User, self.miko.id, password=OLD, email_verified=True, created=self.now - DAY
        )

    @property
    def rules(self) -> factors.FactorContext:
        return factors.FactorContext(
            env=self.env, keyring=self.at.keyring, notices=self.at.notices, device="Firefox"
        )

    def silent_grant(self) -> Grant:
        """What an app may do, with nothing told so far."""
        at, self.at = self.at, replace(self.at, notices=NoticeTargets())
        self.agree(request("stefapp", scope="openid chirps"))
        self.at = at
        return self.all(Grant)[0]

    def authenticator(self) -> Factor:
        secret = urandom(20)
        code = pyotp.TOTP(secret_text(secret)).at(self.now)
        adding = partial(factors.add_authenticator, self.miko.id, secret, code, name="Phone")
        added = self.settle(lambda: adding(context=self.rules))
        assert isinstance(added, factors.AuthenticatorAdded)
        return added.factor

    def quiet(self) -> None:
        """Forgets what was told so far."""
        for job in self.all(Job):
            self.write(Remove(job))

    def sign_in_as(self, where: whereabouts.Whereabouts, caller: Caller | None = None) -> None:
        self.settle(
            lambda: sign_in.open_session(
                self.need(User, self.miko.id),
                username="miko",
                caller=caller,
                replaces="",
                seconds=DAY,
                epoch=0,
                where=where,
                notices=self.at.notices,
                env=self.env,
            )
        )


def app_connected(world: Told) -> None:
    world.agree(request("stefapp", scope="openid chirps"))


def sensitive_permission(world: Told) -> None:
    grant = world.silent_grant()
    more = partial(widen, grant.id, ("dms.read",), user=world.miko.id, by="user")
    world.settle(lambda: more(context=world.context))


def new_device(world: Told) -> None:
    there = whereabouts.Whereabouts(device="Firefox", network="203.0.113.0/24", is_known=False)
    world.sign_in_as(there)


def new_country(world: Told) -> None:
    for code in ("DE", "FR"):
        there = whereabouts.Whereabouts(device="Firefox", network="203.0.113.0/24", country=code)
        world.sign_in_as(there)
        world.sign_in_as(there)


def password_changed(world: Told) -> None:
    world.settle(lambda: change_password(world.miko.id, NEW, by="user", context=world.context))


def password_link_made(world: Told) -> None:
    link = partial(link_for_support, world.miko, seconds=DAY, reason="asked by phone")
    world.settle(lambda: link(context=world.context))


def factor_added(world: Told) -> None:
    world.authenticator()


def factor_removed(world: Told) -> None:
    factor = world.authenticator()
    world.quiet()
    world.settle(lambda: factors.remove_factor(factor.id, world.miko.id, world.rules))


def factors_reset(world: Told) -> None:
    world.authenticator()
    world.quiet()
    reset = partial(reset_factors, world.miko.id, reason="lost phone")
    world.settle(lambda: reset(rules=world.rules, context=world.context))


def recovery_code_used(world: Told) -> None:
    world.authenticator()
    world.quiet()
    (row,) = [one for one in world.all(Factor) if one.kind == "recovery"]
    code = "aaaa-bbbb-cccc-dddd"
    world.change(Factor, row.id, codes=recovery_digests((code,), world.miko.id))
    world.settle(lambda: factors.check_code(world.miko.id, code, world.rules))


def passkey_copied(world: Told) -> None:
    phone = Authenticator(ORIGIN)
    begin = partial(passkeys.begin_registration, world.miko, "b", "s", env=world.env)
    challenge = world.ask(begin())
    member = Member(handle=challenge.handle, username="miko", display_name="Miko")
    asked = creation_options(PARTY, member, challenge.random, existing=(), seconds=SECONDS)
    text = phone.create(asked)
    phone.count = 5
    register = partial(passkeys.register, text, challenge, browser="b", session="s", name="Phone")
    added = world.settle(lambda: register(party=PARTY, rules=world.rules))
    assert isinstance(added, passkeys.Added)
    world.change(Factor, added.factor.id, counter=9)
    world.quiet()
    phone.count = 5
    fresh = new_challenge("get", "b", world.env)
    answer = phone.get(request_options(PARTY, fresh.random, seconds=SECONDS))
    prove = partial(passkeys.prove, answer, fresh, browser="b", party=PARTY)
    proved = world.settle(lambda: prove(env=world.env, notices=world.at.notices))
    assert isinstance(proved, passkeys.Proved)


def email_changed(world: Told) -> None:
    change = partial(change_email, world.miko.id, "new@example.org", device="Firefox")
    world.settle(lambda: change(context=world.context))


def access_suspended(world: Told) -> None:
    grant = world.silent_grant()
    shards = new_shards(2, ("device", "backend"), client=grant.client, now=world.now)
    family = TokenFamily(
        id=ids.owned_id(world.env, owner=grant.user),
        user=grant.user,
        client=grant.client,
        grant=grant.id,
        created=world.now,
        expires=world.now + DAY,
        used=world.now,
        device="Pixel",
        shards=shards,
    )
    world.put(family)
    alarm = Alarm("backend", "it was shown too late", InvalidGrant())
    refused = suspend(world.need(TokenFamily, family.id), alarm, world.context)
    world.write(*refused.changes, *map(Create, refused.events))


def access_stopped(world: Told) -> None:
    grant = world.silent_grant()
    stop = partial(change_status, grant.id, "stop", user=world.miko.id, by="administrator")
    world.settle(lambda: stop(context=world.context))


def access_ends_soon(world: Told) -> None:
    grant = world.silent_grant()
    end = partial(set_end, grant.id, 2 * DAY, user=world.miko.id, by="user")
    world.settle(lambda: end(context=world.context))
    for _ in range(2):
        world.settle(lambda: announce_ends(world.all(Grant), world.context))


def approval_waiting(world: Told) -> None:
    _, changes, events = new_approval(
        world.miko.id, "stefapp", words="Pay 25 EUR", context=world.context
    )
    world.write(*changes, *map(Create, events))


def deletion_requested(world: Told) -> None:
    ask = partial(request_deletion, world.miko.id, by="user", code="x")
    world.settle(lambda: ask(context=world.context))


def deletion_soon(world: Told) -> None:
    deletion_requested(world)
    world.quiet()
    grace = world.at.lifetimes.erasure_grace
    # What the background does, every half minute.
    world.later(grace - SOON - 1)
    world.settle(lambda: do_due(world.miko.id, world.context))
    assert world.all(Job) == ()
    for _ in range(3):
        world.later(30)
        world.settle(lambda: do_due(world.miko.id, world.context))


def account_attacked(world: Told) -> None:
    for _ in range(IN_A_ROW.attempts + 5):
        world.later(throttle.WINDOW)
        _guess(world)


def password_opened(world: Told) -> None:
    account_attacked(world)
    world.quiet()
    world.sign_in_as(whereabouts.NOWHERE, Caller("203.0.113.7", "mine"))
    world.sign_in_as(whereabouts.NOWHERE, Caller("203.0.113.7", "mine"))


def account_unused(world: Told) -> None:
    world.later(80 * DAY)
    for _ in range(3):
        world.later(DAY)
        world.settle(lambda: notify_or_disable(world.miko.id, world.context, last_act=0, days=90))


def _guess(world: Told) -> None:
    tried = world.settle(lambda: sign_in.candidate("miko", caller=STRANGER, now=world.now))
    assert isinstance(tried, sign_in.Candidate)
    world.settle(
        lambda: sign_in.refused(
            tried.user, world.env, closes=tried.closes, notices=world.at.notices
        )
    )


ACTS: Final[dict[NoticeKind, tuple[Callable[[Told], None], set[str]]]] = {
    "app_connected": (app_connected, {"granted"}),
    "sensitive_permission": (sensitive_permission, {"upgraded"}),
    "new_device": (new_device, {"signed-in"}),
    "new_country": (new_country, {"signed-in"}),
    "password_changed": (password_changed, {"password-changed"}),
    "password_link_made": (password_link_made, {"reset-link-made"}),
    "factor_added": (factor_added, {"factor-added"}),
    "factor_removed": (factor_removed, {"factor-removed"}),
    "factors_reset": (factors_reset, {"factors-reset"}),
    "recovery_code_used": (recovery_code_used, {"recovery-code-used"}),
    "passkey_copied": (passkey_copied, {"passkey-suspect"}),
    "email_changed": (email_changed, {"email-changed"}),
    "access_suspended": (access_suspended, {"suspended"}),
    "access_stopped": (access_stopped, {"stopped"}),
    "access_ends_soon": (access_ends_soon, set()),
    "approval_waiting": (approval_waiting, {"asked"}),
    "deletion_requested": (deletion_requested, {"deletion-requested"}),
    "deletion_soon": (deletion_soon, set()),
    "account_attacked": (account_attacked, {"password-closed"}),
    "password_opened": (password_opened, {"password-opened"}),
    "account_unused": (account_unused, set()),
}
"""What has the notice, and the events that the user reads of the same act."""


def test_every_kind_has_a_row() -> None:
    assert tuple(ACTS) == NOTICE_KINDS


@pytest.mark.parametrize("kind", NOTICE_KINDS)
def test_an_act_is_told_once_by_each_way(kind: NoticeKind) -> None:
    world, (act, events) = Told(), ACTS[kind]
    act(world)
    told = [(one.kind, one.facts["notice"], one.user) for one in world.all(Job)]
    assert sorted(told) == sorted([(way, kind, world.miko.id) for way in (MAIL, WEBHOOK)])
    assert events <= {one.kind for one in world.all(Event)}
    # The audit log takes those of unknown names, which no user has.
    events_of_users = [one for one in world.all(Event) if one.user or one.kind != "sign-in-refused"]
    assert {one.user for one in events_of_users} <= {world.miko.id}


@pytest.mark.parametrize("kind", NOTICE_KINDS)
def test_a_kind_that_is_off_is_told_to_nobody(kind: NoticeKind) -> None:
    world, (act, events) = Told(), ACTS[kind]
    world.at = replace(world.at, notices=replace(world.at.notices, off=frozenset({kind})))
    act(world)
    assert kind not in {one.facts["notice"] for one in world.all(Job)}
    assert events <= {one.kind for one in world.all(Event)}


def test_a_short_grace_is_not_announced_twice() -> None:
    world = Told()
    world.at = replace(world.at, lifetimes=replace(world.at.lifetimes, erasure_grace=SOON))
    deletion_requested(world)
    world.later(SOON - 60)
    world.settle(lambda: do_due(world.miko.id, world.context))
    assert {one.facts["notice"] for one in world.all(Job)} == {"deletion_requested"}
