"""FAPI 2.0 Security Profile, final: a test for each module, with DPoP by itself and with mutual TLS
behind nginx."""

import json
import ssl
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from tests.attacks.bound import Place
from tests.attacks.dpop_blocks import BLOCKS, Block
from tests.conformance.fapi import NO_HEADER, Answer, Fapi, Rp
from tests.conformance.fapi_server import running
from tests.conformance.op import USER, header_of, port_of
from tests.conformance.results import Verdict
from tests.conformance.test_config_op import unregistered
from tests.jose.forge import b64
from tests.mtls import NGINX
from tests.proofs import OTHER
from tests.server.http.test_tls import THREE, TWO, client, connected

from valetkey.jose.jwk import FAPI_ALGORITHMS
from valetkey.wire import pkce

PLAN = "fapi2-security-profile"
NAME = "fapi2-security-profile-final-"
OF_THE_PERSON = frozenset(
    {
        *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username"),
        *("profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale"),
        *("email", "email_verified"),
    }
)
"""Claims that the user of the tests has, of those that this client may ask for."""

OTHER_JKT = OTHER.public().thumbprint()
MTLS = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
WAYS = [pytest.param("dpop"), pytest.param("mtls", marks=MTLS)]
EACH = [*WAYS, pytest.param("mixed", marks=MTLS)]


def module(name: str) -> pytest.MarkDecorator:
    return pytest.mark.module(NAME + name)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    with running(tmp_path_factory.mktemp("fapi")) as both:
        yield both


@pytest.fixture
def fapi(setup: tuple[Fapi, dict[str, Rp]]) -> Fapi:
    return setup[0]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def rp(setup: tuple[Fapi, dict[str, Rp]], way: str) -> Rp:
    return setup[1][f"{way}-one"]


@pytest.fixture
def two(setup: tuple[Fapi, dict[str, Rp]], way: str) -> Rp:
    return setup[1][f"{way}-two"]


@pytest.fixture
def dpop(setup: tuple[Fapi, dict[str, Rp]]) -> Rp:
    return setup[1]["dpop-one"]


@pytest.fixture
def signer(setup: tuple[Fapi, dict[str, Rp]]) -> Rp:
    """A client that authenticates by an assertion."""
    return setup[1]["dpop-one"]


ERROR_PAGE: Final = "the error page: an address that nobody knows is none to send anybody to"


def refused(reply: httpx2.Response, code: str, *, status: int = 0) -> None:
    """An error in JSON, never stored, in this code, with the status that RFC 6749 5.2 has for it
    unless another one is named."""
    found = reply.json()
    wanted = status or (401 if code == "invalid_client" else 400)
    assert (reply.status_code, found["error"]) == (wanted, code), reply.text
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["cache-control"] == "no-store"
    assert set(found) <= {"error", "error_description", "error_uri"}
    assert not set(found.get("error_description", "")) & set("\r\n\t")


def entropy(text: str) -> float:
    """Bits, as the suite measures them: Shannon's per character times the length."""
    from collections import Counter
    from math import log2

    counts = Counter(text)
    return sum(-n * log2(n / len(text)) for n in counts.values())


