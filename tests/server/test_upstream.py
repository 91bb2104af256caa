"""Sign-in at a provider whose answers the tests decide: what apps and people get."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from tests.attacks.play import AS_WEB, asking, change, cookie, every, find, sent_back
from tests.browser import Browser
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.live import Live
from tests.outside import Host, Publication, outside
from tests.providers import (
    CLIENT,
    FakeProvider,
    away,
    begins,
    callback,
    problem,
    query,
    server_with,
    upstream,
)
from tests.rows import row

from valetkey.jose import jwk, jws
from valetkey.server.model.user import Identity, Session, User
from valetkey.server.oauth.logout.sessions import EVENT
from valetkey.server.settings import SettingsError, load


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("host")) as host:
        yield host


@pytest.fixture(scope="module")
def server(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with three providers: `there`, `signed`, which knows our keys, and `git`, which is
    no OpenID provider."""
    there = FakeProvider(host)
    signed = FakeProvider(host, "/signed")
    git = {
        "authorization_endpoint": host.url("/git/authorize"),
        "token_endpoint": host.url("/git/token"),
        "userinfo_endpoint": host.url("/git/user"),
    }
    settings = (
        there.settings(
            domains=("corp.example",), acr={"their-two": "our-two"}, groups="realm.roles"
        ),
        signed.settings("signed", client_auth="private_key_jwt"),
        upstream("git", **git, subject="id", client_auth="client_secret_post", scope=("user",)),
    )
    with server_with(tmp_path_factory.mktemp("server"), host, *settings) as server:
        yield server


@pytest.fixture
def provider(host: Host) -> FakeProvider:
    return FakeProvider(host)


def comes_back(browser: Browser, provider: FakeProvider, url: str, **claims: Any) -> Any:
    return browser.open(provider.signs_in(url, claims=claims))


def test_plain_oauth_2(server: Live, host: Host) -> None:
    browser = server.browser()
    asked = query(begins(browser, name="git"))
    assert "nonce" not in asked
    assert "max_age" not in asked
    host.publish("/git/token", {"access_token": "gho_x", "token_type": "bearer"})
    host.publish("/git/user", {"id": 583231, "login": "octocat", "email": None, "name": "Octo"})
    browser.open(callback(asked, code="c"))
    assert 'id="allow"' in browser.page.text, browser.page.text
    (identity,) = [one for one in every(server, Identity) if one.source == host.url("/git/user")]
    assert (identity.subject, identity.name) == ("583231", "octocat")
    sent = parse_qs(host.posted[-1][1].decode())
    assert sent["client_secret"] == ["a-secret-of-the-provider"]
    # It says "200 OK" to a bad code.
    host.publish("/git/token", {"error": "bad_verification_code"})
    other = server.browser()
    assert problem(other.open(callback(query(begins(other, name="git")), code="c"))) == "broken"


def test_a_client_assertion_of_our_own_key(server: Live, host: Host) -> None:
    provider, browser = FakeProvider(host, "/signed"), server.browser()
    comes_back(browser, provider, begins(browser, name="signed"))
    sent = parse_qs(host.posted[-1][1].decode())
    keys = jwk.parse_set(server.http.get("/jwks").json())
    payload = jws.verify(
        sent["client_assertion"][0],
        keys,
        algorithms=jwk.ALGORITHMS,
        typ=("client-authentication+jwt",),
    )
    claims = json.loads(payload)
    assert (claims["iss"], claims["sub"]) == (CLIENT, CLIENT)
    assert claims["aud"] == provider.issuer


FRESH = [
    row("OIDC 3.1.2.1", "login, now", {"prompt": "login"}, 0, ""),
    row("OIDC 3.1.2.1", "login, before", {"prompt": "login"}, -600, "login_required"),
    row("OIDC 3.1.2.1", "login, nobody knows", {"prompt": "login"}, None, "login_required"),
    row("OIDC 3.1.2.1", "a recent one", {"max_age": "900"}, -600, ""),
    row("OIDC 3.1.2.1", "too long ago", {"max_age": "300"}, -600, "login_required"),
    row("OIDC 3.1.2.1", "nobody knows", {"max_age": "300"}, None, "login_required"),
    row("OIDC 3.1.2.1", "age 0, before", {"max_age": "0"}, -600, "login_required"),
    row("OIDC 3.1.2.1", "anything", {}, -86400, ""),
    row("OIDC 3.1.2.1", "anything, nobody knows", {}, None, ""),
]


