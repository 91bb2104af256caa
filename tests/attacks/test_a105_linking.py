"""A105: account takeover by linking.

Attack: Somebody signs in upstream with another person's e-mail address, makes the victim's browser
link the attacker's account, opens an account in the victim's name beforehand, or swaps who a
provider says the user is.
Defense: A user is `iss` and `sub`, never an e-mail address. A link takes a fresh session here and a
sign-in at the provider in one browser, and a form that names both.
"""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace
from tests.attacks.play import change, cookie, every, find
from tests.browser import Browser
from tests.live import Live
from tests.outside import outside
from tests.providers import (
    ACCESS,
    LEFT_OUT,
    FakeProvider,
    away,
    begins,
    callback,
    problem,
    provider_and_server,
    query,
    server_with,
    upstream,
)
from tests.rows import row

from valetkey.server.model.event import Event
from valetkey.server.model.user import Identity, Session, User


@pytest.fixture
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeProvider, Live]]:
    with provider_and_server(tmp_path_factory.mktemp("upstream")) as both:
        yield both


def signed_in(provider: FakeProvider, server: Live, **claims: Any) -> Browser:
    """A browser in which the provider's user is signed in."""
    browser = server.browser()
    if "sub" in claims:
        provider.subject = claims["sub"]
    browser.open(provider.signs_in(away(browser, "/sign-in/with/there"), claims=claims))
    assert cookie(browser), browser.page.text[:2000]
    return browser


def user_of(server: Live, subject: str) -> User:
    (identity,) = [one for one in every(server, Identity) if one.subject == subject]
    return find(server, User, identity.user)


def miko(server: Live) -> Browser:
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("miko")
    return browser


def offered(browser: Browser, provider: FakeProvider) -> httpx2.Response:
    """The browser links the provider's user, as far as the question."""
    return browser.open(provider.signs_in(away(browser, "/linked/with/there")))


SAID = [
    row("OIDC 5.7", "the victim's address, verified", {"email_verified": True}),
    row("OIDC 5.7", "the victim's address, in words", {"email_verified": "true"}),
    row("OIDC 5.7", "the victim's user name", {"preferred_username": "miko", "email": LEFT_OUT}),
    row("OIDC 5.7", "the victim's own id", {"sub": "THE ID"}),
]


@pytest.mark.parametrize("said", SAID)
def test_nobody_is_the_victim_by_a_claim(
    said: dict[str, Any], both: tuple[FakeProvider, Live]
) -> None:
    provider, server = both
    victim = server.users["miko"]
    claims = {"email": victim.email, **said}
    if claims.get("sub") == "THE ID":
        claims["sub"] = victim.id
    signed_in(provider, server, **claims)
    assert user_of(server, provider.subject).id != victim.id
    assert not [one for one in every(server, Identity) if one.user == victim.id]


VERIFIED = [
    row("OIDC 5.1", "true", {"email_verified": True}, True),
    row("OIDC 5.1", "in words", {"email_verified": "true"}, False),
    row("OIDC 5.1", "a number", {"email_verified": 1}, False),
    row("OIDC 5.1", "not said", {}, False),
]


@pytest.mark.parametrize("said, verified", VERIFIED)
def test_only_true_verifies(
    said: dict[str, Any], verified: bool, both: tuple[FakeProvider, Live]
) -> None:
    provider, server = both
    signed_in(provider, server, email="a@b.example", **said)
    assert user_of(server, provider.subject).email_verified is verified


