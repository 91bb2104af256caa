"""Calls that count once, however often they are sent."""

from typing import ClassVar

from valetkey.server.model.record import Record


class IdempotentCall(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A call that was made with an `Idempotency-Key`, and its answer. The `id` is a digest of the
    caller, the operation and the key; `fingerprint` is one of what was asked. `body` is the answer
    as JSON, without secrets, and `headers` are those that belong to it."""

    table: ClassVar[str] = "idempotent_calls"

    id: str
    fingerprint: str
    status: int
    expires: int
    body: bytes = b""
    headers: dict[str, str] = {}

    @property
    def key(self) -> str:
        return self.id

    @property
    def forget_at(self) -> int:
        return self.expires
