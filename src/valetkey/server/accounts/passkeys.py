"""Passkeys: a user adds them, signs in with them, and renames them. They are removed as other
factors are (see `accounts.factors`).
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import same
from valetkey.server.accounts.factors import FactorContext, with_first_factor
from valetkey.server.accounts.notices import NOBODY, NoticeTargets, tell
from valetkey.server.accounts.passkey_challenge import SECONDS, Challenge, new_challenge
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.accounts.webauthn import (
    HANDLE,
    Assertion,
    Kind,
    NewPasskey,
    Response,
    WrongResponse,
    read_response,
    verify_assertion,
    verify_registration,
)
from valetkey.server.model import ids
from valetkey.server.model.assurance import PHISHING_RESISTANT
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.factor import Factor, PasskeyDomain, account_level, credential_alias
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.user import User

MOST: Final = 20
"""Passkeys of one user."""

MAX_NAME: Final = 60

VERIFIED: Final = ("pop", "user", "mfa")
"""The methods of a passkey whose device checked who uses it (RFC 8176): possession of a key, a
person who was there, and a second factor of the device's own, a PIN or a finger."""

UNVERIFIED: Final = ("pop", "user")
"""The methods of a passkey whose device didn't: one factor."""


Why: TypeAlias = Literal["expired", "refused", "unverified", "full", "taken"]
"""The challenge is too old, was answered, or is another browser's; the response proves nothing; the
device did not check who uses it, and the account needs that; the user has too many; the passkey is
there already."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """No passkey. `detail` is for the log."""

    why: Why
    detail: str = ""
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """A new passkey. `codes` are the recovery codes that came with it, to display once."""

    factor: Factor
    codes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    def __repr__(self) -> str:
        return "Added(…)"


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """A user who proved who they are with a passkey. `suspect`: its counter went backwards, so
    there may be a copy of the authenticator."""

    user: User
    factor: Factor
    verified: bool
    suspect: bool = False
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    def proof(self, now: int) -> Proof:
        """The proof of a sign-in with nothing else."""
        if self.verified:
            return Proof(auth_time=now, amr=VERIFIED, acr=PHISHING_RESISTANT)
        return Proof(auth_time=now, amr=UNVERIFIED)

    def beside(self, first: Proof) -> Proof:
        """The proof of a sign-in that began with a password: two factors, whether the device
        checked its user or not."""
        amr = (*first.amr, *(one for one in VERIFIED if one not in first.amr))
        return msgspec.structs.replace(first, amr=amr, acr=self.factor.level)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a change of a passkey: None for no such passkey of the user."""

    factor: Factor | None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def passkeys_of(user: str) -> Rule[Sequence[Factor]]:
    """The passkeys of a user, oldest first."""
    query = Many(Factor, "user", user)
    return [one for one in (yield (query,)).many(query) if one.kind == "passkey"]


def begin_registration(user: User, browser: str, session: str, *, env: Env) -> Rule[Challenge]:
    """A challenge for a new passkey. All passkeys of a user have one handle, so that an
    authenticator knows them as one account."""
    existing = yield from passkeys_of(user.id)
    handle = next((one.handle for one in existing), b"") or env.random_bytes(HANDLE)
    challenge = new_challenge("create", browser, env, user=user.id, session=session)
    return msgspec.structs.replace(challenge, handle=handle)


def register(
    text: str,
    challenge: Challenge | None,
    *,
    browser: str,
    session: str,
    name: str,
    party: RelyingParty,
    rules: FactorContext,
    optional: bool = False,
) -> Rule[Added | Refused]:
    """Adds a passkey. `text` is the browser's response to the challenge. `optional` is as in
    `Factor`."""
    if challenge is None or not _is_answerable(
        challenge, "create", browser=browser, session=session, now=rules.env.now
    ):
        return Refused(why="expired")
    try:
        passkey = verify_registration(read_response(text), challenge.random, party)
    except WrongResponse as error:
        return Refused(why="refused", detail=str(error))
    user, marker = One(User, challenge.user), One(SingleUse, challenge.marker.key)
    mine, existing = (
        Many(Factor, "user", challenge.user),
        OneByAlias(Factor, credential_alias(passkey.credential_id)),
    )
    domain = One(PasskeyDomain, PasskeyDomain.CURRENT)
    results = yield (user, marker, mine, existing, domain)
    owner, factors, fixed = results.one(user), results.many(mine), results.one(domain)
    if results.one(marker) is not None or owner is None or owner.status != "active":
        return Refused(why="expired")
    if fixed is not None and fixed.rp_id != party.rp_id:
        return Refused(why="refused", detail=f"passkeys here belong to {fixed.rp_id}")
    if results.one(existing) is not None:
        return Refused(why="taken", detail="the credential is known")
    if sum(one.kind == "passkey" for one in factors) >= MOST:
        return Refused(why="full")
    factor = _new_passkey(passkey, challenge, rp_id=party.rp_id, name=name, rules=rules)
    first = () if fixed is not None else (PasskeyDomain(rp_id=party.rp_id, since=rules.env.now),)
    added = _added(msgspec.structs.replace(factor, optional=optional), factors, rules)
    changes: tuple[Change, ...] = (Create(challenge.marker), *map(Create, first), *added.changes)
    return msgspec.structs.replace(added, changes=changes)


def _new_passkey(
    passkey: NewPasskey, challenge: Challenge, *, rp_id: str, name: str, rules: FactorContext
) -> Factor:
    return Factor(
        id=ids.owned_id(rules.env, owner=challenge.user),
        user=challenge.user,
        kind="passkey",
        created=rules.env.now,
        name=name,
        credential=passkey.credential_id,
        counter=passkey.sign_count,
        attested=passkey.credential,
        handle=challenge.handle,
        rp_id=rp_id,
        backup_eligible=passkey.backup_eligible,
        backed_up=passkey.backed_up,
        transports=passkey.transports,
    )


