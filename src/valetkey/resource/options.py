"""The options of an API: what `ResourceServer` takes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import httpx2
import msgspec

from valetkey.resource.token_status import MAX_STALENESS, Live
from valetkey.wire import metadata
from valetkey.wire.catalog import Catalog, Risk
from valetkey.wire.child_key import MAX_DEPTH


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one API. Raises ValueError for an issuer without https, for a number that is
    out of range, and for `live="follow"`, `live="ask"` or `split` without credentials.

    `issuer` is the authorization server, `catalog` a Catalog or its file, TOML or JSON.
    `credentials` are the API's id and secret there.

    `live` says how the API learns of changes. "follow" reads the change log, and then decides each
    call by itself. "ask" introspects each token. "list" looks the token up in its status list.
    "token" trusts a token until it expires. The first two need `credentials`. The default is "ask"
    with credentials, and "token" without.

    `max_staleness` is how many seconds old a follower's knowledge may be: for all permissions, or
    by their risk (MAX_STALENESS for a risk that is left out). Past it, the API introspects.
    `http` replaces the HTTP client. `certificate_proxies` are the addresses and networks of proxies
    whose `Client-Cert` header counts (RFC 9440). `signed`: an introspection counts only where the
    server has signed it (RFC 9701). `max_delegations` is how many times a key may be delegated
    offline (see `wire.child_key`). `split`: the API takes split access tokens only, as its
    registration says (see `wire.split_token`). `journal` is the folder, in memory (tmpfs), where
    the processes of this API note their leases, so that others return them after a crash; the
    default is a folder of this user's own.
    """

    issuer: str
    catalog: Catalog | Path | str
    credentials: tuple[str, str] | None = None
    live: Live | None = None
    max_staleness: float | Mapping[Risk, float] = MAX_STALENESS
    http: httpx2.AsyncClient | None = None
    certificate_proxies: Sequence[str] = ()
    signed: bool = False
    max_delegations: int = 0
    split: bool = False
    journal: Path | None = None

    def __post_init__(self) -> None:
        if not metadata.is_protected(self.issuer):
            raise ValueError(f"the issuer {self.issuer!r} is not https")
        if self.live in {"follow", "ask"} and self.credentials is None:
            raise ValueError(f"live={self.live!r} needs credentials")
        if not 0 <= self.max_delegations <= MAX_DEPTH:
            raise ValueError(f"max_delegations={self.max_delegations!r} is not in 0…{MAX_DEPTH}")
        if self.split and self.credentials is None:
            raise ValueError("split needs credentials")

    def __repr__(self) -> str:
        return f"Options(issuer={self.issuer!r}, …)"

    @property
    def mode(self) -> Live:
        """`live`, with its default filled in."""
        return self.live or ("ask" if self.credentials else "token")


class OptionKeywords(TypedDict, total=False):
    """The fields of Options, as keywords of `ResourceServer`."""

    issuer: str
    catalog: Catalog | Path | str
    credentials: tuple[str, str] | None
    live: Live | None
    max_staleness: float | Mapping[Risk, float]
    http: httpx2.AsyncClient | None
    certificate_proxies: Sequence[str]
    signed: bool
    max_delegations: int
    split: bool
    journal: Path | None
