"""Who calls, and what their key opens."""

import msgspec

from valetkey.wire.access_token import AccessToken


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of an API, proved.

    `sub` names the user, or the client itself where it begins with `client:`. `permissions` is what
    the key opens at this moment, `limited` what of it the user has limited; `grant_version` is that
    of what is known here. `token` has the claims as they were issued.
    """

    sub: str
    client_id: str
    permissions: frozenset[str]
    token: AccessToken
    limited: frozenset[str] = frozenset()
    grant_version: int = 0

    def may(self, *permissions: str) -> bool:
        """Whether the key opens all of these."""
        return self.permissions.issuperset(permissions)

    @property
    def grant_id(self) -> str:
        """The user's grant behind the key, "" where no user is."""
        return self.token.grant_id

    @property
    def is_client(self) -> bool:
        """Whether an app calls for itself, and no user is behind it."""
        return self.sub.startswith("client:")
