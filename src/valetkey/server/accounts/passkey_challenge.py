"""The challenge of a passkey. It is stored nowhere: it travels sealed with the form that answers
it. It is bound to the browser and works once, for ten minutes. So a stranger who asks for
challenges uses up nothing.
"""

from typing import Final

import msgspec

from valetkey.jose.seal import digest
from valetkey.server.accounts.webauthn import CHALLENGE, Kind
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env

SECONDS: Final = 600
"""For which a challenge can be answered."""

USED: Final = "passkey challenge"
"""The purpose of single-use values for challenges that were answered."""


class Challenge(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a browser is asked to sign. `browser` and `session` are the ids of those that may
    answer, `user` the only user who may, "" for anybody. `handle` is the user's, for a new
    passkey."""

    kind: Kind
    browser: str
    random: bytes
    began: int
    user: str = ""
    session: str = ""
    handle: bytes = b""

    def __repr__(self) -> str:
        return f"Challenge({self.kind!r}, …)"

    @property
    def marker(self) -> SingleUse:
        """Exists once the challenge was answered."""
        value = digest(self.random.hex())
        return SingleUse(purpose=USED, value=value, expires=self.began + SECONDS)


def new_challenge(
    kind: Kind, browser: str, env: Env, *, user: str = "", session: str = ""
) -> Challenge:
    """A challenge that begins now."""
    return Challenge(
        kind=kind,
        browser=browser,
        random=env.random_bytes(CHALLENGE),
        began=env.now,
        user=user,
        session=session,
    )
