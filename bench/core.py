"""The pure core alone, on facts in memory: `python -m bench.core COUNT`.

For each operation everything is made ready for so many requests; then each is read, decided, issued
and signed. There is no server, no database and no wait, so the same instructions run each time.
"""

import gc
import sys
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bench.peers.ours_requests import Requests
from bench.peers.people import CLIENTS, OPENID, POLICIES, people_of
from bench.population import API, APPS, population
from bench.subject import Snapshot, Subject
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Use
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.query import Many, One, OneByAlias, Results, Rule
from valetkey.server.model.record import Record
from valetkey.server.oauth.clients.authentication import authenticate, authenticate_resource_server
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import Call, RequestInfo
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.introspection import introspect
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.issue.tokens import response
from valetkey.server.oauth.senders.binding import check_presented
from valetkey.server.store.database_url import Database
from valetkey.server.store.keyring import make, open_keys
from valetkey.wire.bearer import read_header
from valetkey.wire.form import parse_form

SIZE: Final = 100
MASTER: Final = bytes(32)

WARM: Final = 20
"""Requests that are not counted: what is remembered is then remembered."""

Ruling = Callable[..., Generator[Any, Any, Any]]


def _token(call: Call) -> tuple[str, str]:
    header = read_header(call.authorization)
    if header is None:
        raise RuntimeError("no token")
    return header


def _presented(call: Call, context: Context) -> Rule[None]:
    scheme, text = _token(call)
    yield from check_presented(scheme, RequestInfo(token=text), context)


def _introspected(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """What the driver of userinfo has decided about a token that is shown."""
    yield from _presented(call, context)
    return (yield from userinfo(_token(call)[1], context))


RULES: Final[dict[str, tuple[Ruling, Ruling]]] = {
    "client credentials": (authenticate, token),
    "introspection": (authenticate_resource_server, introspect),
    "introspection, first time": (authenticate_resource_server, introspect),
    "userinfo": (_presented, _introspected),
    "refresh": (authenticate, token),
    "code, openid": (authenticate, token),
}
"""The operations, and the rules behind them: who asks, and all of it."""


class Facts:
    """What a store would find."""

    def __init__(self, records: list[Record]) -> None:
        self._records = {(type(one), one.key): one for one in records}

    def find(self, wants: tuple[Any, ...]) -> Results:
        """All that is known of what is wanted."""
        rows: dict[Any, tuple[Record, ...]] = {}
        for want in wants:
            match want:
                case One(record=kind, key=key):
                    record = self._records.get((kind, key))
                    rows[want] = () if record is None else (record,)
                case OneByAlias() | Many():
                    rows[want] = ()
                case _:
                    continue  # It is to be written.
        return Results(rows)


def decided(rule: Generator[Any, Any, Any], facts: Facts) -> Any:
    """What the rule comes to."""
    try:
        wants = next(rule)
        while True:
            wants = rule.send(facts.find(wants))
    except StopIteration as done:
        return done.value


MARK: Final = "adler32"
"""A function of zlib that nothing else here calls."""


class Ready(NamedTuple):
    """An operation, the calls that are made ready for it, and what they are decided by."""

    operation: str
    calls: list[Callable[[], Call]]
    who: Ruling
    rule: Ruling
    facts: Facts
    context: Context


def ready() -> Iterator[Ready]:
    """Every operation, made ready."""
    now = int(time.time())
    snapshot = Snapshot(people=population(SIZE, now=now, fresh=True), master=MASTER)
    uses: tuple[Use, ...] = ("ES256", "RS256", "seal", "mac", "salt")
    keyring = open_keys([make(one, MASTER, status="current") for one in uses], MASTER, now=now)
    subject = Subject(Database(Path("nowhere")), snapshot, keyring)
    subject.port = 8000
    facts = Facts(
        [
            *(record for member in snapshot.people.members() for record in member.records),
            *(record for one in people_of(snapshot) for record in one.records),
            *CLIENTS,
            *APPS,
            API,
        ]
    )
    at = Installation(
        issuer=subject.issuer,
        lifetimes=Lifetimes(),
        keyring=keyring,
        offer=Offer(subject.issuer, [API]),
        features=switched(),
        policies={one.name: one for one in POLICIES},
    )
    for operation, (who, rule) in RULES.items():
        calls = [_call(one) for one in _requests(subject, operation)]
        # Under valgrind on a busy machine, the tokens of a request are from long after the start.
        context = Context(at, Env(int(time.time()), bytes))
        yield Ready(operation, calls, who, rule, facts, context)


def main(count: int) -> None:
    """Answers so many requests of each operation, with a call of MARK before and after them. Raises
    RuntimeError where one is refused."""
    for one in ready():
        for call in one.calls[:WARM]:
            decided(one.rule(call(), one.context), one.facts)
        # A server freezes what it starts with, too: else one collection of all that was made ready
        # falls into some operation.
        gc.collect()
        gc.freeze()
        zlib.adler32(b"")
        _answer(one, one.calls[WARM : WARM + count])
        zlib.adler32(b"")


def _answer(one: Ready, calls: Sequence[Callable[[], Call]]) -> None:
    for call in calls:
        outcome = decided(one.rule(call(), one.context), one.facts)
        match outcome:
            case Issued():
                msgspec.json.encode(response(outcome, one.context))
            case Answer(document=document):
                msgspec.json.encode(document)
            case _:
                raise RuntimeError(f"refused: {outcome}")


def _requests(subject: Subject, operation: str) -> list[bytes]:
    """SIZE of them, each of somebody else where people matter; or the same again and again, where
    tokens are asked about again."""
    requests = Requests(subject)
    match operation:
        case "refresh":
            return [subject.refresh() for _ in range(SIZE)]
        case "introspection":
            return [subject.introspection() for _ in range(WARM)] * (SIZE // WARM)
        case "introspection, first time":
            return [subject.introspection() for _ in range(SIZE)]
        case "code, openid":
            return list(requests.codes(SIZE, scope=OPENID).requests)
        case "userinfo":
            return list(requests.load(operation).requests[:WARM]) * (SIZE // WARM)
        case _:
            return list(requests.load(operation).requests) * SIZE


def _call(raw: bytes) -> Callable[[], Call]:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line.decode().partition(": ") for line in head.split(b"\r\n")[1:]]
    headers = {name.lower(): value for name, _, value in lines}
    authorization = headers.get("authorization", "")
    return lambda: Call(form=parse_form(body), authorization=authorization)


if __name__ == "__main__":
    main(int(sys.argv[1]))
