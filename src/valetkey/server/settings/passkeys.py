"""The settings of passkeys, and the relying party that they make."""

from collections.abc import Iterator
from typing import Annotated, Final, TypeAlias

import msgspec

from valetkey.server.accounts.relying_party import RelyingParty, belongs_to, why_not_possible
from valetkey.server.model.factor import PasskeyDomain
from valetkey.server.model.query import One
from valetkey.server.store.port import Store
from valetkey.wire import address

_Addresses: TypeAlias = tuple[str, ...]

OFF: Final = "accounts.passkeys = false"


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class PasskeySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Passkeys of accounts that are kept here."""

    passkeys: Annotated[
        bool,
        _is(
            "true or false: whether people may sign in with passkeys; browsers have them where the "
            "issuer is https and has no IP address as its host"
        ),
    ] = True
    passkey_domain: Annotated[
        str,
        _is(
            "the domain to which passkeys belong (RP ID): the issuer's host or a domain above it; "
            "empty for the issuer's host. It cannot be changed once there is a passkey"
        ),
    ] = ""
    passkey_origins: Annotated[
        _Addresses,
        _is(
            "a list of more origins in that domain, such as https://www.example.com, whose pages "
            "may use the passkeys"
        ),
    ] = ()


def relying_party(settings: PasskeySettings, issuer: str, name: str) -> RelyingParty | None:
    """Who asks for passkeys, None where there are none."""
    if not settings.passkeys or why_not_possible(issuer):
        return None
    return RelyingParty(
        rp_id=settings.passkey_domain or address.host(issuer),
        name=name,
        origins=(address.origin(issuer), *settings.passkey_origins),
    )


def passkey_mistakes(settings: PasskeySettings, issuer: str) -> Iterator[tuple[str, str]]:
    """Each mistake: the name of the setting, and why."""
    host, domain = address.host(issuer), settings.passkey_domain
    if domain and (why := why_not_possible(issuer)):
        yield "passkey_domain", f"there are no passkeys, since the issuer {why}"
    elif domain and not belongs_to(host, domain):
        yield "passkey_domain", f"is neither the issuer's host {host} nor a domain above it"
    elif domain != host and "." not in domain and domain:
        yield "passkey_domain", "is no domain of yours"
    for origin in settings.passkey_origins:
        if address.origin(origin) != origin or why_not_possible(origin):
            yield "passkey_origins", f"{origin!r} is no https origin"
        elif not belongs_to(address.host(origin), domain or host):
            yield "passkey_origins", f"{origin!r} is not in the domain {domain or host}"


async def why_not_domain(store: Store, party: RelyingParty | None) -> str:
    """Why the passkeys in the store would stop working, "" if they don't. Raises Unavailable."""
    query = One(PasskeyDomain, PasskeyDomain.CURRENT)
    fixed = (await store.read(query)).one(query)
    domain = "" if party is None else party.rp_id
    if fixed is None or fixed.rp_id == domain:
        return ""
    return (
        f"passkeys here belong to {fixed.rp_id}, and {domain or 'this issuer'} cannot use them: "
        f"set accounts.passkey_domain = '{fixed.rp_id}', with an issuer in that domain, or {OFF}"
    )
