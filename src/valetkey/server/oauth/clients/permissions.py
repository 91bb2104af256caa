"""The checks of what a registered client may ask its users for: permissions, reasons, limits."""

from collections.abc import Iterable, Iterator
from typing import Final

from valetkey.server.model.client import Client
from valetkey.server.model.limits import Proposal
from valetkey.server.model.resource import IDENTITY
from valetkey.server.oauth.core import consent_limits
from valetkey.server.oauth.core.context import Installation
from valetkey.server.oauth.core.field_checks import MAX_REASON, find_duplicates, why_not_text
from valetkey.spec import names

_OF_PEOPLE: Final = frozenset(permission.id for permission in IDENTITY)


def scope(client: Client, at: Installation) -> Iterator[str]:
    """Check the scope: every name is in a catalog."""
    if not client.scope:
        yield "is empty, so the app could request nothing"
    for one in client.scope:
        if one not in at.offer.scopes:
            yield f"{one[:60]!r} is in no catalog"
    yield from find_duplicates(client.scope)
    for_itself = client.grant_types == (names.CLIENT_CREDENTIALS,)
    for one in client.scope:
        if for_itself and one in _OF_PEOPLE:
            yield f"{one!r} is about a user, and client_credentials has none"


def required(client: Client, at: Installation) -> Iterator[str]:
    """Check the permissions that the app can't work without."""
    yield from _beyond(client.required, client, at)
    yield from find_duplicates(client.required)


def reasons(client: Client, at: Installation) -> Iterator[str]:
    """Check the reasons that the user reads."""
    yield from _beyond(client.reasons, client, at)
    for one, text in client.reasons.items():
        why = why_not_text(text, MAX_REASON)
        yield f"the one for {one[:60]!r} {why}" if why else ""


def limits(client: Client, at: Installation) -> Iterator[str]:
    """Check the limits that the app proposes."""
    asked = of_scope(client, at)
    yield from _beyond(client.limits.permissions, client, at)
    rest = {name: one for name, one in client.limits.permissions.items() if name in asked}
    yield from consent_limits.mistakes(Proposal(permissions=rest), offer=at.offer)


def types(client: Client, at: Installation) -> Iterator[str]:
    """Check the types of authorization details."""
    for one in client.authorization_details_types:
        if one not in at.offer.resources[1:]:
            yield f"{one[:100]!r} is no resource server"
    yield from find_duplicates(client.authorization_details_types)


def of_scope(client: Client, at: Installation) -> tuple[str, ...]:
    """The permissions of the client's scope."""
    return at.offer.expand(one for one in client.scope if one in at.offer.scopes)


def _beyond(ids: Iterable[str], client: Client, at: Installation) -> Iterator[str]:
    asked = of_scope(client, at)
    for one in ids:
        if one not in asked:
            yield f"{one[:60]!r} is not among the permissions of its scope"
