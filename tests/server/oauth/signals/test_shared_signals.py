"""Streams: whose they are, what may be said of them, and how what waits is brought or fetched.

A79: reading a secret back.

Attack: A receiver, or a thief of its credentials, reads a stored secret from the configuration.
Defense: The server never returns such a secret, and forgets it when the address changes.
"""

from typing import Any

import msgspec
import pytest
from tests.installation import CHIRP
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.signals.signalling import (
    PUSHED,
    ask,
    opted_in,
    read,
    short,
    stream,
    waiting,
)
from tests.server.oauth.world import ISSUER, World, done

from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.query import Many
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.stream import LEASE, Job, Signal, Stream
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call, Endpoint, RequestInfo
from valetkey.server.oauth.core.message_delivery import Message
from valetkey.server.oauth.grants.changes import StatusChange, change_status
from valetkey.server.oauth.signals.shared_signals import SHARED_SIGNALS, waits
from valetkey.spec.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidToken,
    OAuthError,
    SlowDown,
)
from valetkey.wire.security_event import EVENTS, POLL, PUSH, SESSION_REVOKED


def world(*, push: bool = False) -> World:
    at = World()
    stream(at, "chirp", **({"delivery": PUSHED} if push else {}))
    at.connect("kite")
    return at


def turned(at: World, *ways: StatusChange) -> None:
    for way in ways:
        _turn(at, at.grant().id, way)


def _turn(at: World, name: str, way: StatusChange) -> None:
    at.settle(lambda: change_status(name, way, user=at.miko.id, by="user", context=at.context))


def name_of(at: World, by: str = "chirp") -> str:
    return str(ask(at, by, "stream", "GET")[0]["stream_id"])


def json(document: object) -> Any:
    """As it crosses the wire."""
    return msgspec.json.decode(msgspec.json.encode(document))


def refused(at: World, *args: Any, **said: Any) -> tuple[type[OAuthError], int]:
    with pytest.raises(OAuthError) as error:
        ask(at, *args, **said)
    return type(error.value), error.value.status


# --- the configuration ---------------------------------------------------------------------------


def test_what_the_server_says_of_itself() -> None:
    """SSF 1.0 7.1."""
    endpoint = SHARED_SIGNALS.endpoints[0]
    assert endpoint.path == "/.well-known/ssf-configuration"
    assert isinstance(endpoint, Endpoint)
    world = World()
    answer = world.ask(endpoint.rule(Call(method="GET"), world.context))
    assert isinstance(answer, Answer)
    said = json(answer.document)
    assert (said["spec_version"], said["issuer"]) == ("1_0", ISSUER)
    assert said["delivery_methods_supported"] == [PUSH, POLL]
    paths = {one.path for one in SHARED_SIGNALS.endpoints}
    for member in ("configuration", "status", "add_subject", "remove_subject", "verification"):
        assert said[f"{member}_endpoint"].removeprefix(ISSUER) in paths
    assert {one["spec_urn"] for one in said["authorization_schemes"]} == {
        "urn:ietf:rfc:6749",
        "urn:ietf:rfc:7617",
    }


def test_a_stream_is_made_read_changed_replaced_and_removed() -> None:
    at = World()
    assert ask(at, "chirp", "stream", "GET") == []
    made = ask(
        at, "chirp", "stream", events_requested=[SESSION_REVOKED, "urn:unknown"], description="d"
    )
    name = made["stream_id"]
    assert made == {
        "stream_id": name,
        "iss": ISSUER,
        "aud": CHIRP,
        "events_supported": EVENTS,
        "events_requested": (SESSION_REVOKED,),
        "events_delivered": (SESSION_REVOKED,),
        "delivery": {"method": POLL, "endpoint_url": f"{ISSUER}/signals/poll"},
        "min_verification_interval": 10,
        "description": "d",
    }
    assert ask(at, "chirp", "stream", "GET", query={"stream_id": name}) == made
    assert refused(at, "chirp", "stream") == (InvalidRequest, 409)
    patched = ask(at, "chirp", "stream", "PATCH", stream_id=name, delivery=PUSHED)
    assert patched == made | {"delivery": PUSHED}
    put = ask(at, "chirp", "stream", "PUT", stream_id=name, events_requested=[*EVENTS])
    assert put["delivery"]["method"] == POLL
    assert "description" not in put
    ask(at, "chirp", "stream", "DELETE", query={"stream_id": name})
    assert ask(at, "chirp", "stream", "GET") == []


