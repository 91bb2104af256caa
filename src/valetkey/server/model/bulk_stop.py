"""Stopping many grants at once: which ones, and how far it is."""

from typing import ClassVar, Literal, TypeAlias

import msgspec

from valetkey.server.model.record import Record

BulkStatus: TypeAlias = Literal["running", "cancelled", "finished"]


class GrantFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which live grants: of an app, with a permission, or that no app has used since a moment
    (seconds since 1970, 0 for any); "" for any. `all` is written out where none of them is set."""

    app: str = ""
    permission: str = ""
    unused_since: int = 0
    all: bool = False


class BulkStop(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A bulk stop. It stops the grants of its filter that were made before `created`, one commit
    for each, which also counts it in `stopped`. `number` is that of the preview, `reason` is for
    the users, `by` is who ordered it. `worker` is the server that works on it, and may until
    `leased`. Times are in seconds since 1970."""

    table: ClassVar[str] = "bulk_stops"

    id: str
    filter: GrantFilter
    number: int
    reason: str = ""
    by: str = ""
    status: BulkStatus = "running"
    stopped: int = 0
    worker: str = ""
    leased: int = 0
    created: int
    changed: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def forget_at(self) -> int:
        return self.created + 400 * 86400
