"""The settings of providers at which users sign in: `[[sign_in.upstream]]`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec

from valetkey.server.model.keys import Secret
from valetkey.server.model.user import PROFILE_CLAIMS
from valetkey.server.oauth.sign_in.upstream import (
    ANY_TENANT,
    TENANT,
    ClientAuthMethod,
    EmailRule,
    SignOut,
    Upstream,
)
from valetkey.wire import address

NAME: Final = "sign_in.upstream"
"""The full name of the setting."""

SECRET: Final = re.compile(r"sign_in\.upstream\.([a-z0-9_]+)\.client_secret", re.ASCII)
"""The names of the secrets, which come from the environment."""

_NAMES: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", re.ASCII)
_MAX_NAME: Final = 32
_OTHER_WAYS: Final = frozenset({"platform", "password", "handoff", "embedded"})
"""Names of other ways to sign in."""

_CLAIMS: Final = frozenset(
    {*PROFILE_CLAIMS, "email", "email_verified", "phone_number", "phone_number_verified", "address"}
)


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class UpstreamSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider at which users sign in."""

    name: Annotated[
        str,
        _is("the name in addresses and variables: a-z, 0-9 and single _, at most 32 characters"),
    ]
    label: Annotated[str, _is("the name that people see; by default, the name")] = ""
    enabled: Annotated[
        bool, _is("false switches it off: nobody signs in there, but signing out still works")
    ] = True
    issuer: Annotated[
        str,
        _is(
            "the issuer of an OpenID provider, exactly as its metadata says; it may have "
            "{tenantid} in it, which stands for each of tenants"
        ),
    ] = ""
    authorization_endpoint: Annotated[
        str, _is("for an OAuth 2 server without OpenID Connect: its authorization endpoint")
    ] = ""
    token_endpoint: Annotated[
        str, _is("for an OAuth 2 server without OpenID Connect: its token endpoint")
    ] = ""
    userinfo_endpoint: Annotated[
        str,
        _is(
            "for an OAuth 2 server without OpenID Connect: the address that says, in JSON, who "
            "the user is"
        ),
    ] = ""
    subject: Annotated[
        str, _is("for an OAuth 2 server: the member that identifies the user and never changes")
    ] = "sub"
    client_id: Annotated[str, _is("the client_id of this server at the provider")]
    client_auth: Annotated[
        ClientAuthMethod,
        _is(
            "how this server authenticates there: client_secret_basic, client_secret_post, "
            "private_key_jwt (with the keys that this server publishes) or none"
        ),
    ] = "client_secret_basic"
    client_secret: Annotated[Secret | None, _is("the client secret, from the environment only")] = (
        None
    )
    client_secret_file: Annotated[
        Path | None, _is("a file of mode 0600 that holds the client secret")
    ] = None
    scope: Annotated[tuple[str, ...], _is("a list of the scopes to request")] = (
        "openid",
        "profile",
        "email",
    )
    tenants: Annotated[
        tuple[str, ...],
        _is("a list of the tenants whose users may sign in, for an issuer with {tenantid}"),
    ] = ()
    domains: Annotated[
        tuple[str, ...],
        _is(
            "a list of domains: who enters an e-mail address of one of them on the sign-in page "
            "signs in at this provider"
        ),
    ] = ()
    claims: Annotated[
        dict[str, str],
        _is(
            "a table that maps standard claims to members of the provider's answer, such as "
            '{name = "displayName"}; "" leaves a claim out'
        ),
    ] = {}
    require: Annotated[
        dict[str, tuple[str, ...]],
        _is(
            'a table of claims and their allowed values, such as {hd = ["corp.example"]}: others '
            "are refused"
        ),
    ] = {}
    groups: Annotated[
        str, _is("the claim with the user's groups, such as groups or realm_access.roles")
    ] = ""
    acr: Annotated[
        dict[str, str],
        _is(
            "a table that maps the provider's acr values to those that apps get; others are unknown"
        ),
    ] = {}
    prompt: Annotated[
        str, _is("the prompt to send if the app sends none, such as select_account")
    ] = ""
    userinfo: Annotated[
        bool, _is("whether to request the claims of the userinfo endpoint, too")
    ] = True
    email_verified: Annotated[
        EmailRule,
        _is(
            "when an e-mail address counts as verified: claim (email_verified is true), always or "
            "never"
        ),
    ] = "claim"
    sign_out: Annotated[
        SignOut,
        _is("whether users who sign out here sign out at the provider: offer, always or never"),
    ] = "offer"

    def places(self) -> Iterator[str]:
        """Each `host:port` in the settings from which this server fetches. It may be on a private
        network, as the operator named it; what the provider's metadata names may not."""
        named = (self.issuer.replace(TENANT, ANY_TENANT), self.token_endpoint)
        yield from (
            address.target(one).authority for one in (*named, self.userinfo_endpoint) if one
        )

    def upstream(self) -> Upstream:
        """The provider for the rules. The secret has been read (see `with_secrets`)."""
        return Upstream(
            name=self.name,
            label=self.label or self.name,
            is_on=self.enabled,
            issuer=self.issuer,
            authorization_endpoint=self.authorization_endpoint,
            token_endpoint=self.token_endpoint,
            userinfo_endpoint=self.userinfo_endpoint,
            subject=self.subject,
            client_id=self.client_id,
            client_auth=self.client_auth,
            secret=self.client_secret or Secret(""),
            scope=self.scope,
            tenants=self.tenants,
            domains=self.domains,
            claims=self.claims,
            require=self.require,
            groups=self.groups,
            levels=self.acr,
            prompt=self.prompt,
            userinfo=self.userinfo,
            email_verified=self.email_verified,
            sign_out=self.sign_out,
        )


