"""Every outlet says the same: what an API, an app and a receiver learn of a change, whichever way
they look.

The change log, introspection, the status list, a stream that is polled (an API's) and one that is
pushed (the app's), the back-channel logout, and the refresh token.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.attacks.play import claims
from tests.installation import RESOURCE_SERVERS
from tests.rows import row
from tests.server.oauth.endpoints.test_status_list import reference, stands
from tests.server.oauth.forms import request
from tests.server.oauth.grant_types.test_token_exchange import exchange
from tests.server.oauth.signals.signalling import PUSHED, opted_in, read, short, stream, waiting
from tests.server.oauth.world import ISSUER, World, done

from valetkey.server.model.client import Client
from valetkey.server.model.limits import Bounds
from valetkey.server.model.query import Many
from valetkey.server.model.stream import Job
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Kind, plan
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import StatusChange, change_status, narrow
from valetkey.server.oauth.grants.limits import set_bounds
from valetkey.server.oauth.logout import sessions
from valetkey.server.oauth.signals.receivers import NAME
from valetkey.spec.errors import OAuthError
from valetkey.wire.status_list import INVALID, SUSPENDED, VALID

SCOPE = "openid chirps offline_access"
KEEP = ("openid", "offline_access", "chirps.read")
BACK = "https://web.example/callback"


class Stage(World):
    """An app with a key, whose every outlet is open."""

    def __init__(self) -> None:
        super().__init__()
        servers = [replace(one, status_list=one.id == "chirp") for one in RESOURCE_SERVERS]
        self.at = replace(self.at, offer=Offer(ISSUER, servers))
        self.change(Client, "web", backchannel_logout_uri="https://web.example/logout")
        opted_in(self, "web")
        stream(self, "chirp")
        stream(self, "web", delivery=PUSHED)
        self.visitor = self.sign_in()
        code = self.agree(request("web", scope=SCOPE), self.visitor).code
        self.tokens = self.redeem("web", code, redirect_uri=BACK)
        self.began = len(self.log())

    def log(self) -> list[Any]:
        return list(done(self.store.log(0, limit=1000)).entries)

    # What each outlet says.

    def logged(self) -> str:
        """The last word of the change log on all that the key hangs on."""
        told = {one.kind: one for one in self.log()[self.began :]}
        words = []
        for kind, entry in told.items():
            less = kind == "grant" and "chirps.write" not in entry.permissions
            limited = kind == "grant" and bool(entry.limited)
            more = " less" * less + " limited" * limited
            words.append(f"{kind} {entry.status}{more if entry.status == 'active' else ''}")
        return ", ".join(words)

    def introspected(self) -> str:
        said = self.introspect(self.tokens["access_token"])
        if not said.active:
            return "inactive"
        less = "chirps.write" not in said.scope.split()
        return "active" + " less" * less + " limited" * bool(said.limited)

    def listed(self) -> int:
        return stands(self, reference(self.tokens))

    def pushed(self) -> list[str]:
        told = []
        while jobs := [one for one in self._jobs(NAME) if one.due <= self.now]:
            job = self.settle(lambda: message_delivery.lease(jobs[0], self.context)).job
            if job is not None:
                message = self.ask(message_delivery.write_message(job, self.context))
                assert isinstance(message, message_delivery.Message)
                told.append(read(self, message.body.decode()))
                self.settle(lambda: message_delivery.finish(job, self.context))  # noqa: B023
        return short(told)

    def logged_out(self) -> bool:
        return bool(self._jobs(sessions.BACKCHANNEL))

    def _jobs(self, kind: str) -> list[Job]:
        wanted = Many(Job)
        return [one for one in done(self.store.read(wanted)).many(wanted) if one.kind == kind]

    def refreshed(self) -> str:
        self.later(1)
        try:
            fresh = self.refresh("web", self.tokens["refresh_token"])
        except OAuthError as refused:
            return refused.code
        less = "chirps.write" not in fresh["scope"].split()
        limited = bool(claims(fresh["access_token"]).get("limited"))
        return "good" + " less" * less + " limited" * limited


Act = Callable[[Stage], object]


def turned(*ways: StatusChange) -> Act:
    def act(at: Stage) -> None:
        name = at.grant("web").id
        for way in ways:
            _turn(at, name, way)

    return act


def _turn(at: Stage, name: str, way: StatusChange) -> None:
    at.settle(lambda: change_status(name, way, user=at.miko.id, by="user", context=at.context))


def narrowed(at: Stage) -> None:
    name = at.grant("web").id
    at.settle(lambda: narrow(name, KEEP, user=at.miko.id, by="user", context=at.context))


def limited(at: Stage) -> None:
    name, some = at.grant("web").id, Bounds(often={"day": 3})
    at.settle(
        lambda: set_bounds(
            name, "chirps.write", some, user=at.miko.id, by="user", context=at.context
        )
    )


def declared(kind: Kind, key: str, status: str) -> Act:
    """As `valetkey apply` does."""

    def act(at: Stage) -> None:
        wish = DesiredRecord(place="here", kind=kind, key=key, fields={"status": status})
        decided = at.settle(lambda: plan([wish], at.context))
        assert not decided.mistakes, decided.mistakes

    return act


def everywhere(at: Stage) -> None:
    at.settle(lambda: sessions.everywhere(at.miko.id, by="user", context=at.context))


def cut_off(*, again: bool = False) -> Act:
    """An agent that has the key from the app; its own key is the matter of `test_delegates`."""

    def act(at: Stage) -> None:
        exchange(at, at.tokens["access_token"], scope="chirps.read")
        name, user = at.grant("web").id, at.miko.id
        for rule in (delegates.revoke, delegates.readmit)[: 1 + again]:
            at.settle(
                lambda: rule(name, "client:agent", user=user, by="user", context=at.context)  # noqa: B023
            )

    return act


class Says(msgspec.Struct, frozen=True, kw_only=True):
    """What the outlets say of one change."""

    log: str
    introspection: str
    status: int
    polled: list[str]
    pushed: list[str]
    logout: bool = False
    refresh: str


CHANGED = ["token-claims-change"]
REVOKED = ["session-revoked"]

ROWS: list[Any] = [
    row(
        "issue",
        "nothing",
        lambda at: None,
        Says(log="", introspection="active", status=VALID, polled=[], pushed=[], refresh="good"),
    ),
    row(
        "issue",
        "narrowed",
        narrowed,
        Says(
            log="grant active less",
            introspection="active less",
            # A list has no word for less: the token is good, for what is left.
            status=VALID,
            polled=CHANGED,
            pushed=CHANGED,
            refresh="good less",
        ),
    ),
    row(
        "issue",
        "limited",
        limited,
        Says(
            log="grant active limited",
            introspection="active limited",
            status=VALID,
            polled=CHANGED,
            pushed=CHANGED,
            refresh="good limited",
        ),
    ),
    row(
        "issue",
        "paused",
        turned("pause"),
        Says(
            log="grant paused",
            introspection="inactive",
            status=SUSPENDED,
            polled=CHANGED,
            pushed=CHANGED,
            refresh="invalid_grant",
        ),
    ),
    row(
        "issue",
        "resumed",
        turned("pause", "resume"),
        Says(
            log="grant active",
            introspection="active",
            status=VALID,
            polled=CHANGED * 2,
            pushed=CHANGED * 2,
            refresh="good",
        ),
    ),
    row(
        "issue",
        "stopped",
        turned("stop"),
        Says(
            log="grant stopped",
            introspection="inactive",
            status=INVALID,
            polled=REVOKED,
            pushed=REVOKED,
            logout=True,
            refresh="invalid_grant",
        ),
    ),
    row(
        "issue",
        "one cut off who had it handed on",
        cut_off(),
        Says(
            # The app goes on as before: who is cut off is named beside that.
            log="grant active",
            introspection="active",
            status=VALID,
            polled=CHANGED,
            pushed=CHANGED,
            refresh="good",
        ),
    ),
    row(
        "issue",
        "one allowed again",
        cut_off(again=True),
        Says(
            log="grant active",
            introspection="active",
            status=VALID,
            polled=CHANGED * 2,
            pushed=CHANGED * 2,
            refresh="good",
        ),
    ),
    row(
        "issue",
        "the user disabled",
        declared("user", "miko", "disabled"),
        Says(
            log="user disabled",
            introspection="inactive",
            status=SUSPENDED,
            polled=["account-disabled"],
            pushed=["session-revoked", "account-disabled"],
            logout=True,
            refresh="invalid_grant",
        ),
    ),
    row(
        "issue",
        "the client suspended",
        declared("client", "web", "suspended"),
        Says(
            log="client suspended",
            introspection="inactive",
            status=SUSPENDED,
            polled=REVOKED,
            # It is the one that is suspended: it hears nothing, and cannot even ask.
            pushed=[],
            refresh="invalid_client",
        ),
    ),
    row(
        "issue",
        "signed out everywhere",
        everywhere,
        Says(
            # A session is over, and keys stay: APIs have nothing to hear.
            log="",
            introspection="active",
            status=VALID,
            polled=[],
            pushed=REVOKED,
            logout=True,
            refresh="good",
        ),
    ),
]


@pytest.mark.parametrize("act,says", ROWS)
def test_every_outlet_says_the_same(act: Act, says: Says) -> None:
    at = Stage()
    act(at)
    assert says == Says(
        log=at.logged(),
        introspection=at.introspected(),
        status=at.listed(),
        polled=short(waiting(at, "chirp")),
        pushed=at.pushed(),
        logout=at.logged_out(),
        refresh=at.refreshed(),
    )