def identity(fapi: Fapi, rp: Rp, id_token: str) -> dict[str, Any]:
    """The claims of an ID Token of the profile."""
    from joserfc import jwt
    from joserfc.jwk import KeySet

    assert header_of(id_token)["alg"] in FAPI_ALGORITHMS
    keys = KeySet.import_key_set(fapi.http.get("/jwks").json())
    claims: dict[str, Any] = jwt.decode(id_token, keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"]) == (fapi.issuer, rp.id)
    assert claims["exp"] > time.time()
    return claims


def in_the_query(fapi: Fapi, rp: Rp, token: str) -> None:
    """A token in the address opens nothing, alone or beside the header."""
    query = f"?access_token={token}"
    for scheme in (NO_HEADER, ""):
        reply = fapi.resource(rp, token, scheme=scheme, query=query)
        assert reply.status_code == 400, reply.text
        assert "sub" not in reply.json()


@module("discovery-end-point-verification")
def test_discovery(fapi: Fapi, verdict: Verdict) -> None:
    oidc, oauth = (
        fapi.http.get(f"/.well-known/{name}").json()
        for name in ("openid-configuration", "oauth-authorization-server")
    )
    for document in (oidc, oauth):
        assert document["issuer"] == fapi.issuer
        for member in ("authorization", "token", "pushed_authorization_request"):
            assert document[f"{member}_endpoint"].startswith(f"{fapi.issuer}/")
        assert document["jwks_uri"].startswith("https://")
        assert document["code_challenge_methods_supported"] == ["S256"]
        assert document["authorization_response_iss_parameter_supported"] is True
        assert document["response_types_supported"] == ["code"]
        assert "authorization_code" in document["grant_types_supported"]
        assert {"private_key_jwt", "tls_client_auth"} <= {
            *document["token_endpoint_auth_methods_supported"]
        }
        for member in (
            "token_endpoint_auth_signing_alg_values_supported",
            "dpop_signing_alg_values_supported",
            "id_token_signing_alg_values_supported",
        ):
            assert set(FAPI_ALGORITHMS) & {*document[member]}, member
        assert set(document["dpop_signing_alg_values_supported"]) <= set(FAPI_ALGORITHMS)
        assert document["tls_client_certificate_bound_access_tokens"] is True
        aliases = document["mtls_endpoint_aliases"]
        assert set(aliases) <= set(document)
        assert all(address.startswith(f"{fapi.mtls}/") for address in aliases.values())
    verdict.warning(unregistered(oidc))


@module("happy-flow")
@pytest.mark.parametrize("way", EACH, indirect=True)
def test_happy_flow(fapi: Fapi, rp: Rp, two: Rp) -> None:
    tokens = fapi.tokens(rp)
    claims = identity(fapi, rp, tokens["id_token"])
    assert claims["nonce"] == "no-1"
    assert entropy(tokens["access_token"]) >= 96
    reply = fapi.resource(rp, tokens["access_token"])
    assert reply.status_code == 200, reply.text
    assert reply.json()["sub"] == claims["sub"]
    assert "date" in reply.headers
    in_the_query(fapi, rp, tokens["access_token"])
    # The second client: another address, with a query; dpop_jkt, and no proof at PAR.
    address = f"{two.redirect_uri}?dummy1=lorem&dummy2=ipsum"
    jkt = two.holder.public().thumbprint() if two.sender == "dpop" else None
    browser = fapi.browser()
    answer = fapi.visit(browser, two, fapi.uri(two, redirect_uri=address, dpop_jkt=jkt))
    assert (answer.parameters["dummy1"], answer.parameters["dummy2"]) == ("lorem", "ipsum")
    assert answer.parameters["state"] == "st-1"
    assert entropy(answer.parameters["code"]) >= 96
    second = fapi.redeem(two, answer.parameters["code"], form={"redirect_uri": address})
    assert second.status_code == 200, second.text
    # A token that is bound opens nothing for the other client.
    stolen = fapi.resource(two, tokens["access_token"])
    assert stolen.status_code == 401


@module("user-rejects-authentication")
def test_user_rejects(fapi: Fapi, rp: Rp) -> None:
    browser = fapi.browser()
    uri = fapi.uri(rp, prompt="consent")
    browser.open(f"/authorize?client_id={rp.id}&request_uri={uri}")
    browser.sign_in(*USER)
    browser.press("cancel")
    told = fapi.answer(browser).parameters
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "st-1", fapi.issuer)
    assert "code" not in told


@module("ensure-authorization-request-without-state-success")
def test_without_state(fapi: Fapi, rp: Rp) -> None:
    answer = fapi.visit(fapi.browser(), rp, fapi.uri(rp, state=None))
    assert set(answer.parameters) == {"code", "iss"}
    assert fapi.redeem(rp, answer.parameters["code"]).status_code == 200


NONCES = [
    pytest.param(None, marks=module("ensure-authorization-request-without-nonce-success")),
    pytest.param("n" * 64, marks=module("ensure-authorization-request-with-64-char-nonce-success")),
    pytest.param("N" * 384, marks=module("ensure-authorization-request-with-long-nonce")),
]


