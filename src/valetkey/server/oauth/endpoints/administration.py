"""Who calls the administration API, and what they may do there.

The API is protected as any other: by an access token for it, whose permissions are in a catalog.
Only apps that an owner listed can have these permissions (`Client.admin`). A token of a person is
good for what the person's roles allow at the time of the call, whatever it allowed when it was
issued.
"""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.assurance import TWO_FACTORS, reaches
from valetkey.server.model.query import One, Rule
from valetkey.server.model.role import PATH, PREFIX, RoleBinding, administration, of_roles
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Call, Feature
from valetkey.server.oauth.core.organizations import memberships_of
from valetkey.server.oauth.senders.binding import check_presented
from valetkey.server.oauth.tokens.state import Dead, Live, token_state
from valetkey.spec.errors import InvalidToken
from valetkey.spec.names import Cite
from valetkey.wire.catalog import Catalog

CITE: Final = Cite("RFC 6750", "2.1")

NAME: Final = "administration"
"""The name of the feature in settings."""

FRESH_SECONDS: Final = 600
"""For which a proof of two factors is fresh."""

OWN: Final = "organizations.own"
"""What administrators of an organization may do, without a role: each operation checks of which."""

ActorKind: TypeAlias = Literal["user", "app", "local"]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts as an administrator.

    `id` is that of the user or the app, or `local:` and the account of the operating system.
    `client` is the app through which they act, "" for none; `permissions` are what they may do now,
    as operations name them. `session` is the token family or the browser session, `address` the
    network address. `two_factors` says whether a person proved two factors in this session, `fresh`
    whether that was in the last ten minutes. Both are True for apps and for the command line.
    """

    kind: ActorKind
    id: str
    client: str = ""
    permissions: frozenset[str] = frozenset()
    session: str = ""
    address: str = ""
    two_factors: bool = True
    fresh: bool = True

    @property
    def changes(self) -> tuple[()]:
        """Nothing: to find out who calls writes nothing."""
        return ()

    @property
    def events(self) -> tuple[()]:
        """Nothing."""
        return ()


def reserved_catalog(issuer: str, features: Iterable[Feature]) -> Catalog | None:
    """The catalog of the administration API, None where it is off."""
    return administration(issuer) if ADMINISTRATION in features else None


def caller(call: Call, context: Context) -> Rule[Actor]:
    """Who calls with this access token. Raises InvalidToken."""
    yield from check_presented(call.scheme, call.request, context)
    state = yield from token_state(call.token, context)
    if isinstance(state, Dead):
        raise InvalidToken(detail=state.why)
    _check_audience(state, context)
    if state.token.act is not None:
        raise InvalidToken(detail="a token that was passed on")
    listed = frozenset(state.client.admin)
    allowed = frozenset(
        one.removeprefix(PREFIX)
        for one in state.permissions
        if one in listed and one in context.installation.offer.reserved_names
    )
    if state.standing is None:
        name = state.client.id
        return Actor(kind="app", id=name, client=name, permissions=allowed, address=call.address)
    roles = yield from permissions_of(state.standing.user.id)
    if OWN in allowed and OWN not in roles:
        roles |= yield from permissions_in_organizations(state.standing.user.id)
    token = state.token
    return Actor(
        kind="user",
        id=state.standing.user.id,
        client=state.client.id,
        permissions=allowed & roles,
        session=token.family_id,
        address=call.address,
        two_factors=reaches(token.acr, TWO_FACTORS),
        fresh=context.env.now - token.auth_time < FRESH_SECONDS,
    )


def permissions_of(user: str) -> Rule[frozenset[str]]:
    """What the user's roles allow."""
    query = One(RoleBinding, user)
    binding = (yield (query,)).one(query)
    return frozenset() if binding is None else of_roles(binding.roles)


def permissions_in_organizations(user: str) -> Rule[frozenset[str]]:
    """What the user may do as an administrator of organizations."""
    query = memberships_of(user)
    memberships = (yield (query,)).many(query)
    return frozenset({OWN}) if any(one.administrator for one in memberships) else frozenset()


def _check_audience(state: Live, context: Context) -> None:
    """Raise InvalidToken for a token that another API could have got, and sent here (RFC 9068
    4)."""
    offer = context.installation.offer
    audience = offer.find_resources(state.token.aud)
    if context.installation.issuer + PATH not in audience:
        raise InvalidToken(detail="a token for another resource server")
    if not audience <= {context.installation.issuer + PATH, context.installation.issuer}:
        raise InvalidToken(detail="a token for other resource servers too")


ADMINISTRATION: Final = Feature(name=NAME, cites=(CITE,))
"""The administration API, at PATH. Its operations are in `server.admin`."""
