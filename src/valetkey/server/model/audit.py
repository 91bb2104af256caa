"""The audit log: who did what to what, from where, with which outcome.

A record is written in the commit of the change that it is about. Later, a segment seals it (see
`server.audit`). No record is ever changed: what was hashed is what is stored.
"""

from functools import cached_property
from typing import Any, ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.event import By, Event
from valetkey.server.model.record import Record

Category: TypeAlias = Literal["sign-in", "access", "account", "administration", "system"]
"""What a record is about. Each category has a retention of its own."""

CATEGORIES: Final[tuple[Category, ...]] = (
    "sign-in",
    "access",
    "account",
    "administration",
    "system",
)
"""In the order of their numbers, which segments store: only append."""

Result: TypeAlias = Literal["success", "refused", "failed"]

NOT_RECORDED: Final = frozenset({"connected"})
"""Kinds of events that are counted and not recorded, as refreshes are: an app does them."""

_CATEGORY: Final[dict[str, Category]] = {
    **dict.fromkeys(
        (
            "signed-in",
            "sign-in-refused",
            "signed-out",
            "code-refused",
            "recovery-code-used",
            "passkey-suspect",
            "password-closed",
            "password-opened",
        ),
        "sign-in",
    ),
    **dict.fromkeys(
        (
            "signed-up",
            "disabled",
            "enabled",
            "deletion-requested",
            "deletion-cancelled",
            "profile-changed",
            "linked",
            "unlinked",
            "password-changed",
            "email-changed",
            "phone-changed",
            "reset-link-made",
            "factor-added",
            "factor-removed",
            "factors-reset",
            "recovery-codes-made",
        ),
        "account",
    ),
    **dict.fromkeys(("registered", "app-suspended", "app-restored", "erased"), "administration"),
    **dict.fromkeys(("undelivered",), "system"),
}


def category_of(operation: str) -> Category:
    """The category of a kind of event, or of an operation such as `users.disable`."""
    if operation.startswith("audit."):
        return "system"
    named = _CATEGORY.get(operation)
    if named is not None:
        return named
    return "administration" if "." in operation else "access"


class AuditActor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acted: a `user` or an `app` by its id, an `administrator`, the `server` itself, or a
    `local` command by the number of its user (`local:1000`), or a `stranger`. `client` is the app
    through which they acted, `session` the id of their session."""

    kind: Literal["user", "app", "administrator", "server", "local", "stranger"]
    id: str = ""
    client: str = ""
    session: str = ""


class AuditTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it was done to. `kind` and `id` are the table and the key of a record of another
    kind."""

    user: str = ""
    client: str = ""
    grant: str = ""
    kind: str = ""
    id: str = ""


NO_TARGET: Final = AuditTarget()


class AuditFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The public part of a record: no name, no address, nothing that a person typed.

    `at` is in milliseconds since 1970. `changes` has the values of changed fields before and after.
    `request` is the id of the request. `count` is how often it happened, if one record stands for
    many. `parts` are the ids of the persons that the personal parts are about, in their order; ""
    for nobody that is known.
    """

    id: str
    at: int
    category: Category
    operation: str
    actor: AuditActor
    outcome: Result = "success"
    target: AuditTarget = NO_TARGET
    permissions: tuple[str, ...] = ()
    request: str = ""
    changes: dict[str, tuple[Any, Any]] = {}
    count: int = 1
    parts: tuple[str, ...] = ()


DAMAGED: Final = "(damaged)"
"""The operation of a record that cannot be read: somebody edited it."""

_decode_facts: Final = msgspec.json.Decoder(AuditFacts).decode


class AuditPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A personal part, encrypted. It opens with the key of the person, which is deleted with the
    account; or, if nobody is known, with `key`. `commitment` is an HMAC of its bytes."""

    person: str = ""
    sealed: bytes = b""
    commitment: bytes = b""
    key: bytes = b""