@pytest.mark.parametrize("nonce", NONCES)
def test_nonces(fapi: Fapi, rp: Rp, nonce: str | None) -> None:
    claims = identity(fapi, rp, fapi.tokens(rp, nonce=nonce)["id_token"])
    assert claims.get("nonce") == nonce


@module("ensure-authorization-request-with-long-state")
def test_long_state(fapi: Fapi, rp: Rp) -> None:
    state = "s" * 384
    answer = fapi.visit(fapi.browser(), rp, fapi.uri(rp, state=state))
    assert answer.parameters["state"] == state


@module("ensure-other-scope-order-succeeds")
def test_other_scope_order(fapi: Fapi, rp: Rp) -> None:
    assert "openid" in fapi.tokens(rp, scope="offline_access openid")["scope"].split()


@module("access-token-type-header-case-sensitivity")
def test_case_of_the_scheme(fapi: Fapi, rp: Rp) -> None:
    token = fapi.tokens(rp)["access_token"]
    kind = "DPoP" if rp.sender == "dpop" else "Bearer"
    for scheme in (kind.upper(), kind.lower(), kind):
        assert fapi.resource(rp, token, scheme=scheme).status_code == 200


@module("test-claims-parameter-identity-claims")
def test_claims_parameter(fapi: Fapi, rp: Rp) -> None:
    """Each claim that is offered and that the user has, in the ID Token and at userinfo."""
    offered = [one for one in fapi.document["claims_supported"] if one in OF_THE_PERSON]
    assert {"name", "given_name", "family_name", "email", "birthdate"} <= {*offered}
    wish = {one: {"essential": True} for one in offered} | {"unknown": None}
    claims = json.dumps({"userinfo": wish, "id_token": wish})
    tokens = fapi.tokens(rp, claims=claims, scope="openid")
    about = fapi.resource(rp, tokens["access_token"]).json()
    for told in (identity(fapi, rp, tokens["id_token"]), about):
        assert {*offered} <= told.keys()
        assert (told["name"], told["email"]) == ("Foo Bar", "foo@example.com")
        assert "unknown" not in told


@module("par-without-duplicate-parameters")
def test_only_client_and_request_uri(fapi: Fapi, rp: Rp) -> None:
    assert fapi.code(rp)


# DPoP.


@module("check-dpop-proof-nbf-exp")
def test_nbf_and_exp(fapi: Fapi, dpop: Rp) -> None:
    now = int(time.time())
    how = {"claims": {"nbf": now, "exp": now + 300}}
    code = fapi.code(dpop, dpop=how)
    token = fapi.redeem(dpop, code, dpop=how).json()["access_token"]
    assert fapi.resource(dpop, token, dpop=how).status_code == 200


TIMES = [
    pytest.param(-10, marks=module("ensure-dpopproof-with-iat-10seconds-before-succeeds")),
    pytest.param(10, marks=module("ensure-dpopproof-with-iat-10seconds-after-succeeds")),
]


@pytest.mark.parametrize("seconds", TIMES)
def test_iat(fapi: Fapi, dpop: Rp, seconds: int) -> None:
    def how() -> dict[str, Any]:
        return {"claims": {"iat": int(time.time()) + seconds}}

    code = fapi.code(dpop, dpop=how())
    reply = fapi.redeem(dpop, code, dpop=how())
    assert reply.status_code == 200, reply.text
    assert fapi.resource(dpop, reply.json()["access_token"], dpop=how()).status_code == 200


@module("ensure-mismatched-dpop-jkt-fails")
def test_mismatched_jkt(fapi: Fapi, dpop: Rp) -> None:
    reply = fapi.pushed(dpop, dpop={}, dpop_jkt=OTHER_JKT)
    refused(reply, "invalid_request")


@module("ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt")
def test_mismatched_proof(fapi: Fapi, dpop: Rp) -> None:
    code = fapi.code(dpop, dpop={})
    reply = fapi.redeem(dpop, code, dpop={"by": OTHER})
    refused(reply, "invalid_grant")


