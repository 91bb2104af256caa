"""The stages of a sign-in: what a user has to prove before they have a session.

The first stage is a password, a passkey, or a way to sign in elsewhere. A second one follows if the
first is worth less than the account, or than what the operator or an app requires. A device that
the user trusts replaces it, except for an app that requires a level and for a fresh proof.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from valetkey.server.accounts.factors import PROVED
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.model.assurance import MAIL_CODE, TWO_FACTORS, level, reaches, strongest
from valetkey.server.model.factor import Factor, account_level
from valetkey.server.model.user import Session, User, password_mark

NextStage: TypeAlias = Literal["open", "code", "set-up", "unable"]
"""Open the session; ask for a code; let the user set up a second factor; the user cannot reach the
required level."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in has to reach. `installation` is the level for everybody, `request` that which
    the waiting app requires, `preferred` that which it would like, "" for none. `fresh`: it is for
    a fresh proof."""

    installation: str = ""
    request: str = ""
    preferred: str = ""
    fresh: bool = False


NOTHING_MORE = Requirement()


def next_stage(
    proof: Proof, factors: Sequence[Factor], *, requirement: Requirement, trusted: bool
) -> NextStage:
    """What comes after this proof, for a user with these factors. `trusted`: the user trusts this
    device."""
    reached, own = level(proof.amr, proof.acr), account_level(factors)
    if MAIL_CODE in proof.amr and not proof.way:
        # Never a factor: good for what asks for none.
        asks = own or requirement.installation or requirement.request or requirement.fresh
        return "unable" if asks else "open"
    least = requirement.request
    if requirement.fresh or not (trusted and own):
        least = strongest(least, own, requirement.installation)
    if own:
        least = strongest(least, requirement.preferred)
    if reaches(reached, least):
        return "open"
    # Passkeys are asked for before: a page without a script can't.
    if own and reaches(TWO_FACTORS, least):
        return "code"
    return "set-up" if not own and reaches(TWO_FACTORS, least) else "unable"


def standing_proof(
    session: Session, factors: Sequence[Factor], *, least: str, now: int
) -> Proof | None:
    """The proof of a live session beside which a second factor is all that is missing, for a user
    with these factors who has to reach `least` or to prove again who they are. None if they have to
    sign in anew: they have no such factor, or the session began elsewhere."""
    own = account_level(factors)
    if session.way or not own or MAIL_CODE in session.amr:
        return None
    levels = (one.level for one in factors if one.kind != "recovery")
    if not any(reaches(one, strongest(own, least)) for one in levels):
        return None
    return Proof(auth_time=now, amr=session.amr)


def with_code(proof: Proof) -> Proof:
    """The proof after a right code."""
    amr = (*proof.amr, *(one for one in PROVED if one not in proof.amr))
    return msgspec.structs.replace(proof, amr=amr, acr=TWO_FACTORS)


def trust_mark(user: User, factors: Sequence[Factor]) -> str:
    """A mark that changes with the user's password and with their factors: trusted devices are
    trusted for as long as it stays the same."""
    names = sorted(one.id for one in factors if one.kind != "recovery")
    text = "\n".join((user.id, password_mark(user), *names))
    return hashlib.sha256(text.encode()).hexdigest()
