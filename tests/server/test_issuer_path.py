"""One story for an issuer with a path and one without: who speaks to it finds no difference."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.attacks.play import AS_WEB, STEFAPP, introspected, redeem, refresh, userinfo
from tests.browser import Browser
from tests.client.person import app, user
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, live
from tests.proofs import Wish, proof
from tests.rows import row

from valetkey.client import Key, MemoryStore
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan
from valetkey.wire import metadata

PATHS = ("", "/tenants/one")

OWN_PATH = re.compile(r"""\b(?:href|src|action)=["']?(/[^"'\s>]*)""")
"""A path in a page: the test does not read HTML as the server writes it."""


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path or "no path")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("issuer"),
        path=request.param,
        unthrottled=("127.0.0.1",),
        enable=("registration", "session management", "shared signals"),
        registration="open",
    ) as running:
        yield running


@pytest.fixture
def browser(server: Live) -> Browser:
    return server.browser()


def signed_in(server: Live, browser: Browser) -> Browser:
    browser.open(f"{server.path}/sign-in")
    browser.sign_in()
    assert browser.page.url.path == f"{server.path}/apps"
    return browser


@pytest.mark.parametrize(
    "name",
    ["oauth-authorization-server", "openid-configuration", "ssf-configuration"],
)
def test_discovery_in_all_forms(server: Live, name: str) -> None:
    below, behind = f"{server.issuer}/.well-known/{name}", f"/.well-known/{name}{server.path}"
    documents = [server.http.get(one).json() for one in (below, server.url + behind)]
    assert all(one == documents[0] for one in documents)
    assert documents[0]["issuer"] == server.issuer
    for member, address in documents[0].items():
        if member.endswith(("_endpoint", "_uri", "_iframe")):
            assert address.startswith(f"{server.issuer}/"), member
    assert server.http.get(documents[0]["jwks_uri"]).json()["keys"]


def test_every_endpoint_of_the_metadata_is_there(server: Live) -> None:
    about = server.http.get(
        metadata.well_known(server.issuer, metadata.AUTHORIZATION_SERVER)
    ).json()
    for member, address in about.items():
        if member.endswith(("_endpoint", "_iframe")):
            assert server.http.get(address).status_code != 404, member


def test_nothing_is_outside_of_the_path(server: Live) -> None:
    """Probes know the port alone."""
    for path in ("/healthz", "/readyz"):
        assert server.http.get(server.url + path).status_code == 200
        assert server.http.get(server.issuer + path).status_code == 200
    if not server.path:
        return
    for path in (
        "/token",
        "/apps",
        "/sign-in",
        "/static/valetkey.css",
        "/",
        f"{server.path}x/jwks",
    ):
        assert server.http.post(server.url + path).status_code == 404, path
        assert server.http.get(server.url + path).status_code == 404, path
    assert server.http.get(server.issuer).headers["location"] == f"{server.path}/apps"


@pytest.mark.parametrize("by", [row("", "public", STEFAPP), row("", "confidential", AS_WEB)])
def test_a_grant_from_consent_to_its_end(server: Live, browser: Browser, by: object) -> None:
    asked = STEFAPP if by is STEFAPP else AS_WEB
    browser.open(server.path + asked.path())
    browser.sign_in()
    browser.press("allow")
    answer = browser.answer()
    assert answer["iss"] == server.issuer
    first = redeem(server, answer["code"], asked).json()
    told = introspected(server, first["access_token"])
    assert (told["active"], told["iss"]) == (True, server.issuer)
    assert userinfo(server, first["access_token"]).json()["sub"] == server.users["miko"].id
    second = refresh(server, first["refresh_token"], asked).json()
    form = {"token": second["refresh_token"], "client_id": asked.client_id}
    if asked is AS_WEB:
        server.http.post("/revoke", data=form, auth=("web", SECRETS["web"])).raise_for_status()
    else:
        server.http.post("/revoke", data=form).raise_for_status()
    assert not introspected(server, second["access_token"])["active"]


def test_a_request_that_was_pushed(server: Live, browser: Browser) -> None:
    form = {**AS_WEB.parameters()}
    reply = server.http.post("/par", data=form, auth=("web", SECRETS["web"]))
    query = {"client_id": "web", "request_uri": reply.json()["request_uri"]}
    browser.open(f"{server.path}/authorize?{httpx2.QueryParams(query)}")
    browser.sign_in()
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    assert redeem(server, browser.answer()["code"], AS_WEB).status_code == 200


def test_a_proof_names_the_whole_address(server: Live, browser: Browser) -> None:
    """RFC 9449 4.3: `htu`."""
    browser.open(server.path + STEFAPP.path())
    browser.sign_in()
    browser.press("allow")
    form = STEFAPP.redemption(browser.answer()["code"])
    right = Wish(address=f"{server.issuer}/token")
    if server.path:
        wrong = proof(Wish(address=f"{server.url}/token"))
        refused = server.http.post("/token", data=form, headers={"DPoP": wrong})
        assert refused.json()["error"] == "invalid_dpop_proof"
    bound = server.http.post("/token", data=form, headers={"DPoP": proof(right)}).json()
    assert bound["token_type"] == "DPoP"
    token = bound["access_token"]
    there = Wish(method="GET", address=f"{server.issuer}/userinfo", token=token)
    headers = {"authorization": f"DPoP {token}", "DPoP": proof(there)}
    assert server.http.get("/userinfo", headers=headers).status_code == 200
    challenge = server.http.get("/userinfo").headers["www-authenticate"]
    assert "Bearer" in challenge


