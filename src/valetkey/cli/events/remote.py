"""The audit log of a server elsewhere, by its administration API."""

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.output.errors import Failed
from valetkey.cli.remote.commands import pages_of
from valetkey.cli.remote.targets import OperationCall, RemoteTarget
from valetkey.server.admin.table import BY_NAME

TAIL_SECONDS: Final = 2.0
TAIL_WINDOW: Final = 15_000
"""Milliseconds within which a record may become visible after one that is newer."""

PASSING: Final = frozenset({"unreachable", "too-many-requests", "unavailable"})
"""Failures that a `tail` waits out."""

PASSING_SECONDS: Final = 5.0

Item = dict[str, Any]


class RemoteLog:
    """The log of a server."""

    def __init__(self, target: RemoteTarget) -> None:
        self._target = target

    def close(self) -> None:
        """Closes the connection."""
        self._target.close()

    def criteria(self, options: dict[str, Any]) -> dict[str, Any]:
        """The query of `events.list` for the options of the commands. Times become whole seconds,
        so the span may be up to a second longer at both ends."""
        names = {"app": "app", "kind": "operation", "request": "request"}
        query: dict[str, Any] = {names[one]: options[one] for one in names if options.get(one)}
        for name in ("user", "actor"):
            if options.get(name):
                query[name] = self._user_id(options[name])
        return query | span(options.get("since"), options.get("until"))

    def _user_id(self, text: str) -> str:
        """The id of the user with this name, or the text itself: also where the caller may not read
        users."""
        try:
            listed = self._do("users.list", username=text)["items"]
        except Failed as error:
            if error.type in {"not-allowed", "invalid-request"}:
                return text
            raise
        return str(listed[0]["id"]) if listed else text

    def page(
        self, query: dict[str, Any], *, limit: int, cursor: str = ""
    ) -> tuple[list[Item], str]:
        """A page of records, newest first, and the cursor of the next one."""
        place = {"cursor": cursor} if cursor else {}
        document = self._do("events.list", **query, limit=limit, **place)
        return document["items"], document.get("next", "")

    def every(self, operation: str, query: dict[str, Any]) -> Iterator[Item]:
        """All records, newest first, as the operation shows them."""
        call = OperationCall(BY_NAME[operation], query=query)
        for items, _ in pages_of(self._target, call, limit=None):
            yield from items

    def show(self, name: str) -> Item:
        """One record."""
        operation = BY_NAME["events.show"]
        document: Item = self._target.do(OperationCall(operation, {"event": name}))
        return document

    def bundle(self, query: dict[str, Any]) -> Iterator[bytes]:
        """The lines of a bundle."""
        for one in self._do("events.bundle", **query)["lines"]:
            yield msgspec.json.encode(one) + b"\n"

    def follow(self, command: CommandContext, query: dict[str, Any]) -> Iterator[Item]:
        """The records as they come, oldest first, and the last ones before. Only the server's clock
        counts. A server that is away for a while is waited for."""
        since = query.pop("since", None)
        newest, printed = 0, dict[str, int]()
        while True:
            try:
                if not newest:
                    newest = self._newest(query)
                start = since if since is not None else max(0, newest - TAIL_WINDOW) // 1000
                items = [*self.every("events.list", {**query, "since": start})]
            except Failed as error:
                if error.type not in PASSING:
                    raise
                command.note(f"{error.message}; trying again")
                time.sleep(PASSING_SECONDS)
                continue
            for one in reversed(items):
                if one["id"] not in printed:
                    yield one
                    printed[one["id"]] = one["at"]
                    newest = max(newest, one["at"])
            since = None
            # What is committed late has an older id, so the last seconds are read again.
            printed = {name: at for name, at in printed.items() if at >= newest - 2 * TAIL_WINDOW}
            time.sleep(TAIL_SECONDS)

    def _newest(self, query: dict[str, Any]) -> int:
        items, _ = self.page(query, limit=1)
        return int(items[0]["at"]) if items else 0

    def _do(self, operation: str, /, **query: Any) -> Any:
        return self._target.do(OperationCall(BY_NAME[operation], query=query))


def span(since: int | None, until: int | None) -> dict[str, int]:
    """A time (milliseconds since 1970) as the API has it."""
    bounds = {"since": since and since // 1000, "before": until and -(-until // 1000)}
    return {name: at for name, at in bounds.items() if at}


def remote_log(command: CommandContext) -> RemoteLog | None:
    """The log of the server to which the command goes, None for this machine's. Raises Failed."""
    connection = command.connection()
    return None if connection is None else RemoteLog(RemoteTarget(connection))


def remote_row(one: Item) -> tuple[str, ...]:
    """A record as a row of a table."""
    actor, target = one["actor"], one["target"]
    about = (target.get(name) for name in ("user", "client", "id"))
    return (
        time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one["at"] // 1000)),
        one["operation"] + (f" x{one['count']}" if one["count"] > 1 else ""),
        one["outcome"],
        actor.get("id") or actor.get("kind", ""),
        " ".join(dict.fromkeys(filter(None, about))),
        one["address"],
        one["request"],
        one["id"],
    )
