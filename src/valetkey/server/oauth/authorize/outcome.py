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
    """No. `reply_to` is None where there is nobody to tell but the user. `interstitial`: the user
    is asked before being sent on to an app that nobody vouches for (RFC 9700 4.11.2)."""

    error: OAuthError
    reply_to: ReplyTo | None = None
    client: Client | None = None
    interstitial: bool = False


class Login(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to sign in. `user` is whoever is signed in already and must prove it again.
    `create`: the app wants them to make an account."""

    pending: Pending
    client: Client
    reply_to: ReplyTo
    login_hint: str = ""
    user: User | None = None
    create: bool = False


class Choose(Outcome, frozen=True, kw_only=True, eq=False):
    """The user has to say as whom they go on: as `user`, who is signed in, or as somebody else."""

    pending: Pending
    client: Client
    reply_to: ReplyTo
    user: User


class Row(msgspec.Struct, frozen=True):
    """A permission on the consent page. `required`: the app does not work without it. `reason` is
    the app's own word. `refused`: the user said no to it before. `ticked`: the box is at first;
    `implied` are the others that come with it."""

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
    """Yes: the code goes back to the app. It is "" where the app comes for it. `session_state` is
    for an app that watches the sign-in, "" for none."""

    reply_to: ReplyTo
    code: str = ""
    session_state: str = ""

    def __repr__(self) -> str:
        return f"Permit(to={self.reply_to.uri!r})"


AuthorizeDecision: TypeAlias = Deny | Login | Choose | Confirm | Consent | Permit
