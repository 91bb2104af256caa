"""`scope` and `resource` at the token endpoint: they may narrow what was authorized, no more."""

from collections.abc import Iterable, Sequence

import msgspec

from valetkey.oauth.offer import Offer
from valetkey.spec.errors import InvalidScope, InvalidTarget
from valetkey.wire.form import Form


class Narrowing(msgspec.Struct, frozen=True):
    """What a token request narrows to; empty where it leaves all as it was."""

    scope: tuple[str, ...]
    resources: tuple[str, ...]


def parse(form: Form) -> Narrowing:
    """The parameters, unjudged."""
    scope = dict.fromkeys(form.get("scope", "").split())
    return Narrowing(tuple(scope), tuple(dict.fromkeys(form.all("resource"))))


def narrow(
    wish: Narrowing,
    *,
    permissions: Iterable[str],
    resources: Sequence[str],
    offer: Offer,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The permissions and resources of one token, within those authorized.

    RFC 6749 6: the scope must not include any that was not granted. RFC 8707 2.2: the resource
    must be among those of the authorization. Raises InvalidScope, InvalidTarget.
    """
    allowed = offer.ordered(permissions)
    chosen = offer.expand(wish.scope) if wish.scope else allowed
    if not set(chosen) <= set(allowed):
        raise InvalidScope
    if not wish.resources:
        return chosen, tuple(resources)
    offer.check_resources(wish.resources)
    if not set(wish.resources) <= set(resources or offer.audience(allowed, ())):
        raise InvalidTarget
    return offer.within(chosen, wish.resources), wish.resources
