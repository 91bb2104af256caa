"""The caller of an API, and its permissions."""

import msgspec

from valetkey import renamed
from valetkey.wire import dpop
from valetkey.wire.access_token import AccessToken
from valetkey.wire.authorization_details import Detail
from valetkey.wire.child_key import ALONE, Delegation


@renamed.members
class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The verified caller of an API.

    `sub` is the user, or the client itself if it begins with `client:`. `permissions` are those
    that the caller has at this moment, `limited` those of them that the user has limited, and
    `grant_version` is the version of the grant that they are from. `token` has the claims as they
    were issued. `delegation` is the offline delegation of the token, None without one."""

    sub: str
    client_id: str
    permissions: frozenset[str]
    token: AccessToken
    limited: frozenset[str] = frozenset()
    grant_version: int = 0
    delegation: Delegation | None = None

    @property
    def user(self) -> str:
        """The user by the platform's own id, if they come from the platform; else the `sub`."""
        return self.sub if self.token.sub_id is None else self.token.sub_id.id

    @property
    def max_amounts(self) -> dict[str, int]:
        """The largest amount of one use, by permission, where a delegation has set one."""
        return {} if self.delegation is None else self.delegation.most

    @property
    def issued_permissions(self) -> frozenset[str]:
        """The permissions that the token was issued or delegated for."""
        return self.token.scopes if self.delegation is None else self.delegation.scopes

    def may(self, *permissions: str) -> bool:
        """Whether the caller has all of these permissions."""
        return self.permissions.issuperset(permissions)

    @property
    def authorization_details(self) -> tuple[Detail, ...]:
        """The authorization details of the token (RFC 9396 9.1), as far as they hold at this
        moment. If the grant has changed since the token was issued, they are without limits: calls
        are counted by the present limits of the user."""
        same = self.grant_version == self.token.grant_version
        details = (
            msgspec.structs.replace(
                one,
                actions=tuple(each for each in one.actions if each in self.permissions),
                limits={k: v for k, v in one.limits.items() if k in self.permissions and same},
            )
            for one in self.token.authorization_details
        )
        return tuple(one for one in details if one.actions)

    @property
    def scheme(self) -> str:
        """The scheme of the token: "DPoP" or "Bearer"."""
        cnf = self.token.cnf
        return dpop.SCHEME if cnf is not None and cnf.jkt else "Bearer"

    @property
    def offline_delegates(self) -> tuple[str, ...]:
        """The delegates of the token, the first one first, by their names at the server, where the
        last delegation was offline; () where it was not."""
        return () if self.delegation is None else (*self.token.delegates, ALONE)

    @property
    def grant_id(self) -> str:
        """The id of the user's grant; "" for a token without a user."""
        return self.token.grant_id

    @property
    def is_client(self) -> bool:
        """Whether an app calls on its own behalf, without a user."""
        return self.sub.startswith("client:")
