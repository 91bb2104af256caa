"""What operations work with: the database, through rules, and commits that have all that belongs
to a change."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from valetkey.server.admin.audit import OperationOutcome, audit_change
from valetkey.server.admin.chosen_passwords import ChosenPasswords
from valetkey.server.admin.operation import AnyOperation, etag
from valetkey.server.model.change import Change, Update, put
from valetkey.server.model.idempotency import IdempotentCall
from valetkey.server.model.keys import SigningKey, Use
from valetkey.server.model.query import One, Page, PageQuery, Rule
from valetkey.server.model.record import Record
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.endpoints.administration import Actor
from valetkey.server.store.port import Store

KEY_SECONDS: Final = 86400
"""For which an Idempotency-Key counts."""

T = TypeVar("T")
D = TypeVar("D", bound=Outcome)
S = TypeVar("S", bound="msgspec.Struct | None")
Outcomes = TypeVar("Outcomes", bound=Outcome)
RecordT = TypeVar("RecordT", bound=Record)


class Runner(Protocol):
    """Runs rules: the shell of a server, or the command line over its database."""

    @property
    def store(self) -> Store: ...

    async def ask(self, rule: Callable[[Context], Rule[T]]) -> T: ...

    async def settle(self, rule: Callable[[Context], Rule[D]]) -> tuple[D, Context]: ...

    async def new_key(self, use: Use) -> SigningKey: ...

    @property
    def describe_settings(self) -> Callable[[], Sequence[tuple[str, Any, str]]]: ...


class Answered(Outcome, Generic[S], frozen=True, kw_only=True, eq=False):
    """A decision, with the answer and everything that is committed with it."""

    response: S


class Replayed(Exception):
    """The call was made before; this is its answer."""

    def __init__(self, stored: IdempotentCall) -> None:
        super().__init__(stored.id)
        self.stored = stored


class Attempt(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One attempt of a call: who makes it, and what its audit record and its answer for a repeated
    call have. `target` is what it is about: the path below the API. `key` is the digest of the
    caller, the operation and the Idempotency-Key, "" for a call without one."""

    operation: AnyOperation
    actor: Actor
    request_id: str
    target: str
    path: Mapping[str, str] = {}
    key: str = ""
    fingerprint: str = ""


class Services:
    """What operations work with. `passwords` judges and hashes those that administrators choose."""

    def __init__(self, runner: Runner, *, passwords: ChosenPasswords | None = None) -> None:
        self.runner = runner
        self.passwords = passwords or ChosenPasswords()
        self.in_flight: set[str] = set()
        """The keys of calls that are being answered by this process."""

    async def page(self, query: PageQuery[RecordT]) -> Page[RecordT]:
        """A page of records. Raises Unavailable."""
        return await self.runner.store.page(query)

    async def settle(
        self, attempt: Attempt, rule: Callable[[Context], Rule[D]], answer: Callable[[D], S]
    ) -> S:
        """Commits a decision with its audit record and its answer. Raises Replayed."""

        def whole(context: Context) -> Rule[Answered[S]]:
            stored = yield from replay(attempt, context)
            records: _Records = {}
            outcome = yield from _note_reads(rule(context), records)
            response = answer(outcome)
            audit = yield from _audit(attempt, outcome, context, records=records)
            call = _stored(attempt, response, before=stored, context=context)
            return Answered(
                response=response,
                changes=(*outcome.changes, *audit, *call),
                events=outcome.events,
            )

        answered, _ = await self.runner.settle(whole)
        return answered.response

    async def record(self, attempt: Attempt, outcome: OperationOutcome, why: str = "") -> None:
        """Writes the audit record of a call that changes nothing: a refused one, or one that reads
        something about a person."""

        def rule(context: Context) -> Rule[Outcome]:
            yield from ()
            changes = audit_change(
                context.env,
                actor=attempt.actor,
                operation=attempt.operation.name,
                target=attempt.target,
                outcome=outcome,
                request_id=attempt.request_id,
                before={"why": why} if why else {},
            )
            return Outcome(changes=changes)

        await self.runner.settle(rule)