def _added(factor: Factor, others: Sequence[Factor], rules: FactorContext) -> Added:
    """The passkey, with what comes with it for a user who has these other factors."""
    codes, stored = tuple[str, ...](), tuple[Change, ...]()
    if not factor.optional:
        codes, stored = with_first_factor(factor.user, others, rules.env)
    facts = {"factor": "passkey", "name": factor.name, "device": rules.device}
    notices = tell("factor_added", user=factor.user, env=rules.env, to=rules.notices, facts=facts)
    audit_event = event(rules.env, "factor-added", by="user", user=factor.user, note=factor.name)
    changes: tuple[Change, ...] = (Create(factor), *stored, *notices)
    return Added(factor=factor, codes=codes, changes=changes, events=(audit_event,))


def prove(
    text: str,
    challenge: Challenge | None,
    *,
    browser: str,
    session: str = "",
    alone: bool = True,
    user: str = "",
    party: RelyingParty,
    env: Env,
    notices: NoticeTargets = NOBODY,
) -> Rule[Proved | Refused]:
    """Who signs in. `text` is the browser's response to the challenge. `alone`: the passkey is all
    that the user proves, so it has to be enough for the account. `user`
    is the only one who may, "" for anybody. An unknown credential and one that
    signs wrongly get the same answer."""
    if challenge is None or not _is_answerable(
        challenge, "get", browser=browser, session=session, now=env.now
    ):
        return Refused(why="expired")
    try:
        response = read_response(text)
    except WrongResponse as error:
        return Refused(why="refused", detail=str(error))
    passkey, marker = (
        OneByAlias(Factor, credential_alias(response.id)),
        One(SingleUse, challenge.marker.key),
    )
    results = yield (passkey, marker)
    factor = results.one(passkey)
    if results.one(marker) is not None:
        return Refused(why="expired", detail="answered before")
    if factor is None or factor.kind != "passkey" or user not in {"", factor.user}:
        return Refused(why="refused", detail="an unknown credential")
    try:
        assertion = _check(response, challenge, factor, party=party)
    except WrongResponse as error:
        return Refused(why="refused", detail=str(error))
    owner, mine = One(User, factor.user), Many(Factor, "user", factor.user)
    results = yield (owner, mine)
    person = results.one(owner)
    if person is None or person.status != "active":
        return Refused(why="refused", detail="the user is not active")
    if alone and not assertion.is_user_verified and account_level(results.many(mine)):
        return Refused(why="unverified")
    proved = _proved(person, factor, assertion, challenge=challenge, env=env)
    if not proved.suspect:
        return proved
    facts = {"name": factor.name}
    notice = tell("passkey_copied", user=person.id, env=env, to=notices, facts=facts)
    return msgspec.structs.replace(proved, changes=(*proved.changes, *notice))


def _is_answerable(
    challenge: Challenge, kind: Kind, *, browser: str, session: str, now: int
) -> bool:
    """Whether this browser, in this session, can answer the challenge now."""
    return (
        challenge.kind == kind
        and same(challenge.browser.encode(), browser.encode())
        and challenge.session == session
        and challenge.began <= now < challenge.began + SECONDS
    )


def _check(
    response: Response, challenge: Challenge, factor: Factor, *, party: RelyingParty
) -> Assertion:
    """Checks the response with the passkey that it names. Raises WrongResponse."""
    assertion = verify_assertion(
        response, challenge.random, credential=factor.attested, party=party
    )
    handle = response.user_handle
    rules = (
        (not challenge.user or challenge.user == factor.user, "another user's passkey"),
        # 7.2.6: a discovered credential names its user.
        (handle is not None or challenge.user, "no user handle"),
        (handle is None or same(handle, factor.handle), "another user's handle"),
        (factor.rp_id == party.rp_id, "a passkey of another domain"),
        # 7.2.20: whether it can be backed up never changes.
        (assertion.backup_eligible == factor.backup_eligible, "another kind of passkey"),
    )
    for holds, why in rules:
        if not holds:
            raise WrongResponse(why)
    return assertion


def _proved(
    user: User, factor: Factor, assertion: Assertion, *, challenge: Challenge, env: Env
) -> Proved:
    # 7.2.22: zero means that the authenticator does not count.
    suspect = (
        bool(assertion.sign_count or factor.counter) and assertion.sign_count <= factor.counter
    )
    after = msgspec.structs.replace(
        factor, used=env.now, counter=assertion.sign_count, backed_up=assertion.backed_up
    )
    alarm = event(env, "passkey-suspect", by="user", user=user.id, note=factor.name)
    return Proved(
        user=user,
        factor=after,
        verified=assertion.is_user_verified,
        suspect=suspect,
        changes=(Create(challenge.marker), Update(after)),
        events=(alarm,) if suspect else (),
    )


def rename(factor_id: str, user: str, name: str) -> Rule[Outcome]:
    """Gives a passkey another name."""
    factor = yield from _mine(factor_id, user)
    if factor is None or factor.name == name:
        return Outcome(factor=factor)
    after = msgspec.structs.replace(factor, name=name)
    return Outcome(factor=after, changes=(Update(after),))


def _mine(factor_id: str, user: str) -> Rule[Factor | None]:
    query = Many(Factor, "user", user)
    rows = (yield (query,)).many(query)
    return next((one for one in rows if one.id == factor_id and one.kind == "passkey"), None)