def test_a_device(server: Live, browser: Browser) -> None:
    asked = server.http.post(
        "/device_authorization", data={"client_id": "tv", "scope": "openid chirps"}
    ).json()
    assert asked["verification_uri"] == f"{server.issuer}/device"
    browser.open(asked["verification_uri"])
    assert browser.form("continue").action == f"{server.path}/device"
    browser.press("continue", user_code=asked["user_code"])
    browser.press("confirm")
    browser.sign_in()
    browser.press("allow")
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    form = {"grant_type": grant, "client_id": "tv", "device_code": asked["device_code"]}
    assert server.http.post("/token", data=form).json()["token_type"] == "Bearer"


def test_a_registration_is_managed_at_its_address(server: Live) -> None:
    """RFC 7592."""
    form = {"redirect_uris": ["https://new.example/callback"], "client_name": "New"}
    made = server.http.post("/register", json=form).json()
    address = made["registration_client_uri"]
    assert address.startswith(f"{server.issuer}/register")
    headers = {"authorization": f"Bearer {made['registration_access_token']}"}
    assert server.http.get(address, headers=headers).json()["client_name"] == "New"
    assert server.http.delete(address, headers=headers).status_code == 204


def test_sign_in_and_sign_out(server: Live, browser: Browser) -> None:
    assert browser.open(f"{server.path}/apps").url.path == f"{server.path}/sign-in"
    signed_in(server, browser)
    names = {cookie.name for cookie in browser.http.cookies.jar}
    assert (
        names >= {"vk_session", "vk_browser"}
        if not server.path
        else all(re.fullmatch(r"vk_[a-z]+_[0-9a-f]{8}", name) for name in names)
    )
    assert {cookie.path for cookie in browser.http.cookies.jar} == {"/"}
    browser.open(f"{server.path}/sign-out")
    browser.press("sign-out")
    assert browser.page.url.path == f"{server.path}/signed-out"
    assert browser.open(f"{server.path}/apps").url.path == f"{server.path}/sign-in"


def test_a_form_from_the_issuers_origin_is_taken(server: Live, browser: Browser) -> None:
    """Browsers name an origin, never a path."""
    browser.open(f"{server.path}/sign-in")
    browser.http.headers["origin"] = "https://evil.example"
    assert browser.sign_in().status_code == 403
    browser.open(f"{server.path}/sign-in")
    browser.http.headers["origin"] = server.url
    assert browser.sign_in().url.path == f"{server.path}/apps"


def test_an_app_signs_its_user_out(server: Live, browser: Browser) -> None:
    """OpenID Connect RP-Initiated Logout 1.0, confirmed by the user."""
    signed_in(server, browser)
    browser.open(f"{server.path}/logout?client_id=web")
    assert browser.form("sign-out").action == f"{server.path}/logout"
    browser.press("sign-out")
    assert browser.page.url.path == f"{server.path}/signed-out"


def test_the_frame_that_watches_the_session(server: Live) -> None:
    page = server.http.get("/check-session").text
    (script,) = OWN_PATH.findall(page)
    assert script == f"{server.path}/static/check-session.js"
    name = "vk_state" if not server.path else r"vk_state_[0-9a-f]{8}"
    assert re.search(f'data-cookie="{name}"', page)


def test_every_link_of_a_page_leads_somewhere(server: Live, browser: Browser) -> None:
    """Nothing that a page names is outside of the path, and nothing is missing."""
    authorize_in = server.path + STEFAPP.path()
    browser.open(authorize_in)
    seen = set(OWN_PATH.findall(browser.page.text))
    browser.sign_in()
    waiting = [f"{server.path}/apps", f"{server.path}/sign-out", f"{server.path}/device"]
    seen |= set(OWN_PATH.findall(browser.page.text))
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    followed: set[str] = set()
    waiting += sorted(seen)
    while waiting:
        path = urlsplit(waiting.pop().replace("&amp;", "&"))
        if path.path in followed:
            continue
        followed.add(path.path)
        assert path.path.startswith(f"{server.path}/"), path
        reply = browser.http.get(path.geturl())
        # 405: a form's address. 400: a step of a request that is over.
        assert reply.status_code in {200, 303, 400, 405}, path
        if reply.is_redirect:
            assert reply.headers["location"].startswith((f"{server.path}/", "http")), path
        elif "html" in reply.headers["content-type"] and reply.status_code == 200:
            waiting += OWN_PATH.findall(reply.text)
    assert f"{server.path}/static/valetkey.css" in followed
    assert any(re.fullmatch(f"{server.path}/apps/[0-9a-v]+", one) for one in followed)


def test_the_kit_and_the_sdk(server: Live) -> None:
    """Both find the server by its issuer alone, and check `iss`; the SDK proves by DPoP."""
    kit = ResourceServer(
        issuer=server.issuer, catalog=CHIRP_CATALOG, credentials=("chirp", SECRETS["chirp"])
    )
    needs = Needs(kit)

    @needs("chirps.write")
    async def write(request: Request) -> Response:
        return JSONResponse({"sub": request.state.principal.sub})

    key = Key(app(server), MemoryStore())
    routes = [Route("/chirps", write, methods=["POST"])]
    try:
        connected = key.connect(open_browser=user(server.browser()), seconds=20)
        with TestClient(Starlette(routes=routes, lifespan=lifespan(kit))) as api:
            token = tokens_of(server)
            reply = api.post("/chirps", headers={"authorization": f"Bearer {token}"})
            assert reply.json()["sub"] == connected.sub
            assert api.post("/chirps").status_code == 401
        assert key.userinfo()["sub"] == connected.sub
    finally:
        key.close()


def tokens_of(server: Live) -> str:
    """An access token of a whole sign-in."""
    browser = server.browser()
    browser.open(server.path + AS_WEB.path())
    browser.sign_in()
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    token: str = redeem(server, browser.answer()["code"], AS_WEB).json()["access_token"]
    return token
