"""Where operations are done: over the database of this machine, or at a server elsewhere."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.local_operations import perform_local
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.remote.connection import Connection
from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.store.port import Store
from valetkey.spec.errors import OAuthError


class OperationCall(NamedTuple):
    """An operation, with what it reads: variables of its path, its query, its body."""

    operation: AnyOperation
    path: Mapping[str, str] = {}
    query: dict[str, Any] = {}
    body: dict[str, Any] = {}


class Target(Protocol):
    """Where operations are done. `place` names it for people."""

    @property
    def place(self) -> str: ...

    def do(self, call: OperationCall) -> Any:
        """The answer, as JSON has it. Raises Failed."""
        ...

    def close(self) -> None:
        """Closes what is open."""
        ...


class RemoteTarget:
    """A server elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.place = connection.context.server

    def do(self, call: OperationCall) -> Any:
        operation = call.operation
        answer = self._connection.call(
            operation.method,
            address_of(operation, call.path),
            query=call.query,
            body=call.body if operation.has_body else None,
            if_match=self._tag(call),
        )
        return answer.document

    def _tag(self, call: OperationCall) -> str:
        """The version of what is edited, as it is now."""
        if not call.operation.needs_match:
            return ""
        return self._connection.call("GET", address_of(shown_by(call.operation), call.path)).etag

    def close(self) -> None:
        self._connection.close()


def shown_by(operation: AnyOperation) -> AnyOperation:
    """The operation that shows what this one edits, with its version: at its path, or at the
    nearest one above."""
    path = operation.path
    while path:
        for one in OPERATIONS:
            if (one.method, one.path) == ("GET", path):
                return one
        path = path.rpartition("/")[0]
    raise ValueError(f"nothing shows what {operation.name} edits")


def address_of(operation: AnyOperation, path: Mapping[str, str]) -> str:
    """The path of an operation below the API."""
    return operation.path.format_map({name: quote(one, safe="") for name, one in path.items()})


class LocalTarget:
    """The database of this machine, without a server: it works when nothing else does."""

    place = "this machine"

    def __init__(self, command: CommandContext) -> None:
        self._command = command

    def do(self, call: OperationCall) -> Any:
        operation = call.operation

        async def doing(store: Store) -> Any:
            result = await perform_local(
                store,
                self._command,
                operation.name,
                path=dict(call.path),
                query=_struct(call.query, operation.query),
                body=_struct(call.body, operation.body),
            )
            return msgspec.json.decode(result.body) if result.body else None

        try:
            return self._command.run(doing)
        except OAuthError as error:
            raise Failed(error.description or error.code) from error

    def close(self) -> None:
        pass


def _struct(values: dict[str, Any], kind: type[msgspec.Struct]) -> Any:
    try:
        return msgspec.convert(values, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidUsage(str(error)) from error


def target_of(command: CommandContext) -> Target:
    """Where the command goes: the server of a context, or the database."""
    connection = command.connection()
    return LocalTarget(command) if connection is None else RemoteTarget(connection)
