"""The parsed authorization request (RFC 6749 4.1.1; OpenID Connect Core 3.1.2.1)."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey.jose.objects import read_object
from valetkey.server.model.client import Client
from valetkey.server.oauth.authorize import grant_management as managing
from valetkey.server.oauth.authorize.grant_management import NOTHING, GrantManagement
from valetkey.server.oauth.core import rar, shard_policy, subjects
from valetkey.server.oauth.core.claims import PERMISSION_BY_CLAIM
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.core.rar import ResolvedDetails
from valetkey.spec import names
from valetkey.spec.errors import InvalidRequest, InvalidScope, InvalidTarget
from valetkey.spec.names import Cite
from valetkey.wire import authorization_details
from valetkey.wire.access_token import Confirmation
from valetkey.wire.form import Form
from valetkey.wire.key_shards import PARAMETER, Tier

# The `claims` parameter (OpenID Connect Core 5.5): requests for single claims.

CITE: Final = Cite("OpenID Connect Core", "5.5")
MAX_LENGTH: Final = 4096


class RequestedClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The requested claims. `userinfo` and `id_token` are names of claims about the user. `sub` is
    the expected user, "" for any; `acr` are the requested authentication contexts, of which one has
    to be met if they are `essential`."""

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    sub: str = ""
    acr: tuple[str, ...] = ()
    essential: bool = False

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that the claims need, which are requested like any other."""
        names = (*self.userinfo, *self.id_token)
        return tuple(dict.fromkeys(PERMISSION_BY_CLAIM[name] for name in names))


NO_CLAIMS: Final = RequestedClaims()


def read(text: str) -> RequestedClaims:
    """Parses the parameter. It ignores unknown members (5.5: "MUST be ignored"). Raises
    InvalidRequest if it is malformed."""
    if not text:
        return NO_CLAIMS
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"claims is longer than {MAX_LENGTH} characters")
    try:
        members = read_object(text)
        userinfo, id_token = _member(members, "userinfo"), _member(members, "id_token")
        acr = id_token.get("acr") or {}
        return RequestedClaims(
            userinfo=tuple(name for name in userinfo if name in PERMISSION_BY_CLAIM),
            id_token=tuple(name for name in id_token if name in PERMISSION_BY_CLAIM),
            sub=_subject(userinfo, id_token),
            acr=_values(acr),
            essential=acr.get("essential") is True,
        )
    except ValueError as error:
        raise InvalidRequest("claims cannot be read", detail=f"claims: {error}") from error


def _member(members: Mapping[str, Any], name: str) -> dict[str, dict[str, Any] | None]:
    member = members.get(name)
    if member is None:
        return {}
    if not isinstance(member, dict):
        raise ValueError(f"{name} is no object")
    for claim, value in member.items():
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"{claim!r} is neither null nor an object")
    return member


def _values(member: Mapping[str, Any]) -> tuple[str, ...]:
    """The `value` or `values` of a claim, which have to be strings."""
    values = member.get("values", [member["value"]] if "value" in member else [])
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError("a value is no text")
    return tuple(values)


def _subject(*members: Mapping[str, dict[str, Any] | None]) -> str:
    subjects = {value for one in members for value in _values(one.get("sub") or {})}
    if len(subjects) > 1:
        raise ValueError("sub is asked for with more than one value")
    return next(iter(subjects), "")


Prompt: TypeAlias = Literal["none", "login", "consent", "select_account", "create"]
AUTHORIZE: Final = "/authorize"

PROMPTS: Final[tuple[Prompt, ...]] = ("none", "login", "consent", "select_account")
CREATE: Final[Prompt] = "create"
"""Initiating User Registration 4. Only if the feature sign-up is on."""


INSTANCE: Final = "client_instance_jkt"
"""The client instance that pushed the request, which has to redeem the code. A client that sends it
itself only restricts itself."""

HINTED: Final = "hinted_sub"
"""The stored `sub` of an `id_token_hint`. A client may also send it: `claims` can say the same."""

PARAMETERS: Final = frozenset(
    {
        "acr_values",
        authorization_details.PARAMETER,
        "claims",
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        managing.ACTION,
        managing.GRANT,
        "id_token_hint",
        "login_hint",
        "organization",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        HINTED,
        INSTANCE,
        PARAMETER,
        "response_mode",
        "response_type",
        "scope",
        "state",
        "ui_locales",
    }
)
"""The known parameters, besides `resource`. Others are not stored while a request waits, as they
may be secrets that were sent by mistake (ATTACKS A82)."""


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the app asks for. `scope` in its own words, `permissions` what they come to.

    `pushed`: it came by PAR. `max_age` in seconds, None for any. `jkt` names the key
    to which the code is to be bound, "" for none (RFC 9449 10). `individual` is what it asks for
    claim by claim, `rich` what it asks for by details; the permissions of both are among the
    others. `hinted` is the `sub` of whom it speaks, "" for anybody. `managed` says of which grant
    it speaks (see `authorize.managed`). `tier` says in how many shards the key is to
    be held, None for an ordinary one. `organization` names the user's organization for which the
    app acts, "" for none.
    """

    client: Client
    response_type: str
    response_mode: str
    scope: tuple[str, ...]
    permissions: tuple[str, ...]
    resources: tuple[str, ...]
    challenge: str
    challenge_method: str
    nonce: str
    prompts: frozenset[Prompt]
    max_age: int | None
    login_hint: str
    redirect_sent: bool
    pushed: bool
    jkt: str
    requested_claims: RequestedClaims
    acr_values: tuple[str, ...]
    hinted: str
    managed: GrantManagement = NOTHING
    rich: ResolvedDetails = rar.NO_DETAILS
    instance: str = ""
    tier: Tier | None = None
    organization: str = ""


