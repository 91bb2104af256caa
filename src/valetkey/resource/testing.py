"""Keys for the tests of an API: real ones, which the kit checks as always, of an issuer that lives
in the test and that nobody else believes.

For the time of a test the API speaks to that issuer in place of its own: with its keys, its answers
and its leases. Nothing is switched off. Where the API would follow the change log, it asks, so that
a test sees a change at the very next call.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import urandom
from typing import Any

import httpx2
import msgspec

from valetkey import renamed
from valetkey.jose import base64url, jwk
from valetkey.resource.server import ResourceServer
from valetkey.resource.spending import Amount, units
from valetkey.resource.test_issuer import TrialGrant, TrialIssuer
from valetkey.wire import child_key
from valetkey.wire import dpop as proofs
from valetkey.wire.catalog import expand


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a user lets an app do with a permission: so many uses, so much in all; None for as many
    or as much as it likes."""

    uses: int | None = None
    amount: Amount | None = None


@renamed.members
class TrialKey:
    """A key for a test. `headers` shows it, with a new proof each time where it is bound."""

    def __init__(self, token: str, resource: str, *, by: jwk.PrivateKey | None) -> None:
        self.token = token
        self._resource = resource
        self._by = by

    def __repr__(self) -> str:
        return "TrialKey(…)"

    def delegate(
        self,
        *permissions: str,
        seconds: int = 60,
        depth: int = 0,
        most: Mapping[str, int] | None = None,
        name: str = "",
    ) -> "TrialKey":
        """A smaller key for a delegate (see `valetkey.wire.child_key`). Raises ValueError for a key
        that is not bound by DPoP."""
        if self._by is None:
            raise ValueError("only a key that is bound by DPoP can be delegated")
        to, now = jwk.generate("ES256"), int(time.time())
        text = child_key.delegate(
            self.token,
            by=self._by,
            to=to.public().thumbprint(),
            permissions=permissions,
            now=now,
            until=now + seconds,
            depth=depth,
            most=most,
            name=name,
        )
        return TrialKey(text, self._resource, by=to)

    def headers(self, method: str = "GET", path: str = "/") -> dict[str, str]:
        """The headers of a call; `path` is as it is below the API's identifier."""
        if self._by is None:
            return {"Authorization": f"Bearer {self.token}"}
        proof = proofs.make(
            self._by,
            method=method,
            address=self._resource + path,
            now=int(time.time()),
            jti=base64url.encode(urandom(16)),
            access_token=self.token,
        )
        return {"Authorization": f"{proofs.SCHEME} {self.token}", proofs.HEADER: proof}


class Keys:
    """The issuer of a test, for one API."""

    def __init__(self, server: ResourceServer, trial: TrialIssuer) -> None:
        self._server = server
        self._trial = trial
        self._grants: dict[str, TrialGrant] = {}

    @renamed.parameters
    def issue(
        self,
        *permissions: str,
        sub: str = "miko",
        client_id: str = "app",
        dpop: bool = False,
        limits: Mapping[str, Limit] | None = None,
        **claims: Any,
    ) -> TrialKey:
        """A key that opens these permissions, and what they imply. `dpop`: it is bound to a key of
        its own; where the API's tokens are split, it always is. `claims` are put into the token as
        they are: `auth_time`, `acr`, `exp`, `act`, `cnf`, another `aud`. Raises ValueError for a
        name that the catalog does not have."""
        opens = self._expand(permissions)
        grant = TrialGrant(permissions=opens, remaining=self._remaining(limits or {}))
        split = self._server.metadata.split_access_tokens_required
        by = jwk.generate("ES256") if dpop or split else None
        now = int(time.time())
        token_claims = {
            "iss": self._server.issuer,
            "sub": sub,
            "aud": [self._server.resource],
            "client_id": client_id,
            "jti": base64url.encode(urandom(12)),
            "scope": " ".join(sorted(opens)),
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "grant_id": grant.id,
            "grant_version": 1,
            "family_id": base64url.encode(urandom(12)),
            "limited": sorted(grant.remaining),
            **({} if by is None else {"cnf": {"jkt": by.public().thumbprint()}}),
            **claims,
        }
        text = self._trial.key_to(grant, token_claims, split=split)
        self._grants[text] = grant
        return TrialKey(text, self._server.resource, by=by)

    def narrow(self, key: TrialKey, *permissions: str) -> None:
        """The user leaves no more than these."""
        self._grant(key).permissions = self._expand(permissions)

    def pause(self, key: TrialKey) -> None:
        """The user pauses the app."""
        self._grant(key).active = False

    def resume(self, key: TrialKey) -> None:
        """The user lets it go on."""
        self._grant(key).active = True

    def stop(self, key: TrialKey) -> None:
        """The user stops the app."""
        self._grant(key).active = False

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Meanwhile the issuer does not answer."""
        self._trial.answers = False
        try:
            yield
        finally:
            self._trial.answers = True

    def _grant(self, key: TrialKey) -> TrialGrant:
        return self._grants[key.token]

    def _expand(self, names: tuple[str, ...]) -> frozenset[str]:
        expanded = expand(self._server.catalog, names)
        unknown = [
            one for one in names if one not in expanded and one not in self._server.catalog.scopes
        ]
        if unknown:
            raise ValueError(f"not in the catalog of {self._server.resource}: {', '.join(unknown)}")
        return expanded

    def _remaining(self, limits: Mapping[str, Limit]) -> dict[str, tuple[int | None, int | None]]:
        remaining = {}
        for name, limit in limits.items():
            permission = self._server.catalog.permission(name)
            if permission is None or not permission.counted:
                raise ValueError(f"{name!r} is not counted")
            amount = None if limit.amount is None else units(limit.amount, permission)
            remaining[name] = (limit.uses, amount)
        return remaining


@contextmanager
def issuing(server: ResourceServer) -> Iterator[Keys]:
    """Makes the API accept the keys of a test, and no others, within the block."""
    trial = TrialIssuer(server.issuer)
    options = msgspec.structs.replace(
        server.options,
        http=httpx2.AsyncClient(transport=trial),
        live="token" if server.live == "token" else "ask",
        # The issuer of a test accepts any.
        credentials=server.options.credentials or ("", ""),
    )
    _close_blocking(server)
    with server.replaced(options):
        try:
            yield Keys(server, trial)
        finally:
            _close_blocking(server)


def _close_blocking(server: ResourceServer) -> None:
    if "blocking" in vars(server):
        server.blocking.close()