@module("ensure-token-endpoint-fails-with-mismatched-dpop-jkt")
def test_mismatched_jkt_at_the_token_endpoint(fapi: Fapi, dpop: Rp) -> None:
    code = fapi.code(dpop, dpop_jkt=OTHER_JKT)
    reply = fapi.redeem(dpop, code)
    refused(reply, "invalid_grant")


@module("ensure-dpopproof-at-par-endpoint-binding-success")
def test_proof_at_par(fapi: Fapi, dpop: Rp) -> None:
    assert fapi.tokens(dpop, dpop={})["token_type"] == "DPoP"


@module("ensure-dpop-auth-code-binding-success")
def test_code_binding(fapi: Fapi, dpop: Rp) -> None:
    jkt = dpop.holder.public().thumbprint()
    assert fapi.tokens(dpop, dpop={}, dpop_jkt=jkt)["token_type"] == "DPoP"


@pytest.fixture(scope="module")
def held(setup: tuple[Fapi, dict[str, Rp]]) -> tuple[Place, str]:
    """A protected resource, and a token for it that is bound to the key of the blocks."""
    from tests.proofs import MINE

    fapi, clients = setup
    rp = clients["dpop-one"]
    code = fapi.code(rp)
    token = fapi.redeem(rp, code, dpop={"by": MINE}).json()["access_token"]

    address = fapi.protected(rp)

    def call(headers: list[tuple[str, str]], query: str = "") -> httpx2.Response:
        return fapi.http.get(f"{address}{query}", headers=headers)

    return Place(address, call), token


@module("dpop-negative-tests")
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_dpop_block(block: Block, held: tuple[Place, str]) -> None:
    where, token = held
    answer = where.call(block.send(token, where), block.query)
    if block.good:
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code == 401, answer.text
        of_token = block.name in {"another key", "no proof, and shown as a bearer token"}
        assert answer.json()["error"] == ("invalid_token" if of_token else "invalid_dpop_proof")


# Requests.


@module("ensure-different-nonce-inside-and-outside-request-object")
def test_nonce_outside(fapi: Fapi, rp: Rp) -> None:
    answer = fapi.visit(fapi.browser(), rp, fapi.uri(rp, nonce="inside"), nonce="outside")
    tokens = fapi.redeem(rp, answer.parameters["code"]).json()
    assert identity(fapi, rp, tokens["id_token"])["nonce"] == "inside"


@module("ensure-different-state-inside-and-outside-request-object")
def test_state_outside(fapi: Fapi, rp: Rp) -> None:
    answer = fapi.visit(fapi.browser(), rp, fapi.uri(rp, state="inside"), state="outside")
    assert answer.parameters["state"] == "inside"


@module("state-only-outside-request-object-not-used")
def test_state_only_outside(fapi: Fapi, rp: Rp) -> None:
    answer = fapi.visit(fapi.browser(), rp, fapi.uri(rp, state=None), state="outside")
    assert set(answer.parameters) == {"code", "iss"}


@module("ensure-request-object-without-redirect-uri-fails")
@module("ensure-redirect-uri-in-authorization-request")
def test_without_redirect_uri(fapi: Fapi, rp: Rp) -> None:
    refused(fapi.pushed(rp, redirect_uri=None), "invalid_request")


@module("plain-fapi-tolerate-unregistered-redirect-uri")
def test_unregistered_redirect_uri(fapi: Fapi, rp: Rp) -> None:
    # RFC 9126 2.4 lets a server take it; this one takes what is registered alone.
    refused(fapi.pushed(rp, redirect_uri="https://evil.example/"), "invalid_request")


@module("ensure-unsigned-authorization-request-without-using-par-fails")
def test_without_par(fapi: Fapi, rp: Rp) -> None:
    browser = fapi.browser()
    answer = _plain(fapi, rp, browser)
    assert answer.parameters["error"] == "invalid_request"
    assert (answer.parameters["state"], answer.parameters["iss"]) == ("st-1", fapi.issuer)


def _plain(fapi: Fapi, rp: Rp, browser: Any) -> Answer:
    from urllib.parse import urlencode

    browser.open(f"/authorize?{urlencode(fapi.request(rp))}")
    return fapi.answer(browser)


