"""Why an operation is refused (RFC 9457): a closed table of types."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from valetkey.server.model.query import One, Rule
from valetkey.server.model.record import Record
from valetkey.spec.names import Cite

R = TypeVar("R", bound=Record)

CITE: Final = Cite("RFC 9457", "3")

MEDIA: Final = "application/problem+json"


class ProblemType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of problem: its HTTP status, its title, and what to do about it."""

    status: int
    title: str
    remedy: str


PROBLEMS: Final[dict[str, ProblemType]] = {
    "invalid-request": ProblemType(
        status=400,
        title="The request is malformed",
        remedy="`detail` says what is wrong, and `pointer` where. Compare the request with the "
        "OpenAPI document.",
    ),
    "invalid-token": ProblemType(
        status=401,
        title="The access token is missing or not valid here",
        remedy="Get a token for the administration API (`resource=ISSUER/admin/v1`), and send it "
        "in the Authorization header.",
    ),
    "two-factors-needed": ProblemType(
        status=401,
        title="Sign in with two factors",
        remedy="Sign in again as the header WWW-Authenticate says (RFC 9470). Acts that are "
        "marked as sensitive need a sign-in that is at most ten minutes old.",
    ),
    "not-allowed": ProblemType(
        status=403,
        title="You may not do this",
        remedy="`permission` names what is missing. The token has to have it, an owner has to have "
        "listed the app for it, and a person needs a role that has it.",
    ),
    "not-found": ProblemType(
        status=404,
        title="There is no such thing",
        remedy="Check the id in the path.",
    ),
    "method-not-allowed": ProblemType(
        status=405,
        title="This method is not allowed here",
        remedy="The header Allow lists the methods.",
    ),
    "conflict": ProblemType(
        status=409,
        title="This does not go with what is there",
        remedy="`detail` says what is in the way.",
    ),
    "in-flight": ProblemType(
        status=409,
        title="The same call is being answered",
        remedy="Wait a second, then send it again with the same `Idempotency-Key`.",
    ),
    "declared": ProblemType(
        status=409,
        title="A file declares this",
        remedy="`valetkey apply` would undo the change. Change the file, and apply it.",
    ),
    "stale": ProblemType(
        status=412,
        title="Somebody else has changed this",
        remedy="Get it again, look at what changed, and repeat the call with the new ETag.",
    ),
    "too-large": ProblemType(
        status=413,
        title="The request is too large",
        remedy="A body has at most 64 KB.",
    ),
    "unsupported-media": ProblemType(
        status=415,
        title="The body must be JSON",
        remedy="Send `Content-Type: application/json`.",
    ),
    "not-valid": ProblemType(
        status=422,
        title="This cannot be stored",
        remedy="`mistakes` lists all that is wrong, each as `field: why`.",
    ),
    "key-reused": ProblemType(
        status=422,
        title="This Idempotency-Key was used for another call",
        remedy="Use a new key for each call. The same key is only for sending the same call again.",
    ),
    "precondition-needed": ProblemType(
        status=428,
        title="If-Match is missing",
        remedy="Get the thing first, and send its ETag in the header If-Match, so that you do not "
        "undo what somebody else changed.",
    ),
    "too-many-requests": ProblemType(
        status=429,
        title="Too many requests",
        remedy="Wait for the number of seconds in the header Retry-After.",
    ),
    "server-error": ProblemType(
        status=500,
        title="Something went wrong here",
        remedy="Tell the operator the `request_id`.",
    ),
    "unavailable": ProblemType(
        status=503,
        title="The server cannot answer now",
        remedy="Wait a second, then send the call again with the same `Idempotency-Key`.",
    ),
}
"""All types of problems, by their stable names."""


class Problem(Exception):
    """A refusal. `type` is a name in PROBLEMS; `members` are further members of the document. They
    and `detail` have no secrets."""

    def __init__(self, type: str, detail: str = "", **members: Any) -> None:  # noqa: A002
        super().__init__(type, detail)
        self.type = type
        self.detail = detail
        self.members: Mapping[str, Any] = members
        self.headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.type].status

    @property
    def title(self) -> str:
        """What is wrong, in one sentence that is the same for all problems of the type."""
        return PROBLEMS[self.type].title

    def document(self, *, base: str, request_id: str) -> dict[str, Any]:
        """The problem as a document. `base` is the address of the API."""
        return {
            "type": f"{base}/problems#{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "request_id": request_id,
            **self.members,
        }


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the API answers with instead of a result. `type` is the address of its explanation;
    what stands behind the # is stable. There may be more members."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


def not_found(what: str, name: str) -> Problem:
    """There is no such thing."""
    return Problem("not-found", f"there is no {what} {name[:100]!r}")


def find(kind: type[R], key: str, *, what: str, name: str | None = None) -> Rule[R]:
    """The record with this key. Raises Problem if there is none: it says `what` that would be, and
    its `name`, where that is not the key."""
    query = One(kind, key)
    record = (yield (query,)).one(query)
    if record is None:
        raise not_found(what, key if name is None else name)
    return record
