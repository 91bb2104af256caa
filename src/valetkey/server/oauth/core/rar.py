"""Rich authorization requests (RFC 9396): another way to request permissions and their limits.

Details are stored as permissions and limits of the grant and in no other form. So a change of the
grant changes what its tokens say, and no second record can be wider.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.limits import FREE, NONE, Bounds, Limits, Proposal, limits
from valetkey.server.oauth.core import consent_limits
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, StepState, state_of
from valetkey.server.oauth.core.feature import Endpoint, Feature, document
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.server.oauth.core.offer import Offer
from valetkey.spec.errors import InvalidAuthorizationDetails, InvalidTarget
from valetkey.spec.names import Cite
from valetkey.wire import authorization_details as wire
from valetkey.wire.access_token import AccessToken
from valetkey.wire.authorization_details import BadDetails, Detail
from valetkey.wire.form import Form

NAME: Final = "rich authorization requests"


class ResolvedDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What the details of a request mean: the types, their permissions, and the limits that the app
    requests."""

    types: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    limits: Limits = NONE

    @property
    def proposal(self) -> Proposal:
        """The limits as a proposal of the app."""
        return Proposal(permissions=self.limits.permissions)


NO_DETAILS: Final = ResolvedDetails()


def parse_parameter(form: Form) -> tuple[Detail, ...]:
    """Read the details in a form; () without the parameter. Raises InvalidAuthorizationDetails."""
    if wire.PARAMETER not in form:
        return ()
    try:
        return wire.read(form[wire.PARAMETER])
    except BadDetails as error:
        raise InvalidAuthorizationDetails(detail=str(error)) from error


def is_enabled(context: Context) -> bool:
    """Whether details are accepted here."""
    return NAME in context.installation.enabled_features


def read_request(
    form: Form, client: Client, *, resources: tuple[str, ...], context: Context
) -> ResolvedDetails:
    """What an authorization request asks for by details. Raises InvalidAuthorizationDetails, or
    InvalidTarget for a type that is not one of the request's `resources`."""
    if not is_enabled(context):
        return NO_DETAILS
    details, offer = parse_parameter(form), context.installation.offer
    rich = resolve(details, offer)
    own = client.authorization_details_types
    if own and not set(rich.types) <= set(own):
        # RFC 9396 10: the types that the client registered.
        raise _bad("of a type that this app is not registered for")
    if not set(rich.permissions) <= set(offer.expand_known(client.scope)):
        raise _bad("more than this app is registered for")
    if resources and not set(rich.types) <= offer.find_resources(resources):
        raise InvalidTarget("authorization_details are about another resource")
    return rich


def resolve(details: Iterable[Detail], offer: Offer) -> ResolvedDetails:
    """The permissions and limits of the details. Several details of one type are combined. Raises
    InvalidAuthorizationDetails."""
    types, requested = dict[str, None](), dict[str, Bounds]()
    for detail in details:
        types[detail.type] = None
        actions = _actions(detail, offer)
        bounds = _bounds(detail, actions, offer)
        for name in actions:
            mine = bounds.get(name, FREE)
            if requested.setdefault(name, mine) != mine:
                # The sum or the wider limit could be meant, so the app has to say which.
                raise _bad("with two limits for the same permission", name)
    bound = {name: bounds for name, bounds in requested.items() if bounds != FREE}
    return ResolvedDetails(
        types=tuple(types), permissions=offer.ordered(requested), limits=limits(permissions=bound)
    )


def _actions(detail: Detail, offer: Offer) -> set[str]:
    # OpenID Connect has scopes for the server's own catalog.
    available = offer.names_of(detail.type) if detail.type in offer.resources[1:] else frozenset()
    if not available:
        raise _bad("of an unknown type", detail.type)
    if not set(detail.actions) <= available:
        raise _bad("with an action that its type does not have", detail.type)
    if not set(detail.locations) <= {detail.type}:
        raise _bad("with a location of another type", detail.type)
    return set(offer.expand(detail.actions))


