"""What the kit knows of its server: keys fetched once, kept in an outage, never guessed."""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.keys import key
from tests.resource.issuing import CATALOG, Issuing
from tests.rows import row

from valetkey.jose import jwk
from valetkey.jose.jwk import Algorithm
from valetkey.resource import Principal, Refused, ResourceServer, Unreachable, issuer
from valetkey.resource.starlette import Needs
from valetkey.wire.catalog import Catalog

pytestmark = pytest.mark.anyio
METADATA = "/.well-known/oauth-authorization-server"


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    one = Issuing()
    yield one
    one.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next fetch may be at once."""
    monkeypatch.setattr(issuer, "PAUSES", (0.0,))


def local(issuing: Issuing) -> ResourceServer:
    return ResourceServer(issuer=issuing.issuer, catalog=CATALOG)


async def verified(kit: ResourceServer, token: str, *needs: str) -> Principal:
    return await kit.verify(f"Bearer {token}", needs=needs)


async def outcome(kit: ResourceServer, token: str) -> int:
    """200, or the status of the refusal."""
    try:
        await verified(kit, token)
    except (Refused, Unreachable) as refusal:
        return refusal.status
    return 200


async def test_keys_are_fetched_once_however_many_ask(issuing: Issuing) -> None:
    kit, token = local(issuing), issuing.token()
    issuing.slowly = 0.05
    assert set(await asyncio.gather(*(outcome(kit, token) for _ in range(20)))) == {200}
    assert await outcome(kit, token) == 200
    assert issuing.asked == {METADATA: 1, "/jwks": 1}
    await kit.close()


async def test_in_an_outage_everyone_is_told_the_same(issuing: Issuing) -> None:
    """Who waits while another's fetch fails is told 503 as well: 401 would have apps renew keys."""
    kit, token = local(issuing), issuing.token()
    issuing.replies["/jwks"] = (500, b"")
    issuing.slowly = 0.05
    assert set(await asyncio.gather(*(outcome(kit, token) for _ in range(20)))) == {503}
    assert issuing.asked["/jwks"] == 1
    await kit.close()


async def test_a_server_that_is_down_is_not_asked_at_every_call(issuing: Issuing) -> None:
    kit, token = local(issuing), issuing.token()
    issuing.replies[METADATA] = (503, b"")
    assert [await outcome(kit, token) for _ in range(10)] == [503] * 10
    assert issuing.asked[METADATA] == 1
    await kit.close()


