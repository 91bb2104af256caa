"""What changes say to receivers: which event, about whom, and to nobody else."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.installation import CHIRP
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.signals.signalling import ask, opted_in, short, stream, waiting
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.change import Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, event
from valetkey.server.model.limits import Bounds
from valetkey.server.model.stream import Signal
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grants.changes import StatusChange, change_status, disconnect, narrow
from valetkey.server.oauth.grants.limits import set_bounds
from valetkey.server.oauth.logout.sessions import end
from valetkey.spec.errors import InvalidGrant, TemporarilyUnavailable

Act = Callable[["Stage"], object]
SCOPE = "openid chirps photos.read offline_access"


class Stage(World):
    """With a visitor who has said yes to an app, whose code and refresh token are kept."""

    visitor: Browser
    code: str
    refreshable: str


def world() -> Stage:
    """Both APIs listen, and an app that has opted in."""
    at = Stage()
    opted_in(at, "web")
    for by in ("chirp", "photos", "web"):
        stream(at, by)
    return at


def written(at: World, *changes: Any, events: tuple[Event, ...] = ()) -> None:
    def rule() -> Any:
        yield from ()
        return Outcome(changes=changes, events=events)

    at.settle(rule)


def narrowed(*keep: str) -> Act:
    return lambda at: at.settle(
        lambda: narrow(at.grant("web").id, keep, user=at.miko.id, by="user", context=at.context)
    )


def turned(*ways: StatusChange) -> Act:
    def act(at: World) -> None:
        name = at.grant("web").id
        for way in ways:
            _turn(at, name, way)

    return act


def _turn(at: World, name: str, way: StatusChange) -> None:
    at.settle(lambda: change_status(name, way, user=at.miko.id, by="user", context=at.context))


def changed(kind: Any, key: Callable[[World], str], **fields: Any) -> Act:
    def act(at: World) -> None:
        written(at, Update(replace(at.need(kind, key(at)), **fields)))

    return act


def miko(at: World) -> str:
    return at.miko.id


def replayed(at: Stage) -> None:
    """The one-time code of the app comes a second time."""
    at.later(1)
    with pytest.raises(InvalidGrant):
        at.redeem("web", at.code, redirect_uri="https://web.example/callback")


def alarmed(at: Stage) -> None:
    """A stolen shard of the key was shown."""
    family = at.family("web")
    told = event(
        at.env, "suspended", by="server", user=at.miko.id, client="web", grant=family.grant
    )
    written(at, Update(replace(family, status="suspended")), events=(told,))


def signed_out(at: Stage) -> None:
    at.settle(lambda: end(at.visitor.session, at.context))


def everywhere(at: World) -> None:
    at.sign_in(browser="other")
    written(at, *(Remove(one) for one in at.all(Session)))


def limited(at: World) -> None:
    at.settle(
        lambda: set_bounds(
            at.grant("web").id,
            "chirps.write",
            Bounds(often={"day": 3}),
            user=at.miko.id,
            by="user",
            context=at.context,
        )
    )


KEEP = ("openid", "offline_access", "chirps.read", "photos.read")

SAYS: list[Any] = [
    # what happens; what chirp, photos and the app are told
    row("CAEP 3.2", "narrowed", narrowed(*KEEP), "token-claims-change", "", "token-claims-change"),
    row(
        "CAEP 3.2",
        "narrowed to photos",
        narrowed("openid", "photos.read"),
        "token-claims-change",
        "",
        "token-claims-change",
    ),
    row("CAEP 3.2", "a limit", limited, "token-claims-change", "", "token-claims-change"),
    row("CAEP 3.2", "paused", turned("pause"), *["token-claims-change"] * 3),
    row("CAEP 3.1", "stopped", turned("stop"), *["session-revoked"] * 3),
    row(
        "CAEP 3.1",
        "disconnected",
        lambda at: at.settle(
            lambda: disconnect(at.family("web").id, user=at.miko.id, by="user", context=at.context)
        ),
        *["session-revoked"] * 3,
    ),
    row("RISC 2.7", "a shard that was stolen", alarmed, *["credential-compromise"] * 3),
    row("RISC 2.7", "a code that was stolen", replayed, *["credential-compromise"] * 3),
    row(
        "RISC 2.3",
        "the user is disabled",
        changed(User, miko, status="disabled"),
        *["account-disabled"] * 3,
    ),
    row(
        "RISC 2.2",
        "the user is removed",
        lambda at: at.settle(lambda: removal.user("miko", at.context)),
        *["account-purged"] * 3,
    ),
    row(
        "CAEP 3.3",
        "another password",
        changed(User, miko, password="$other"),
        *["credential-change"] * 3,
    ),
    row(
        "CAEP 3.1",
        "the client is suspended",
        changed(Client, lambda _: "web", status="suspended"),
        "session-revoked",
        "session-revoked",
        "",
    ),
    row("CAEP 3.1", "signed out", signed_out, "", "", "session-revoked"),
    row("CAEP 3.1", "signed out everywhere", everywhere, "", "", "session-revoked"),
    row("", "another name", changed(User, miko, claims={"name": "M."}), "", "", ""),
    row("", "another app is stopped", lambda at: at.put(), "", "", ""),
    row("", "a refresh", lambda at: at.refresh("web", at.refreshable), "", "", ""),
]


def connected(at: Stage) -> Stage:
    visitor = at.sign_in()
    at.visitor = visitor
    at.code = at.agree(request("web", scope=SCOPE), visitor).code
    tokens = at.redeem("web", at.code, redirect_uri="https://web.example/callback")
    at.refreshable = tokens["refresh_token"]
    return at


@pytest.mark.parametrize("act,chirp,photos,web", SAYS)
def test_what_a_change_says(act: Act, chirp: str, photos: str, web: str) -> None:
    """At most one event for each change and receiver."""
    at = connected(world())
    act(at)
    said = {by: " ".join(short(waiting(at, by))) for by in ("chirp", "photos")}
    assert said == {"chirp": chirp, "photos": photos}
    if at.need(Client, "web").status == "active":
        assert " ".join(short(waiting(at, "web"))) == web


def test_what_a_token_says() -> None:
    at = connected(world())
    narrowed(*KEEP)(at)
    (told,) = waiting(at)
    assert told.keys() == {"iss", "aud", "jti", "iat", "txn", "sub_id", "events"}
    assert (told["iss"], told["aud"], told["iat"]) == (ISSUER, CHIRP, at.now)
    assert told["sub_id"] == {
        "format": "complex",
        "user": {"format": "iss_sub", "iss": ISSUER, "sub": at.miko.id},
        "application": {"format": "opaque", "id": "web"},
    }
    (event,) = told["events"].values()
    assert event == {
        "event_timestamp": at.now,
        "initiating_entity": "user",
        "claims": {"scope": "chirps.read", "limited": [], "grant_version": 2},
    }
    # The same change has the same `txn`, whoever is told.
    assert [one["txn"] for one in waiting(at, "web")] == [told["txn"]]


def test_a_key_that_is_paused_opens_nothing_and_then_what_it_did() -> None:
    at = connected(world())
    turned("pause", "resume")(at)
    scopes = [
        next(iter(one["events"].values()))["claims"]["scope"] for one in waiting(at, "photos")
    ]
    assert scopes == ["", "photos.read"]


def test_in_the_order_in_which_it_happened() -> None:
    at = connected(world())
    turned("pause", "resume", "pause", "stop")(at)
    told = waiting(at)
    assert short(told) == [*["token-claims-change"] * 3, "session-revoked"]
    versions = [
        one["events"][next(iter(one["events"]))].get("claims", {}).get("grant_version", 9)
        for one in told
    ]
    assert versions == sorted(versions)


def test_an_app_that_knows_its_users_by_names_of_its_own() -> None:
    at = Stage()
    opted_in(at, "post")
    at.change(Client, "post", subject_type="pairwise", scope=("openid", "email"))
    stream(at, "post")
    code = at.agree(request("post", scope="openid")).code
    at.redeem("post", code, redirect_uri="https://post.example/callback")
    changed(User, miko, status="disabled")(at)
    (told,) = waiting(at, "post")
    sub = told["sub_id"]["sub"]
    assert sub != at.miko.id
    assert at.miko.id not in str(told)


def test_nobody_hears_of_users_that_are_not_theirs() -> None:
    at = world()
    at.connect("kite", scope="openid profile")
    changed(User, miko, status="disabled")(at)
    assert [waiting(at, by) for by in ("chirp", "photos", "web")] == [[], [], []]


def test_what_is_not_asked_for_is_told_by_the_next_best() -> None:
    at = Stage()
    stream(
        at,
        "chirp",
        events_requested=["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],
    )
    connected(at)
    replayed(at)
    assert short(waiting(at)) == ["session-revoked"]


def test_what_nobody_asked_for_is_told_to_nobody() -> None:
    at = Stage()
    stream(at, "chirp", events_requested=[])
    connected(at)
    turned("stop")(at)
    assert at.all(Signal) == ()


def test_switched_off_nothing_is_written() -> None:
    at = world()
    connected(at)
    at.at = replace(at.at, features=switched(off=["shared signals"]))
    turned("stop")(at)
    assert at.all(Signal) == ()


def test_a_signal_comes_with_its_change_or_not_at_all() -> None:
    """Somebody else was first: neither is written."""
    at = connected(world())
    grant = at.grant("web")
    stale = replace(grant, version=grant.version + 5, status="paused")
    with pytest.raises(TemporarilyUnavailable):
        written(at, Update(stale))
    assert at.all(Signal) == ()


def test_a_subject_that_is_left_out_and_wanted_again() -> None:
    at = connected(world())
    name = ask(at, "chirp", "stream", "GET")[0]["stream_id"]
    subject = {"format": "iss_sub", "iss": ISSUER, "sub": at.miko.id}
    ask(at, "chirp", "subjects/remove", stream_id=name, subject=subject)
    turned("pause")(at)
    assert waiting(at) == []
    ask(at, "chirp", "subjects/add", stream_id=name, subject=subject)
    turned("resume")(at)
    assert short(waiting(at)) == ["token-claims-change"]


def test_nothing_of_it_is_kept_for_ever() -> None:
    at = connected(world())
    turned("pause")(at)
    assert at.all(Signal)
    at.later(3 * 86400 + 1)
    at.sweep()
    assert at.all(Signal) == ()


def test_what_is_kept_names_nobody_in_words() -> None:
    at = connected(world())
    changed(User, miko, status="disabled")(at)
    assert "miko" not in str(at.all(Signal))