class AuditRecord(Record, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """A record. `public` is the JSON text of its `AuditFacts`, exactly as it was hashed."""

    table: ClassVar[str] = "audit_records"
    named_by: ClassVar[str] = "id"
    indexes: ClassVar[tuple[str, ...]] = (
        "person",
        "client",
        "actor",
        "operation",
        "request",
        "category",
    )

    id: str
    public: str
    parts: tuple[AuditPart, ...] = ()

    @property
    def key(self) -> str:
        return self.id

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return 0

    @cached_property
    def facts(self) -> AuditFacts:
        """The decoded public part; for a damaged one, facts that say so."""
        try:
            return _decode_facts(self.public)
        except msgspec.DecodeError:
            return AuditFacts(
                id=self.id,
                at=0,
                category="system",
                operation=DAMAGED,
                actor=AuditActor(kind="stranger"),
            )

    @property
    def person(self) -> str:
        """The user that it is about."""
        return self.facts.target.user

    @property
    def client(self) -> str:
        """The app that it is about."""
        return self.facts.target.client

    @property
    def actor(self) -> str:
        """Who acted."""
        return self.facts.actor.id or self.facts.actor.kind

    @property
    def operation(self) -> str:
        """What was done."""
        return self.facts.operation

    @property
    def request(self) -> str:
        """The id of the request."""
        return self.facts.request

    @property
    def category(self) -> str:
        """Its category, as it is indexed."""
        return self.facts.category


class AuditDraft(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A record before its personal parts are encrypted, which the audited store does as it commits
    it. `personal` has the id of a person, or "", and what is personal about them."""

    table: ClassVar[str] = AuditRecord.table

    facts: AuditFacts
    personal: tuple[tuple[str, dict[str, Any]], ...] = ()

    @property
    def key(self) -> str:
        return self.facts.id


class UnsealedRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A record that waits for its segment. `leaf` is its hash."""

    table: ClassVar[str] = "audit_unsealed"
    named_by: ClassVar[str] = "id"

    id: str
    category: Category
    leaf: bytes

    @property
    def key(self) -> str:
        return self.id


class AuditSegment(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Some records, sealed: `entries` lists them in order (see `audit.segments`), and `head` is the
    signed note about it. `at` is in milliseconds since 1970. `introduces`: a key of the audit log
    is new in it."""

    table: ClassVar[str] = "audit_segments"
    named_by: ClassVar[str] = "id"

    id: str
    epoch: int
    at: int
    entries: bytes
    head: str
    introduces: bool = False

    @property
    def key(self) -> str:
        return self.id

    @property
    def number(self) -> int:
        """The number under which it is stored."""
        return int(self.id)


def segment_key(number: int) -> str:
    """The key of a segment: its number, so that keys sort as numbers do."""
    return f"{number:012d}"


class AuditKey(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A key that signs heads of the audit log, and nothing else. `verifier` is its public half as a
    C2SP verifier key. `sealed` is the private half, encrypted with the master key; empty once the
    key is retired."""

    table: ClassVar[str] = "audit_keys"

    id: str
    verifier: str
    sealed: bytes
    status: Literal["coming", "current", "retired"]
    created: int

    @property
    def key(self) -> str:
        return self.id


class PersonKey(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The key that opens the personal parts of the records about a user. Its deletion erases
    them."""

    table: ClassVar[str] = "audit_person_keys"

    user: str
    secret: bytes

    @property
    def key(self) -> str:
        return self.user

    def __repr__(self) -> str:
        return f"PersonKey(user={self.user!r})"


class AuditState(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a part of the audit log remembers: the sealer's lease (`holder`, `until`), the cursor of
    a stream (`position` is a number of a segment, `error` why it waits), the settings in force
    (`document`), or the time of the first record or of the last restore (`at`). Times are in
    milliseconds since 1970."""

    table: ClassVar[str] = "audit_state"

    name: str
    holder: str = ""
    until: int = 0
    position: int = 0
    at: int = 0
    error: str = ""
    document: str = ""

    @property
    def key(self) -> str:
        return self.name


_KIND_OF: Final[dict[By, Literal["user", "app", "administrator", "server"]]] = {
    "user": "user",
    "app": "app",
    "administrator": "administrator",
    "server": "server",
}


def actor_of(event: Event, *, session: str = "") -> AuditActor:
    """Who acted, as far as the event knows."""
    match event.by:
        case "user" if event.user:
            return AuditActor(kind="user", id=event.user, session=session)
        case "user":
            return AuditActor(kind="stranger")
        case "app":
            return AuditActor(kind="app", id=event.client)
        case by:
            return AuditActor(kind=_KIND_OF[by])