async def test_old_keys_serve_through_an_outage(
    issuing: Issuing, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, token = local(issuing), issuing.token()
    assert await outcome(kit, token) == 200
    monkeypatch.setattr(issuer, "FRESH", 0.0)
    issuing.stop()
    assert await outcome(kit, token) == 200
    # Whether a key that it does not know is a new one cannot be said now.
    assert await outcome(kit, issuing.token(key=jwk.generate("ES256"))) == 503
    monkeypatch.setattr(issuer, "STALE", 0.0)
    assert await outcome(kit, token) == 503
    issuing.start()
    assert await outcome(kit, token) == 200
    await kit.close()


async def test_a_new_key_is_found_by_its_id(issuing: Issuing, impatient: None) -> None:
    kit = local(issuing)
    assert await outcome(kit, issuing.token()) == 200
    new = jwk.generate("ES256")
    issuing.keys.append(new)
    assert await outcome(kit, issuing.token(key=new)) == 200
    await kit.close()


OTHERS = [
    row("RFC 9068 4", "PS256, named by the key", "PS256", [], [], 200),
    row("RFC 9068 4", "EdDSA, named by the key", "EdDSA", [], [], 200),
    row("RFC 9068 4", "ES384, named by the key", "ES384", [], [], 200),
    row("RFC 9068 4", "PS256, named by the metadata", "PS256", ["PS256"], ["alg"], 200),
    row("RFC 9068 4", "PS256, named by nobody", "PS256", [], ["alg"], 401),
    row("RFC 9068 4", "PS256, where it says RS256", "PS256", ["RS256"], ["alg"], 401),
    row("RFC 7517 4.5", "a key without a name", "ES256", [], ["kid"], 200),
    row("RFC 7517 4.5", "and of another algorithm", "ES384", [], ["kid"], 200),
]


@pytest.mark.parametrize("algorithm,text,drop,status", OTHERS)
async def test_keys_of_other_servers(
    issuing: Issuing, algorithm: Algorithm, text: list[str], drop: list[str], status: int
) -> None:
    issuing.key = key(algorithm)
    bare = {name: one for name, one in issuing.key.public().jwk().items() if name not in drop}
    about = msgspec.to_builtins(issuing._metadata()) | (
        {"id_token_signing_alg_values_supported": text} if text else {}
    )
    issuing.replies |= {
        "/jwks": (200, json.dumps({"keys": [bare]}).encode()),
        METADATA: (200, json.dumps(about).encode()),
    }
    kit = local(issuing)
    assert await outcome(kit, issuing.token()) == status
    await kit.close()


async def test_forged_key_ids_fetch_hardly_anything(issuing: Issuing) -> None:
    kit = local(issuing)
    assert await outcome(kit, issuing.token()) == 200
    for _ in range(20):
        assert await outcome(kit, issuing.token(key=jwk.generate("ES256"))) == 401
    assert issuing.asked["/jwks"] == 1
    await kit.close()


async def test_forged_key_ids_fetch_less_and_less(
    issuing: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = local(issuing)
    monkeypatch.setattr(issuer, "PAUSES", (0.0, 0.0, 60.0))
    assert await outcome(kit, issuing.token()) == 200
    for _ in range(20):
        assert await outcome(kit, issuing.token(key=jwk.generate("ES256"))) == 401
    assert issuing.asked["/jwks"] == 3
    await kit.close()


async def test_a_key_taken_back_opens_nothing(
    issuing: Issuing, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, token = local(issuing), issuing.token()
    assert await outcome(kit, token) == 200
    monkeypatch.setattr(issuer, "FRESH", 0.0)
    issuing.keys.clear()
    assert await outcome(kit, token) == 401
    await kit.close()


BAD_REPLIES = [
    row("8414 3.3", "another issuer", METADATA, (200, b'{"issuer":"https://evil.example"}')),
    row("8414 3.2", "no metadata", METADATA, (404, b"")),
    row("8414 3.2", "no JSON", METADATA, (200, b"<html>")),
    row("8414 3.2", "a redirect", METADATA, (302, b"")),
    row("8414 2", "no keys' address", METADATA, (200, b'{"issuer":"ISSUER"}')),
    row(
        "9700 2.6",
        "keys over plain http",
        METADATA,
        (200, b'{"issuer":"ISSUER","jwks_uri":"http://a.example"}'),
    ),
    row("7517 5", "no key set", "/jwks", (200, b"[]")),
    row("7517 5", "no JSON", "/jwks", (200, b"{")),
    row("7517 5", "endless keys", "/jwks", (200, b" " * 300_000 + b'{"keys":[]}')),
    row("7662 2.2", "no JSON", "/introspect", (200, b"yes")),
    row("7662 2.2", "no verdict", "/introspect", (200, b'{"scope":"chirps.read"}')),
    row("7662 2.2", "a word for a verdict", "/introspect", (200, b'{"active":"true"}')),
    row("7662 2.3", "our secret is wrong", "/introspect", (401, b'{"error":"invalid_client"}')),
    row("7662 2.2", "trouble", "/introspect", (500, b'{"active":true}')),
    row("7662 2.2", "too many calls", "/introspect", (429, b'{"active":true}')),
    row("7662 2.2", "a redirect", "/introspect", (307, b'{"active":true}')),
]


@pytest.mark.parametrize("path,reply", BAD_REPLIES)
async def test_what_cannot_be_known_is_no_yes(
    issuing: Issuing, path: str, reply: tuple[int, bytes]
) -> None:
    status, body = reply
    issuing.replies[path] = (status, body.replace(b"ISSUER", issuing.issuer.encode()))
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG, credentials=("chirp", "s"))
    with pytest.raises(Unreachable):
        await verified(kit, issuing.token())
    assert "/elsewhere" not in issuing.asked
    await kit.close()


async def test_a_slow_server_is_not_waited_for(
    issuing: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valetkey.resource.http.TIMEOUT", 0.05)
    issuing.slowly = 0.3
    assert await outcome(local(issuing), issuing.token()) == 503


async def test_what_introspection_says_counts(issuing: Issuing) -> None:
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG, credentials=("a:b", "s+c r%t"))
    principal = await verified(kit, issuing.token(grant_id="g"), "chirps.read")
    assert principal.permissions == {"chirps.read"}
    assert (principal.sub, principal.client_id, principal.grant_id) == ("miko", "stefapp", "g")
    with pytest.raises(Refused, match="insufficient_scope") as refused:
        await verified(kit, issuing.token(), "chirps.read", "chirps.write")
    assert refused.value.challenge.scope == "chirps.read chirps.write"
    # RFC 6749 2.3.1: form-encoded, then joined.
    sent = base64.b64decode(issuing.authorization.removeprefix("Basic ")).decode()
    assert sent == "a%3Ab:s%2Bc+r%25t"
    assert list(issuing.forms[0]) == ["token"]
    issuing.replies["/introspect"] = (200, b'{"active":false}')
    with pytest.raises(Refused, match="invalid_token"):
        await verified(kit, issuing.token())
    await kit.close()


async def test_what_another_server_says_of_a_token_is_read(issuing: Issuing) -> None:
    """RFC 7662 2.2: a user name, members of its own, and one audience that stands alone."""
    told = {"active": True, "scope": "chirps.read", "username": "miko", "aud": CATALOG.resource}
    issuing.replies["/introspect"] = (200, json.dumps({**told, "realm": {"roles": []}}).encode())
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG, credentials=("chirp", "s"))
    token = issuing.token(aud=CATALOG.resource)
    assert (await verified(kit, token, "chirps.read")).permissions == {"chirps.read"}
    await kit.close()


FOREIGN: list[Any] = [
    row("9068 4", "another API", {"aud": ("https://photos.example",)}),
    row("9068 4", "another issuer", {"iss": "https://evil.example"}),
    row("9068 4", "over", {"iat": 1, "exp": 2}),
    row("8725 2.8", "in the future", {"iat": 1 << 40, "exp": 1 << 41}),
]


@pytest.mark.parametrize("claims", FOREIGN)
async def test_a_token_that_is_not_for_here_is_not_even_asked_about(
    issuing: Issuing, claims: dict[str, Any]
) -> None:
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG, credentials=("chirp", "s"))
    assert await outcome(kit, issuing.token(**claims)) == 401
    assert issuing.asked["/introspect"] == 0
    await kit.close()