@pytest.mark.parametrize("more, ago, error", FRESH)
def test_freshness_is_asked_for_and_checked(
    more: dict[str, str], ago: int | None, error: str, server: Live, provider: FakeProvider
) -> None:
    browser = server.browser()
    url = begins(browser, asking(AS_WEB, **more))
    asked = query(url)
    assert asked.get("prompt", "") == more.get("prompt", "login" if "0" in more.values() else "")
    assert int(asked["max_age"]) == int(more.get("max_age", 0 if more else 10 * 365 * 86400))
    told = {} if ago is None else {"auth_time": int(time.time()) + 1 + ago}
    reply = comes_back(browser, provider, url, **told)
    if error:
        assert sent_back(reply)["error"] == error
    else:
        assert 'id="allow"' in reply.text


LEVELS = [
    row("OIDC 5.5.1.1", "the level", "their-two", ""),
    row("OIDC 5.5.1.1", "an unmapped one", "our-two", "unmet_authentication_requirements"),
    row("OIDC 5.5.1.1", "a lower one", "their-one", "unmet_authentication_requirements"),
]


@pytest.mark.parametrize("acr, error", LEVELS)
def test_levels_are_an_allow_list(
    acr: str, error: str, server: Live, provider: FakeProvider
) -> None:
    wanted = {"id_token": {"acr": {"essential": True, "values": ["our-two"]}}}
    browser = server.browser()
    url = begins(browser, asking(AS_WEB, claims=json.dumps(wanted)))
    assert query(url)["acr_values"] == "their-two"
    reply = comes_back(browser, provider, url, acr=acr)
    if error:
        assert sent_back(reply)["error"] == error
    else:
        assert 'id="allow"' in reply.text


def test_groups_are_stored_with_the_identity(server: Live, provider: FakeProvider) -> None:
    browser = server.browser()
    provider.subject = "grouped"
    roles = ["b", "a", "a", 7, "x" * 200]
    comes_back(browser, provider, begins(browser), realm={"roles": roles})
    (identity,) = [one for one in every(server, Identity) if one.subject == "grouped"]
    assert identity.groups == ("a", "b")
    comes_back(browser, provider, away(browser, "/sign-in/with/there"), realm={"roles": "c"})
    assert find(server, Identity, identity.id).groups == ("c",)


def test_an_address_chooses_the_provider(server: Live) -> None:
    browser = server.browser()
    browser.open("/sign-in?next=/approvals")
    browser.press("sign-in", username="Miko@Corp.Example", password="")
    assert 'id="pass-on" href="/sign-in/with/there?next=/approvals"' in browser.page.text
    assert browser.page.headers["refresh"].startswith("0;url=/sign-in/with/there")
    browser.open(asking(AS_WEB).path())
    browser.press("sign-in", username="miko@corp.example", password="whatever")
    assert "/with/there" in browser.page.headers["refresh"]
    browser.open("/sign-in")
    assert browser.press("sign-in", username="miko", password="").status_code == 400


def test_a_provider_that_is_down(server: Live, provider: FakeProvider, host: Host) -> None:
    browser = server.browser()
    browser.open(asking(AS_WEB).path())
    pending = browser.page.request.url.path
    path = provider.signs_in(away(browser, f"{pending}/with/there"))
    host.published["/token"] = Publication(b"", 503)
    reply = browser.open(path)
    assert (problem(reply), reply.status_code) == ("down", 503)
    assert f'href="{pending}/with/there"' in reply.text
    # The other ways go on.
    browser.open(pending)
    browser.sign_in("miko")
    assert 'id="allow"' in browser.page.text


def test_two_tabs_both_finish(server: Live, provider: FakeProvider) -> None:
    browser = server.browser()
    first, second = begins(browser, AS_WEB), begins(browser, AS_WEB)
    provider.subject = "tabs"
    paths = []
    for url in (second, first):
        reply = comes_back(browser, provider, url)
        assert 'id="allow"' in reply.text
        paths.append(reply.request.url.path)
    for path in paths:
        browser.open(path)
        if 'id="allow"' in browser.page.text:
            browser.press("allow")
        assert "code" in browser.answer()


@pytest.fixture
def logged_in(server: Live, provider: FakeProvider) -> Iterator[Browser]:
    """A browser whose session has the provider's session `their-sid`."""
    browser = server.browser()
    provider.subject = "leaver"
    comes_back(browser, provider, away(browser, "/sign-in/with/there"), sid="their-sid")
    assert cookie(browser)
    yield browser
    for session in every(server, Session):
        if session.source_sid == "their-sid":
            change(server, session, expires=1)