def test_what_is_read_may_be_written_back() -> None:
    """ATTACKS A53: nothing is lost by it, and what is secret is not told (A79)."""
    at = World()
    secret = {**PUSHED, "authorization_header": "Bearer sesame"}
    told = json(ask(at, "chirp", "stream", delivery=secret))
    assert "sesame" not in str(told)
    before = at.need(Stream, "resource chirp")
    assert b"sesame" not in before.authorization
    again = ask(at, "chirp", "stream", "PUT", **told)
    assert json(again) == told
    assert at.need(Stream, "resource chirp").authorization == before.authorization
    elsewhere = {**told["delivery"], "endpoint_url": "https://evil.example/signals"}
    ask(at, "chirp", "stream", "PATCH", stream_id=told["stream_id"], delivery=elsewhere)
    assert at.need(Stream, "resource chirp").authorization == b""


WRONG: list[Any] = [
    row("8.1.1.1", "a method that there is not", {"delivery": {"method": "urn:x"}}),
    row("8.1.1.1", "no method", {"delivery": {}}),
    row("8.1.1.1", "a delivery that is none", {"delivery": "push"}),
    row("6.1.1", "no address", {"delivery": {"method": PUSH}}),
    row("A51", "no https", {"delivery": {"method": PUSH, "endpoint_url": "http://chirp.example/"}}),
    row(
        "A51",
        "a user in it",
        {"delivery": {"method": PUSH, "endpoint_url": "https://a@chirp.example/"}},
    ),
    row("A51", "a number", {"delivery": {"method": PUSH, "endpoint_url": "https://2130706433/"}}),
    row("A51", "a file", {"delivery": {"method": PUSH, "endpoint_url": "file:///etc/passwd"}}),
    row(
        "6.1.1",
        "a header of two lines",
        {"delivery": {**PUSHED, "authorization_header": "a\r\nb: c"}},
    ),
    row("6.1.1", "a header that is none", {"delivery": {**PUSHED, "authorization_header": 1}}),
    row("8.1.1", "no list of events", {"events_requested": "all"}),
    row("8.1.1", "too many events", {"events_requested": ["x"] * 51}),
    row("8.1.1", "a description of two lines", {"description": "a\nb"}),
    row("8.1.1", "a long description", {"description": "a" * 201}),
]


@pytest.mark.parametrize("said", WRONG)
def test_what_makes_no_stream(said: dict[str, Any]) -> None:
    at = World()
    assert refused(at, "chirp", "stream", **said) == (InvalidRequest, 400)
    assert at.all(Stream) == ()


OURS = [
    row("8.1.1.3", "another issuer", {"iss": "https://evil.example"}),
    row("8.1.1.3", "another audience", {"aud": "https://photos.example"}),
    row("8.1.1.3", "other events delivered", {"events_delivered": []}),
    row("8.1.1.3", "another interval", {"min_verification_interval": 0}),
]


@pytest.mark.parametrize("said", OURS)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_is_not_the_receivers_to_say(said: dict[str, Any], method: str) -> None:
    at = World()
    name = stream(at)
    assert refused(at, "chirp", "stream", method, stream_id=name, **said) == (InvalidRequest, 400)


# --- who may -------------------------------------------------------------------------------------


def test_an_app_has_to_opt_in() -> None:
    at = World()
    assert refused(at, "web", "stream") == (InsufficientScope, 403)
    opted_in(at, "web")
    assert ask(at, "web", "stream")["aud"] == "web"


def test_a_public_app_cannot() -> None:
    at = World()
    opted_in(at, "kite")
    assert refused(at, "kite", "stream") == (InsufficientScope, 403)


def with_token(at: World, token: str, path: str = "stream", method: str = "GET") -> Any:
    (endpoint,) = (one for one in SHARED_SIGNALS.endpoints if one.path == f"/signals/{path}")
    assert isinstance(endpoint, Endpoint)
    made = Call(method=method, scheme="Bearer", request=RequestInfo(token=token))
    return at.settle(lambda: endpoint.rule(made, at.context))


