"""OpenID Connect Dynamic OP, as far as it can be without implicit flows: apps that register
themselves, whose keys, sectors and requests the server fetches from where they lie."""

import json
import os
import signal
import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from tests.browser import Browser, error_code
from tests.conformance.conftest import HERE, run, serve
from tests.conformance.op import USER, Client, Op, answered, header_of, issuer_at, port_of
from tests.conformance.results import Verdict
from tests.jose.forge import b64, signed, unsigned
from tests.keys import key
from tests.live import free_port
from tests.outside import Host, outside
from tests.tls import write_pair

from valetkey.jose.jwk import PrivateKey
from valetkey.wire.assertion import ASSERTION_TYPE

PLAN = "dynamic"
module = pytest.mark.module

FIRST, SECOND = key("RS256", "the app's first"), key("RS256", "the app's second")


@pytest.fixture(scope="module")
def dyn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Op]:
    """A server that lets apps in by themselves, and fetches what they publish."""
    folder = tmp_path_factory.mktemp("dynamic")
    certificate, private = write_pair(folder, "server")
    issuer = issuer_at(free_port())
    with outside(folder) as rp:
        state = (HERE / "op.toml").read_text("utf-8").replace("//RP/", f"//{rp.place}/")
        (folder / "op.toml").write_text(state, "utf-8")
        settings = {
            "issuer": issuer,
            "tls_certificate": certificate,
            "tls_key": private,
            "unthrottled": "127.0.0.0/8",
            "enable": "registration,request_uri fetching",
            "registration": "open",
            "registration_policy": "oidc",
            "registration_scope": "openid,profile,email,address,phone,offline_access",
            "fetch_ca_file": rp.ca,
            "fetch_local": rp.place,
        }
        words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        run(folder, "apply", "-f", "op.toml", *words)
        process = serve(folder, *words, "--port", port_of(issuer))
        trust = ssl.create_default_context(cafile=str(certificate))
        op = Op(issuer, httpx2.Client(base_url=issuer, verify=trust), trust, folder, rp=rp)
        yield op
        op.close()
        process.send_signal(signal.SIGTERM)
        process.communicate()


@pytest.fixture
def browser(dyn: Op) -> Browser:
    return dyn.browser()


def host(dyn: Op) -> Host:
    assert dyn.rp is not None
    return dyn.rp


class App:
    """An app that has registered itself, and what it was told."""

    def __init__(self, op: Op, **metadata: Any) -> None:
        self.op = op
        callback = host(op).url("/dyn/callback")
        given = {"client_name": "A dynamic app", "redirect_uris": [callback], **metadata}
        given.setdefault("grant_types", ["authorization_code", "refresh_token"])
        self.reply = op.http.post("/register", json=given)
        self.told: dict[str, Any] = self.reply.json()
        self.redirect_uri = given["redirect_uris"][0]

    @property
    def id(self) -> str:
        assert self.reply.status_code == 201, self.reply.text
        return str(self.told["client_id"])

    @property
    def client(self) -> Client:
        return Client(id=self.id, redirect_uri=self.redirect_uri)

    def code(self, browser: Browser, **changed: str | None) -> dict[str, str]:
        return self.op.authorize(browser, self.client, **changed)

    def redeem(self, code: str, **more: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            **more,
        }
        return self.post("/token", form)

    def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        secret = self.told.get("client_secret", "")
        if secret:
            return self.op.http.post(path, data=form, auth=(self.id, secret))
        return self.op.http.post(path, data={**form, **asserted(self.op, self.id, FIRST)})


def asserted(op: Op, client: str, by: PrivateKey, **changed: Any) -> dict[str, str]:
    """The parameters of an assertion."""
    now = int(time.time())
    claims = {
        "iss": client,
        "sub": client,
        # As the suite has it, but for the module that is about the issuer.
        "aud": f"{op.issuer}/token",
        "jti": b64(os.urandom(12)),
        "iat": now,
        "exp": now + 60,
        **changed,
    }
    text = signed({"alg": by.algorithm, "kid": by.kid}, json.dumps(claims).encode(), by)
    return {"client_assertion": text, "client_assertion_type": ASSERTION_TYPE}


