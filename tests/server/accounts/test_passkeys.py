"""Passkeys: what a response has to be for a new passkey, a sign-in, and a change."""

from os import urandom
from typing import Any

import pytest
from msgspec.structs import replace
from tests.authenticator import BE, HONEST, UP, UV, Authenticator, Lies
from tests.rows import row

from valetkey.server.accounts.factors import FactorContext, remove_factor
from valetkey.server.accounts.notices import NOBODY, NoticeTargets
from valetkey.server.accounts.passkey_challenge import SECONDS, Challenge, new_challenge
from valetkey.server.accounts.passkeys import (
    MOST,
    Added,
    Proved,
    Refused,
    begin_registration,
    passkeys_of,
    prove,
    register,
    rename,
)
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.accounts.webauthn import Member, creation_options, request_options
from valetkey.server.model import ids
from valetkey.server.model.assurance import PHISHING_RESISTANT, TWO_FACTORS
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.factor import Factor, PasskeyDomain, account_level
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import Many, One
from valetkey.server.model.stream import Job
from valetkey.server.model.user import User
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import ask, settle

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000
ENV = Env(NOW, urandom)
ORIGIN = "https://id.chirp.example"
PARTY = RelyingParty(rp_id="id.chirp.example", name="Chirp", origins=(ORIGIN,))
MIKO = User(id=ids.user_id(ENV), username="miko", password="$argon2id$…")
NOOR = User(id=ids.user_id(ENV), username="noor", password="$argon2id$…")
KEYRING = Keyring({}, (), (), ())
BROWSER, SESSION = "b" * 64, "a session"


@pytest.fixture
async def store() -> MemoryStore:
    made = MemoryStore()
    await made.commit([Create(MIKO), Create(NOOR)])
    return made


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(ORIGIN)


async def begun(store: MemoryStore, user: User = MIKO) -> Challenge:
    return await ask(store, begin_registration(user, BROWSER, SESSION, env=ENV))


def answer(phone: Authenticator, challenge: Challenge, lies: Lies = HONEST) -> str:
    member = Member(handle=challenge.handle, username="miko", display_name="Miko")
    asked = creation_options(PARTY, member, challenge.random, existing=(), seconds=SECONDS)
    return phone.create(asked, lies)


async def added(
    store: MemoryStore,
    text: str,
    challenge: Challenge | None,
    *,
    party: RelyingParty = PARTY,
    now: int = NOW,
    **changed: Any,
) -> Added | Refused:
    given = {"browser": BROWSER, "session": SESSION, "name": "Phone", **changed}
    rules = FactorContext(env=Env(now, urandom), keyring=KEYRING, notices=NoticeTargets(mail=True))
    return await settle(store, lambda: register(text, challenge, party=party, rules=rules, **given))


async def made(store: MemoryStore, phone: Authenticator, user: User = MIKO) -> Factor:
    challenge = await begun(store, user)
    outcome = await added(store, answer(phone, challenge), challenge)
    assert isinstance(outcome, Added)
    return outcome.factor


async def used(
    store: MemoryStore,
    phone: Authenticator,
    lies: Lies = HONEST,
    *,
    now: int = NOW,
    challenge: Challenge | None = None,
    party: RelyingParty = PARTY,
    **changed: Any,
) -> Proved | Refused:
    challenge = challenge or new_challenge("get", BROWSER, ENV)
    text = phone.get(request_options(PARTY, challenge.random, seconds=SECONDS), lies)
    given = {"browser": BROWSER, **changed}
    env = Env(now, urandom)
    return await settle(store, lambda: prove(text, challenge, party=party, env=env, **given))


async def passkeys(store: MemoryStore, user: User = MIKO) -> list[Factor]:
    return list(await ask(store, passkeys_of(user.id)))


async def kinds(store: MemoryStore) -> list[str]:
    want = Many(Event, "user", MIKO.id)
    return [one.kind for one in (await store.read(want)).many(want)]


async def test_it_is_kept_with_all_that_a_sign_in_needs(
    store: MemoryStore, phone: Authenticator
) -> None:
    phone.count = 3
    factor = await made(store, phone)
    (kept,) = await passkeys(store)
    assert replace(kept, version=0) == factor
    assert (kept.rp_id, kept.counter, kept.backed_up, kept.used) == (PARTY.rp_id, 3, True, 0)
    assert len(kept.handle) == 32
    assert MIKO.id.encode() not in kept.handle
    assert kept.transports == ("internal",)
    fixed = One(PasskeyDomain, PasskeyDomain.CURRENT)
    domain = (await store.read(fixed)).one(fixed)
    assert domain is not None
    assert domain.rp_id == PARTY.rp_id
    assert await kinds(store) == ["factor-added"]


