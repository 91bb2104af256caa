"""A small world to run rules in by hand: the memory store, a clock that stands until it is moved,
real randomness, and the shared platform of `tests.installation`.

Nothing waits here, so stories read from top to bottom and races can be laid out move by move.
"""

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec.structs import replace
from tests.installation import CLIENTS, POLICIES, RESOURCE_SERVERS
from tests.keys import key
from tests.server.oauth.forms import KITE, VERIFIER, call, form, pushed, request

from valetkey.server.accounts.sign_in import open_session
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Keyring, RawKey
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.query import (
    CommitAlways,
    Document,
    DocumentRequest,
    Many,
    One,
    Results,
    Rule,
    Unreachable,
)
from valetkey.server.model.record import Record
from valetkey.server.model.statistic import Statistic
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.consent import Allow, Cancel
from valetkey.server.oauth.authorize.endpoint import answer, authorize, resume
from valetkey.server.oauth.authorize.outcome import AuthorizeDecision, Consent, Permit
from valetkey.server.oauth.authorize.par import push
from valetkey.server.oauth.authorize.request_stages import remember_sign_in
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import Call, Feature
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.introspection import introspect
from valetkey.server.oauth.endpoints.revocation import revoke
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.issue.tokens import response
from valetkey.server.oauth.signals.fan_out import with_signals
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import Answers, Decided, ask, settle
from valetkey.wire.introspection import Introspection

T = TypeVar("T")
R = TypeVar("R", bound=Record)
D = TypeVar("D", bound=Decided)
FormRule = Callable[[Call, Context], Rule[Answer | Issued | Refuse]]