def test_an_app_comes_with_a_token_of_its_own() -> None:
    at = World()
    at.change(Client, "machine", understands=("shared_signals",))

    def token(scope: str) -> str:
        answer = at.token("machine", grant_type="client_credentials", scope=scope)
        return str(answer["access_token"])

    assert with_token(at, token("ssf.read")).document == []
    with pytest.raises(InsufficientScope):
        with_token(at, token("ssf.read"), method="POST")
    assert with_token(at, token("ssf.manage"), method="POST").document["aud"] == "machine"
    # What is for an API opens nothing here, and neither does what a user gave.
    for other in (token("chirps"), at.connect("kite")["access_token"]):
        with pytest.raises(InvalidToken):
            with_token(at, other)
    with pytest.raises(InvalidScope):
        token("ssf.manage chirps")


def test_without_a_right_secret_nobody_has_a_stream() -> None:
    at = World()
    stream(at)
    at.change(ResourceServer, "chirp", secrets=())
    assert refused(at, "chirp", "stream", "GET") == (InvalidClient, 401)


# --- status, subjects, verification --------------------------------------------------------------


def test_while_it_is_paused_what_happens_is_kept() -> None:
    at = world()
    name = name_of(at)
    ask(at, "chirp", "status", stream_id=name, status="paused", reason="asleep")
    assert ask(at, "chirp", "status", "GET", query={"stream_id": name}) == {
        "stream_id": name,
        "status": "paused",
        "reason": "asleep",
    }
    turned(at, "pause")
    assert waiting(at) == []
    ask(at, "chirp", "status", stream_id=name, status="enabled")
    assert short(waiting(at)) == ["token-claims-change"]


def test_while_it_is_disabled_it_is_not() -> None:
    at = world()
    turned(at, "pause")
    ask(at, "chirp", "status", stream_id=name_of(at), status="disabled")
    turned(at, "resume")
    ask(at, "chirp", "status", stream_id=name_of(at), status="enabled")
    assert waiting(at) == []


BAD_STATUS = [
    row("8.1.2.2", "none", {}),
    row("8.1.2.2", "a word that there is not", {"status": "asleep"}),
    row("8.1.2.2", "a number", {"status": 1}),
]


@pytest.mark.parametrize("said", BAD_STATUS)
def test_a_status_that_is_none(said: dict[str, Any]) -> None:
    at = World()
    name = stream(at)
    assert refused(at, "chirp", "status", stream_id=name, **said) == (InvalidRequest, 400)


SUBJECTS = [
    row("8.1.3", "another format", {"format": "email", "email": "miko@example.org"}),
    row("8.1.3", "another issuer's", {"format": "iss_sub", "iss": "https://x.example", "sub": "a"}),
    row("8.1.3", "no name", {"format": "iss_sub", "iss": ISSUER}),
    row("8.1.3", "an endless name", {"format": "iss_sub", "iss": ISSUER, "sub": "a" * 256}),
    row("8.1.3", "a text", "miko"),
    row("8.1.3", "none", None),
]


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("path", ["subjects/add", "subjects/remove"])
def test_a_subject_that_is_none(subject: Any, path: str) -> None:
    at = World()
    name = stream(at)
    assert refused(at, "chirp", path, stream_id=name, subject=subject) == (InvalidRequest, 400)


def test_whether_there_is_such_a_user_is_not_told() -> None:
    at = World()
    name = stream(at)
    for sub in (at.miko.id, "nobody"):
        subject = {"format": "iss_sub", "iss": ISSUER, "sub": sub}
        assert ask(at, "chirp", "subjects/remove", stream_id=name, subject=subject) is None
        assert ask(at, "chirp", "subjects/add", stream_id=name, subject=subject) is None


def test_a_verification_comes_back_with_its_state() -> None:
    at = World()
    name = stream(at)
    ask(at, "chirp", "verify", stream_id=name, state="s-1")
    token = next(iter(ask(at, "chirp", "poll")["sets"].values()))
    said = read(at, token)
    assert said["sub_id"] == {"format": "opaque", "id": name}
    assert list(said["events"].values()) == [{"state": "s-1"}]
    assert refused(at, "chirp", "verify", stream_id=name) == (SlowDown, 429)
    at.later(10)
    ask(at, "chirp", "verify", stream_id=name)


