"""The SDK at servers of others: their algorithms, key sets without names, and no PKCE."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from tests.client.serving import METADATA, Serving
from tests.jose.forge import signed
from tests.keys import key
from tests.rows import row

from valetkey.client import Aborted, App, Key, Machine, MemoryStore
from valetkey.jose.jwk import SERVER_ALGORITHMS, Algorithm, PrivateKey

TOKEN = {"access_token": "an access token", "token_type": "Bearer", "expires_in": 60}


class Other(Serving):
    """A server of others. `signer` signs the ID Token, with a name in its header or without;
    `published` is its key set."""

    def __init__(self) -> None:
        super().__init__()
        self.nonce = ""

    def publish(self, *keys: PrivateKey, drop: Sequence[str] = (), **members: Any) -> None:
        """What the metadata says, and the keys, without these members."""
        result = [
            {name: value for name, value in one.public().jwk().items() if name not in drop}
            for one in keys
        ]
        self.replies["/jwks"] = 200, json.dumps({"keys": result}).encode()
        self.replies[METADATA] = self.metadata(**members)

    def issue(self, signer: PrivateKey, nonce: str, *, has_kid: bool = True) -> None:
        """What the token endpoint gives."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "miko",
            "aud": "stefapp",
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
        }
        header = {"alg": signer.algorithm, **({"kid": signer.kid} if has_kid else {})}
        text = signed(header, json.dumps(claims).encode(), signer)
        self.replies["/token"] = 200, json.dumps(TOKEN | {"id_token": text}).encode()


@pytest.fixture
def server() -> Iterator[Other]:
    one = Other()
    yield one
    one.stop()


Fields = dict[str, Any]


def connecting(
    server: Other, signer: PrivateKey, *, has_kid: bool = True, **fields: Any
) -> Callable[[], str]:
    """Who signed in, at an app of these fields."""
    app = App(issuer=server.url, client_id="stefapp", scope=("openid",), **fields)

    def browser(address: str) -> None:
        asked = {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}
        server.issue(signer, asked["nonce"], has_kid=has_kid)
        back = f"{asked['redirect_uri']}?code=c&state={asked['state']}"
        threading.Thread(target=httpx2.get, args=(back,), daemon=True).start()

    def connect() -> str:
        one = Key(app, MemoryStore())
        try:
            return one.connect(open_browser=browser, seconds=20).sub
        finally:
            one.close()

    return connect


def says(*algorithms: str) -> Fields:
    return {"id_token_signing_alg_values_supported": list(algorithms)}


@pytest.mark.parametrize("algorithm", SERVER_ALGORITHMS)
def test_an_id_token_in_an_algorithm_that_the_metadata_names(
    server: Other, algorithm: Algorithm
) -> None:
    server.publish(key(algorithm), **says(algorithm))
    assert connecting(server, key(algorithm))() == "miko"


@pytest.mark.parametrize("algorithm", SERVER_ALGORITHMS)
def test_an_id_token_in_an_algorithm_that_the_metadata_does_not_name(
    server: Other, algorithm: Algorithm
) -> None:
    others = [one for one in SERVER_ALGORITHMS if one != algorithm]
    server.publish(key(algorithm), **says(*others))
    with pytest.raises(Aborted, match="not accepted here"):
        connecting(server, key(algorithm))()


SILENT = [
    row("", "ES256, which is ours", "ES256", True),
    row("OpenID Connect Core 15.1", "RS256, which every server has", "RS256", True),
    row("", "PS256", "PS256", False),
    row("", "EdDSA", "EdDSA", False),
    row("", "ES384", "ES384", False),
]


@pytest.mark.parametrize("algorithm,good", SILENT)
def test_where_the_metadata_names_none(server: Other, algorithm: Algorithm, good: bool) -> None:
    server.publish(key(algorithm))
    connect = connecting(server, key(algorithm))
    if good:
        assert connect() == "miko"
    else:
        with pytest.raises(Aborted):
            connect()


def test_an_algorithm_that_is_not_known_here_is_none(server: Other) -> None:
    server.publish(key("RS256"), **says("HS256", "none"))
    with pytest.raises(Aborted):
        connecting(server, key("RS256"))()


RSA = key("RS256"), key("RS256", "another")
UNNAMED = [
    row("RFC 7517 4.5", "one key, no name anywhere", RSA[:1], RSA[0], False),
    row("RFC 7517 4.5", "two keys, the first one signs", RSA, RSA[0], False),
    row("RFC 7517 4.5", "two keys, the second one signs", RSA, RSA[1], False),
    row("RFC 7517 4.5", "the token has a name", RSA, RSA[1], True),
]


@pytest.mark.parametrize("published,signer,names", UNNAMED)
def test_a_key_set_without_names(
    server: Other, published: Sequence[PrivateKey], signer: PrivateKey, names: bool
) -> None:
    server.publish(*published, drop=["kid"], **says("RS256"))
    assert connecting(server, signer, has_kid=names)() == "miko"


def test_a_key_that_names_no_algorithm_is_for_what_the_metadata_names(server: Other) -> None:
    server.publish(key("PS256"), drop=["kid", "alg"], **says("PS256"))
    assert connecting(server, key("PS256"), has_kid=False)() == "miko"


def test_a_stranger_among_keys_without_names(server: Other) -> None:
    server.publish(*RSA, drop=["kid"], **says("RS256"))
    with pytest.raises(Aborted, match="the signature does not fit"):
        connecting(server, key("RS256", "a stranger's"), has_kid=False)()


NO_PKCE: Fields = {"code_challenge_methods_supported": []}


def test_a_machine_asks_for_no_pkce(server: Other) -> None:
    server.publish(key(), **NO_PKCE)
    server.replies["/token"] = 200, json.dumps(TOKEN).encode()
    machine = Machine(App(issuer=server.url, client_id="night", secret="s", scope=("a",)))
    assert machine.access_token() == "an access token"
    machine.close()


def test_pkce_is_sent_where_it_is_optional(server: Other) -> None:
    server.publish(key(), **NO_PKCE)
    assert connecting(server, key(), secret="s", pkce="optional")() == "miko"
    (form,) = [body for _, path, body in server.asked if path == "/token"]
    assert "code_verifier=" in form


WITHOUT = [
    row("RFC 9700 2.1.1", "unless it is said", {"secret": "s"}, ("openid",), "offers no PKCE"),
    row(
        "RFC 9700 2.1.1",
        "without a nonce",
        {"secret": "s", "pkce": "optional"},
        ("a",),
        "no nonce stands in for it",
    ),
]


@pytest.mark.parametrize("fields,scope,why", WITHOUT)
def test_no_server_without_pkce(
    server: Other, fields: Fields, scope: tuple[str, ...], why: str
) -> None:
    server.publish(key(), **NO_PKCE)
    app = App(
        issuer=server.url,
        client_id="stefapp",
        scope=scope,
        redirect_uri="https://app.example/callback",
        **fields,
    )
    one = Key(app, MemoryStore())
    with pytest.raises(Aborted, match=why):
        one.begin()
    one.close()


def test_a_public_app_has_no_such_switch() -> None:
    with pytest.raises(ValueError, match="secret or a private key"):
        App(issuer="https://id.example", client_id="a", scope=("openid",), pkce="optional")