def why_not_upstreams(upstreams: Sequence[UpstreamSettings]) -> str:
    """Why these providers can't be used, or ""."""
    for one in upstreams:
        why = _why_not(one)
        if why:
            return f"{one.name!r:.40} {why}"
    for what in ("name", "issuer"):
        values = [getattr(one, what) for one in upstreams if getattr(one, what)]
        twice = next((value for value in values if values.count(value) > 1), "")
        if twice:
            return f"the {what} {twice!r} is there twice"
    domains = [domain for one in upstreams for domain in one.domains]
    twice = next((one for one in domains if domains.count(one) > 1), "")
    return f"the domain {twice!r} is there twice" if twice else ""


def _why_not(one: UpstreamSettings) -> str:
    endpoints = (one.authorization_endpoint, one.token_endpoint, one.userinfo_endpoint)
    addresses = [each for each in (one.issuer.replace(TENANT, "t"), *endpoints) if each]
    wrong = next((f"{each[:80]} {why}" for each in addresses if (why := address.why_not(each))), "")
    unknown = next((name for name in one.claims if name not in _CLAIMS), "")
    rules = (
        (_NAMES.fullmatch(one.name) and len(one.name) <= _MAX_NAME, "is no name in a-z, 0-9, _"),
        (one.name not in _OTHER_WAYS, "is the name of another way to sign in"),
        (one.label.isprintable(), "has a label that cannot be read"),
        (not one.client_secret, f"has a secret in the file: it belongs in {variable(one.name)}"),
        (bool(one.issuer) != any(endpoints), "needs an issuer, or three endpoints"),
        (one.issuer or all(endpoints), "needs all three endpoints"),
        (not wrong, f"can't be used: {wrong}"),
        (not one.issuer or "openid" in one.scope, "needs openid in its scope"),
        ((TENANT in one.issuer) == bool(one.tenants), f"needs tenants and {TENANT} together"),
        (bool(one.client_id), "has no client_id"),
        (not unknown, f"maps {unknown!r:.40}, which is no standard claim"),
        (all("." in each and each == each.lower() for each in one.domains), "has a wrong domain"),
        (one.prompt in ("", "login", "consent", "select_account"), "has an unknown prompt"),
    )
    return next((why for holds, why in rules if not holds), "")


def variable(name: str) -> str:
    """The environment variable of a provider's secret."""
    return f"VALETKEY_SIGN_IN__UPSTREAM__{name.upper()}__CLIENT_SECRET"


def with_secrets(
    upstreams: Sequence[UpstreamSettings],
    from_environment: Mapping[str, str],
    mistakes: list[str],
    *,
    read: Callable[[Path], str],
) -> tuple[UpstreamSettings, ...]:
    """The providers with their secrets: from the environment, by name, or from their files, which
    `read` reads. Adds to `mistakes`."""
    unknown = from_environment.keys() - {one.name for one in upstreams}
    mistakes += [f"{variable(one)}: there is no provider of that name" for one in sorted(unknown)]
    return tuple(
        _with_secret(one, from_environment.get(one.name, ""), mistakes, read=read)
        for one in upstreams
    )


def _with_secret(
    one: UpstreamSettings,
    from_environment: str,
    mistakes: list[str],
    *,
    read: Callable[[Path], str],
) -> UpstreamSettings:
    secret = from_environment
    if one.client_secret_file is not None:
        try:
            secret = read(one.client_secret_file)
        except ValueError as error:
            mistakes.append(f"{NAME}: {one.name}: client_secret_file {error}")
            return one
        if from_environment:
            mistakes.append(f"{NAME}: {one.name}: has two secrets: use only one of them")
    needs = one.client_auth in ("client_secret_basic", "client_secret_post") and one.enabled
    if needs and not secret:
        mistakes.append(
            f"{NAME}: {one.name}: needs a secret, in {variable(one.name)} or client_secret_file"
        )
    return msgspec.structs.replace(one, client_secret=Secret(secret) if secret else None)


def descriptions() -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """The fields of a table, each with its type and default."""
    for field in msgspec.structs.fields(UpstreamSettings):
        if field.name != "client_secret":
            yield field.name, field
