"""A104: forged, stolen and mixed up answers of an upstream provider.

Attack: Somebody sends another provider's answer to the callback, or a forged, stolen or old one.
Defense: Each provider has its own redirect URI. The server checks the state, the nonce, PKCE, `iss`
and every claim of the ID Token. A state works once.
"""

import hmac
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.attacks.play import every
from tests.browser import Asking, Browser
from tests.keys import key
from tests.live import Live, free_port
from tests.outside import outside
from tests.providers import (
    CLIENT,
    LEFT_OUT,
    FakeProvider,
    away,
    begins,
    callback,
    problem,
    provider_and_server,
    query,
    server_with,
)
from tests.rows import row

from valetkey.jose import base64url, jws
from valetkey.server.http import fetch, outbound_pool
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.user import Identity, Session


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeProvider, Live]]:
    with provider_and_server(tmp_path_factory.mktemp("upstream")) as both:
        yield both


@pytest.fixture
def provider(both: tuple[FakeProvider, Live]) -> FakeProvider:
    provider = both[0]
    provider.publish_metadata()
    provider.publish_keys(provider.key)
    provider.says()
    return provider


@pytest.fixture
def server(both: tuple[FakeProvider, Live]) -> Live:
    return both[1]


def _refused(browser: Browser, server: Live, path: str, why: str) -> None:
    before = len(every(server, Session)), len(every(server, Identity))
    reply = browser.open(path)
    assert problem(reply) == why, (reply.status_code, reply.text[:1500])
    assert reply.status_code >= 400
    assert (len(every(server, Session)), len(every(server, Identity))) == before
    assert "vk_session" not in browser.http.cookies


def test_the_honest_answer(provider: FakeProvider, server: Live) -> None:
    browser = server.browser()
    url = begins(browser)
    asked = query(url)
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{server.issuer}/sign-in/with/there/callback"
    browser.open(provider.signs_in(url))
    assert 'id="allow"' in browser.page.text
    _, body, headers = provider.host.posted[-1]
    assert headers["authorization"].startswith("Basic ")
    assert b"code_verifier=" in body


HOUR = 3600
CLAIMS = [
    row("OIDC 3.1.3.7", "another issuer", {"iss": "https://evil.example"}),
    row("OIDC 3.1.3.7", "no issuer", {"iss": LEFT_OUT}),
    row("OIDC 3.1.3.7", "another client", {"aud": "somebody-else"}),
    row("OIDC 3.1.3.7", "another client, too", {"aud": [CLIENT, "somebody-else"]}),
    row("OIDC 3.1.3.7", "no audience", {"aud": LEFT_OUT}),
    row("OIDC 3.1.3.7", "an empty audience", {"aud": []}),
    row("OIDC 3.1.3.7", "issued to another client", {"azp": "somebody-else"}),
    row("OIDC 3.1.3.7", "over", {"exp": int(time.time()) - HOUR}),
    row("OIDC 3.1.3.7", "no end", {"exp": LEFT_OUT}),
    row("OIDC 3.1.3.7", "an end in words", {"exp": "tomorrow"}),
    row("OIDC 3.1.3.7", "from the future", {"iat": int(time.time()) + HOUR}),
    row("OIDC 3.1.3.7", "issued hours ago", {"iat": int(time.time()) - 2 * HOUR}),
    row("OIDC 3.1.3.7", "no time of issue", {"iat": LEFT_OUT}),
    row("OIDC 3.1.3.7", "another nonce", {"nonce": "n" * 43}),
    row("OIDC 3.1.3.7", "no nonce", {"nonce": LEFT_OUT}),
    row("OIDC 3.1.3.8", "of another access token", {"at_hash": "x" * 22}),
    row("OIDC 2", "no subject", {"sub": LEFT_OUT}),
    row("OIDC 2", "an empty subject", {"sub": ""}),
    row("OIDC 2", "a number as the subject", {"sub": 17}),
    row("OIDC 2", "a subject without end", {"sub": "x" * 256}),
]