def _bounds(detail: Detail, actions: set[str], offer: Offer) -> dict[str, Bounds]:
    if not set(detail.limits) <= actions:
        raise _bad("with limits on permissions that it does not request", detail.type)
    try:
        bounds = msgspec.convert(detail.limits, dict[str, Bounds])
    except msgspec.ValidationError as error:
        raise _bad("with limits that cannot be read", str(error)) from error
    wrong = consent_limits.mistakes(Proposal(permissions=bounds), offer=offer)
    if wrong:
        raise _bad("with limits that make no sense", "; ".join(wrong))
    return bounds


def granted_details(
    types: Iterable[str], permissions: Iterable[str], *, within: Limits, offer: Offer
) -> tuple[Detail, ...]:
    """Write these permissions, under these limits, as details of these types (RFC 9396 7): as they
    are granted, whatever was requested."""
    held = tuple(permissions)
    return tuple(_write_details(dict.fromkeys(types), held, within=within, offer=offer))


def _write_details(
    types: Iterable[str], permissions: tuple[str, ...], *, within: Limits, offer: Offer
) -> Iterator[Detail]:
    for one in types:
        mine = tuple(each for each in permissions if offer.resource_of.get(each) == one)
        bounds: Mapping[str, Any] = {
            each: msgspec.to_builtins(within.of(each))
            for each in mine
            if each in within.limited_permissions
        }
        if mine:
            yield Detail(type=one, actions=mine, locations=(one,), limits=dict(bounds))


def narrow(
    details: tuple[Detail, ...], allowed: Iterable[str], *, within: Limits, offer: Offer
) -> tuple[str, ...]:
    """The permissions that a token request narrows to by details (RFC 9396 6). Limits belong to the
    grant: a request may repeat them and can't change them. Raises InvalidAuthorizationDetails."""
    rich = resolve(details, offer)
    if not set(rich.permissions) <= set(allowed):
        raise _bad("more than was granted")
    if any(within.of(name) != bounds for name, bounds in rich.limits.permissions.items()):
        raise _bad("with other limits than the grant's")
    return rich.permissions


def _bad(why: str, detail: str = "") -> InvalidAuthorizationDetails:
    return InvalidAuthorizationDetails(f"authorization_details {why}", detail=detail[:300])


def types(context: Context) -> tuple[str, ...]:
    """The types: one for each resource server."""
    return context.installation.offer.resources[1:]


def _document(context: Context) -> Mapping[str, Any]:
    """Write the metadata of all types."""
    described = {
        one.resource: wire.type_metadata(one) for one in context.installation.offer.catalogs[1:]
    }
    return {"authorization_details_types_metadata": described}


class RequestedTypes(StepState, frozen=True, eq=False):
    """The types that a token request names, besides those of the authorization."""

    types: tuple[str, ...]


def _add_details(token: AccessToken, decision: Issue, context: Context) -> AccessToken:
    """Add the granted details to the token (RFC 9396 7)."""
    state, standing = state_of(decision, RequestedTypes), decision.standing
    types, within = () if state is None else state.types, NONE
    if standing is not None:
        types, within = (*standing.family.details, *types), standing.grant.limits
    if not types:
        return token
    offer = context.installation.offer
    details = granted_details(types, decision.permissions, within=within, offer=offer)
    return msgspec.structs.replace(token, authorization_details=details)


RAR: Final = Feature(
    name=NAME,
    issuing=IssuingStep(complete=_add_details),
    token_parameters=(wire.PARAMETER,),
    cites=(wire.CITE, wire.METADATA, Cite("RFC 9396", "6"), Cite("RFC 9396", "10")),
    endpoints=(
        Endpoint(
            path="/authorization-details-types",
            metadata="authorization_details_types_metadata_endpoint",
            cite=wire.METADATA,
            methods=("GET", "HEAD"),
            who="nobody",
            reads="nothing",
            rule=document(_document),
            max_age=lambda _: 300,
        ),
    ),
    metadata=lambda context: {"authorization_details_types_supported": types(context)},
)