# --- fetched (RFC 8936) --------------------------------------------------------------------------


def test_what_is_not_acknowledged_comes_again() -> None:
    at = world()
    turned(at, "pause", "resume")
    first = ask(at, "chirp", "poll", maxEvents=1)
    assert first["moreAvailable"]
    (jti,) = first["sets"]
    second = ask(at, "chirp", "poll", returnImmediately=True)
    assert next(iter(second["sets"])) == jti
    assert "moreAvailable" not in second
    rest = ask(at, "chirp", "poll", ack=[jti])["sets"]
    assert len(rest) == 1
    assert jti not in rest
    errors = {name: {"err": "invalid_key", "description": "?"} for name in rest}
    assert ask(at, "chirp", "poll", setErrs=errors) == {"sets": {}}
    assert at.all(Signal) == ()


WAITS = [
    row("RFC 8936 2.2", "nothing is there", {}, "Bearer", {}, True),
    row("RFC 8936 2.2", "something is", {}, "Bearer", {"j": "t"}, False),
    row("RFC 8936 2.2", "at once", {"returnImmediately": True}, "Bearer", {}, False),
    row("RFC 8936 2.2", "acknowledged only", {"maxEvents": 0}, "Bearer", {}, False),
    row("RFC 9449 11.1", "a proof is good for one look", {}, "DPoP", {}, False),
]


@pytest.mark.parametrize("said,scheme,sets,waits_", WAITS)
def test_when_a_poll_waits(
    said: dict[str, Any], scheme: str, sets: dict[str, str], waits_: bool
) -> None:
    made = Call(document=said, scheme=scheme)
    assert waits(made, Answer(document={"sets": sets})) is waits_


def test_an_acknowledgement_alone_brings_nothing() -> None:
    at = world()
    turned(at, "pause")
    assert ask(at, "chirp", "poll", maxEvents=0) == {"sets": {}, "moreAvailable": True}


BAD_POLLS = [
    row("RFC 8936 2.2", "a negative number", {"maxEvents": -1}),
    row("RFC 8936 2.2", "no number", {"maxEvents": "1"}),
    row("RFC 8936 2.2", "true is no number", {"maxEvents": True}),
    row("RFC 8936 2.2", "ack is no list", {"ack": "j"}),
    row("RFC 8936 2.2", "ack of numbers", {"ack": [1]}),
    row("RFC 8936 2.2", "setErrs is no object", {"setErrs": ["j"]}),
    row("RFC 8936 2.2", "returnImmediately is a word", {"returnImmediately": "yes"}),
    row("A23", "thousands of acks", {"ack": ["j"] * 1001}),
]


@pytest.mark.parametrize("said", BAD_POLLS)
def test_a_poll_that_makes_no_sense(said: dict[str, Any]) -> None:
    at = World()
    stream(at)
    assert refused(at, "chirp", "poll", **said) == (InvalidRequest, 400)


def test_a_stream_that_is_pushed_is_not_polled() -> None:
    assert refused(world(push=True), "chirp", "poll") == (InvalidRequest, 404)


# --- brought (RFC 8935) --------------------------------------------------------------------------


def jobs(at: World) -> tuple[Job, ...]:
    wanted = Many(Job)
    return tuple(sorted(done(at.store.read(wanted)).many(wanted), key=lambda one: one.key))


def due(at: World) -> list[Job]:
    return [one for one in jobs(at) if one.due <= at.now]


def taken(at: World, job: Job) -> Job | None:
    return at.settle(lambda: message_delivery.lease(job, at.context)).job


def sent(at: World, job: Job) -> Message:
    message = at.ask(message_delivery.write_message(job, at.context))
    assert isinstance(message, Message)
    return message