@pytest.mark.parametrize("claims", CLAIMS)
def test_a_wrong_id_token(claims: dict[str, Any], provider: FakeProvider, server: Live) -> None:
    browser = server.browser()
    provider.says(sub=claims.get("sub", provider.subject))
    path = provider.signs_in(begins(browser), claims=claims)
    _refused(browser, server, path, "broken")


_HS256 = base64url.encode(b'{"alg":"HS256"}') + "."


def _forged(claims: dict[str, Any], how: str, provider: FakeProvider) -> str:
    raw = msgspec.json.encode(claims)
    stranger = key("ES256", "evil")
    match how:
        case "nobody":
            head = base64url.encode(b'{"alg":"none","typ":"JWT"}')
            return f"{head}.{base64url.encode(raw)}."
        case "the public key as a secret":
            signed = _HS256 + base64url.encode(raw)
            secret = msgspec.json.encode(provider.key.public().jwk())
            return f"{signed}.{base64url.encode(hmac.digest(secret, signed.encode(), 'sha256'))}"
        case "a key in the header":
            return jws.sign_embedded(raw, key=stranger, typ="JWT")
        case "a stranger with the same kid":
            fake = msgspec.structs.replace(stranger, kid=provider.key.kid)
            return jws.sign(raw, key=fake, typ="JWT")
        case "encrypted":
            head = base64url.encode(b'{"alg":"RSA-OAEP-256","enc":"A256GCM"}')
            return f"{head}.AAAA.AAAA.AAAA.AAAA"
        case "a logout token":
            return provider.sign(claims, typ="logout+jwt")
        case _:
            return provider.sign(claims)[:-4] + "AAAA"


@pytest.mark.parametrize(
    "how",
    [
        row("8725 2.1", "nobody", "nobody"),
        row("8725 2.1", "the public key as a secret", "the public key as a secret"),
        row("8725 2.5", "a key in the header", "a key in the header"),
        row("8725 3.8", "a stranger with the same kid", "a stranger with the same kid"),
        row("8725 3.11", "a logout token", "a logout token"),
        row("7515 5.2", "another signature", "another signature"),
    ],
)
def test_a_forged_id_token(how: str, provider: FakeProvider, server: Live) -> None:
    browser = server.browser()
    url = begins(browser)
    forged = _forged(provider.claims(nonce=query(url)["nonce"]), how, provider)
    _refused(browser, server, provider.signs_in(url, signed=forged), "broken")


WORDS = {
    "encrypted": "is encrypted, which is not supported: switch it off at the provider",
    "the public key as a secret": "HS256, a shared secret, which is not supported",
}