def stored_parameters(form: Form, request: AuthorizationRequest) -> dict[str, str]:
    """The parameters to store while the request waits. Of an `id_token_hint`, only its `sub` is
    stored."""
    stay = {name: form[name] for name in form if name in PARAMETERS and name != "id_token_hint"}
    return stay | ({HINTED: request.hinted} if request.hinted else {})


def understand(
    form: Form, client: Client, context: Context, *, pushed: bool = False
) -> AuthorizationRequest:
    """Parses the request. Raises OAuthError with a registered code."""
    resources = tuple(dict.fromkeys(form.all("resource")))
    rich = rar.read_request(form, client, resources=resources, context=context)
    scope, permissions = _scope_and_permissions(
        form, client, rich, resources=resources, offer=context.installation.offer
    )
    requested_claims = read(form.get("claims", ""))
    permissions = _with_claims(
        permissions, requested_claims, client, offer=context.installation.offer
    )
    return AuthorizationRequest(
        client=client,
        response_type=form.get("response_type", ""),
        response_mode=form.get("response_mode", "query"),
        scope=scope,
        permissions=permissions,
        resources=resources,
        challenge=form.get("code_challenge", ""),
        # RFC 7636 4.3: plain is what a missing method means, so it is refused like plain.
        challenge_method=form.get("code_challenge_method", "plain"),
        nonce=form.get("nonce", ""),
        prompts=_prompts(form, context),
        max_age=_max_age(form, client),
        login_hint=form.get("login_hint", "")[:255],
        organization=form.get("organization", "")[:64],
        redirect_sent="redirect_uri" in form,
        pushed=pushed,
        jkt=_jkt(form, context),
        requested_claims=requested_claims,
        acr_values=tuple(dict.fromkeys(form.get("acr_values", "").split())),
        hinted=_hinted(form, client, requested_claims, context=context),
        rich=rich,
        instance=form.get(INSTANCE, "")[:64],
        tier=shard_policy.requested_tier(form, client, context),
    )