def test_one_event_loop_after_another(issuing: Issuing) -> None:
    """As in a test of an API, whose client begins a new loop for each call."""
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG, credentials=("chirp", "s"))

    @Needs(kit)("chirps.read")
    async def read(request: Request) -> Response:
        return JSONResponse({})

    client = TestClient(Starlette(routes=[Route("/", read)]))
    headers = {"Authorization": f"Bearer {issuing.token()}"}
    assert [client.get("/", headers=headers).status_code for _ in range(3)] == [200] * 3


async def test_the_log_tells_why_and_no_secret(
    issuing: Issuing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "valetkey.resource")
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG, credentials=("chirp", "hush"))
    token = issuing.token(aud=("https://photos.example",))
    assert await outcome(kit, token) == 401
    issuing.replies["/introspect"] = (500, b"")
    assert await outcome(kit, issuing.token()) == 503
    assert "meant for another resource server" in caplog.text
    assert "/introspect answers 500" in caplog.text
    assert token.split(".")[1] not in caplog.text
    assert token.split(".")[2] not in caplog.text
    assert "hush" not in caplog.text + repr(kit)
    await kit.close()


@pytest.mark.parametrize(
    "options,why",
    [
        row(
            "8414 2",
            "an issuer that others could pose as",
            {"issuer": "http://id.example"},
            "https",
        ),
        row("8414 2", "no issuer", {"issuer": ""}, "https"),
        row("7662 2.1", "no credentials", {"live": "ask"}, "credentials"),
        row(
            "9728 1.2",
            "a resource that is no address",
            {"catalog": Catalog(resource="chirp", name="Chirp", permissions=CATALOG.permissions)},
            "web address",
        ),
        row(
            "ours",
            "a permission without words",
            {
                "catalog": Catalog(
                    resource="https://c.example", name="C", permissions=(), scopes={"x": ()}
                )
            },
            "empty",
        ),
    ],
)
def test_a_mistake_is_told_at_the_start(options: dict[str, Any], why: str) -> None:
    made: dict[str, Any] = {"issuer": "https://id.example", "catalog": CATALOG}
    with pytest.raises(ValueError, match=why):
        ResourceServer(**(made | options))
