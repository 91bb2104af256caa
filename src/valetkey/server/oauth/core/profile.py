"""What a client's profile demands of its requests. Whatever is refused for standing outside of it
is refused here; the demands are the rows of `model.policy.PROFILES`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient, InvalidRequest

if TYPE_CHECKING:
    from valetkey.server.model.client import Client
    from valetkey.server.oauth.core.context import Context
    from valetkey.server.oauth.core.feature import Authenticated

CITE: Final = Cite("FAPI 2.0 Security Profile", "5.3.2")


def check_authentication(client: Client, context: Context) -> None:
    """Raises InvalidClient where the client may not authenticate as it does."""
    methods = context.installation.all_policies[client.policy].auth_methods
    if methods and client.auth_method not in methods:
        raise InvalidClient(detail=f"{client.policy} does not allow {client.auth_method}")


def check_resources(client: Client, named: Collection[str], context: Context) -> None:
    """Raises InvalidRequest where the client has to name the API (RFC 8707 2), and named none.
    Asked wherever something new is asked for; a refresh is for what was named before."""
    if context.installation.all_policies[client.policy].resource == "required" and not named:
        raise InvalidRequest("resource is missing")


def check_tokens(by: Authenticated, context: Context) -> None:
    """Raises InvalidRequest where tokens have to be bound, and the client proves to hold nothing to
    bind them to."""
    if (
        context.installation.all_policies[by.client.policy].bound == "required"
        and by.confirmation is None
    ):
        raise InvalidRequest("this client has to prove what it holds")