RESPONSE_TYPES = [
    pytest.param("code id_token", marks=module("ensure-response-type-code-idtoken-fails")),
    pytest.param("token", marks=module("ensure-response-type-token-fails")),
]


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_response_types(fapi: Fapi, rp: Rp, response_type: str) -> None:
    reply = fapi.pushed(rp, response_type=response_type)
    refused(reply, "unsupported_response_type")


# The token endpoint.


@module("ensure-client-id-in-token-endpoint")
def test_another_clients_id(fapi: Fapi, rp: Rp, two: Rp) -> None:
    code = fapi.code(rp)
    reply = fapi.redeem(rp, code, form={"client_id": two.id})
    if rp.way == "private_key_jwt":
        refused(reply, "invalid_request")
        return
    # By mutual TLS the id says who it is: the other one's, with this certificate.
    other = fapi.post(
        two, "/token", {"grant_type": "authorization_code", "code": code}, pair=rp.pair
    )
    refused(other, "invalid_client")


@module("ensure-holder-of-key-required")
@pytest.mark.parametrize("way", EACH, indirect=True)
def test_holder_of_key(fapi: Fapi, rp: Rp) -> None:
    code = fapi.code(rp)
    if rp.sender == "dpop":
        reply = fapi.redeem(rp, code, dpop=None)
    else:
        reply = _without_certificate(fapi, rp, code)
    # By its certificate a client proves who it is, too.
    refused(reply, "invalid_client" if rp.way == "tls_client_auth" else "invalid_request")
    ports = [fapi.issuer] if rp.sender == "dpop" else [fapi.issuer, fapi.mtls]
    for address in ports:
        check_tls(int(port_of(address)))


def _without_certificate(fapi: Fapi, rp: Rp, code: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": rp.redirect_uri,
        "client_id": rp.id,
    }
    if rp.way == "private_key_jwt":
        from valetkey.wire.assertion import ASSERTION_TYPE

        form |= {
            "client_assertion": fapi.assertion(rp),
            "client_assertion_type": ASSERTION_TYPE,
        }
    return fapi.http.post("/token", data=form)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def check_tls(port: int) -> None:
    assert connected(port, client(least=TWO, most=THREE))[0] == "TLSv1.3"
    for name in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
        assert connected(port, client(least=TWO, most=TWO, ciphers=name)) == ("TLSv1.2", name)
    for name in ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "AES128-GCM-SHA256"):
        with pytest.raises((ssl.SSLError, OSError)):
            connected(port, client(least=TWO, most=TWO, ciphers=name))


@module("ensure-authorization-code-is-bound-to-client")
def test_code_of_another_client(fapi: Fapi, rp: Rp, two: Rp) -> None:
    reply = fapi.redeem(two, fapi.code(rp), form={"redirect_uri": rp.redirect_uri})
    refused(reply, "invalid_grant")


@module("attempt-reuse-authorization-code-after-one-second")
def test_code_twice(fapi: Fapi, rp: Rp) -> None:
    code = fapi.code(rp)
    token = fapi.redeem(rp, code).json()["access_token"]
    time.sleep(1)
    refused(fapi.redeem(rp, code), "invalid_grant")
    assert fapi.resource(rp, token).status_code == 401, "what came of it is dead"


@module("ensure-signed-client-assertion-with-RS256-fails")
def test_rs256(fapi: Fapi, signer: Rp) -> None:
    # The client's own RSA key, used in the wrong way; a key of nobody's would fail by itself.
    import msgspec

    wrong = msgspec.structs.replace(signer.signing, algorithm="RS256")
    how = {"by": wrong}
    for reply in (
        fapi.redeem(signer, fapi.code(signer), auth=how),
        fapi.pushed(signer, auth=how),
    ):
        refused(reply, "invalid_client")


@module("ensure-client-assertion-in-token-endpoint")
def test_without_assertion(fapi: Fapi, signer: Rp) -> None:
    code = fapi.code(signer)
    form = {"client_id": signer.id}
    refused(fapi.redeem(signer, code, auth=None), "invalid_client")
    refused(fapi.redeem(signer, code, auth=None, form=form), "invalid_client")


