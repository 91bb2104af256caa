"""Who a username and a password belong to: a user of this server, of the platform from which users
move, or of a directory. Each refusal takes as long as the others."""

import asyncio
from typing import Final

from valetkey.server.accounts import password
from valetkey.server.accounts.lazy_migration import move
from valetkey.server.accounts.provisioning import Inactive, provision
from valetkey.server.accounts.sign_in import Candidate, renew
from valetkey.server.accounts.throttle import Caller
from valetkey.server.http import log
from valetkey.server.http.directory import DirectoryUser
from valetkey.server.http.platform_sign_in import SECONDS
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User
from valetkey.server.pages.frame import Frame

REFUSAL: Final = 0.5
"""Seconds that every refusal takes at least where passwords were imported: more than it takes to
check any of them, unless the machine is busy. Then it takes as long as the slowest check of the
last minute."""

DIRECTORY_REFUSAL: Final = 1.0
"""The same, where a directory checks passwords."""

MOVING_REFUSAL: Final = REFUSAL + SECONDS
"""The same while unknown names are asked of the platform."""


async def proved(
    frame: Frame, typed: Secret, attempt: Candidate, *, username: str, caller: Caller | None
) -> User | None:
    """The user, if the password is theirs, else None. Rehashes an imported password, and moves a
    user whom only the platform knows. Raises TemporarilyUnavailable, and DirectoryAway."""
    stranger = "" if caller is None or caller.browser else caller.address
    moves = frame.platform is not None and frame.platform.is_on
    least = MOVING_REFUSAL if moves else REFUSAL if attempt.imported else 0.0
    if frame.directory is not None:
        least = max(least, DIRECTORY_REFUSAL)
    clock = asyncio.get_running_loop().time
    began, times = clock(), len(password.spellings(typed))
    user = attempt.user
    if not await frame.passwords.fits(typed, attempt.password_hash, address=stranger):
        user = None
        if moves and not attempt.is_known:
            user = await _moved(frame, typed, username, address=stranger)
        if user is None and frame.directory is not None:
            there = await frame.directory.check(username, typed)
            # Asked in any case: while it is away, all names get the same answer.
            if there is not None and not attempt.is_closed:
                user = await _of_directory(frame, there, username=username)
        if user is None:
            # Else the time would tell whose name it is (ATTACKS A70, A141).
            least = max(least, frame.passwords.slowest()) if least else 0.0
            await asyncio.sleep(max(0.0, began + least * times - clock()))
            return None
    if user is None or not password.is_imported(user.password):
        return user
    stored = await frame.passwords.keep(typed, address=stranger)
    renewed, _ = await frame.shell.settle(lambda context: renew(user, stored))
    return await _if_theirs(frame, renewed.user, typed, stored=stored, address=stranger)


async def _of_directory(frame: Frame, there: DirectoryUser, *, username: str) -> User | None:
    """The user whom the directory knows by this name and password, None if they are disabled here.
    The directory is asked about every name that a password here doesn't open: no account here can
    take a name from it, and the time is the same for all."""
    try:
        provisioned, _ = await frame.shell.settle(
            lambda context: provision(
                there.source,
                there.subject,
                profile=there.profile,
                label=username,
                env=context.env,
            )
        )
    except Inactive:
        return None
    return provisioned.user


async def _moved(frame: Frame, typed: Secret, username: str, *, address: str) -> User | None:
    """The user, made now if the platform knows this name and password."""
    if frame.platform is None or len(typed.reveal().encode()) > password.MAX_BYTES:
        return None
    there = await frame.platform.ask(username, typed, address=address)
    if there is None:
        return None
    stored = await frame.passwords.keep(typed, address=address)
    moved, _ = await frame.shell.settle(
        lambda context: move(username, there, password_hash=stored, env=context.env)
    )
    if moved.user is None:
        log.warning("lazy migration: the platform's user was not accepted", why=moved.why)
        return None
    return await _if_theirs(frame, moved.user, typed, stored=stored, address=address)


async def _if_theirs(
    frame: Frame, user: User | None, typed: Secret, *, stored: str, address: str
) -> User | None:
    """The user as now stored, if this is still their password. `stored` is a hash of it."""
    if user is None or user.password == stored:
        return user
    if user.status != "active":
        return None
    # Somebody was first: with the same password, or with another one.
    return user if await frame.passwords.fits(typed, user.password, address=address) else None