def test_a_flag_of_another_address_verifies_nothing(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = server.browser()
    provider.says(email="new@b.example")
    claims = {"email": "old@b.example", "email_verified": True}
    browser.open(provider.signs_in(away(browser, "/sign-in/with/there"), claims=claims))
    user = user_of(server, provider.subject)
    assert (user.email, user.email_verified) == ("new@b.example", False)


def test_swapped_addresses_change_nobody(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    signed_in(provider, server, sub="one", email="one@b.example", email_verified=True)
    signed_in(provider, server, sub="two", email="two@b.example", email_verified=True)
    one, two = user_of(server, "one").id, user_of(server, "two").id
    signed_in(provider, server, sub="one", email="two@b.example", email_verified=True)
    signed_in(provider, server, sub="two", email="one@b.example", email_verified=True)
    assert (user_of(server, "one").id, user_of(server, "two").id) == (one, two)


def test_a_link_by_two_proofs(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = miko(server)
    offered(browser, provider)
    assert "Link this account?" in browser.page.text
    assert "miko" in browser.page.text
    assert not every(server, Identity)
    browser.press("link")
    assert "is linked" in browser.page.text
    assert user_of(server, provider.subject).id == server.users["miko"].id
    assert "linked" in {one.kind for one in every(server, Event)}
    # From now on it is a way to sign in.
    again = signed_in(provider, server)
    assert "Miko" in again.open("/apps").text


def test_a_link_by_another_sites_form(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    victim, attacker = miko(server), server.browser()
    attacker.open("/sign-in")
    attacker.sign_in("noor")
    offered(attacker, provider)
    form = attacker.form("link")
    for fields in (form.fields, {"offer": form.fields["offer"]}):
        answer = victim.http.post(form.action, data=fields)
        assert answer.status_code == 403
    # With the victim's own token, the attacker's offer still names another user and session.
    victim.open("/linked")
    provider.subject = "another"
    offered(victim, provider)
    own = victim.form("link")
    swapped = {**own.fields, "offer": form.fields["offer"]}
    answer = victim.http.post(own.action, data=swapped)
    assert answer.headers["location"] == "/linked?notice=stale"
    assert not every(server, Identity)


def test_a_link_that_the_attacker_began(both: tuple[FakeProvider, Live]) -> None:
    """The victim's browser is sent to the callback of the attacker's link."""
    provider, server = both
    victim, attacker = miko(server), server.browser()
    attacker.open("/sign-in")
    attacker.sign_in("noor")
    captured = provider.signs_in(away(attacker, "/linked/with/there"))
    assert problem(victim.open(captured)) == "other_browser"


def test_a_link_after_somebody_else_signed_in(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = miko(server)
    path = provider.signs_in(away(browser, "/linked/with/there"))
    browser.open("/sign-out")
    browser.press("sign-out")
    browser.open("/sign-in")
    browser.sign_in("noor")
    assert problem(browser.open(path)) == "expired"
    assert not every(server, Identity)


def test_an_offer_works_once(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = miko(server)
    offered(browser, provider)
    form = browser.form("link")
    browser.press("link")
    browser.open("/linked")
    (identity,) = every(server, Identity)
    unlink = browser.form(identity.id)
    browser.http.post(unlink.action, data={**unlink.fields, "identity": identity.id})
    assert not every(server, Identity)
    browser.http.post(form.action, data=form.fields)
    assert not every(server, Identity)


def test_an_unverified_account_is_no_target(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    user = find(server, User, server.users["miko"].id)
    change(server, user, email="victim@b.example", email_verified=False)
    browser = miko(server)
    reply = offered(browser, provider)
    assert "confirmed yet" in reply.text
    assert not every(server, Identity)


def test_an_account_of_another_user_stays_theirs(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    signed_in(provider, server)
    owner = user_of(server, provider.subject).id
    browser = miko(server)
    assert "linked to another user" in offered(browser, provider).text
    assert user_of(server, provider.subject).id == owner


def test_an_old_session_links_nothing(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = miko(server)
    session = next(one for one in every(server, Session))
    change(server, session, auth_time=int(time.time()) - 3600)
    reply = browser.http.get("/linked/with/there")
    assert reply.headers["location"] == "/sign-in?next=/linked&again=1"
    change(server, find(server, Session, session.id), auth_time=int(time.time()))
    offered(browser, provider)
    change(server, find(server, Session, session.id), auth_time=int(time.time()) - 3600)
    browser.press("link")
    assert not every(server, Identity)


def test_the_last_way_stays(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = signed_in(provider, server)
    browser.open("/linked")
    (identity,) = every(server, Identity)
    browser.press(identity.id, identity=identity.id)
    assert "only way to sign in" in browser.page.text
    assert every(server, Identity) == (identity,)


def test_anothers_link_is_not_removed(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    signed_in(provider, server)
    (identity,) = every(server, Identity)
    browser = miko(server)
    provider.subject = "another"
    offered(browser, provider)
    browser.press("link")
    own = next(one for one in every(server, Identity) if one.subject == "another")
    form = browser.form(own.id)
    answer = browser.http.post(form.action, data={**form.fields, "identity": identity.id})
    assert answer.status_code == 404
    assert find(server, Identity, identity.id) == identity


def test_a_way_that_was_switched_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("off")
    with outside(folder) as host:
        provider = FakeProvider(host)
        with server_with(folder, host, provider.settings()) as server:
            browser = miko(server)
            began = provider.signs_in(away(browser, "/linked/with/there"))
            to_sign_in = provider.signs_in(away(browser, "/sign-in/with/there"))
            key = server.master_key
        off = replace(provider.settings(), enabled=False)
        same: dict[str, Any] = {"master_key": key, "issuer": server.issuer, "furnished": False}
        with server_with(folder, host, off, **same) as later:
            for path in (began, to_sign_in):
                reply = httpx2.get(later.url + path, cookies=browser.http.cookies)
                assert problem(reply) == "off"
            assert not every(later, Identity)


TENANTS = [
    row("Entra", "an allowed tenant", "good", "good", ""),
    row("Entra", "another tenant", "evil", "evil", "refused"),
    row("Entra", "another tenant that claims to be allowed", "evil", "good", "broken"),
    row("Entra", "an allowed tenant that claims another", "good", "evil", "refused"),
    row("Entra", "no tenant", "good", None, "refused"),
]


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeProvider, Live]]:
    """A server with bounds: `there` for tenants, `here` for a required claim."""
    folder = tmp_path_factory.mktemp("bounded")
    with outside(folder) as host:
        provider = FakeProvider(host, "/organizations")
        template = host.url("/{tenantid}")
        provider.publish_metadata(issuer=template)
        settings = (
            upstream(issuer=template, tenants=("good", "other")),
            upstream("here", issuer=host.url("/here"), require={"hd": ("corp.example",)}),
        )
        with server_with(folder, host, *settings) as server:
            yield provider, server


@pytest.mark.parametrize("issuer, tid, why", TENANTS)
def test_tenants(
    issuer: str, tid: str | None, why: str, bounded: tuple[FakeProvider, Live]
) -> None:
    provider, server = bounded
    browser, before = server.browser(), len(every(server, Identity))
    provider.subject = f"{issuer} {tid}"
    url = begins(browser)
    its = provider.host.url(f"/{issuer}")
    provider.signs_in(url, claims={"iss": its, "tid": LEFT_OUT if tid is None else tid})
    template = provider.host.url("/{tenantid}")
    reply = browser.open(callback(query(url), code="c", iss=template))
    assert problem(reply) == why
    assert len(every(server, Identity)) == before + (not why)


REQUIRED = [
    row("hd", "the domain", {"hd": "corp.example"}, ""),
    row("hd", "another", {"hd": "evil.example"}, "refused"),
    row("hd", "none", {}, "refused"),
    row("hd", "no text", {"hd": True}, "refused"),
    row("hd", "one of several", {"hd": ["x", "corp.example"]}, ""),
]


@pytest.mark.parametrize("said, why", REQUIRED)
def test_required_claims(
    said: dict[str, Any], why: str, bounded: tuple[FakeProvider, Live]
) -> None:
    provider, server = FakeProvider(bounded[0].host, "/here"), bounded[1]
    browser = server.browser()
    url = begins(browser, name="here")
    assert problem(browser.open(provider.signs_in(url, claims=said))) == why


def test_the_providers_tokens_are_not_stored(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    signed_in(provider, server)
    assert ACCESS.encode() not in server.database.read_bytes()
