"""Authorization requests that wait, for a client's browser or for a person."""

from typing import ClassVar, Literal, TypeAlias

from valetkey.model.record import Record

Kind: TypeAlias = Literal["pushed", "interaction", "code", "invitation"]


class Pending(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A request that waits.

    `pushed` waits for its browser (RFC 9126), `interaction` for a person; `code` keeps in
    `contents` what was too large for a code. `parameters` and `resources` are the request as it
    was sent: it is understood anew at each step. `browser` is the digest of the one browser that
    may go on with it; `pushed` names the pushed request behind it, `session` the sign-in that was
    made for it. An `invitation` waits for clients that register: what they may be is among its
    parameters.
    """

    table: ClassVar[str] = "pending"

    id: str
    kind: Kind
    client: str
    parameters: dict[str, str] = {}
    contents: bytes = b""
    resources: tuple[str, ...] = ()
    browser: str = ""
    pushed: str = ""
    session: str = ""
    created: int
    expires: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def forget_at(self) -> int:
        return self.expires