def test_the_log_says_what_to_change_at_the_provider(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # A server of its own: bad answers of one network are redeemed for a while only.
    with provider_and_server(tmp_path_factory.mktemp("words")) as (provider, server):
        for how, words in WORDS.items():
            browser = server.browser()
            url = begins(browser)
            token = _forged(provider.claims(nonce=query(url)["nonce"]), how, provider)
            _refused(browser, server, provider.signs_in(url, signed=token), "broken")
            lines = [str(vars(record)) for record in caplog.records]
            assert any(words in line for line in lines), lines[-3:]
            assert not any(token in line for line in lines)


ANSWERS = [
    row("9207 2.4", "another issuer", {"code": "c", "iss": "https://evil.example"}, "broken"),
    row("9207 2.4", "no issuer", {"code": "c"}, "broken"),
    row("6749 4.1.2", "neither code nor error", {}, "broken"),
    row("6749 4.1.2", "a code and an error", {"code": "c", "error": "x"}, "broken"),
    row("6749 4.1.2.1", "an unknown error", {"error": "<b>x</b>"}, "broken"),
    row("6749 4.1.2.1", "busy", {"error": "temporarily_unavailable"}, "down"),
    row("6749 10.12", "no state", {"code": "c", "state": ""}, "expired"),
    row("6749 10.12", "a state of nobody", {"code": "c", "state": "A" * 300}, "expired"),
    row("6749 10.12", "a state without end", {"code": "c", "state": "A" * 60000}, "expired"),
]


@pytest.mark.parametrize("answer, why", ANSWERS)
def test_a_wrong_answer(
    answer: dict[str, str], why: str, provider: FakeProvider, server: Live
) -> None:
    browser = server.browser()
    asked = query(begins(browser))
    own = {} if "iss" in answer or answer == {"code": "c"} else {"iss": provider.issuer}
    posted = len(provider.host.posted)
    _refused(browser, server, callback(asked, **{**own, **answer}), why)
    assert len(provider.host.posted) == posted


def test_a_repeated_parameter(provider: FakeProvider, server: Live) -> None:
    browser = server.browser()
    path = provider.signs_in(begins(browser))
    _refused(browser, server, f"{path}&code=another", "broken")


def test_an_answer_works_once(provider: FakeProvider, server: Live) -> None:
    browser = server.browser()
    path = provider.signs_in(begins(browser))
    browser.open(path)
    posted, before = len(provider.host.posted), every(server, Session)
    browser.open(path)
    assert 'id="allow"' in browser.page.text
    assert len(provider.host.posted) == posted
    assert every(server, Session) == before


def test_a_state_that_is_too_old(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("old")
    with outside(folder) as host:
        provider = FakeProvider(host)
        short = Lifetimes(interaction=1)
        with server_with(folder, host, provider.settings(), lifetimes=short) as server:
            browser = server.browser()
            path = provider.signs_in(away(browser, "/sign-in/with/there"))
            time.sleep(1.1)
            _refused(browser, server, path, "expired")


def test_two_providers_one_evil(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The evil one gets an honest code and state by no way, and its own count for nothing there."""
    folder = tmp_path_factory.mktemp("two")
    with outside(folder) as host:
        honest, evil = FakeProvider(host), FakeProvider(host, "/evil")
        settings = (honest.settings("honest"), evil.settings("evil"))
        with server_with(folder, host, *settings) as server:
            browser = server.browser()
            at_honest, at_evil = begins(browser, name="honest"), begins(browser, name="evil")
            assert query(at_honest)["redirect_uri"] != query(at_evil)["redirect_uri"]
            # The evil one sends the browser back to the honest one's address, and the other way
            # round; then with the other's state, too.
            to_honest = evil.signs_in(at_evil).replace("/with/evil/", "/with/honest/")
            to_evil = honest.signs_in(at_honest).replace("/with/honest/", "/with/evil/")
            for path in (to_honest, to_evil):
                _refused(browser, server, path, "expired")
            swapped = callback(query(at_honest), code="c", iss=evil.issuer)
            _refused(browser, server, swapped, "broken")
            assert not [path for path, *_ in host.posted if path == "/evil/token"]
            # An ID Token of the evil one that names the honest one's user.
            forged = evil.sign(honest.claims(nonce=query(at_honest)["nonce"]))
            _refused(browser, server, honest.signs_in(at_honest, signed=forged), "broken")


SAID = [
    row("OIDC 5.3.2", "another subject", {"sub": "somebody-else"}),
    row("OIDC 5.3.2", "no subject", {"sub": LEFT_OUT}),
]


@pytest.mark.parametrize("said", SAID)
def test_userinfo_of_another_user(
    said: dict[str, Any], provider: FakeProvider, server: Live
) -> None:
    browser = server.browser()
    provider.says(**said)
    _refused(browser, server, provider.signs_in(begins(browser)), "broken")


@pytest.mark.parametrize(
    "document,why",
    [
        row("A51", "too large", {"keys": ["x" * 70_000]}, "down"),
        row("A52", "nested", {"keys": [[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]}, "down"),
        row("A52", "no list", {"keys": "x"}, "broken"),
        row("A52", "a thousand keys before it", {"keys": [{"kty": "oct"}] * 1000}, "broken"),
    ],
)
def test_bad_keys(document: object, why: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with provider_and_server(tmp_path_factory.mktemp("keys")) as (provider, server):
        provider.host.publish("/keys", document)
        browser = server.browser()
        path = provider.signs_in(begins(browser))
        reply = browser.open(path)
        assert problem(reply) == why


@pytest.mark.parametrize(
    "member,why",
    [
        row("A51", "its token endpoint", "token_endpoint", "broken"),
        row("A51", "its userinfo", "userinfo_endpoint", "broken"),
        row("A51", "its keys", "jwks_uri", "down"),
    ],
)
def test_metadata_that_leads_inside(
    member: str,
    why: str,
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The settings name the provider's own host, which may be private; its metadata names another
    one on the inside."""
    with provider_and_server(tmp_path_factory.mktemp("inside")) as (provider, server):
        address = provider.metadata[member]
        provider.publish_metadata(**{member: address.replace("localhost", "127.0.0.1")})
        browser = server.browser()
        came = provider.signs_in(begins(browser))
        with caplog.at_level(logging.INFO):
            _refused(browser, server, came, why)
        reached = [*provider.host.asked, *(path for path, *_ in provider.host.posted)]
        assert address.removeprefix(provider.issuer) not in reached
        assert "its host is not on the public internet" in str(
            [one.__dict__.get("details") for one in caplog.records]
        )


@pytest.mark.parametrize(
    "is_there,counts",
    [row("A104", "its answer", True, True), row("A104", "an outage", False, False)],
)
def test_what_counts_for_the_pace(
    is_there: bool,
    counts: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A provider that refuses codes is not asked for more and more of them. Nobody pays for one
    that is away."""
    monkeypatch.setattr(outbound_pool, "PACE", 3)
    place = f"localhost:{free_port()}"
    with outside(tmp_path) as host:
        provider = FakeProvider(host)
        if not is_there:
            provider.publish_metadata(token_endpoint=f"https://{place}/token")
        with (
            server_with(tmp_path, host, provider.settings(), fetch_local=(place,)) as server,
            caplog.at_level(logging.INFO),
        ):
            for _ in range(6):
                browser = server.browser()
                back = callback(query(begins(browser)), code="bad", iss=provider.issuer)
                assert browser.open(back).status_code >= 400
    said = [str(one.__dict__.get("details", "")) for one in caplog.records]
    assert any("too many requests for one network" in one for one in said) is counts


def test_no_stranger_makes_it_fetch_keys(provider: FakeProvider, server: Live) -> None:
    """Tokens with unknown kids lead to one fetch in some seconds, not one each."""
    browser = server.browser()
    browser.open(provider.signs_in(begins(browser)))
    before = provider.host.asked.count("/keys")
    for number in range(10):
        token = jws.sign(b'{"iss":"x"}', key=key("ES256", f"evil {number}"), typ="logout+jwt")
        answer = server.http.post(
            "/sign-in/with/there/backchannel-logout", data={"logout_token": token}
        )
        assert answer.status_code == 400
    assert provider.host.asked.count("/keys") <= before + 1


def test_no_stranger_makes_it_redeem_codes(provider: FakeProvider, server: Live) -> None:
    """Bad codes of one network are sent to the provider for a while only."""
    browser = server.browser()
    provider.host.publish("/token", {"error": "invalid_grant"})
    before, whys = len(provider.host.posted), set()
    for _ in range(40):
        asked = query(away(browser, "/sign-in/with/there"))
        whys.add(problem(browser.open(callback(asked, code="bad", iss=provider.issuer))))
    assert whys == {"broken", "down"}
    assert len(provider.host.posted) - before <= 30


def test_rotated_keys_are_found(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provider_and_server(tmp_path_factory.mktemp("rotated")) as (provider, server):
        old = {"keys": [provider.key.public().jwk()]}
        provider.host.publish("/keys", old, cache_control="max-age=3600")
        first, second = server.browser(), server.browser()
        first.open(provider.signs_in(begins(first)))
        provider.key = key("ES256", "rotated")
        provider.publish_keys(provider.key)
        _refused(second, server, provider.signs_in(begins(second)), "broken")
        # A moment later, the keys may be fetched again.
        monkeypatch.setattr(fetch, "REFETCH_SECONDS", 0.0)
        second.open(provider.signs_in(begins(second)))
        assert 'id="allow"' in second.page.text


def test_login_hint_is_not_passed_on(provider: FakeProvider, server: Live) -> None:
    browser = server.browser()
    url = begins(browser, Asking(more={"login_hint": "miko@evil.example"}))
    assert "login_hint" not in query(url)
    assert "evil.example" not in url
