"""How an operation is done, by the API, the console and the command line alike.

Checks come first: the permission, two factors, If-Match, the Idempotency-Key. Then the operation
runs. Its change, the audit record and the answer for a repeated call are one commit.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from valetkey.jose import seal
from valetkey.server.admin.operation import AnyOperation, Call
from valetkey.server.admin.problems import Problem
from valetkey.server.admin.services import Attempt, Replayed, Services, headers_of, replay
from valetkey.server.audit.caller import current_caller
from valetkey.server.http.request import new_request_id
from valetkey.server.model.idempotency import IdempotentCall
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.endpoints.administration import FRESH_SECONDS, Actor

_PURPOSE: Final = b"a hidden field of a call"

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


class Result(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What came of a call. `headers` are those that belong to the answer, with `location` below the
    API. `replayed`: the call was made before, and this is what it was answered with."""

    status: int
    response: Any
    body: bytes
    request_id: str
    headers: Mapping[str, str] = {}
    replayed: bool = False


async def perform(
    operation: AnyOperation,
    actor: Actor,
    services: Services,
    *,
    path: Mapping[str, str] | None = None,
    query: Any = None,
    body: Any = None,
    read: Callable[[], tuple[Any, Any]] | None = None,
    if_match: str = "",
    idempotency_key: str = "",
    needs_two_factors: bool = True,
    from_people: bool = False,
) -> Result:
    """Does an operation. `query` and `body` are its structs, None for their defaults; `read` reads
    both instead, once it is clear that the actor may do this. `needs_two_factors`: people have to
    have signed in with two factors. `from_people`: a person looks at what they change (a page of
    the console, a terminal), so If-Match is not needed, and still counts.

    Raises Problem, Unavailable, and OAuthError for what rules refuse."""
    place = path or {}
    attempt = Attempt(
        operation=operation,
        actor=actor,
        request_id=current_caller().id or new_request_id(),
        target=operation.path.format_map(place),
        path=place,
    )
    try:
        check(operation, actor, needs_two_factors=needs_two_factors)
    except Problem as refused:
        if operation.audit:
            await services.record(attempt, "refused", refused.type)
        raise
    if read is not None:
        query, body = read()
    query = operation.query() if query is None else query
    body = operation.body() if body is None else body
    if key := _key(operation, actor, idempotency_key):
        mac_key = await services.runner.ask(_mac_key)
        attempt = msgspec.structs.replace(
            attempt,
            key=key,
            fingerprint=_fingerprint(operation, place, query=query, body=body, mac_key=mac_key),
        )
    if operation.needs_match and not if_match and not from_people:
        raise Problem("precondition-needed")
    call = Call(
        services=services,
        actor=actor,
        path=place,
        query=query,
        body=body,
        request_id=attempt.request_id,
        attempt=attempt,
        if_match=if_match,
    )
    try:
        return await _run(operation, call)
    except Replayed as before:
        if (reach := operation.reach) is not None:
            # Who could do it then may not read its answer now.
            await call.ask(lambda _: reach(call))
        return _replayed(before.stored, attempt)


def check(operation: AnyOperation, actor: Actor, *, needs_two_factors: bool = True) -> None:
    """Raises Problem unless the actor may do this now."""
    if operation.permission and operation.permission not in actor.permissions:
        raise Problem("not-allowed", permission=operation.permission)
    if actor.kind != "user":
        return
    if needs_two_factors and not actor.two_factors:
        raise Problem("two-factors-needed")
    if operation.sensitive and not actor.fresh:
        raise Problem(
            "two-factors-needed",
            f"this wants a sign-in of the last {FRESH_SECONDS // 60} minutes",
            max_age=FRESH_SECONDS,
        )


async def _run(operation: AnyOperation, call: Call[Any, Any]) -> Result:
    attempt, services = call.attempt, call.services
    if attempt.key:

        def first(context: Context) -> Rule[None]:
            # What was done is not checked again: a removed thing would not be found.
            yield from replay(attempt, context)

        if attempt.key in services.in_flight:
            raise Problem("in-flight")
        services.in_flight.add(attempt.key)
        try:
            await call.ask(first)
            response = await operation.run(call)
        finally:
            services.in_flight.discard(attempt.key)
    else:
        response = await operation.run(call)
    if operation.recorded:
        await services.record(attempt, "done")
    return Result(
        status=operation.status,
        response=response,
        body=b"" if response is None else msgspec.json.encode(response),
        request_id=attempt.request_id,
        headers=headers_of(operation, response, attempt.path),
    )


def _key(operation: AnyOperation, actor: Actor, key: str) -> str:
    """The digest of a key: it belongs to this caller and this operation."""
    if not key or operation.method == "GET":
        return ""
    if not _KEY.fullmatch(key):
        raise Problem("invalid-request", "the Idempotency-Key has 1 to 255 printable characters")
    return _digest([actor.kind, actor.id, actor.client, operation.name, key])


def _mac_key(context: Context) -> Rule[bytes]:
    yield from ()
    return context.installation.keyring.macs[0].raw


def _fingerprint(
    operation: AnyOperation, path: Mapping[str, str], *, query: Any, body: Any, mac_key: bytes
) -> str:
    """A digest of what was asked. A password in it goes in as a MAC, so that nobody who reads the
    database can guess it there, faster than by its hash."""
    inputs = [msgspec.to_builtins(one, enc_hook=str) for one in (query, body)]
    for name in operation.hidden:
        inputs[1][name] = seal.mac(mac_key, _PURPOSE, inputs[1][name].encode()).hex()
    return _digest([operation.name, dict(path), *inputs])


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _replayed(stored: IdempotentCall, attempt: Attempt) -> Result:
    if stored.fingerprint != attempt.fingerprint:
        raise Problem("key-reused")
    kind = attempt.operation.response
    return Result(
        status=stored.status,
        response=msgspec.json.decode(stored.body, type=kind) if stored.body and kind else None,
        body=stored.body,
        request_id=attempt.request_id,
        headers=stored.headers,
        replayed=True,
    )