def replay(attempt: Attempt, context: Context) -> Rule[IdempotentCall | None]:
    """The record of the key, if it has expired. Raises Replayed if it counts."""
    if not attempt.key:
        return None
    query = One(IdempotentCall, attempt.key)
    stored = (yield (query,)).one(query)
    if stored is not None and context.env.now < stored.expires:
        raise Replayed(stored)
    return stored


def _stored(
    attempt: Attempt, response: Any, *, before: IdempotentCall | None, context: Context
) -> tuple[Change, ...]:
    """The change that keeps the answer for a repeated call."""
    if not attempt.key:
        return ()
    operation = attempt.operation
    shown = dict.fromkeys(operation.secret, "")
    if response is not None and shown:
        response = msgspec.structs.replace(response, **shown)
    call = IdempotentCall(
        id=attempt.key,
        fingerprint=attempt.fingerprint,
        status=operation.status,
        expires=context.env.now + KEY_SECONDS,
        body=b"" if response is None else msgspec.json.encode(response),
        headers=headers_of(operation, response, attempt.path),
    )
    return (put(call, before),)


def headers_of(operation: AnyOperation, response: Any, path: Mapping[str, str]) -> dict[str, str]:
    """The headers that belong to an answer. `location` is below the API."""
    headers = {}
    version = getattr(response, "version", None)
    if isinstance(version, int):
        headers["etag"] = etag(version)
    if operation.location:
        headers["location"] = operation.location.format_map(
            {**path, **msgspec.structs.asdict(response)}
        )
    return headers


_UNTOLD: Final = frozenset(
    {"password", "mark", "secrets", "secret", "codes", "digest", "proved", "registration_token"}
)
"""Fields whose values no audit record has."""

_ASIDE: Final = frozenset({"version", "changed"})


_Records: TypeAlias = dict[tuple[type[Record], str], Record]


def _note_reads(rule: Rule[D], records: _Records) -> Rule[D]:
    """The same rule; `records` gets the records that it reads."""
    try:
        wants = next(rule)
        while True:
            results = yield wants
            for row in results.rows.values():
                records.update(((type(one), one.key), one) for one in row)
            wants = rule.send(results)
    except StopIteration as done:
        decision: D = done.value
        return decision
    finally:
        rule.close()


def _audit(
    attempt: Attempt, outcome: Outcome, context: Context, *, records: _Records
) -> Rule[tuple[Change, ...]]:
    """The audit record, with what changed in the records that were there before: `records`, or read
    here, for a rule that updates what it was given."""
    updated = [one.record for one in outcome.changes if isinstance(one, Update)]
    places = [(type(one), one.key) for one in updated]
    queries = {place: One(*place) for place in places if place not in records}
    if queries:
        results = yield tuple(queries.values())
        found = ((place, results.one(query)) for place, query in queries.items())
        records.update((place, one) for place, one in found if one is not None)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for place, record in zip(places, updated, strict=True):
        if place in records:
            _differ(records[place], record, before=before, after=after)
    return audit_change(
        context.env,
        actor=attempt.actor,
        operation=attempt.operation.name,
        target=attempt.target,
        outcome="done" if outcome.changes else "nothing to change",
        request_id=attempt.request_id,
        before=before,
        after=after,
    )


def _differ(was: Record, now: Record, *, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Adds the fields that differ, each with its value as JSON."""
    for name in now.__struct_fields__:
        if name in _ASIDE or (old := getattr(was, name)) == (new := getattr(now, name)):
            continue
        place = f"{now.table} {now.key}: {name}"
        hidden = name in _UNTOLD
        before[place] = "(secret)" if hidden else msgspec.to_builtins(old, enc_hook=str)
        after[place] = "(secret)" if hidden else msgspec.to_builtins(new, enc_hook=str)