def _logs_out(server: Live, provider: FakeProvider, token: str) -> httpx2.Response:
    form = {"logout_token": token}
    return server.http.post("/sign-in/with/there/backchannel-logout", data=form)


def _claims(provider: FakeProvider, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        name: value
        for name, value in {
            "iss": provider.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": f"jti {time.monotonic_ns()}",
            "events": {EVENT: {}},
            "sid": "their-sid",
            **changed,
        }.items()
        if value is not None
    }


def _is_signed_in(browser: Browser) -> bool:
    return browser.http.get("/apps").status_code == 200


LOGOUTS = [
    row("BCL 2.6", "by the session", {}),
    row("BCL 2.6", "by the user", {"sid": None, "sub": "leaver"}),
    row("BCL 2.6", "by both", {"sub": "leaver"}),
    row("BCL 2.6", "a list with the audience", {"aud": ["x", CLIENT]}),
    row("BCL 2.6", "without an end", {"exp": None}),
]


@pytest.mark.parametrize("changed", LOGOUTS)
def test_a_logout_token(
    changed: dict[str, Any], server: Live, provider: FakeProvider, logged_in: Browser
) -> None:
    other = server.browser()
    provider.subject = "stayer"
    comes_back(other, provider, away(other, "/sign-in/with/there"), sid="other-sid")
    answer = _logs_out(server, provider, provider.sign(_claims(provider, **changed)))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert not _is_signed_in(logged_in)
    assert _is_signed_in(other)


NOW = int(time.time())
WRONG = [
    row("BCL 2.6", "another issuer", {"iss": "https://evil.example"}),
    row("BCL 2.6", "another client", {"aud": "somebody"}),
    row("BCL 2.6", "over", {"exp": NOW - 600, "iat": NOW - 700}),
    row("BCL 2.6", "issued hours ago", {"iat": NOW - 7200, "exp": NOW + 60}),
    row("BCL 2.6", "without a time", {"iat": None}),
    row("BCL 2.6", "with a nonce", {"nonce": "n"}),
    row("BCL 2.6", "without the event", {"events": {"x": {}}}),
    row("BCL 2.6", "an event that is no object", {"events": {EVENT: True}}),
    row("BCL 2.6", "for nobody", {"sid": None}),
    row("BCL 2.6", "without an id", {"jti": None}),
]


@pytest.mark.parametrize("changed", WRONG)
def test_a_wrong_logout_token(
    changed: dict[str, Any], server: Live, provider: FakeProvider, logged_in: Browser
) -> None:
    answer = _logs_out(server, provider, provider.sign(_claims(provider, **changed)))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert _is_signed_in(logged_in)


def test_logout_tokens_of_others(server: Live, provider: FakeProvider, logged_in: Browser) -> None:
    claims = _claims(provider)
    raw = json.dumps(claims).encode()
    tokens = (
        jws.sign(raw, key=key("ES256", "evil"), typ="logout+jwt"),
        provider.sign(claims, typ="at+jwt"),
        "x.y.z",
        "",
    )
    for token in tokens:
        assert _logs_out(server, provider, token).status_code == 400
    swapped = provider.sign(_claims(provider, sub="stayer"))
    assert _logs_out(server, provider, swapped).status_code == 200
    assert _is_signed_in(logged_in)
    nobody = server.http.post("/sign-in/with/nobody/backchannel-logout", data={"logout_token": "x"})
    assert nobody.status_code == 404


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_a_malformed_logout_token(bad: Bad, server: Live, provider: FakeProvider) -> None:
    honest = Honest(provider.key, _claims(provider), "logout+jwt")
    assert _logs_out(server, provider, bad(honest)).status_code == 400


def test_a_piece_of_a_logout_token(server: Live, provider: FakeProvider) -> None:
    token = provider.sign(_claims(provider), typ="logout+jwt")
    pieces = [one for one in prefixes_and_suffixes(token) if one]
    answers = {_logs_out(server, provider, one).status_code for one in pieces[::7]}
    assert answers == {400}


def test_a_logout_token_works_once(
    server: Live, provider: FakeProvider, logged_in: Browser
) -> None:
    token = provider.sign(_claims(provider, sid=None, sub="leaver"))
    assert _logs_out(server, provider, token).status_code == 200
    assert not _is_signed_in(logged_in)
    provider.subject = "leaver"
    comes_back(logged_in, provider, away(logged_in, "/sign-in/with/there"))
    assert _logs_out(server, provider, token).status_code == 200
    assert _is_signed_in(logged_in)


