"""What the host says of its user, and what follows from it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.play import AS_WEB, asking, claims
from tests.browser import Browser, error_code
from tests.embedded.hosts import PATH
from tests.embedded.inside import Inside, inside
from tests.installation import SECRETS
from tests.rows import row

from valetkey.embedded import SignedInUser, StartError, Valetkey
from valetkey.server.settings import SettingsError

MIKO = SignedInUser(subject="17", claims={"name": "Miko"})


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(tmp_path_factory.mktemp("inside"), acr_values=("urn:chirp:two",)) as running:
        yield running


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A host that can sign its user out."""
    with inside(tmp_path_factory.mktemp("leaving"), can_sign_out=True) as running:
        yield running


def ask(host: Inside, user: SignedInUser | None, **more: str) -> Browser:
    """A new browser, whose user this is at the host, is sent to the server by the app."""
    host.user = user
    browser = host.browser()
    browser.open(PATH + asking(AS_WEB, **more).path())
    return browser


def id_token(host: Inside, browser: Browser) -> dict[str, object]:
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    form = AS_WEB.redemption(browser.answer()["code"])
    reply = host.http.post("/token", data=form, auth=("web", SECRETS["web"]))
    return claims(reply.json()["id_token"])


def login_query(browser: Browser) -> dict[str, str]:
    assert browser.page.text == "sign in at the host"
    return dict(browser.page.url.params)


def test_what_apps_are_told_of_a_sign_in(host: Inside) -> None:
    now = int(time.time())
    user = SignedInUser(
        subject="17",
        claims={"name": "Miko"},
        auth_time=now - 100.5,
        amr=("pwd", "otp"),
        acr="urn:chirp:two",
    )
    told = id_token(host, ask(host, user))
    assert told["auth_time"] == now - 101
    assert told["amr"] == ["pwd", "otp"]
    assert told["acr"] == "urn:chirp:two"
    assert told["sub"] != "17"


@pytest.mark.parametrize(
    "user, told",
    [
        row("", "no auth_time", MIKO, ("auth_time", None)),
        row(
            "",
            "an acr that is not listed",
            SignedInUser(subject="17", acr="urn:chirp:three"),
            ("acr", None),
        ),
    ],
)
def test_nothing_is_told_that_is_not_known(
    host: Inside, user: SignedInUser, told: tuple[str, object]
) -> None:
    name, value = told
    assert id_token(host, ask(host, user)).get(name) == value


def test_a_time_to_come_is_now(host: Inside) -> None:
    user = SignedInUser(subject="17", auth_time=time.time() + 5000)
    told = id_token(host, ask(host, user))
    assert isinstance(told["auth_time"], int)
    assert told["auth_time"] <= time.time()


def test_a_claim_that_is_none_is_left_out(host: Inside) -> None:
    user = SignedInUser(subject="18", claims={"name": 5, "email": "noor@chirp.example"})
    browser = ask(host, user)
    # Without a name, people are named by their e-mail address.
    assert "noor@chirp.example" in browser.page.text
    assert id_token(host, browser)["sub"]


def test_an_inactive_user_is_refused(host: Inside) -> None:
    browser = ask(host, SignedInUser(subject="19", active=False))
    assert browser.page.status_code == 403
    assert error_code(browser.page.text) == "access_denied"
    # And whoever is signed in here already is not any more.
    browser = ask(host, SignedInUser(subject="19"))
    browser.press("allow")
    host.user = SignedInUser(subject="19", active=False)
    assert browser.open(f"{PATH}/apps").status_code == 403


def test_the_sign_in_page_gets_what_it_needs(host: Inside) -> None:
    browser = ask(host, None, login_hint="miko@chirp.example")
    query = login_query(browser)
    assert query["theme"] == "dark"
    assert query["login_hint"] == "miko@chirp.example"
    assert query["next"].startswith(f"{PATH}/continue/")
    assert "prompt" not in query
    assert host.vk.way_back(query["next"]) == query["next"]
    host.user = SignedInUser(subject="20")
    browser.open(query["next"])
    assert 'id="allow"' in browser.page.text


@pytest.mark.parametrize("prompt", ["login", "select_account", "create"])
def test_what_the_app_wants_is_the_hosts_to_do_once(host: Inside, prompt: str) -> None:
    more = {"prompt": prompt}
    browser = ask(host, SignedInUser(subject="17", auth_time=time.time() - 50), **more)
    if prompt == "create":
        # It is off: no app can ask for it.
        assert browser.answer()["error"] == "invalid_request"
        return
    query = login_query(browser)
    assert query["prompt"] == prompt
    host.user = SignedInUser(subject="17", auth_time=time.time())
    browser.open(query["next"])
    assert id_token(host, browser)["sub"]