def _scope_and_permissions(
    form: Form, client: Client, rich: ResolvedDetails, *, resources: tuple[str, ...], offer: Offer
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The requested scope, and the permissions of the scope and the details. Without both, all that
    the client is registered for (RFC 6749 3.3: a default that the server chooses).
    """
    offer.check_resources(resources)
    requested = tuple(dict.fromkeys(form.get("scope", "").split()))
    registered = offer.expand_known(client.scope)
    if requested and client.origin != "declared":
        requested = _allowed(requested, registered, resources=resources, offer=offer)
    default = () if rich.types else client.scope
    permissions = offer.expand(requested) if requested else offer.expand_known(default)
    if not set(permissions) <= set(registered):
        raise InvalidScope("this app is not registered for all that it asks for")
    offer.check_listed(permissions, client.admin)
    if resources:
        within = offer.within(permissions, resources)
        if requested and within != permissions:
            raise InvalidTarget("the scope opens more than the resource that was asked for")
        permissions = within
    return requested or default, offer.ordered((*permissions, *rich.permissions))


def _allowed(
    requested: tuple[str, ...],
    registered: tuple[str, ...],
    *,
    resources: tuple[str, ...],
    offer: Offer,
) -> tuple[str, ...]:
    """The part of the requested scope that a self-registered client may have (RFC 6749 3.3). Such a
    client doesn't know its scope: like MCP clients, it requests all that an API names, and the
    response says what it got. Raises InvalidScope if no permission is left."""
    reach = frozenset(offer.within(registered, resources) if resources else registered)
    allowed = tuple(one for one in requested if reach >= frozenset(offer.expand((one,))))
    if allowed in {(), ("offline_access",)}:
        left = [one for one in requested if one not in allowed] or requested
        raise InvalidScope(f"an administrator has to allow this app: {', '.join(left)[:200]}")
    return allowed


def _with_claims(
    permissions: tuple[str, ...], requested_claims: RequestedClaims, client: Client, *, offer: Offer
) -> tuple[str, ...]:
    """The permissions, with those that the requested claims need. Claims that the app is not
    registered for are ignored (OpenID Connect Core 5.5.1)."""
    if names.OPENID not in permissions:
        return permissions
    registered = offer.expand_known(client.scope)
    more = (one for one in requested_claims.permissions if one in registered)
    return offer.ordered((*permissions, *more))


def _jkt(form: Form, context: Context) -> str:
    """The key to bind the code to, "" if no enabled sender method could prove it."""
    named = Confirmation(jkt=form.get("dpop_jkt", ""))
    return named.jkt if any(one.binds(named) for one in context.installation.senders) else ""


def _hinted(
    form: Form, client: Client, requested_claims: RequestedClaims, *, context: Context
) -> str:
    """The `sub` of the expected user, from the `id_token_hint` or the `claims` parameter."""
    text = form.get("id_token_hint", "")
    hinted = subjects.read(text, context, client=client).sub if text else form.get(HINTED, "")
    if hinted and requested_claims.sub and hinted != requested_claims.sub:
        raise InvalidRequest("id_token_hint and claims speak of different users")
    return hinted or requested_claims.sub


def prompts(context: Context) -> tuple[Prompt, ...]:
    """The supported values of `prompt`."""
    return (*PROMPTS, CREATE) if may_sign_up(context) else PROMPTS


def _prompts(form: Form, context: Context) -> frozenset[Prompt]:
    words = form.get("prompt", "").split()
    accepted = frozenset(prompt for prompt in prompts(context) if prompt in words)
    if len(accepted) != len(set(words)):
        raise InvalidRequest("prompt holds an unknown word")
    if "none" in accepted and len(accepted) > 1:
        raise InvalidRequest("prompt=none stands alone")
    return accepted


def _max_age(form: Form, client: Client) -> int | None:
    text = form.get("max_age")
    if text is None:
        return client.default_max_age
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidRequest("max_age is not a number of seconds")
    return int(text)


def may_sign_up(context: Context) -> bool:
    """Whether people may sign up, and apps may request it."""
    return SIGN_UP.name in context.installation.enabled_features


SIGN_UP: Final = Feature(
    name="sign-up",
    on_by_default=False,
    requires=("authorization code",),
    pages=("/sign-up", "/continue/{pending}/sign-up"),
    cites=(Cite("Initiating User Registration", "4"),),
    metadata=lambda _: {"prompt_values_supported": (CREATE,)},
)
