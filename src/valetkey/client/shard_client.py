"""One shard at its holder: claimed with a ticket, delivered for a handle.

The wire format is described in docs/reference/key-shards.md.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from valetkey.client import flow, server
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import (
    Aborted,
    ClientError,
    CodeMistyped,
    Denied,
    KeyStopped,
    KeySuspended,
    ServerUnavailable,
    ShardsMissing,
    TicketSpent,
    interrupted,
)
from valetkey.client.locked_store import LockedStore
from valetkey.client.proof_key import Prover
from valetkey.client.steps import Flow
from valetkey.client.store import TokenStore
from valetkey.client.tokens import App, Tokens
from valetkey.wire.key_shards import (
    SHARD,
    TICKET,
    BadShards,
    Claimed,
    Delivered,
    Holder,
    read_code,
    write_code,
)
from valetkey.wire.metadata import is_protected


class ShardClient:
    """Stores one shard as Tokens that are useless alone: the shard is in place of the refresh
    token."""

    def __init__(self, endpoints: Endpoints, store: LockedStore) -> None:
        self._server = endpoints
        self._store = store

    def claim(self, ticket: str) -> Flow[Holder]:
        """Claims the shard, and stores it. Returns the kind of holder. Raises TicketSpent, Denied,
        ServerUnavailable, StoreError."""
        return (yield from self._store.locked(self.claim_locked(ticket)))

    def deliver(self) -> Flow[Delivered]:
        """Delivers the shard to the server: its `handle` stands for it, once, for a minute. Raises
        NoKey, KeyStopped, KeySuspended, ServerUnavailable, StoreError."""
        return (yield from self._store.locked(self._deliver()))

    def claim_locked(self, ticket: str) -> Flow[Holder]:
        """As `claim`, for a caller with the lock."""
        before = yield from self._store.replaced()
        yield from self._store.ready()
        about = yield from self._server.about()
        # A repeated claim of a ticket uses the same key: the first one got no reply.
        prover = before.prover if before and before.ticket == ticket else None
        prover = prover or flow.new_prover(self._server.app, about)
        claiming = _claiming(ticket, prover)
        # The claim can be repeated with this key. A working key is not overwritten yet.
        noted = prover is not None and not (before and before.refresh_token)
        if noted:
            yield from self._store.save(claiming, instead_of=before)
        try:
            answer = yield from self._again(
                about.key_shard_claim_endpoint, {TICKET: ticket}, prover
            )
        except Denied as error:
            if noted:
                yield from self._store.save(before, instead_of=claiming)
            changed = error.code == "invalid_request"
            why = TicketSpent("no such ticket") if changed else as_client_error(error, TicketSpent)
            raise why from error
        claimed: Claimed = convert(answer, Claimed)
        fresh = replace(claiming, refresh_token=claimed.key_shard, threshold=claimed.threshold)
        instead_of = claiming if noted else before
        yield from self._store.save(replace(fresh, ticket=""), instead_of=instead_of)
        return claimed.holder

    def _deliver(self) -> Flow[Delivered]:
        tokens = yield from self._store.require()
        yield from self._store.ready()
        about = yield from self._server.about()
        form = {SHARD: tokens.refresh_token}
        try:
            answer = yield from self._again(about.key_shard_delivery_endpoint, form, tokens.prover)
        except Denied as error:
            raise as_client_error(error, KeyStopped) from error
        delivered: Delivered = convert(answer, Delivered)
        # Stored before anyone gets the handle.
        turned = replace(tokens, refresh_token=delivered.key_shard)
        yield from self._store.save(turned, instead_of=tokens)
        return delivered

    def _again(
        self, address: str, form: dict[str, str], prover: Prover | None
    ) -> Flow[dict[str, Any]]:
        """The answer. Without one it asks once more, which is harmless."""
        if not address:
            raise Aborted(f"{self._server.app.issuer} knows no shards")
        return (yield from server.post_again(address, form, app=self._server.app, prover=prover))


def _claiming(ticket: str, prover: Prover | None) -> Tokens:
    """Tokens of a pending claim: useless until the shard is there, and with the ticket until
    then."""
    key = "" if prover is None else prover.text
    return Tokens(access_token="", expires=1, key=key, ticket=ticket)


def as_client_error(error: Denied, otherwise: type[ClientError]) -> ClientError:
    """The SDK's error for a refusal of the server."""
    passing = interrupted(error.reason)
    if passing is not None:
        return passing
    match error.code:
        case "key_suspended":
            return KeySuspended("the key is suspended until its user checks and resumes it")
        case "insufficient_key_shards":
            return ShardsMissing("too few of the key's shards were presented")
        case "invalid_grant":
            return otherwise(error.description or "it is not valid any more")
        case _:
            return error


