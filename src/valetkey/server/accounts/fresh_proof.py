"""Fresh proof: what could do harm is not done for anyone who finds a browser open.

A user has it for ten minutes after a sign-in that is worth at least as much as their account: with
two factors if they have a second one. A trusted device is no factor, so it gives no fresh proof.
"""

from collections.abc import Sequence
from typing import Final

from valetkey.server.model.assurance import MAIL_CODE, level, reaches
from valetkey.server.model.factor import Factor, account_level
from valetkey.server.model.ids import created_at
from valetkey.server.model.query import Many, Rule
from valetkey.server.model.user import Session

SECONDS: Final = 600
"""For which a proof is fresh."""


def has_fresh_proof(session: Session, now: int, *, least: str = "") -> Rule[bool]:
    """Whether the session's user proved lately who they are. `least` is the least level, besides
    that of the account (see `model.assurance`)."""
    if not is_recent(session, now):
        return False
    factors = yield from factors_of(session.user)
    return is_enough(session, factors) and reaches(session_level(session), least)


def is_recent(session: Session, now: int) -> bool:
    """Whether the user signed in lately. If their way to sign in does not say when, they did when
    they last came from there."""
    return now - (session.auth_time or created_at(session.id)) < SECONDS


def is_enough(session: Session, factors: Sequence[Factor]) -> bool:
    """Whether the session reaches the level of an account with these factors. A mailed code never
    does: who finds a browser open, finds the mailbox open."""
    by_mail = not session.way and MAIL_CODE in session.amr
    return not by_mail and reaches(session_level(session), account_level(factors))


def session_level(session: Session) -> str:
    """The level of the sign-in that began the session."""
    return level(session.amr, session.acr)


def factors_of(user: str) -> Rule[Sequence[Factor]]:
    """The second factors of a user, oldest first."""
    query = Many(Factor, "user", user)
    return (yield (query,)).many(query)