async def test_recovery_codes_come_with_the_first_factor_and_users_are_told(
    store: MemoryStore, phone: Authenticator
) -> None:
    counts = []
    for device in (phone, Authenticator(ORIGIN)):
        challenge = await begun(store)
        outcome = await added(store, answer(device, challenge), challenge)
        assert isinstance(outcome, Added)
        counts.append(len(outcome.codes))
    assert counts == [10, 0]
    jobs = Many(Job)
    told = [one.facts["notice"] for one in (await store.read(jobs)).many(jobs)]
    assert told == ["factor_added", "factor_added"]


async def test_all_passkeys_of_a_user_have_one_handle_and_nobody_elses(
    store: MemoryStore, phone: Authenticator
) -> None:
    first = await made(store, phone)
    second = await made(store, Authenticator(ORIGIN))
    other = await made(store, Authenticator(ORIGIN), NOOR)
    assert first.handle == second.handle != other.handle


@pytest.mark.parametrize(
    "changed, why",
    [
        row("7.1.8", "another browser", {"browser": "c" * 64}, "expired"),
        row("7.1.8", "another session", {"session": "another"}, "expired"),
        row("7.1.8", "too late", {"now": NOW + SECONDS}, "expired"),
        row("7.1.8", "before it began", {"now": NOW - 1}, "expired"),
        row(
            "7.1.9",
            "pages of another origin",
            {"party": replace(PARTY, origins=("https://chirp.example",))},
            "refused",
        ),
        row(
            "7.1.13", "another domain", {"party": replace(PARTY, rp_id="chirp.example")}, "refused"
        ),
    ],
)
async def test_no_new_passkey(
    store: MemoryStore, phone: Authenticator, changed: dict[str, Any], why: str
) -> None:
    challenge = await begun(store)
    outcome = await added(store, answer(phone, challenge), challenge, **changed)
    assert isinstance(outcome, Refused)
    assert outcome.why == why
    assert await passkeys(store) == []


async def test_a_challenge_is_answered_once(store: MemoryStore, phone: Authenticator) -> None:
    challenge = await begun(store)
    text = answer(phone, challenge)
    assert isinstance(await added(store, text, challenge), Added)
    again = await added(store, answer(Authenticator(ORIGIN), challenge), challenge)
    assert isinstance(again, Refused)
    assert again.why == "expired"


async def test_a_challenge_of_a_sign_in_makes_no_passkey(
    store: MemoryStore, phone: Authenticator
) -> None:
    challenge = replace(await begun(store), kind="get")
    outcome = await added(store, answer(phone, challenge), challenge)
    assert isinstance(outcome, Refused)
    assert isinstance(await added(store, answer(phone, challenge), None), Refused)


async def test_nobody_registers_a_passkey_of_somebody_else(
    store: MemoryStore, phone: Authenticator
) -> None:
    await made(store, phone)
    challenge = await begun(store, NOOR)
    outcome = await added(store, answer(phone, challenge), challenge)
    assert isinstance(outcome, Refused)
    assert outcome.why == "taken"
    assert await passkeys(store, NOOR) == []


async def test_the_domain_is_fixed_with_the_first_passkey(
    store: MemoryStore, phone: Authenticator
) -> None:
    await made(store, phone)
    moved = replace(PARTY, rp_id="chirp.example")
    challenge = await begun(store)
    member = Member(handle=challenge.handle, username="miko", display_name="Miko")
    asked = creation_options(moved, member, challenge.random, existing=(), seconds=SECONDS)
    outcome = await added(store, Authenticator(ORIGIN).create(asked), challenge, party=moved)
    assert isinstance(outcome, Refused)
    assert PARTY.rp_id in outcome.detail


async def test_there_is_a_limit(store: MemoryStore) -> None:
    for _ in range(MOST):
        await made(store, Authenticator(ORIGIN))
    challenge = await begun(store)
    outcome = await added(store, answer(Authenticator(ORIGIN), challenge), challenge)
    assert isinstance(outcome, Refused)
    assert outcome.why == "full"


async def test_a_sign_in_with_a_checked_user_is_two_factors_and_resists_phishing(
    store: MemoryStore, phone: Authenticator
) -> None:
    await made(store, phone)
    proved = await used(store, phone, now=NOW + 5)
    assert isinstance(proved, Proved)
    assert proved.user.id == MIKO.id
    proof = proved.proof(NOW + 5)
    assert (proof.amr, proof.acr, proof.auth_time) == (
        ("pop", "user", "mfa"),
        PHISHING_RESISTANT,
        NOW + 5,
    )
    assert (await passkeys(store))[0].used == NOW + 5


async def test_a_device_that_checks_nobody_is_one_factor(
    store: MemoryStore, phone: Authenticator
) -> None:
    await made(store, phone)
    outcome = await used(store, phone, Lies(flags=UP | BE))
    assert isinstance(outcome, Refused)
    assert outcome.why == "unverified"
    beside = await used(store, phone, Lies(flags=UP | BE), alone=False)
    assert isinstance(beside, Proved)
    proof = beside.proof(NOW)
    assert (proof.amr, proof.acr) == (("pop", "user"), "")


