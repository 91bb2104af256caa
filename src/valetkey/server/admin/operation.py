"""Operations: what can be done as an administrator, each with its address, permission and
structs."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from valetkey.server.admin.problems import Problem
from valetkey.server.model.record import Record
from valetkey.server.oauth.endpoints.administration import Actor

if TYPE_CHECKING:
    from valetkey.server.admin.services import Attempt, Outcomes, Services
    from valetkey.server.model.query import Rule
    from valetkey.server.oauth.core.context import Context

Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)
R = TypeVar("R", bound="msgspec.Struct | None")
S = TypeVar("S", bound="msgspec.Struct | None")
T = TypeVar("T")

Method: TypeAlias = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

MAX_PAGE = 200
"""Items of a page."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query or a body. Base class."""


class Nothing(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No parameters, or no body."""


class ListQuery(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list. `cursor` is the `next` of the page before."""

    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="Items of a page.")] = 50
    cursor: Annotated[
        str, Meta(max_length=1000, description="`next` of the page before; empty for the first.")
    ] = ""


class ItemPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list; the field `items` is each list's own. The last page has no `next`."""

    next: str | UnsetType = UNSET


ReasonText: TypeAlias = Annotated[
    str,
    Meta(
        max_length=200,
        # No control characters, and none that turn the direction of a text.
        pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$",
        description="Why, for the history.",
    ),
]


class Reason(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why. People may read it."""

    reason: ReasonText = ""


class Operation(msgspec.Struct, Generic[Q, B, R], frozen=True, kw_only=True, eq=False):
    """One operation.

    `name` is its id everywhere: "users.disable". `path` is below the API's own, with variables as
    {user}. `permission` is one of `model.role.PERMISSIONS`, "" for none. `query` and `body` are
    what it reads, `response` what it answers, None for nothing; a field `version` of the response
    is its ETag.
    `location` is the path of what it created, with fields of the response as variables.

    `sensitive`: people need a fresh proof of two factors. `narrows`: it only takes something away,
    so it needs no If-Match. `secret` names fields of the response that are shown once,
    `hidden` fields of the body that no record, answer or log has.
    `recorded`: to read this leaves an audit record too.
    `reach`, where the permission alone does not say what the caller may do: raises Problem unless
    they may do this to what the path names. `run` checks it itself; it is for repeated calls.
    """

    name: str
    method: Method
    path: str
    permission: str
    query: type[Q]
    body: type[B]
    response: type[R] | None
    run: Callable[["Call[Q, B]"], Awaitable[R]]
    summary: str
    description: str = ""
    status: int = 200
    location: str = ""
    sensitive: bool = False
    narrows: bool = False
    secret: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    recorded: bool = False
    reach: "Callable[[Call[Q, B]], Rule[object]] | None" = None

    @property
    def audit(self) -> bool:
        """Whether it leaves an audit record: everything that changes something does."""
        return self.recorded or self.method != "GET"

    @property
    def needs_match(self) -> bool:
        """Whether If-Match is needed: for edits, and for removals that do not only narrow."""
        return self.method in ("PATCH", "PUT") or (self.method == "DELETE" and not self.narrows)

    @property
    def has_body(self) -> bool:
        """Whether it reads a body."""
        return self.body is not Nothing

    @property
    def noun(self) -> str:
        """What it is about: "users"."""
        return self.name.partition(".")[0]


class Call(msgspec.Struct, Generic[Q, B], frozen=True, kw_only=True, eq=False):
    """One call of an operation. `path` has the variables of its path, `if_match` the header, ""
    for none."""

    services: "Services"
    actor: Actor
    path: Mapping[str, str]
    query: Q
    body: B
    request_id: str
    attempt: "Attempt"
    if_match: str = ""

    async def ask(self, rule: "Callable[[Context], Rule[T]]") -> T:
        """The result of a rule that writes nothing."""
        return await self.services.runner.ask(rule)

    async def settle(
        self, rule: "Callable[[Context], Rule[Outcomes]]", answer: "Callable[[Outcomes], S]"
    ) -> S:
        """Commits what the rule decides, in one commit with the audit record and with the answer
        for a repeated call. Raises what the rule and `answer` raise, before anything is
        written."""
        return await self.services.settle(self.attempt, rule, answer)

    async def step(self, rule: "Callable[[Context], Rule[Outcomes]]") -> "Outcomes":
        """Commits one step of a long operation, before its `settle`."""
        outcome, _ = await self.services.runner.settle(rule)
        return outcome

    def check_match(self, record: Record) -> None:
        """Raises Problem if the caller has seen another version of the record."""
        tags = {one.strip() for one in self.if_match.split(",")} - {""}
        # RFC 9110 13.1.1: a weak tag never matches, and * matches whatever is there.
        if tags and tags.isdisjoint({"*", etag(record.version)}):
            raise Problem("stale", version=record.version)


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


AnyOperation: TypeAlias = Operation[Any, Any, Any]
AnyCall: TypeAlias = Call[Any, Any]