def convert(answer: dict[str, Any], kind: type[Any]) -> Any:
    """An answer of that kind. Raises ServerUnavailable where it cannot be read."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise ServerUnavailable("the server's answer cannot be read") from error


# The holders of the other shards of a key, for the app on the device.

CLAIM: Final = "/claim"
HANDLE: Final = "/handle"
FORGET: Final = "/forget"

UNKNOWN: Final = "invalid_token"
NO_SHARD: Final = "no_shard"
_WHY: Final = {
    UNKNOWN: "the backend does not know this device: its user signs in to the app again",
    NO_SHARD: "the backend has no shard for this device",
}
"""Error codes of a backend besides the registered ones."""


class OtherHolder(Protocol):
    """A holder of another shard. `prover` is the device's; None for bearer tokens."""

    holder: Holder

    def claim(self, ticket: str, prover: Prover | None) -> Flow[None]:
        """Gives the holder its ticket. Raises TicketSpent, ServerUnavailable."""
        ...

    def present(self, prover: Prover | None) -> Flow[str]:
        """A handle of the shard, which works once. Raises ShardsMissing, KeySuspended,
        ServerUnavailable."""
        ...

    def forget(self, prover: Prover | None) -> Flow[None]:
        """Drops the shard: the key is revoked."""
        ...


class Backend:
    """The app's backend (see `holder_service`), at `address`.

    `headers` carry the app's own sign-in. Without them the device proves its key, which needs
    `App.dpop`; then anyone who has the device can use the backend.
    """

    holder: Holder = "backend"

    def __init__(self, address: str, *, headers: Callable[[], Mapping[str, str]] = dict) -> None:
        """Raises ValueError for an address without https."""
        if not is_protected(address):
            raise ValueError("a backend is asked over https only")
        self._address = address.rstrip("/")
        self._headers = headers

    def claim(self, ticket: str, prover: Prover | None) -> Flow[None]:
        yield from self._post(CLAIM, {TICKET: ticket}, prover, otherwise=TicketSpent)

    def present(self, prover: Prover | None) -> Flow[str]:
        answer = yield from self._post(HANDLE, {}, prover, otherwise=KeyStopped)
        handle = answer.get("handle")
        if not isinstance(handle, str):
            raise ShardsMissing("the backend gave no handle")
        return handle

    def forget(self, prover: Prover | None) -> Flow[None]:
        yield from self._post(FORGET, {}, prover, otherwise=ShardsMissing)

    def _post(
        self,
        path: str,
        form: dict[str, str],
        prover: Prover | None,
        *,
        otherwise: type[ClientError],
    ) -> Flow[dict[str, Any]]:
        """The answer. `otherwise` is the error for `invalid_grant`."""
        headers = {name.lower(): value for name, value in self._headers().items()}
        try:
            return (
                yield from server.send(self._address + path, form, headers=headers, prover=prover)
            )
        except Denied as error:
            why = as_client_error(error, otherwise)
            if isinstance(why, Denied):
                why = ShardsMissing(_WHY.get(error.code, f"the backend refused: {error.code}"))
            raise why from error


class Here:
    """The backend of a confidential app on a server of its own: the other shard is in a second
    store, which should be in another place than the first."""

    holder: Holder = "backend"

    def __init__(self, app: App, store: TokenStore) -> None:
        self._store = LockedStore(store)
        self._client = ShardClient(Endpoints(app), self._store)

    def claim(self, ticket: str, prover: Prover | None) -> Flow[None]:
        yield from self._client.claim(ticket)

    def present(self, prover: Prover | None) -> Flow[str]:
        return (yield from self._client.deliver()).handle

    def forget(self, prover: Prover | None) -> Flow[None]:
        yield from self._store.locked(self._store.save(None, instead_of=None))


def recovery_code(typed: str) -> str:
    """A typed recovery code in its standard form. Raises CodeMistyped."""
    try:
        return write_code(read_code(typed))
    except BadShards as error:
        raise CodeMistyped(str(error)) from error
