"""The settings that demand more of every app, whatever its policy says."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Protocol

import msgspec

from valetkey.server.model.policy import Demand, Demands

PAR: Final = "pushed authorization requests"
SENDERS: Final = frozenset({"DPoP", "mutual TLS"})


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every app has to do."""

    pushed_requests: Annotated[
        Demand,
        msgspec.Meta(
            description="optional or required: whether every app has to push its authorization "
            "requests (PAR, RFC 9126), whatever its policy says"
        ),
    ] = "optional"
    bound_tokens: Annotated[
        Demand,
        msgspec.Meta(
            description="optional or required: whether every app gets only tokens that are bound "
            "to a key or a certificate (RFC 9449, RFC 8705), whatever its policy says"
        ),
    ] = "optional"

    @property
    def demands(self) -> Demands:
        """The demands, for rules."""
        return Demands(pushed=self.pushed_requests, bound=self.bound_tokens)


class _FeatureSettings(Protocol):
    """The settings that say which features are on."""

    @property
    def clients(self) -> ClientSettings: ...

    @property
    def enable(self) -> tuple[str, ...]: ...

    @property
    def enabled(self) -> tuple[str, ...]: ...

    @property
    def disable(self) -> tuple[str, ...]: ...


def client_mistakes(settings: _FeatureSettings, origins: Mapping[str, str]) -> Iterator[str]:
    """Each mistake, with the setting and where it comes from: a feature that is on and off, and a
    demand that no app can meet."""
    both = [name for name in settings.enable if name in settings.disable]
    if both:
        place = f"disable = {list(settings.disable)} (from {origins['disable']})"
        yield f"{place}: {both[0]!r} is in enable as well"
    off = {*settings.disable, *(SENDERS - {*settings.enabled, "DPoP"})}
    rules = (
        ("pushed_requests", PAR not in off, f"needs the feature {PAR!r}"),
        ("bound_tokens", not off >= SENDERS, "needs the feature 'DPoP' or mutual TLS"),
    )
    for name, holds, why in rules:
        if getattr(settings.clients, name) == "required" and not holds:
            yield f"clients.{name} = 'required' (from {origins[f'clients.{name}']}): {why}"
