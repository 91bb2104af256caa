"""What the authorization endpoint and its pages can come to."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.limits import Bounds
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.interaction import Why
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.offer import Locked
from valetkey.spec.errors import OAuthError
from valetkey.wire.catalog import Permission
from valetkey.wire.key_shards import Tier


class Deny(Outcome, frozen=True, kw_only=True, eq=False):
    """The request is denied. `reply_to` is None if the error is only for the user. `interstitial`:
    ask the user before a redirect to an unverified app (RFC 9700 4.11.2)."""

    error: OAuthError
    reply_to: ReplyTo | None = None
    client: Client | None = None
    interstitial: bool = False


class Login(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to sign in. `user` is the user who is signed in already and has to sign in
    again. `create`: the app requests a new account."""

    pending: Pending
    client: Client
    reply_to: ReplyTo
    login_hint: str = ""
    user: User | None = None
    create: bool = False


class Choose(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to choose an account: `user`, who is signed in, or another one."""

    pending: Pending
    client: Client
    reply_to: ReplyTo
    user: User


class Row(msgspec.Struct, frozen=True):
    """A permission on the consent page. `required`: the app does not work without it. `reason` is
    the app's own text. `refused`: the user refused it before. `ticked` is the initial state of the
    checkbox; `implied` are the permissions that it includes."""

    permission: Permission
    required: bool
    reason: str
    refused: bool
    ticked: bool = True
    implied: tuple[Permission, ...] = ()


class Consent(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to be asked. `new` is to be decided, `kept` stands already, `cannot` is all the
    rest of the platform, by API; `bounds` are the limits that the app proposes for what is new,
    `lasts` for how many seconds it wants the key (0 for until it is stopped), `once`: for just
    once. `ends` is when a key that is there ends by itself, 0 for never. `broad`: the app asks for
    so much that nothing risky is ticked.
    `tier`: the key is to be held in so many parts.
    `sheet_digest` is a digest of all that the page displays: an answer to another page doesn't
    count."""

    pending: Pending
    client: Client
    user: User
    reply_to: ReplyTo
    why: Why
    new: tuple[Row, ...]
    broad: bool = False
    sheet_digest: str
    already_granted: tuple[Permission, ...]
    cannot: tuple[Locked, ...]
    bounds: Mapping[str, Bounds] = {}
    lasts: int = 0
    once: bool = False
    ends: int = 0
    tier: Tier | None = None


class Confirm(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to say whether they mean this request, which another device made: `asked` is
    its row, `code` what that device shows (RFC 8628 5.4)."""

    pending: Pending
    client: Client
    waiting: Pending
    code: str


class Permit(Outcome, frozen=True, kw_only=True, eq=False):
    """The request is permitted: the code goes back to the app. It is "" if the app fetches the
    answer. `session_state` is for session management, "" for none."""

    reply_to: ReplyTo
    code: str = ""
    session_state: str = ""

    def __repr__(self) -> str:
        return f"Permit(to={self.reply_to.uri!r})"


AuthorizeDecision: TypeAlias = Deny | Login | Choose | Confirm | Consent | Permit
