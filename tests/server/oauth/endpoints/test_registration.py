"""Registration over HTTP (RFC 7591, RFC 7592; ATTACKS A16, A52, A53)."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.attacks.signing import asserted, proof
from tests.browser import Asking, authorize
from tests.jose.forge import Shared
from tests.keys import key
from tests.live import Live, live
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, jwks
from tests.server.oauth.clients.registering import APP, CB, find, kept, managed, post, registered

from valetkey.jose import jws
from valetkey.server.http.installation import read_names
from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Many
from valetkey.server.oauth.clients import metadata
from valetkey.server.oauth.endpoints.registration import UNUSED, invitation
from valetkey.wire import opaque

PUBLISHER = key("ES256", "a publisher's")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("open")
    file = folder / "publishers.json"
    file.write_bytes(msgspec.json.encode(jwks(PUBLISHER)))
    with live(
        folder,
        enable=("registration", "client_secret_jwt"),
        registration="open",
        registration_publishers_file=file,
        # Each test comes from a network of its own.
        trusted_proxies=("127.0.0.1",),
    ) as server:
        yield server


def test_an_app_registers(server: Live) -> None:
    answer = registered(server)
    client = kept(server, answer["client_id"])
    assert answer["token_endpoint_auth_method"] == "client_secret_basic"
    assert answer["grant_types"] == ["authorization_code"]
    assert answer["response_types"] == ["code"]
    assert opaque.read("cs", answer["client_secret"])
    assert answer["client_secret_expires_at"] == 0
    assert abs(answer["client_id_issued_at"] - time.time()) < 60
    assert (client.origin, client.verified, client.policy) == ("registered", False, "default")
    # Secrets are kept as digests (A82).
    raw = msgspec.json.encode(client).decode()
    assert answer["client_secret"] not in raw
    assert answer["registration_access_token"] not in raw


def test_it_gets_what_strangers_may_have(server: Live) -> None:
    """No scope asked for: all that is no high risk. Some of it: what of it is."""
    everything = registered(server)["scope"].split()
    assert {"openid", "chirps.read", "offline_access"} <= {*everything}
    assert not {"dms.read", "dms.send", "account.delete"} & {*everything}
    assert registered(server, scope="openid chirps dms.send")["scope"] == "openid chirps"


def test_a_public_app_has_no_secret(server: Live) -> None:
    answer = registered(
        server,
        token_endpoint_auth_method="none",
        redirect_uris=["http://127.0.0.1/callback"],
        grant_types=["authorization_code", "refresh_token"],
    )
    assert "client_secret" not in answer


def test_an_app_that_signs(server: Live) -> None:
    answer = registered(server, token_endpoint_auth_method="private_key_jwt", jwks=jwks(MINE))
    assert "client_secret" not in answer
    assert answer["jwks"] == jwks(MINE)


def test_its_secret_is_good_at_once(server: Live) -> None:
    answer = registered(server)
    told = server.http.post(
        "/introspect", data={"token": "x"}, auth=(answer["client_id"], answer["client_secret"])
    )
    assert told.json() == {"active": False}


BODIES: list[Any] = [
    row("7591 3.1", "no JSON", b"client_name=x", "application/json", 400),
    row("7591 3.1", "a list", b"[]", "application/json", 400),
    row("A60", "a member twice", b'{"client_name":"a","client_name":"b"}', "application/json", 400),
    row("A87", "deep", b'{"a":' * 20 + b"1" + b"}" * 20, "application/json", 400),
    row("A34", "a form", b"client_name=x", "application/x-www-form-urlencoded", 415),
    row("A87", "large", b'{"a":"' + b"a" * 70_000 + b'"}', "application/json", 413),
]


@pytest.mark.parametrize("body,kind,status", BODIES)
def test_a_body_that_is_none(server: Live, body: bytes, kind: str, status: int) -> None:
    answer = server.http.post("/register", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["client_id", "verified", "policy", "status", "secrets", "origin"])
def test_what_it_may_not_say_of_itself(server: Live, name: str) -> None:
    """A16, A76: no id of its own choice, no word on its standing."""
    answer = registered(server, **{name: "0" * 26})
    client = kept(server, answer["client_id"])
    assert client.id != "0" * 26
    assert (client.verified, client.policy, client.status) == (False, "default", "active")


# RFC 7592.


def test_an_update_may_change_how_it_proves_itself(server: Live) -> None:
    app = registered(server)
    document = managed(server, app, "GET").json()
    by_key = document | {"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(MINE)}
    assert "client_secret" not in managed(server, app, "PUT", by_key).json()
    assert kept(server, app["client_id"]).secrets == ()
    back = managed(server, app, "PUT", document).json()
    assert opaque.read("cs", back["client_secret"])


def test_a_shared_secret_is_sealed_and_good_at_once(server: Live) -> None:
    """OpenID Connect Core 9: client_secret_jwt."""
    method = {"token_endpoint_auth_method": "client_secret_jwt"}
    app = registered(server, **method, token_endpoint_auth_signing_alg="HS256")
    by = Shared(app["client_secret"].encode())
    assert by.secret not in msgspec.json.encode(kept(server, app["client_id"]))

    def proved(by: Shared) -> str:
        mine = {"iss": app["client_id"], "sub": app["client_id"]}
        text = asserted(server, **mine)._replace(key=by).token()
        form = {"grant_type": "refresh_token", "refresh_token": "x", **proof(text)}
        return str(server.http.post("/token", data=form).json()["error"])

    assert proved(by) == "unauthorized_client"
    assert proved(Shared(bytes(32))) == "invalid_client"
    document = managed(server, app, "GET").json()
    assert "client_secret" not in managed(server, app, "PUT", document).json()
    assert proved(by) == "unauthorized_client"
    # Its secret goes along to another method, sealed no longer; back again it gets a new one.
    shown = document | {
        "token_endpoint_auth_method": "client_secret_post",
        "token_endpoint_auth_signing_alg": "",
    }
    assert "client_secret" not in managed(server, app, "PUT", shown).json()
    assert [one.sealed for one in kept(server, app["client_id"]).secrets] == [b""]
    fresh = managed(server, app, "PUT", document).json()["client_secret"]
    assert fresh != app["client_secret"]
    assert (proved(by), proved(Shared(fresh.encode()))) == ("invalid_client", "unauthorized_client")


WRONG_PUTS: list[Any] = [
    row("7592 2.2", "no client_id", {"client_id": None}, 400),
    row("7592 2.2", "another client_id", {"client_id": "web"}, 400),
    row("7592 2.2", "another secret", {"client_secret": "x"}, 400),
    row("A52", "a hostile redirect", {"redirect_uris": ["javascript:alert(1)"]}, 400),
    row("A52", "more scope than there is for strangers", {"scope": "dms.send"}, 400),
]


@pytest.mark.parametrize("changed,status", WRONG_PUTS)
def test_an_update_that_will_not_do(server: Live, changed: dict[str, Any], status: int) -> None:
    app = registered(server)
    before = kept(server, app["client_id"])
    document = managed(server, app, "GET").json() | changed
    assert managed(server, app, "PUT", document).status_code == status
    assert kept(server, app["client_id"]) == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_its_own_token_opens_it(server: Live, method: str) -> None:
    """A77."""
    app, other = registered(server), registered(server)
    document = {"client_id": app["client_id"], **APP}
    tokens = ("", "x", other["registration_access_token"], app["client_secret"])
    for token in tokens:
        answer = managed(server, app, method, document, token=token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    # Clients that the operator wrote down, and none at all, look alike.
    for name in ("web", "nobody", ""):
        there = {**app, "registration_client_uri": f"/register?client_id={name}"}
        assert managed(server, there, method, document).status_code == 401
        assert managed(server, there, method, document, token="").status_code == 401


def test_a_client_leaves(server: Live) -> None:
    app = registered(server)
    assert managed(server, app, "DELETE").status_code == 204
    assert find(server, app["client_id"]) is None
    assert managed(server, app, "GET").status_code == 401
    told = server.http.post(
        "/introspect", data={"token": "x"}, auth=(app["client_id"], app["client_secret"])
    )
    assert told.status_code == 401


@pytest.mark.parametrize("method", ["PATCH", "HEAD"])
def test_other_methods(server: Live, method: str) -> None:
    assert server.http.request(method, "/register").status_code == 405


# Who may, and how much.


def test_a_network_registers_so_many(server: Live) -> None:
    for _ in range(30):
        assert post(server, APP, address="192.0.2.7").status_code == 201
    answer = post(server, APP, address="192.0.2.200")
    assert answer.status_code == 429
    assert post(server, APP, address="198.51.100.1").status_code == 201


def test_no_stranger_takes_the_name_of_a_verified_app(server: Live) -> None:
    """ATTACKS A52: nor one that looks like it. `stefApp` is verified, `Post app` is not."""
    known = server.run(read_names(server.store))
    assert known["stefapp"] == "stefapp"
    assert "postapp" not in known
    for name in ("stefApp", "STEF-app", "stef \uff21pp", "\u0455t\u0435f\u0430pp"):
        answer = post(server, APP | {"client_name": name})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert post(server, APP | {"client_name": "Post app"}).status_code == 201
    app = registered(server)
    document = managed(server, app, "GET").json()
    renamed = managed(server, app, "PUT", document | {"client_name": "stefApp"})
    assert renamed.status_code == 400
    assert managed(server, app, "PUT", document).status_code == 200


def test_how_many_is_a_setting(tmp_path: Path) -> None:
    with live(
        tmp_path,
        enable=("registration",),
        registration="open",
        registration_hourly=2,
        trusted_proxies=("127.0.0.1",),
    ) as server:
        statuses = [post(server, APP, address="192.0.2.7").status_code for _ in range(3)]
        assert statuses == [201, 201, 429]
        assert post(server, APP, address="198.51.100.1").status_code == 201


def test_a_registration_that_nobody_used_is_forgotten(server: Live) -> None:
    app, other = registered(server, scope="chirps.read"), registered(server, scope="chirps.read")
    client = kept(server, app["client_id"])
    assert client.forget_at == client.created + UNUSED
    used = registered(server, scope="chirps.read")
    asking = Asking(client_id=used["client_id"], redirect_uri=CB, scope="chirps.read")
    token = server.http.post(
        "/token",
        data=asking.redemption(authorize(server.browser(), asking)),
        auth=(used["client_id"], used["client_secret"]),
    )
    assert token.status_code == 200, token.text
    assert kept(server, used["client_id"]).forget_at == 0
    while server.run(server.store.sweep(client.created + UNUSED + 60)):
        pass
    assert find(server, app["client_id"]) is None
    assert find(server, other["client_id"]) is None
    assert find(server, used["client_id"]) is not None
    assert find(server, "web") is not None


def invite(server: Live, **changed: Any) -> str:
    token = opaque.write("iat", os.urandom(32))
    now = int(time.time())
    given: dict[str, Any] = {
        "policy": "oidc",
        "scope": ("openid",),
        "uses": 1,
        "expires": now + 60,
        "now": now,
    }
    server.run(server.store.commit([Create(invitation(token, **(given | changed)))]))
    return token


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("invited"), enable=("registration",)) as server:
        yield server


def test_the_invited_alone(closed: Live) -> None:
    for token in ("", "x", invite(closed, expires=1)):
        answer = post(closed, APP, token=token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    token = invite(closed, uses=2)
    first = post(closed, APP, token=token)
    assert first.status_code == 201
    client = kept(closed, first.json()["client_id"])
    assert (client.policy, client.scope) == ("oidc", ("openid",))
    # A refusal costs nothing.
    assert post(closed, APP | {"client_name": "a\nb"}, token=token).status_code == 400
    assert post(closed, APP, token=token).status_code == 201
    assert post(closed, APP, token=token).status_code == 401
    wanted = Many(Pending)
    rows = closed.run(closed.store.read(wanted)).many(wanted)
    assert token not in str(rows)


def test_an_invitation_lets_in_as_many_as_it_says_and_no_race_is_lost(closed: Live) -> None:
    token = invite(closed, uses=20)
    refused = post(closed, {"redirect_uris": "nonsense"}, token=token)
    assert refused.status_code == 400, "which uses nothing up"
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: post(closed, APP, token=token).status_code, range(30)))
    assert Counter(answers) == {201: 20, 401: 10}


def test_the_first_tokens_of_a_new_app_lose_no_race(server: Live) -> None:
    """Each of them notes that it is used now."""
    app = registered(server)
    # An administrator has taken it over, and nobody has used it yet.
    machine = msgspec.structs.replace(
        kept(server, app["client_id"]), origin="declared", grant_types=("client_credentials",)
    )
    assert machine.unused_until
    server.run(server.store.commit([Update(machine)]))
    auth, form = (app["client_id"], app["client_secret"]), {"grant_type": "client_credentials"}
    with ThreadPoolExecutor(30) as pool:
        answers = pool.map(
            lambda _: server.http.post("/token", data=form, auth=auth).status_code, range(60)
        )
        assert Counter(answers) == {200: 60}
    assert kept(server, app["client_id"]).unused_until == 0


def test_it_is_off_unless_it_is_enabled(tmp_path: Path) -> None:
    with live(tmp_path) as server:
        assert post(server, APP).status_code == 404
        said = server.http.get("/.well-known/oauth-authorization-server").json()
        assert "registration_endpoint" not in said


# Software statements.


def statement(by: Any = PUBLISHER, **claims: Any) -> str:
    given = {"iss": "https://publisher.example", **claims}
    return jws.sign(msgspec.json.encode(given), key=by, typ="JWT")


def test_what_a_statement_says_wins(server: Live) -> None:
    signed = statement(client_name="The real name", software_id="real")
    answer = registered(server, software_statement=signed)
    assert (answer["client_name"], answer["software_id"]) == ("The real name", "real")
    signed = statement(client_name="The real name", redirect_uris=[CB])
    answer = registered(server, software_statement=signed)
    assert kept(server, answer["client_id"]).verified


@pytest.mark.parametrize(
    "stated, beside",
    [
        ({"client_name": "Your bank"}, {"redirect_uris": ["https://evil.example/cb"]}),
        ({"redirect_uris": [CB]}, {"client_name": "Your bank"}),
        ({"client_name": "x", "redirect_uris": [CB]}, {"client_uri": "https://bank.example"}),
        ({"client_name": "x", "redirect_uris": [CB]}, {"logo_uri": "https://bank.example/l"}),
        ({"software_id": "x"}, {}),
    ],
)
def test_a_statement_that_says_half_vouches_for_nobody(
    server: Live, stated: dict[str, Any], beside: dict[str, Any]
) -> None:
    """A52: a statement is no secret, so anybody can bring it with a face of their own beside it."""
    answer = registered(server, software_statement=statement(**stated), **beside)
    assert not kept(server, answer["client_id"]).verified


def test_statements_that_will_not_do(server: Live, closed: Live) -> None:
    stranger = statement(key("ES256", "a stranger's"), client_name="x")
    kinds = {
        stranger: {"unapproved_software_statement", "invalid_software_statement"},
        statement(exp=1): {"invalid_software_statement"},
        statement()[:-4]: {"invalid_software_statement"},
    }
    for text, codes in kinds.items():
        answer = post(server, APP | {"software_statement": text})
        assert (answer.status_code, answer.json()["error"] in codes) == (400, True), answer.text
    answer = post(closed, APP | {"software_statement": statement()}, token=invite(closed))
    assert answer.json()["error"] == "unapproved_software_statement"


# One table.


def test_every_field_of_a_client_is_in_the_table() -> None:
    """A new field is either a client's own word, with a name on the wire, or the operator's."""
    fields = {field.name for field in msgspec.structs.fields(Client)}
    told = {one.field for one in metadata.FIELDS}
    assert told | metadata.OWN == fields
    assert not told & metadata.OWN