ASSERTIONS = [
    pytest.param(
        lambda now, issuer: {"iat": now - 360, "nbf": now - 360, "exp": now - 300},
        id="ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
        marks=module("ensure-client-assertion-with-exp-is-5-minutes-in-past-fails"),
    ),
    pytest.param(
        lambda now, issuer: {"aud": "https://other.example"},
        id="ensure-client-assertion-with-wrong-aud-fails",
        marks=module("ensure-client-assertion-with-wrong-aud-fails"),
    ),
    pytest.param(
        lambda now, issuer: {"sub": None},
        id="ensure-client-assertion-with-no-sub-fails",
        marks=module("ensure-client-assertion-with-no-sub-fails"),
    ),
]


@pytest.mark.parametrize("changed", ASSERTIONS)
def test_bad_assertions(fapi: Fapi, signer: Rp, changed: Any) -> None:
    code = fapi.code(signer)
    wrong = changed(int(time.time()), fapi.issuer)
    refused(fapi.redeem(signer, code, auth=wrong), "invalid_client")


@module("refresh-token")
@pytest.mark.parametrize("way", EACH, indirect=True)
def test_refresh(fapi: Fapi, rp: Rp, two: Rp) -> None:
    first = fapi.tokens(rp)
    again = fapi.refreshed(rp, first["refresh_token"])
    assert again.status_code == 200, again.text
    if rp.sender == "dpop":
        # A confidential client may change its key.
        other = fapi.refreshed(rp, first["refresh_token"], dpop={"by": OTHER})
        assert other.status_code == 200, other.text
        token = other.json()["access_token"]
        assert fapi.resource(rp, token, dpop={"by": OTHER}).status_code == 200
        assert fapi.resource(rp, token).status_code == 401
    # It does not rotate: the first one is good as long as the grant is.
    assert again.json().get("refresh_token", first["refresh_token"]) == first["refresh_token"]
    assert fapi.refreshed(rp, first["refresh_token"]).status_code == 200
    refused(fapi.refreshed(two, first["refresh_token"]), "invalid_grant")
    if rp.way == "private_key_jwt":
        bare = fapi.refreshed(rp, first["refresh_token"], auth=None)
        refused(bare, "invalid_client")
    if rp.sender == "mtls":
        unbound = fapi.http.post(
            "/token",
            data={
                "grant_type": "refresh_token",
                "refresh_token": first["refresh_token"],
                "client_id": rp.id,
            },
        )
        refused(unbound, "invalid_client")


# Pushed requests and PKCE.


