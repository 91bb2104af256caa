"""Who asks? (RFC 6749 2.3; ATTACKS A29.)"""

import base64
from typing import Any

import pytest
from tests.installation import SECRETS
from tests.rows import row
from tests.server.oauth.forms import basic, form
from tests.server.oauth.world import World

from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.oauth.clients.authentication import authenticate, authenticate_resource_server
from valetkey.server.oauth.core.feature import Call
from valetkey.spec.errors import InvalidClient, InvalidRequest, OAuthError
from valetkey.wire.token_response import APP_SUSPENDED

WEB, POST = SECRETS["web"], SECRETS["post"]


def call(authorization: str = "", **parameters: Any) -> Call:
    return Call(form=form(parameters), authorization=authorization)


def raw(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


def _slack(header: str) -> str:
    """The same bytes, with a bit set that no byte uses."""
    bare = header.rstrip("=")
    assert bare != header, "its length leaves no bits over"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = letters[letters.index(bare[-1]) | 1]
    assert last != bare[-1]
    return bare[:-1] + last + "=" * (len(header) - len(bare))


KNOWN = [
    row("2.3.1", "Basic", call(basic("web", WEB)), "web"),
    row(
        "7235 2.1", "basic in lower case", call(basic("web", WEB).replace("Basic", "bASIC")), "web"
    ),
    row(
        "2.3.1",
        "Basic, and its own name in the body",
        call(basic("web", WEB), client_id="web"),
        "web",
    ),
    row("2.3.1", "Basic, form-encoded first", call(basic("%77eb", WEB.replace("_", "%5F"))), "web"),
    row("2.3.1", "in the body", call(client_id="post", client_secret=POST), "post"),
    row("3.2.1", "a public client says who it is", call(client_id="kite"), "kite"),
]


@pytest.mark.parametrize("by,name", KNOWN)
def test_who_it_is(by: Call, name: str) -> None:
    world = World()
    assert world.ask(authenticate(by, world.context)).client.id == name


UNKNOWN: list[tuple[str, str, Call, type[OAuthError]]] = [
    ("2.3.1", "nobody", call(), InvalidClient),
    ("2.3.1", "an unknown client", call(client_id="nobody"), InvalidClient),
    ("2.3.1", "an unknown client with a secret", call(basic("nobody", WEB)), InvalidClient),
    (
        "2.3.1",
        "a resource server is no client",
        call(basic("chirp", SECRETS["chirp"])),
        InvalidClient,
    ),
    ("A16", "a user is no client", call(client_id="0" * 26), InvalidClient),
    ("2.3.1", "Basic, a wrong secret", call(basic("web", POST)), InvalidClient),
    ("2.3.1", "Basic, a secret that is cut", call(basic("web", WEB[:-1])), InvalidClient),
    ("2.3.1", "Basic, a longer secret", call(basic("web", WEB + "A")), InvalidClient),
    ("2.3.1", "Basic, no secret", call(basic("web", "")), InvalidClient),
    ("A82", "Basic, the digest of the secret", call(basic("web", digest(WEB))), InvalidClient),
    ("2.3.1", "body, a wrong secret", call(client_id="post", client_secret=WEB), InvalidClient),
    ("2.3.1", "body, without a name", call(client_secret=POST), InvalidRequest),
    ("2.3.1", "Basic for a client of the body", call(basic("post", POST)), InvalidClient),
    (
        "2.3.1",
        "body for a client of Basic",
        call(client_id="web", client_secret=WEB),
        InvalidClient,
    ),
    ("2.3.1", "a confidential client without proof", call(client_id="web"), InvalidClient),
    ("2.3.1", "a public client with a secret", call(basic("kite", "x")), InvalidClient),
    ("2.3.1", "a public client, empty secret", call(basic("kite", "")), InvalidClient),
    (
        "2.3",
        "both ways at once",
        call(basic("post", POST), client_id="post", client_secret=POST),
        InvalidRequest,
    ),
    (
        "2.3",
        "both ways, both right",
        call(basic("web", WEB), client_id="web", client_secret=WEB),
        InvalidRequest,
    ),
    (
        "2.3",
        "Basic, another name in the body",
        call(basic("web", WEB), client_id="kite"),
        InvalidRequest,
    ),
    (
        "7521 4.2",
        "an assertion beside a right secret",
        call(basic("web", WEB), client_assertion="x"),
        InvalidClient,
    ),
    (
        "7521 4.2",
        "an assertion beside a public client",
        call(client_id="kite", client_assertion="x"),
        InvalidClient,
    ),
    ("7617 2", "no base64", call("Basic !!!"), InvalidClient),
    ("7617 2", "base64 of the other alphabet", call("Basic d2ViOi0_"), InvalidClient),
    # RFC 4648 3.2, 3.3, 3.5: one secret has one spelling.
    ("4648 3.2", "no padding", call(basic("web", WEB).rstrip("=")), InvalidClient),
    ("4648 3.2", "more padding", call(basic("web", WEB) + "="), InvalidClient),
    (
        "4648 3.3",
        "a line feed within",
        call(basic("web", WEB)[:20] + "\n" + basic("web", WEB)[20:]),
        InvalidClient,
    ),
    ("4648 3.5", "slack bits", call(_slack(basic("web", WEB))), InvalidClient),
    ("7617 2", "nothing", call("Basic "), InvalidClient),
    ("7617 2", "no colon", call(raw(b"web")), InvalidClient),
    ("7617 2", "no name", call(raw(b":" + WEB.encode())), InvalidClient),
    ("7617 2", "no UTF-8", call(raw(b"\xff\xfe:x")), InvalidClient),
    ("7235 2.1", "another scheme", call("Bearer abc"), InvalidClient),
    (
        "7235 2.1",
        "another scheme, and a public name",
        call("Bearer abc", client_id="kite"),
        InvalidClient,
    ),
]


@pytest.mark.parametrize("by,error", [row(a, b, *rest) for a, b, *rest in UNKNOWN])
def test_who_it_is_not(by: Call, error: type[OAuthError]) -> None:
    world = World()
    with pytest.raises(error):
        world.ask(authenticate(by, world.context))


def test_a_suspended_client_is_nobody() -> None:
    """ATTACKS A78. It is told why; whoever cannot prove to be it hears no more than of a client
    that never was."""
    world = World()
    with pytest.raises(InvalidClient) as never:
        world.ask(authenticate(call(basic("nobody", WEB)), world.context))
    world.change(Client, "web", status="suspended")
    with pytest.raises(InvalidClient) as somebody:
        world.ask(authenticate(call(basic("web", "wrong")), world.context))
    assert str(somebody.value) == str(never.value)
    with pytest.raises(InvalidClient) as suspended:
        world.ask(authenticate(call(basic("web", WEB)), world.context))
    assert suspended.value.reason == APP_SUSPENDED


def test_secrets_overlap_while_they_are_exchanged() -> None:
    world = World()
    old, new = (
        StoredSecret(digest("old"), world.now, until=world.now + 60),
        StoredSecret(digest("new"), world.now),
    )
    world.change(Client, "web", secrets=(old, new))
    for secret in ("old", "new"):
        world.ask(authenticate(call(basic("web", secret)), world.context))
    world.later(60)
    world.ask(authenticate(call(basic("web", "new")), world.context))
    with pytest.raises(InvalidClient):
        world.ask(authenticate(call(basic("web", "old")), world.context))


def test_a_client_without_secrets_is_not_open() -> None:
    world = World()
    world.change(Client, "web", secrets=())
    for secret in ("", "x"):
        with pytest.raises(InvalidClient):
            world.ask(authenticate(call(basic("web", secret)), world.context))


SERVERS = [
    row("7662 2.1", "with its secret", call(basic("chirp", SECRETS["chirp"])), True),
    row("7662 2.1", "in the body", call(client_id="chirp", client_secret=SECRETS["chirp"]), True),
    row("7662 2.1", "another's secret", call(basic("chirp", SECRETS["photos"])), False),
    row("7662 2.1", "no secret", call(client_id="chirp"), False),
    row("7662 2.1", "an empty secret", call(basic("chirp", "")), False),
]


@pytest.mark.parametrize("by,good", SERVERS)
def test_a_resource_server_proves_who_it_is(by: Call, good: bool) -> None:
    world = World()
    if good:
        found = world.ask(authenticate_resource_server(by, world.context))
        assert found is not None
        assert found.id == "chirp"
        return
    with pytest.raises(InvalidClient):
        world.ask(authenticate_resource_server(by, world.context))


@pytest.mark.parametrize(
    "by", [call(basic("web", WEB)), call(client_id="kite")], ids=["web", "kite"]
)
def test_a_client_is_no_resource_server(by: Call) -> None:
    world = World()
    assert world.ask(authenticate_resource_server(by, world.context)) is None


def test_a_refusal_holds_no_secret() -> None:
    world = World()
    with pytest.raises(InvalidClient) as refused:
        world.ask(authenticate(call(basic("web", "tea-for-two")), world.context))
    assert "tea" not in f"{refused.value} {refused.value.detail}"


ANOTHER_WAY = [
    row("2.3.1", "the secret, in the body", call(client_id="web", client_secret=WEB), True),
    row("2.3.1", "the secret, by Basic", call(basic("post", POST)), True),
    row("2.3.1", "a public client", call(basic("kite", "x")), True),
    row("2.3.1", "a wrong secret, in the body", call(client_id="web", client_secret=POST), False),
    row("2.3.1", "a wrong secret, by Basic", call(basic("post", WEB)), False),
    row("2.3.1", "no secret", call(client_id="web"), False),
]


@pytest.mark.parametrize("by,told", ANOTHER_WAY)
def test_who_comes_by_another_way_is_told_which_is_theirs(by: Call, told: bool) -> None:
    """In the log always; in the answer only where that tells a stranger nothing."""
    world = World()
    with pytest.raises(InvalidClient) as caught:
        world.ask(authenticate(by, world.context))
    assert "is registered for" in caught.value.detail
    assert ", and used" in caught.value.detail
    assert ("is registered for" in caught.value.description) == told


def test_a_name_that_nobody_has_says_nothing() -> None:
    world = World()
    with pytest.raises(InvalidClient) as caught:
        world.ask(authenticate(call(basic("nobody", WEB)), world.context))
    assert "registered for" not in caught.value.description + caught.value.detail