def jwks(*keys: PrivateKey) -> dict[str, Any]:
    return {"keys": [one.public().jwk() for one in keys]}


def refused(app: App, code: str = "invalid_client_metadata") -> None:
    assert (app.reply.status_code, app.told["error"]) == (400, code)
    assert app.reply.headers["cache-control"] == "no-store"


@module("oidcc-discovery-endpoint-verification")
def test_discovery(dyn: Op, verdict: Verdict) -> None:
    document = dyn.document
    assert document["registration_endpoint"] == f"{dyn.issuer}/register"
    # OpenID Connect Discovery 3: true where it is left out.
    assert document.get("request_uri_parameter_supported", True) is True
    assert document["response_types_supported"] == ["code"]
    verdict.failed("id_token and id_token token: implicit flows are not offered, by choice")


@module("oidcc-server")
@module("oidcc-idtoken-rs256")
def test_a_registered_app_signs_people_in(dyn: Op, browser: Browser) -> None:
    app = App(dyn, id_token_signed_response_alg="RS256")
    answer = app.code(browser)
    reply = app.redeem(answer["code"])
    assert reply.status_code == 200, reply.text
    claims = dyn.identity(app.client, reply.json()["id_token"], nonce="n-0S6_WzA2Mj")
    assert header_of(reply.json()["id_token"])["alg"] == "RS256"
    assert claims["sub"]


@module("oidcc-idtoken-unsigned")
def test_an_unsigned_id_token(dyn: Op, browser: Browser, verdict: Verdict) -> None:
    app = App(dyn, id_token_signed_response_alg="none")
    verdict.skipped("alg none is not offered: the ID Token is signed all the same")
    if app.reply.status_code == 400:
        refused(app)
        return
    reply = app.redeem(app.code(browser)["code"])
    assert header_of(reply.json()["id_token"])["alg"] == "RS256"