@module("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
def test_visited_twice(fapi: Fapi, rp: Rp, verdict: Verdict) -> None:
    uri = fapi.uri(rp)
    fapi.browser().open(f"/authorize?client_id={rp.id}&request_uri={uri}")
    assert fapi.visit(fapi.browser(), rp, uri).parameters["code"]
    verdict.review("the sign-in page, at the first visit")


@module("par-attempt-reuse-request_uri")
def test_used_twice(fapi: Fapi, rp: Rp, verdict: Verdict) -> None:
    uri = fapi.uri(rp)
    browser = fapi.browser()
    assert fapi.visit(browser, rp, uri).parameters["code"]
    again = fapi.visit(browser, rp, uri)
    assert (again.page, again.parameters) == (400, {})
    verdict.review(ERROR_PAGE)


@module("par-attempt-to-use-request_uri-for-different-client")
def test_anothers_request_uri(fapi: Fapi, rp: Rp, two: Rp, verdict: Verdict) -> None:
    uri = fapi.uri(rp)
    assert fapi.visit(fapi.browser(), two, uri) == Answer(page=400)
    verdict.review(ERROR_PAGE)


@module("par-authorization-request-containing-request_uri-form-param")
def test_request_uri_in_par(fapi: Fapi, rp: Rp) -> None:
    uri = "urn:ietf:params:oauth:request_uri:" + b64(b"x" * 16)
    refused(fapi.pushed(rp, request_uri=uri), "invalid_request")


@module("par-attempt-invalid-http-method")
def test_par_by_other_methods(fapi: Fapi, rp: Rp) -> None:
    for method in ("GET", "PUT", "DELETE"):
        reply = fapi.wire(rp).request(method, "/par")
        refused(reply, "invalid_request", status=405)


CHALLENGES = [
    pytest.param(
        {"code_challenge": None, "code_challenge_method": None},
        id="par-ensure-pkce-required",
        marks=module("par-ensure-pkce-required"),
    ),
    pytest.param(
        {"code_challenge": "p" * 43, "code_challenge_method": "plain"},
        id="par-plain-pkce-rejected",
        marks=module("par-plain-pkce-rejected"),
    ),
]


@pytest.mark.parametrize("changed", CHALLENGES)
def test_challenges(fapi: Fapi, rp: Rp, changed: dict[str, Any]) -> None:
    refused(fapi.pushed(rp, **changed), "invalid_request")


VERIFIERS = [
    pytest.param(None, marks=module("ensure-pkce-code-verifier-required")),
    pytest.param(pkce.verifier(b"w" * 32), marks=module("incorrect-pkce-code-verifier-rejected")),
]


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_verifiers(fapi: Fapi, rp: Rp, verifier: str | None) -> None:
    reply = fapi.redeem(rp, fapi.code(rp), form={"code_verifier": verifier})
    refused(reply, "invalid_grant")


@module("par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted")
def test_a_little_early(fapi: Fapi, signer: Rp) -> None:
    soon = int(time.time()) + 8
    how = {"nbf": soon, "iat": soon, "exp": soon + 60}
    code = fapi.code(signer, auth=how)
    soon = int(time.time()) + 8
    assert fapi.redeem(signer, code, auth={"nbf": soon, "iat": soon}).status_code == 200


AUDIENCES = [
    pytest.param(
        lambda issuer: {"nbf": int(time.time()) + 70, "exp": int(time.time()) + 130},
        id="par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails",
        marks=module("par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails"),
    ),
    pytest.param(
        lambda issuer: {"aud": [issuer, "https://other.example"]},
        id="par-test-array-as-audience-fails",
        marks=module("par-test-array-as-audience-fails"),
    ),
    pytest.param(
        lambda issuer: {"aud": f"{issuer}/par"},
        id="par-test-par-endpoint-url-as-audience-fails",
        marks=module("par-test-par-endpoint-url-as-audience-fails"),
    ),
    pytest.param(
        lambda issuer: {"aud": f"{issuer}/token"},
        id="par-test-token-endpoint-url-as-audience-fails",
        marks=module("par-test-token-endpoint-url-as-audience-fails"),
    ),
]


@pytest.mark.parametrize("changed", AUDIENCES)
def test_assertions_at_par(fapi: Fapi, signer: Rp, changed: Any) -> None:
    reply = fapi.pushed(signer, auth=changed(fapi.issuer))
    refused(reply, "invalid_client")


# What expires: a server on which that is soon.


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    words = ("--set", "lifetimes.code=3", "--set", "lifetimes.pushed_request=5")
    with running(tmp_path_factory.mktemp("hasty"), *words) as both:
        yield both


@module("ensure-token-endpoint-fails-with-expired-auth-code")
def test_expired_code(hasty: tuple[Fapi, dict[str, Rp]]) -> None:
    fapi, clients = hasty
    rp = clients["dpop-one"]
    code = fapi.code(rp)
    time.sleep(3.1)
    refused(fapi.redeem(rp, code), "invalid_grant")


@module("par-attempt-to-use-expired-request_uri")
def test_expired_request_uri(hasty: tuple[Fapi, dict[str, Rp]], verdict: Verdict) -> None:
    fapi, clients = hasty
    rp = clients["dpop-two"]
    reply = fapi.pushed(rp)
    assert reply.json()["expires_in"] == 5
    time.sleep(5.1)
    assert fapi.visit(fapi.browser(), rp, reply.json()["request_uri"]) == Answer(page=400)
    verdict.review(ERROR_PAGE)