ISSUER: Final = "https://id.example"
START: Final = 1_700_000_000
KEYRING: Final = Keyring(
    signing={"ES256": key("ES256"), "RS256": key("RS256")},
    published=(key("ES256").public(), key("RS256").public()),
    sealing=(RawKey("5ea10001", bytes(range(32))),),
    macs=(RawKey("3ac00001", bytes(range(1, 33))),),
    salt=RawKey("5a170001", bytes(range(2, 34))),
)


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that waits for nothing but its turn comes to."""
    try:
        while coroutine.send(None) is None:
            pass
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise RuntimeError("the memory store never waits")


class World:
    """An installation, and what people and apps do with it."""

    def __init__(self, features: tuple[Feature, ...] = switched(), /, **seconds: int) -> None:
        """`seconds` are lifetimes that differ from the defaults."""
        self.store = MemoryStore()
        self.outside: dict[str, Document | Unreachable] = {}
        """What others publish, by its address."""
        self.fetched: list[DocumentRequest] = []
        self.now = START
        self.at = Installation(
            issuer=ISSUER,
            lifetimes=Lifetimes(**seconds),
            keyring=KEYRING,
            offer=Offer(ISSUER, RESOURCE_SERVERS),
            features=features,
            policies={policy.name: policy for policy in POLICIES},
        )
        self.miko, self.noor = (
            User(
                id=ids.user_id(self.env),
                username=name,
                email=f"{name}@example.org",
                created=self.now,
                changed=self.now,
            )
            for name in ("miko", "noor")
        )
        self.put(*CLIENTS, KITE, *RESOURCE_SERVERS, self.miko, self.noor)

    # The moment.

    @property
    def env(self) -> Env:
        return Env(self.now, os.urandom)

    @property
    def context(self) -> Context:
        return Context(self.at, self.env)

    def later(self, seconds: int) -> None:
        self.now += seconds

    # The store.

    def put(self, *records: Record) -> None:
        self.write(*(Create(record) for record in records))

    def write(self, *changes: Change) -> None:
        done(self.store.commit(changes))

    def read(self, *wants: Any) -> Results:
        """What the store finds; nothing for what only asks to be written."""
        return done(self.store.read(*(one for one in wants if not isinstance(one, CommitAlways))))

    def have(self, kind: type[R], name: str) -> R | None:
        wanted = One(kind, name)
        return done(self.store.read(wanted)).one(wanted)

    def need(self, kind: type[R], name: str) -> R:
        found = self.have(kind, name)
        assert found is not None
        return found

    def all(self, kind: type[R]) -> tuple[R, ...]:
        wanted = Many(kind)
        return done(self.store.read(wanted)).many(wanted)

    def sweep(self) -> None:
        """Forgets what has expired."""
        done(self.store.sweep(self.now))

    def change(self, record: type[R], key: str, /, **fields: Any) -> R:
        """Writes other fields into the record of that key."""
        self.write(Update(replace(self.need(record, key), **fields)))
        return self.need(record, key)

    def digest(self) -> dict[str, int]:
        """The version of every record but the events and what is counted of them: equal digests,
        nothing written."""
        tables = self.store._tables.items()
        return {
            f"{name} {key}": row.version
            for name, rows in tables
            for key, row in rows.items()
            if name not in (Event.table, Statistic.table)
        }

    def kinds(self) -> list[str]:
        """What has been told, in the order of the telling."""
        events = self.store._tables.get(Event.table, {}).values()
        return [event.kind for event in events if isinstance(event, Event)]

    # Rules.

    def ask(self, rule: Rule[T]) -> T:
        """What the rule decides; nothing is written."""
        return done(ask(self.store, rule, fetch=self._fetch))

    def settle(self, rule: Callable[[], Rule[D]]) -> D:
        """What the rule decides, written."""
        return done(settle(self.store, rule, then=self._telling, fetch=self._fetch))

    def _telling(self, outcome: D) -> Rule[D]:
        return with_signals(outcome, self.context)

    async def _fetch(self, wants: Sequence[DocumentRequest]) -> Answers:
        self.fetched += wants
        nothing = Unreachable("nobody listens there")
        platform = {
            "still_allowed": Document(b"true", 0),
            "consent_check": Document(b'{"allowed": true}', 0),
        }
        return {
            want: self.outside.get(want.url, platform.get(want.kind, nothing)) for want in wants
        }

    # People.

    def sign_in(self, user: User | None = None, *, browser: str = "firefox") -> Browser:
        """A visit of somebody who has just signed in: Miko, where nobody is named."""
        who = user or self.miko
        signed = self.settle(
            lambda: open_session(
                who,
                username=who.username,
                caller=None,
                replaces="",
                seconds=self.at.lifetimes.session,
                epoch=self.at.epoch,
                env=self.env,
            )
        )
        secret = signed.secret.reveal()
        return Browser(
            id=browser, session=signed.session.id, session_secret=secret, device="Firefox"
        )

    def visit(self, parameters: Mapping[str, Any], visit: Browser) -> AuthorizeDecision:
        """What the authorization endpoint comes to for these parameters."""
        return self.settle(lambda: authorize(form(parameters), visit, self.context))

    def resume(self, pending: str, visit: Browser) -> AuthorizeDecision:
        return self.settle(lambda: resume(pending, visit, self.context))

    def signed_in_for(self, pending: str, visit: Browser) -> None:
        """The visit's session was made for this request."""
        self.settle(lambda: remember_sign_in(pending, visit, visit.session, context=self.context))

    def say(
        self, sheet: Consent, visit: Browser, *, ticked: tuple[str, ...] | None = None
    ) -> AuthorizeDecision:
        """The user allows what is ticked on the sheet: all of it, where nothing is named."""
        every = tuple(row.permission.id for row in sheet.new)
        said = Allow(every if ticked is None else ticked, sheet.sheet_digest, language="en")
        return self.settle(lambda: answer(sheet.pending.id, said, visit, context=self.context))

    def refuse(self, sheet: Consent, visit: Browser) -> AuthorizeDecision:
        """The user cancels."""
        return self.settle(lambda: answer(sheet.pending.id, Cancel(), visit, context=self.context))

    def agree(
        self,
        parameters: Mapping[str, Any],
        visit: Browser | None = None,
        *,
        ticked: tuple[str, ...] | None = None,
    ) -> Permit:
        """The whole visit of a user who agrees to what is ticked: the code."""
        who = visit or self.sign_in()
        decision = self.visit(parameters, who)
        if isinstance(decision, Consent):
            decision = self.say(decision, who, ticked=ticked)
        assert isinstance(decision, Permit), decision
        return decision

    # Apps.

    def post(self, rule: FormRule, call: Call) -> Answer | Issued:
        """What an endpoint comes to, written. Raises what it refuses with."""
        outcome = self.settle(lambda: rule(call, self.context))
        if isinstance(outcome, Refuse):
            raise outcome.error
        return outcome

    def token(self, client: str, **parameters: Any) -> dict[str, Any]:
        """The token response. Raises OAuthError."""
        issued = self.post(token, call(client, **parameters))
        if isinstance(issued, Issued):
            return dict(response(issued, self.context))
        assert isinstance(issued.document, dict)
        return issued.document

    def redeem(self, client: str, code: str, **parameters: Any) -> dict[str, Any]:
        """The tokens for a code. A parameter that is None is left out."""
        given = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        return self.token(client, **(given | parameters))

    def refresh(self, client: str, refresh_token: str, **parameters: Any) -> dict[str, Any]:
        given = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.token(client, **(given | parameters))

    def connect(
        self, client: str = "kite", *, ticked: tuple[str, ...] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """The tokens of an app to which Miko has agreed."""
        code = self.agree(request(client, **parameters), ticked=ticked).code
        return self.redeem(client, code)

    def push(self, client: str, **parameters: Any) -> str:
        """The `request_uri` of a pushed request."""
        outcome = self.post(push, call(client, **pushed(client, **parameters)))
        assert isinstance(outcome, Answer)
        document: Any = outcome.document
        return str(document["request_uri"])

    def introspect(self, text: str, by: str = "chirp") -> Introspection:
        outcome = self.post(introspect, call(by, token=text))
        assert isinstance(outcome, Answer)
        assert isinstance(outcome.document, Introspection)
        return outcome.document

    def revoke(self, client: str, text: str) -> None:
        self.post(revoke, call(client, token=text))

    # What stands.

    def grant(self, client: str = "kite") -> Grant:
        """The one grant of Miko's to the app."""
        (found,) = (
            grant
            for grant in self.all(Grant)
            if (grant.user, grant.client) == (self.miko.id, client) and grant.status != "stopped"
        )
        return found

    def family(self, client: str = "kite") -> TokenFamily:
        """The app's youngest family: the memory store keeps the order of creation."""
        rows = self.store._tables[TokenFamily.table].values()
        mine = [row for row in rows if isinstance(row, TokenFamily) and row.client == client]
        return mine[-1]