@module("oidcc-userinfo-rs256")
def test_signed_userinfo(dyn: Op, browser: Browser) -> None:
    app = App(dyn, userinfo_signed_response_alg="RS256")
    token = app.redeem(app.code(browser)["code"]).json()["access_token"]
    reply = dyn.http.get("/userinfo", headers={"authorization": f"Bearer {token}"})
    assert reply.headers["content-type"].startswith("application/jwt")
    claims = jwt.decode(reply.text, dyn.keys(), algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"]) == (dyn.issuer, app.id)


@module("oidcc-ensure-redirect-uri-in-authorization-request")
def test_two_addresses_and_none_sent(dyn: Op, browser: Browser, verdict: Verdict) -> None:
    addresses = [host(dyn).url(path) for path in ("/a", "/b")]
    app = App(dyn, redirect_uris=addresses)
    page = dyn.visit(browser, app.client, redirect_uri=None)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert error_code(page.text) == "invalid_request"
    verdict.review("the error page")


QUERY = "/dyn/callback?foo=bar"


@module("oidcc-redirect-uri-query-OK")
def test_an_address_with_a_query(dyn: Op, browser: Browser) -> None:
    app = App(dyn, redirect_uris=[host(dyn).url(QUERY)])
    dyn.visit(browser, app.client)
    dyn.agree(browser)
    location = browser.page.headers["location"]
    assert location.startswith(host(dyn).url(QUERY) + "&code=")
    assert app.redeem(answered(browser, app.client)["code"]).status_code == 200


OTHERS = [
    pytest.param("/dyn/callback?foo=baz", marks=module("oidcc-redirect-uri-query-mismatch")),
    pytest.param(f"{QUERY}&more=1", marks=module("oidcc-redirect-uri-query-added")),
]


@pytest.mark.parametrize("path", OTHERS)
def test_another_query(path: str, dyn: Op, browser: Browser, verdict: Verdict) -> None:
    app = App(dyn, redirect_uris=[host(dyn).url(QUERY)])
    page = dyn.visit(browser, app.client, redirect_uri=host(dyn).url(path))
    assert page.status_code == 400
    assert "location" not in page.headers
    verdict.review("the error page")


@module("oidcc-redirect-uri-regfrag")
def test_an_address_with_a_fragment(dyn: Op) -> None:
    app = App(dyn, redirect_uris=[host(dyn).url("/dyn/callback#foo")])
    refused(app, "invalid_redirect_uri")


SHOWN = [
    pytest.param("policy_uri", marks=module("oidcc-registration-policy-uri")),
    pytest.param("tos_uri", marks=module("oidcc-registration-tos-uri")),
]


@pytest.mark.parametrize("name", SHOWN)
def test_what_users_see_of_the_app(name: str, dyn: Op, browser: Browser, verdict: Verdict) -> None:
    address = host(dyn).url(f"/about/{name}")
    app = App(dyn, **{name: address})
    assert app.told[name] == address
    dyn.visit(browser, app.client)
    browser.sign_in(*USER)
    assert 'id="allow"' in browser.page.text
    assert address in browser.page.text
    verdict.review("linked on the page where the user decides")


@module("oidcc-registration-jwks-uri")
def test_keys_by_reference(dyn: Op, browser: Browser) -> None:
    uri = host(dyn).publish("/dyn/jwks", jwks(FIRST))
    app = App(dyn, jwks_uri=uri, token_endpoint_auth_method="private_key_jwt")
    reply = app.redeem(app.code(browser)["code"])
    assert reply.status_code == 200, reply.text
    assert "/dyn/jwks" in host(dyn).asked


@module("oidcc-refresh-token-rp-key-rotation")
def test_keys_that_are_replaced(dyn: Op, browser: Browser) -> None:
    """The suite waits a minute; here it is tried until the new key is known."""
    host(dyn).publish("/turned/jwks", jwks(FIRST))
    uri = host(dyn).url("/turned/jwks")
    app = App(dyn, jwks_uri=uri, token_endpoint_auth_method="private_key_jwt")
    held = app.redeem(app.code(browser, scope="openid offline_access", prompt="consent")["code"])
    form = {"grant_type": "refresh_token", "refresh_token": held.json()["refresh_token"]}
    assert app.post("/token", form).status_code == 200
    host(dyn).publish("/turned/jwks", jwks(SECOND))
    reply = app.post("/token", form)
    for _ in range(40):
        by = asserted(dyn, app.id, SECOND)
        reply = dyn.http.post("/token", data={**form, **by})
        if reply.status_code == 200:
            break
        time.sleep(2)  # A key set is not fetched anew at once: forged kids would drive that.
    assert reply.status_code == 200, reply.text


@module("oidcc-ensure-client-assertion-with-iss-aud-succeeds")
def test_an_assertion_for_the_issuer(dyn: Op, browser: Browser) -> None:
    app = App(dyn, jwks=jwks(FIRST), token_endpoint_auth_method="private_key_jwt")
    code = app.code(browser)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    proof = asserted(dyn, app.id, FIRST, aud=dyn.issuer)
    reply = dyn.http.post("/token", data={**form, **proof})
    assert reply.status_code == 200, reply.text


@module("oidcc-registration-sector-uri")
def test_a_sector_document(dyn: Op) -> None:
    callback = host(dyn).url("/dyn/callback")
    uri = host(dyn).publish("/sector", [callback, host(dyn).url("/other")])
    app = App(dyn, sector_identifier_uri=uri, subject_type="pairwise")
    assert app.told["sector_identifier_uri"] == uri


@module("oidcc-registration-sector-bad")
def test_a_sector_document_of_others(dyn: Op) -> None:
    uri = host(dyn).publish("/sector-bad", ["https://other.example/callback"])
    refused(App(dyn, sector_identifier_uri=uri, subject_type="pairwise"))


@module("oidcc-server-rotate-keys")
def test_the_servers_keys_turn(dyn: Op, browser: Browser) -> None:
    app = App(dyn)
    before = dyn.http.get("/jwks").json()["keys"]
    old = app.redeem(app.code(browser)["code"]).json()["id_token"]
    database = dyn.folder / "valetkey.db"
    assert database.exists()
    run(dyn.folder, "key", "rotate", "--set", f"issuer={dyn.issuer}")
    after = before
    for _ in range(50):
        after = dyn.http.get("/jwks").json()["keys"]
        if {one["kid"] for one in after} != {one["kid"] for one in before}:
            break
        time.sleep(0.2)
    kids = {one["kid"] for one in after}
    assert {one["kid"] for one in before} & kids, "the old ones are published on"
    assert len(kids) > len(before), "and new ones beside them"
    assert header_of(old)["kid"] in kids
    fresh = app.redeem(app.code(dyn.browser())["code"]).json()["id_token"]
    assert dyn.identity(app.client, fresh, nonce="n-0S6_WzA2Mj")["sub"]
    assert header_of(fresh)["kid"] != header_of(old)["kid"]


def request_at(dyn: Op, path: str, app: App, by: PrivateKey | None) -> str:
    """Publishes a request object of the app; its address."""
    now = int(time.time())
    claims = {
        **dyn.request(app.client),
        "iss": app.id,
        "aud": dyn.issuer,
        "iat": now,
        "exp": now + 300,
    }
    payload = json.dumps(claims).encode()
    text = (
        unsigned({"alg": "none"}, payload)
        if by is None
        else signed({"alg": by.algorithm, "kid": by.kid}, payload, by)
    )
    return host(dyn).publish(path, text.encode())


@module("oidcc-request-uri-signed-rs256")
def test_a_signed_request_that_is_fetched(dyn: Op, browser: Browser) -> None:
    address = host(dyn).url("/request.jwt")
    app = App(
        dyn,
        jwks=jwks(FIRST),
        token_endpoint_auth_method="private_key_jwt",
        request_object_signing_alg="RS256",
        request_uris=[address],
    )
    assert request_at(dyn, "/request.jwt", app, FIRST) == address
    answer = dyn.authorize(browser, app.client, request_uri=address)
    assert app.redeem(answer["code"]).status_code == 200


@module("oidcc-request-uri-unsigned")
def test_an_unsigned_request_that_is_fetched(dyn: Op, browser: Browser, verdict: Verdict) -> None:
    address = host(dyn).url("/unsigned.jwt")
    app = App(
        dyn,
        jwks=jwks(FIRST),
        token_endpoint_auth_method="private_key_jwt",
        request_uris=[address],
    )
    request_at(dyn, "/unsigned.jwt", app, None)
    dyn.visit(browser, app.client, request_uri=address)
    told = browser.page.headers.get("location", "") + browser.page.text
    assert "invalid_request_object" in told
    verdict.skipped("unsigned request objects are not offered")


@module("oidcc-ensure-request-object-with-redirect-uri")
def test_a_request_object_with_another_address(dyn: Op, browser: Browser, verdict: Verdict) -> None:
    app = App(dyn, jwks=jwks(FIRST), token_endpoint_auth_method="private_key_jwt")
    now = int(time.time())
    claims = {**dyn.request(app.client), "iss": app.id, "aud": dyn.issuer, "exp": now + 300}
    text = signed({"alg": "RS256", "kid": FIRST.kid}, json.dumps(claims).encode(), FIRST)
    outside_it = host(dyn).url("/elsewhere")
    answer = dyn.authorize(browser, app.client, request=text, redirect_uri=outside_it)
    assert "code" in answer, "what is signed counts"
    verdict.skipped("it tries an unsigned request object, and those are not offered")


@module("oidcc-refresh-token")
def test_refresh(dyn: Op, browser: Browser) -> None:
    one, two = App(dyn), App(dyn)
    code = one.code(browser, scope="openid offline_access", prompt="consent")["code"]
    held = one.redeem(code).json()
    form = {"grant_type": "refresh_token", "refresh_token": held["refresh_token"]}
    assert one.post("/token", form).status_code == 200
    other = two.post("/token", form)
    assert (other.status_code, other.json()["error"]) == (400, "invalid_grant")