def test_without_auth_time_only_a_sign_in_from_nobody_is_new(host: Inside) -> None:
    """Nobody was signed in when the browser left; so whoever is now signed in since."""
    browser = ask(host, None, max_age="0")
    query = login_query(browser)
    host.user = MIKO
    browser.open(query["next"])
    told = id_token(host, browser)
    assert isinstance(told["auth_time"], int)
    assert time.time() - told["auth_time"] < 60
    # The user was there all the time: no page of the host can tell.
    browser = ask(host, MIKO, max_age="0")
    query = login_query(browser)
    browser.open(query["next"])
    assert browser.answer()["error"] == "login_required"


def test_without_auth_time_a_host_that_can_signs_its_user_out_first(leaving: Inside) -> None:
    browser = ask(leaving, MIKO, prompt="login")
    query = login_query(browser)
    assert leaving.user is None
    leaving.user = MIKO
    browser.open(query["next"])
    assert id_token(leaving, browser)["sub"]


def test_a_fresh_sign_in_for_a_page_of_the_users_own(leaving: Inside) -> None:
    user = SignedInUser(subject="17", auth_time=time.time() - 10_000)
    leaving.user = user
    browser = leaving.browser()
    browser.open(f"{PATH}/sign-in?next=/approvals&again=1")
    query = login_query(browser)
    assert query["prompt"] == "login"
    browser.open(query["next"])
    assert browser.page.status_code == 403
    leaving.user = SignedInUser(subject="17", auth_time=time.time())
    browser.open(query["next"])
    assert browser.page.url.path == f"{PATH}/approvals"


def test_a_sign_in_page_on_another_origin(tmp_path: Path) -> None:
    """A form of ours may lead there, such as that for another account."""
    page = "https://login.chirp.example/?x=1"
    with inside(tmp_path, sign_in_page=page) as elsewhere:
        browser = ask(elsewhere, None)
        assert browser.page.headers["location"].startswith(f"{page}&next=%2Foauth%2Fcontinue%2F")
        browser = ask(elsewhere, MIKO)
        policy = browser.page.headers["content-security-policy"]
        assert "https://login.chirp.example" in policy.partition("form-action")[2]


def test_programs_never_ask_the_host(host: Inside) -> None:
    before = host.calls
    host.http.get("/.well-known/oauth-authorization-server")
    host.http.post("/token", data={"grant_type": "x"})
    host.http.get("/static/valetkey.css")
    assert host.calls == before
    assert host.http.get("/apps").status_code == 303
    assert host.calls == before + 1


@pytest.mark.parametrize(
    "options, why",
    [
        row("", "no path", {"issuer": "https://chirp.example"}, "has no path"),
        row("", "no page", {"sign_in_page": "login"}, "neither a path nor an address"),
        row("", "another host's", {"sign_in_page": "//evil.example"}, "neither a path"),
    ],
)
def test_mistakes_are_told_at_once(options: dict[str, object], why: str) -> None:
    whole = {
        "issuer": "https://chirp.example/oauth",
        "signed_in": lambda request: None,
        "sign_in_page": "/login",
    }
    with pytest.raises(ValueError, match=why):
        Valetkey(**{**whole, **options})  # type: ignore[arg-type]


def test_a_subject_is_a_text() -> None:
    with pytest.raises(TypeError, match="has to be a str"):
        SignedInUser(subject=17)  # type: ignore[arg-type]


def test_settings_are_checked_as_the_servers_are() -> None:
    with pytest.raises(SettingsError, match=r"issuer = .* \(from Valetkey\(…\)\)"):
        Valetkey(issuer="http://chirp.example/oauth", signed_in=print, sign_in_page="/login")


def test_a_lifespan_that_was_not_run_is_told(tmp_path: Path) -> None:
    vk = Valetkey(
        issuer="https://chirp.example/oauth",
        database=str(tmp_path / "valetkey.db"),
        signed_in=print,
        sign_in_page="/login",
    )
    with pytest.raises(StartError, match="lifespan was not run"):
        vk.needs_user("/oauth/apps")


def test_without_the_extra_it_is_named() -> None:
    code = "import sys; sys.modules['click'] = None; import valetkey.embedded"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "click is missing: install valetkey[server]" in done.stderr
