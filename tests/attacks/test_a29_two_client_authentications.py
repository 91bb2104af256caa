"""A29: two client authentications (RFC 6749 2.3).

Attack: A request authenticates the client in two ways, or in another way than the registered one.
Defense: The server accepts exactly one authentication, by the registered method.
"""

import base64

import pytest
from tests.attacks.play import AS_POST, AS_WEB, STEFAPP, call, every, find, tokens
from tests.attacks.signing import register
from tests.browser import Asking
from tests.installation import SECRETS
from tests.jose.corpus import Honest
from tests.live import Live
from tests.rows import row
from tests.server.oauth.clients.apps import SHARED

from valetkey.jose.seal import digest
from valetkey.server.model.grant import TokenFamily
from valetkey.wire import assertion

ASSERTION = {
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "eyJhbGciOiJub25lIn0.e30.",
}


def basic(name: str, secret: str) -> str:
    """The header of RFC 7617."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


WEB = basic("web", SECRETS["web"])
SECRET = {"client_id": "web", "client_secret": SECRETS["web"]}
POST = {"client_id": "post", "client_secret": SECRETS["post"]}

SPELT = basic("post", SECRETS["post"])
"""Of a length that leaves letters with bits to spare."""


def _respelt(header: str) -> str:
    """The same bytes, by another letter before the padding: its spare bits differ."""
    text = header.rstrip("=")
    other = chr(ord(text[-1]) + 1)
    assert base64.b64decode(text[6:-1] + other + header[len(text) :]) == base64.b64decode(
        header[6:]
    )
    return text[:-1] + other + header[len(text) :]


BOTH = [
    row("6749 2.3", "header and body", WEB, SECRET, "invalid_request"),
    row(
        "6749 2.3",
        "header and a wrong body",
        WEB,
        {**SECRET, "client_secret": "x"},
        "invalid_request",
    ),
    row("6749 2.3", "header and another client's body", WEB, POST, "invalid_request"),
    row("6749 2.3", "a wrong header and the body", basic("post", "x"), POST, "invalid_request"),
    row(
        "6749 2.3", "header and another client_id", WEB, {"client_id": "stefapp"}, "invalid_request"
    ),
    row("7521 4.2", "header and assertion", WEB, ASSERTION, "invalid_client"),
    row("7521 4.2", "body and assertion", "", {**POST, **ASSERTION}, "invalid_client"),
    row(
        "7521 4.2",
        "a public client and assertion",
        "",
        {"client_id": "stefapp", **ASSERTION},
        "invalid_client",
    ),
    row("7521 4.2", "all three", WEB, {**SECRET, **ASSERTION}, "invalid_client"),
    row("7521 4.2", "assertion alone", "", ASSERTION, "invalid_client"),
]

WRONG = [
    row("6749 2.3.1", "body where header is registered", "", SECRET),
    row("6749 2.3.1", "header where body is registered", basic("post", SECRETS["post"]), {}),
    row("6749 2.3.1", "none where header is registered", "", {"client_id": "web"}),
    row("6749 2.3.1", "none where body is registered", "", {"client_id": "post"}),
    row(
        "6749 2.3.1",
        "a secret of a public client",
        "",
        {"client_id": "stefapp", "client_secret": "x"},
    ),
    row("6749 2.3.1", "a header of a public client", basic("stefapp", ""), {}),
    row("6749 2.3.1", "an empty secret in the header", basic("web", ""), {}),
    row(
        "6749 2.3.1", "an empty secret in the body", "", {"client_id": "post", "client_secret": ""}
    ),
    row("6749 2.3.1", "the digest for the secret", basic("web", digest(SECRETS["web"])), {}),
    row("6749 2.3.1", "an unknown client", basic("nobody", "x"), {}),
    row(
        "6749 2.3.1",
        "a resource server at the token endpoint",
        basic("chirp", SECRETS["chirp"]),
        {},
    ),
    row("6749 2.3.1", "another client's secret", basic("web", SECRETS["post"]), {}),
    row("6749 2.3.1", "the name in another case", basic("WEB", SECRETS["web"]), {}),
    row("7617 2", "no colon", "Basic " + base64.b64encode(b"web").decode(), {}),
    row("7617 2", "no base64", "Basic ???", {}),
    row("4648 3.5", "another spelling of the last letter", _respelt(SPELT), {}),
    row("4648 4", "without its padding", WEB.rstrip("="), {}),
    row("4648 4", "with more padding", WEB + "=", {}),
    row("4648 3.3", "a space in it", f"{WEB[:12]} {WEB[12:]}", {}),
    row("4648 3.3", "a letter of no alphabet in it", WEB[:12] + "." + WEB[12:], {}),
    row("7617 2", "no text", "Basic " + base64.b64encode(b"\xff:\xff").decode(), {}),
    row("7617 2", "nothing", "Basic", {}),
    row("7617 2", "a zero byte", basic("web\x00", SECRETS["web"]), {}),
    row("6750 2.1", "a bearer token", "Bearer x", {"client_id": "stefapp"}),
    row("6750 2.1", "another scheme", "Digest x", {"client_id": "stefapp"}),
    row("6749 2.3", "nobody", "", {}),
]


SHARED_ASSERTION = Honest(SHARED, {"sub": "sharer", "iss": "sharer"}, assertion.TYPE).token()
UNDER = {**ASSERTION, "client_assertion": SHARED_ASSERTION}
OWN = SHARED.secret.decode()

WITH_SHARED = [
    row("6749 2.3", "header and assertion", basic("sharer", OWN), UNDER, "invalid_request"),
    row("6749 2.3", "another's header and assertion", WEB, UNDER, "invalid_request"),
    row(
        "6749 2.3",
        "body and assertion",
        "",
        {"client_id": "sharer", "client_secret": OWN, **UNDER},
        "invalid_request",
    ),
    row(
        "7521 4.2",
        "assertion and another client_id",
        "",
        {"client_id": "web", **UNDER},
        "invalid_request",
    ),
    row("6749 2.3.1", "the shared secret, shown", basic("sharer", OWN), {}, "invalid_client"),
    row(
        "6749 2.3.1",
        "the shared secret in the body",
        "",
        {"client_id": "sharer", "client_secret": OWN},
        "invalid_client",
    ),
    row("6749 2.3.1", "its name alone", "", {"client_id": "sharer"}, "invalid_client"),
]


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    register(server)


@pytest.mark.parametrize("path", ["/token", "/par", "/revoke"])
@pytest.mark.parametrize("header, body, error", WITH_SHARED)
def test_a_shared_secret_proves_in_one_way_alone(
    header: str, body: dict[str, str], error: str, path: str, server: Live
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", **body}
    headers = {"authorization": header} if header else {}
    answer = server.http.post(path, data=form, headers=headers)
    assert answer.json()["error"] == error


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke"])
@pytest.mark.parametrize("header, body, error", BOTH)
def test_two_ways_at_once(
    header: str, body: dict[str, str], error: str, path: str, server: Live
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", **body}
    headers = {"authorization": header} if header else {}
    answer = server.http.post(path, data=form, headers=headers)
    status = 401 if error == "invalid_client" else 400
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("path", ["/token", "/par", "/revoke"])
@pytest.mark.parametrize("header, body", WRONG)
def test_not_the_way_that_is_registered(
    header: str, body: dict[str, str], path: str, server: Live
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", **body}
    headers = {"authorization": header} if header else {}
    answer = server.http.post(path, data=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_refused_proof_changes_nothing(server: Live) -> None:
    mine = tokens(server, AS_WEB)
    form = {"token": mine["refresh_token"], **SECRET}
    assert server.http.post("/revoke", data=form, headers={"authorization": WEB}).status_code == 400
    (family,) = [one for one in every(server, TokenFamily) if one.client == "web"]
    assert find(server, TokenFamily, family.id).status == "open"


@pytest.mark.parametrize("by", [AS_WEB, AS_POST, STEFAPP], ids=["header", "body", "none"])
def test_the_registered_way_alone(by: Asking, server: Live) -> None:
    assert call(server, "/revoke", {"token": "x"}, by).status_code == 200
