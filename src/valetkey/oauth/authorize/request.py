"""The authorization request (RFC 6749 4.1.1; OpenID Connect Core 3.1.2.1), understood."""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.model.client import Client
from valetkey.oauth.context import Context
from valetkey.oauth.offer import Offer
from valetkey.spec.errors import InvalidRequest, InvalidScope, InvalidTarget
from valetkey.wire.form import Form

Prompt: TypeAlias = Literal["none", "login", "consent", "select_account"]
PROMPTS: Final[tuple[Prompt, ...]] = ("none", "login", "consent", "select_account")


PARAMETERS: Final = frozenset(
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
        "ui_locales",
    }
)
"""What is read of a request, `resource` aside. Nothing else is kept while it waits: it may be what
should never have been sent, such as a secret (ATTACKS A82)."""


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the app asks for. `scope` in its own words, `permissions` what they come to.

    `pushed`: it came by PAR. `max_age` in seconds, None where it was not sent. `jkt` names the key
    to which the code is to be bound, "" for none (RFC 9449 10).
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


def kept(form: Form) -> dict[str, str]:
    """The parameters that stay while the request waits."""
    return {name: form[name] for name in form if name in PARAMETERS}


def understand(
    form: Form, client: Client, context: Context, *, pushed: bool = False
) -> AuthorizationRequest:
    """The request, its parts well formed. Raises OAuthError in registered codes."""
    resources = tuple(dict.fromkeys(form.all("resource")))
    scope, permissions = _asked(form, client, resources=resources, offer=context.offer)
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
        prompts=_prompts(form),
        max_age=_max_age(form),
        login_hint=form.get("login_hint", "")[:255],
        redirect_sent="redirect_uri" in form,
        pushed=pushed,
        jkt=form.get("dpop_jkt", ""),
    )


def _asked(
    form: Form, client: Client, *, resources: tuple[str, ...], offer: Offer
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The scope as sent and the permissions it comes to. With no scope sent, all that the client
    is registered for (RFC 6749 3.3: a default that the server chooses)."""
    offer.check_resources(resources)
    sent = tuple(dict.fromkeys(form.get("scope", "").split()))
    registered = offer.registered(client.scope)
    permissions = offer.expand(sent) if sent else registered
    if not set(permissions) <= set(registered):
        raise InvalidScope("this app is not registered for all that it asks for")
    if resources:
        within = offer.within(permissions, resources)
        if sent and within != permissions:
            raise InvalidTarget("the scope opens more than the resource that was asked for")
        permissions = within
    return sent or client.scope, permissions


def _prompts(form: Form) -> frozenset[Prompt]:
    words = form.get("prompt", "").split()
    known = frozenset(prompt for prompt in PROMPTS if prompt in words)
    if len(known) != len(set(words)):
        raise InvalidRequest("prompt holds an unknown word")
    if "none" in known and len(known) > 1:
        raise InvalidRequest("prompt=none stands alone")
    return known


def _max_age(form: Form) -> int | None:
    text = form.get("max_age")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidRequest("max_age is not a number of seconds")
    return int(text)
