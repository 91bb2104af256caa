"""The holders of the other shards of a key, for the app on the device."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from valetkey.client import server
from valetkey.client.app import App
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import (
    ClientError,
    CodeMistyped,
    Denied,
    KeyStopped,
    ShardsMissing,
    TicketSpent,
)
from valetkey.client.locked_store import LockedStore
from valetkey.client.proof_key import Prover
from valetkey.client.shard_client import ShardClient, as_client_error
from valetkey.client.steps import Flow
from valetkey.client.store import TokenStore
from valetkey.wire.key_shards import TICKET, BadShards, Holder, read_code, write_code
from valetkey.wire.metadata import is_protected

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