async def test_one_that_the_browser_made_asks_for_no_second_factor(
    store: MemoryStore, phone: Authenticator
) -> None:
    challenge = await begun(store)
    await added(store, answer(phone, challenge), challenge, optional=True)
    mine = await passkeys(store)
    assert account_level(mine) == ""
    assert account_level([replace(mine[0], optional=False)]) == TWO_FACTORS
    proved = await used(store, phone, Lies(flags=UP | BE))
    assert isinstance(proved, Proved)


@pytest.mark.parametrize(
    "lies",
    [
        row("7.2.6", "no user handle", Lies(drop=("userHandle",))),
        row("7.2.6", "another user's handle", Lies(handle=b"x" * 32)),
        row("7.2.8", "another key", Lies(signature=b"0" * 70)),
        row("7.2.7", "an unknown credential", Lies(credential_id=b"unknown")),
        row("7.2.20", "another kind of passkey", Lies(flags=UP | UV)),
    ],
)
async def test_no_sign_in(store: MemoryStore, phone: Authenticator, lies: Lies) -> None:
    await made(store, phone)
    outcome = await used(store, phone, lies)
    assert isinstance(outcome, Refused)
    assert outcome.why == "refused"
    assert (await passkeys(store))[0].used == 0


@pytest.mark.parametrize(
    "changed",
    [
        row("7.2.12", "another browser", {"browser": "c" * 64}),
        row("7.2.12", "a session", {"session": "a session"}),
        row("7.2.12", "too late", {"now": NOW + SECONDS}),
        row(
            "7.2.12",
            "a challenge for a new passkey",
            {"challenge": new_challenge("create", BROWSER, ENV)},
        ),
    ],
)
async def test_no_sign_in_out_of_place(
    store: MemoryStore, phone: Authenticator, changed: dict[str, Any]
) -> None:
    await made(store, phone)
    outcome = await used(store, phone, **changed)
    assert isinstance(outcome, Refused)
    assert outcome.why == "expired"


async def test_a_replayed_answer_opens_nothing(store: MemoryStore, phone: Authenticator) -> None:
    await made(store, phone)
    challenge = new_challenge("get", BROWSER, ENV)
    assert isinstance(await used(store, phone, challenge=challenge), Proved)
    again = await used(store, phone, challenge=challenge)
    assert isinstance(again, Refused)
    assert again.why == "expired"


async def test_a_step_up_takes_the_same_users_passkey(
    store: MemoryStore, phone: Authenticator
) -> None:
    await made(store, phone)
    theirs = Authenticator(ORIGIN)
    await made(store, theirs, NOOR)
    challenge = new_challenge("get", BROWSER, ENV, user=MIKO.id, session=SESSION)
    wrong = await used(store, theirs, challenge=challenge, session=SESSION)
    assert isinstance(wrong, Refused)
    right = await used(
        store, phone, Lies(drop=("userHandle",)), challenge=challenge, session=SESSION
    )
    assert isinstance(right, Proved)


async def test_a_user_who_is_not_active_does_not_sign_in(
    store: MemoryStore, phone: Authenticator
) -> None:
    gone = User(id=ids.user_id(ENV), username="gone", status="disabled")
    await store.commit([Create(gone)])
    challenge = await begun(store, gone)
    outcome = await added(store, answer(phone, challenge), challenge)
    assert isinstance(outcome, Refused)


@pytest.mark.parametrize(
    "stored, now, suspect",
    [
        row("7.2.22", "it never counts", 0, 0, False),
        row("7.2.22", "it counts", 5, 6, False),
        row("7.2.22", "it begins to count", 0, 1, False),
        row("7.2.22", "the same number again", 5, 5, True),
        row("7.2.22", "a step back", 5, 4, True),
        row("7.2.22", "it stops counting", 5, 0, True),
    ],
)
async def test_a_counter_that_goes_back_is_a_signal(
    store: MemoryStore, phone: Authenticator, stored: int, now: int, suspect: bool
) -> None:
    phone.count = stored
    await made(store, phone)
    phone.count = now
    proved = await used(store, phone)
    assert isinstance(proved, Proved)
    assert proved.suspect is suspect
    assert (await passkeys(store))[0].counter == now
    assert ("passkey-suspect" in await kinds(store)) is suspect


async def test_it_is_renamed_and_removed_by_its_user_alone(
    store: MemoryStore, phone: Authenticator
) -> None:
    factor = await made(store, phone)
    rules = FactorContext(env=ENV, keyring=KEYRING, notices=NOBODY)
    assert (await settle(store, lambda: rename(factor.id, NOOR.id, "Mine"))).factor is None
    theirs = await settle(store, lambda: remove_factor(factor.id, NOOR.id, rules))
    assert theirs.factor is None
    await settle(store, lambda: rename(factor.id, MIKO.id, "Red phone"))
    assert [one.name for one in await passkeys(store)] == ["Red phone"]
    await settle(store, lambda: remove_factor(factor.id, MIKO.id, rules))
    assert await passkeys(store) == []
    assert sorted(await kinds(store)) == ["factor-added", "factor-removed"]
    assert isinstance(await used(store, phone), Refused)
