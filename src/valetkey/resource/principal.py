"""Who calls, and what their key opens."""

import msgspec

from valetkey.wire import dpop
from valetkey.wire.access_token import AccessToken
from valetkey.wire.authorization_details import Detail
from valetkey.wire.child_key import ALONE, Delegation


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of an API, proved.

    `sub` names the user, or the client itself where it begins with `client:`. `permissions` is what
    the key opens at this moment, `limited` what of it the user has limited; `grant_version` is that
    of what is known here. `token` has the claims as they were issued. `hands` are those through
    which the key went since, None where it was not handed on.
    """

    sub: str
    client_id: str
    permissions: frozenset[str]
    token: AccessToken
    limited: frozenset[str] = frozenset()
    grant_version: int = 0
    hands: Delegation | None = None

    @property
    def most(self) -> dict[str, int]:
        """The largest amount of one use, where a hand before the last has set one."""
        return {} if self.hands is None else self.hands.most

    @property
    def asked(self) -> frozenset[str]:
        """What the key was made for."""
        return self.token.scopes if self.hands is None else self.hands.scopes

    def may(self, *permissions: str) -> bool:
        """Whether the key opens all of these."""
        return self.permissions.issuperset(permissions)

    @property
    def authorization_details(self) -> tuple[Detail, ...]:
        """What of it was asked by details (RFC 9396 9.1), as far as it holds at this moment. Where
        the grant has changed since the token was issued, its limits are not said: they are those
        that calls are counted by."""
        same = self.grant_version == self.token.grant_version
        held = (
            msgspec.structs.replace(
                one,
                actions=tuple(each for each in one.actions if each in self.permissions),
                limits={k: v for k, v in one.limits.items() if k in self.permissions and same},
            )
            for one in self.token.authorization_details
        )
        return tuple(one for one in held if one.actions)

    @property
    def scheme(self) -> str:
        """Under which the key was shown."""
        cnf = self.token.cnf
        return dpop.SCHEME if cnf is not None and cnf.jkt else "Bearer"

    @property
    def alone(self) -> tuple[str, ...]:
        """Through whose hands the key went, the first one first, as the server would call them,
        where somebody handed it on without a word to it; () where nobody did."""
        return () if self.hands is None else (*self.token.delegates, ALONE)

    @property
    def grant_id(self) -> str:
        """The user's grant behind the key, "" where no user is."""
        return self.token.grant_id

    @property
    def is_client(self) -> bool:
        """Whether an app calls for itself, and no user is behind it."""
        return self.sub.startswith("client:")