def test_one_after_the_other_in_order() -> None:
    """Three wait, and three messages; one of them brings all, while the others wait for it."""
    at = world(push=True)
    turned(at, "pause", "resume", "stop")
    one, two, three = due(at)
    leased = taken(at, one)
    assert leased is not None
    assert [taken(at, other) for other in (two, three)] == [None, None]
    told = []
    while leased is not None:
        message = sent(at, leased)
        assert message.content_type == "application/secevent+jwt"
        assert message.headers == {"accept": "application/json"}
        told.append(read(at, message.body.decode()))
        _settle(at, leased)
        leased = taken(at, due(at)[0]) if due(at) else None
    assert short(told) == ["token-claims-change", "token-claims-change", "session-revoked"]
    assert at.all(Signal) == ()
    at.later(LEASE)
    for job in due(at):
        taken(at, job)
    assert jobs(at) == ()


def test_a_node_that_dies_leaves_it_to_another() -> None:
    at = world(push=True)
    turned(at, "pause")
    assert taken(at, due(at)[0]) is not None
    assert due(at) == []
    at.later(LEASE)
    again = taken(at, due(at)[0])
    assert again is not None
    assert short([read(at, sent(at, again).body.decode())]) == ["token-claims-change"]


def test_what_fails_holds_up_what_comes_after_it() -> None:
    at = world(push=True)
    turned(at, "pause", "resume")
    one, two = due(at)
    leased = taken(at, one)
    assert leased is not None
    at.settle(lambda: message_delivery.retry_or_give_up(leased, "down", at.context, final=False))
    assert taken(at, two) is None
    assert [job.due - at.now for job in jobs(at)] == [message_delivery.PAUSES[0]] * 2


def test_what_the_receiver_refuses_is_dropped() -> None:
    """RFC 8935 2.3: it would refuse the same again."""
    at = world(push=True)
    turned(at, "pause", "resume")
    leased = taken(at, due(at)[0])
    assert leased is not None
    at.settle(
        lambda: message_delivery.retry_or_give_up(leased, "status 400", at.context, final=True)
    )
    assert len(at.all(Signal)) == 1
    assert [one.note for one in at.all(Event) if one.kind == "undelivered"] == [
        "shared signals: status 400"
    ]


def test_a_receiver_that_is_down_for_long_finds_a_paused_stream_with_all_in_it() -> None:
    at = world(push=True)
    turned(at, "pause")
    for _ in range(len(message_delivery.PAUSES) + 1):
        leased = taken(at, due(at)[0])
        assert leased is not None
        _fail(at, leased)
        at.later(max(message_delivery.PAUSES))
    assert jobs(at) == ()
    name = name_of(at)
    assert ask(at, "chirp", "status", "GET", query={"stream_id": name})["status"] == "paused"
    turned(at, "resume")
    assert jobs(at) == ()
    ask(at, "chirp", "status", stream_id=name, status="enabled")
    told = []
    while due(at):
        leased = taken(at, due(at)[0])
        if leased is not None:
            told.append(read(at, sent(at, leased).body.decode()))
            _settle(at, leased)
    assert short(told) == ["token-claims-change"] * 2


def _fail(at: World, job: Job) -> None:
    at.settle(lambda: message_delivery.retry_or_give_up(job, "down", at.context, final=False))


def _settle(at: World, job: Job) -> None:
    at.settle(lambda: message_delivery.finish(job, at.context))


def test_what_is_shown_to_the_receiver() -> None:
    at = World()
    stream(at, "chirp", delivery={**PUSHED, "authorization_header": "Bearer sesame"})
    at.connect("kite")
    turned(at, "pause")
    leased = taken(at, due(at)[0])
    assert leased is not None
    assert sent(at, leased).headers["authorization"] == "Bearer sesame"


def test_a_stream_that_is_gone_gets_nothing() -> None:
    at = world(push=True)
    turned(at, "pause")
    (job,) = due(at)
    ask(at, "chirp", "stream", "DELETE", query={"stream_id": name_of(at)})
    stream(at, "chirp", delivery={"method": PUSH, "endpoint_url": "https://evil.example/"})
    assert taken(at, job) is None
    assert jobs(at) == ()
    assert at.all(Signal) == ()


def test_an_app_that_is_suspended_hears_no_more() -> None:
    at = World()
    opted_in(at, "web")
    stream(at, "web", delivery=PUSHED)
    code = at.agree(request("web")).code
    at.redeem("web", code, redirect_uri="https://web.example/callback")
    _turn(at, at.grant("web").id, "pause")
    at.change(Client, "web", status="suspended")
    assert taken(at, due(at)[0]) is None
