"""Narrowing at the token endpoint: `scope`, `authorization_details` and `resource` may narrow what
was authorized, and no more."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from valetkey.server.model.limits import NONE, Limits
from valetkey.server.oauth.core import rar
from valetkey.server.oauth.core.decision import StepState
from valetkey.server.oauth.core.offer import Offer
from valetkey.spec.errors import InvalidScope, InvalidTarget
from valetkey.wire.authorization_details import PARAMETER, Detail
from valetkey.wire.form import Form

Both: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""Permissions, and the resources that they are for."""

MEMO_SIZE: Final = 512
"""How many results of narrowing by names are remembered."""


class Narrowing(msgspec.Struct, frozen=True):
    """What a token request narrows to; empty where it leaves everything as it was. `state` is for
    the issuing step of authorization details."""

    scope: tuple[str, ...]
    resources: tuple[str, ...]
    details: tuple[Detail, ...] = ()
    state: tuple[StepState, ...] = ()


def parse(form: Form) -> Narrowing:
    """Read the parameters without checking them. Raises InvalidAuthorizationDetails for a malformed
    value."""
    scope, resources = form.get("scope"), form.all("resource")
    details = rar.parse_parameter(form) if PARAMETER in form else ()
    return Narrowing(
        tuple(dict.fromkeys(scope.split())) if scope else (),
        tuple(dict.fromkeys(resources)) if resources else (),
        details,
        (rar.RequestedTypes(_types(details)),) if details else (),
    )


def _types(details: Iterable[Detail]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.type for one in details))


def narrow(
    requested: Narrowing,
    *,
    permissions: Iterable[str],
    resources: Sequence[str],
    offer: Offer,
    limits: Limits = NONE,
    details: Collection[str] = (),
) -> Both:
    """The permissions and resources of one token, within those authorized under these limits.
    `details` are the types that the authorization requested by details.

    RFC 6749 6: the scope must not include any that was not granted; neither may the details (RFC
    9396 6). RFC 8707 2.2: the resource must be one of the authorization. Raises InvalidScope,
    InvalidAuthorizationDetails, InvalidTarget.
    """
    authorized = tuple(permissions), tuple(resources)
    if requested.details:
        return _narrowed(requested, authorized, offer, limits=limits)
    if not (requested.scope or requested.resources):
        return offer.ordered(authorized[0]), authorized[1]
    # An offer never changes, and clients request the same few combinations.
    chosen, where = offer.memo.of(_narrowed, size=MEMO_SIZE)(requested, authorized, offer)
    if not (requested.scope and details):
        return chosen, where
    # RFC 9396 6: a scope does not limit what was requested by details, so that stays.
    stays = [one for one in authorized[0] if offer.resource_of[one] in details]
    if requested.resources:
        stays = [*offer.within(stays, requested.resources)]
    return offer.ordered((*chosen, *stays)), where


def _narrowed(
    requested: Narrowing, authorized: Both, offer: Offer, *, limits: Limits = NONE
) -> Both:
    permissions, resources = authorized
    chosen = allowed = offer.ordered(permissions)
    if requested.scope or requested.details:
        by_scope = offer.expand(requested.scope)
        if not set(by_scope) <= set(allowed):
            raise InvalidScope
        by_details = rar.narrow(requested.details, allowed, within=limits, offer=offer)
        chosen = offer.ordered((*by_scope, *by_details))
    if not requested.resources:
        return chosen, resources
    offer.check_resources(requested.resources)
    targets = offer.find_resources(requested.resources)
    if not targets <= offer.find_resources(resources or offer.audience(allowed, ())):
        raise InvalidTarget
    if not set(_types(requested.details)) <= targets:
        raise InvalidTarget("authorization_details are about another resource")
    return offer.within(chosen, requested.resources), requested.resources