def test_removing_a_link_ends_its_sessions(server: Live, provider: FakeProvider) -> None:
    provider.subject = "linked by miko"
    here, elsewhere = server.browser(), server.browser()
    here.open("/sign-in")
    here.sign_in("miko")
    here.open(provider.signs_in(away(here, "/linked/with/there")))
    here.press("link")
    comes_back(elsewhere, provider, away(elsewhere, "/sign-in/with/there"))
    assert _is_signed_in(elsewhere)
    (identity,) = [one for one in every(server, Identity) if one.subject == "linked by miko"]
    assert find(server, User, identity.user).display_name == "Miko"
    here.open("/linked")
    here.press(identity.id, identity=identity.id)
    assert "linked anymore" in here.page.text
    assert not _is_signed_in(elsewhere)
    assert _is_signed_in(here)


def test_signing_out_offers_the_providers(server: Live, provider: FakeProvider) -> None:
    browser = server.browser()
    comes_back(browser, provider, away(browser, "/sign-in/with/there"))
    browser.open("/sign-out")
    browser.press("sign-out")
    there = provider.host.url("/logout")
    assert f'href="{there}?client_id={CLIENT}&amp;post_logout' in browser.page.text
    assert there not in browser.open("/signed-out?way=nobody").text


MISTAKES = [
    row("settings", "no secret", "", "needs a secret"),
    row("settings", "a secret in the file", 'client_secret = "x"', "it belongs in"),
    row("settings", "an unknown field", "isuer = 1", "isuer"),
    row("settings", "a bad name", 'name = "A-b"', "no name"),
    row("settings", "http", 'issuer = "http://x.example"', "https://, not with http://$"),
    row("settings", "no tenants", 'issuer = "https://x.example/{tenantid}"', "tenants"),
    row("settings", "no openid", 'scope = ["email"]', "openid"),
    row("settings", "half of OAuth 2", 'token_endpoint = "https://x.example/t"', "needs"),
    row("settings", "an unknown claim", 'claims = { admin = "x" }', "no standard claim"),
    row("settings", "a readable secret", 'client_secret_file = "secret"', "readable by others"),
]


@pytest.mark.parametrize("line, why", MISTAKES)
def test_mistakes_in_the_settings(line: str, why: str, tmp_path: Path) -> None:
    own = {"name": '"x"', "issuer": '"https://x.example"', "client_id": '"c"'}
    name, _, value = line.partition(" = ")
    fields = own | ({name: value} if name else {})
    text = "".join(f"{name} = {value}\n" for name, value in fields.items())
    (tmp_path / "secret").write_text("a secret")
    (tmp_path / "secret").chmod(0o644)
    (tmp_path / "x.toml").write_text(f"[[sign_in.upstream]]\n{text}")
    with pytest.raises(SettingsError, match=why) as error:
        load({}, {}, tmp_path / "x.toml")
    assert "a secret" not in str(error.value).replace("needs a secret", "").replace(
        "has a secret", ""
    )


def test_a_mistake_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        '[[sign_in.upstream]]\nname = "x"\nissuer = "http://x.example"\nclient_id = "c"\n'
    )
    environment = {"VALETKEY_SIGN_IN__UPSTREAM__X__CLIENT_SECRET": "s"}
    with pytest.raises(SettingsError) as error:
        load({}, environment, tmp_path / "x.toml")
    (mistake,) = error.value.mistakes
    assert mistake.endswith("http://x.example has to begin with https://, not with http://")


def test_a_secret_from_the_environment_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the file\n")
    (tmp_path / "secret").chmod(0o600)
    table = '[[sign_in.upstream]]\nname = "{}"\nissuer = "https://{}.example"\nclient_id = "c"\n'
    (tmp_path / "x.toml").write_text(
        table.format("one", "one") + table.format("two", "two") + 'client_secret_file = "secret"\n'
    )
    environment = {"VALETKEY_SIGN_IN__UPSTREAM__ONE__CLIENT_SECRET": "of the environment"}
    one, two = load({}, environment, tmp_path / "x.toml").sign_in.upstream
    assert one.upstream().secret.reveal() == "of the environment"
    assert two.upstream().secret.reveal() == "of the file"
    assert "of the" not in repr(one) + repr(two) + repr(one.upstream())
    with pytest.raises(SettingsError, match="no provider of that name"):
        load({}, {"VALETKEY_SIGN_IN__UPSTREAM__NO__CLIENT_SECRET": "x"}, tmp_path / "x.toml")
