"""A22: guessing (RFC 6819 4.4.1.3, 5.1.4.2.2).

Attack: An attacker guesses, truncates or pads a code, a token or a secret.
Defense: Each is random and long, and the server refuses every changed one.

The tests count each random bit over many samples. The bounds are eight standard deviations wide, so
chance does not reach them.
"""

import time
from collections import Counter
from collections.abc import Callable
from os import urandom

import pytest
from tests.attacks.play import (
    AS_WEB,
    STEFAPP,
    call,
    cookie,
    every,
    find,
    introspected,
    redeem,
    refresh,
    signed_in,
    tokens,
    userinfo,
)
from tests.browser import Asking, authorize
from tests.installation import SECRETS
from tests.live import Live

from valetkey.cli.secrets import make_secret
from valetkey.jose import base64url, jwt
from valetkey.server.accounts.sign_in import open_session
from valetkey.server.http.cookies import Cookies
from valetkey.server.http.request import Request
from valetkey.server.model import ids
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.keys import Keyring, SigningKey
from valetkey.server.model.user import User
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.server.oauth.tokens import code as codes
from valetkey.server.oauth.tokens import refresh_token
from valetkey.server.store.keyring import open_keys
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import access_token, opaque

SAMPLES = 20_000
"""For each kind: a hundred thousand in all."""

ENV = Env(int(time.time()), urandom)
USER = User(id=ids.user_id(ENV), username="somebody")


@pytest.fixture(scope="module")
def keyring(server: Live) -> Keyring:
    """The server's own keys."""
    return open_keys(every(server, SigningKey), server.master_key, now=ENV.now)


def _code(keyring: Keyring) -> bytes:
    return opaque.read("code", codes.write(b"the very same contents", keyring, ENV))


def _refresh_token(keyring: Keyring) -> bytes:
    family = ids.owned_id(ENV, owner=USER.id)
    return opaque.read("rt", refresh_token.write(RefreshToken(family, 0, 0), keyring))


def _session(keyring: Keyring) -> bytes:
    rule = open_session(USER, username="", caller=None, replaces="", seconds=1, epoch=0, env=ENV)
    try:
        next(rule)
    except StopIteration as done:
        return base64url.decode(done.value.secret.reveal())
    raise AssertionError("the rule asks")


def _browser(keyring: Keyring) -> bytes:
    request = Request("GET", "/", headers=[])
    return base64url.decode(Cookies("https://as.example").browser_secret(request))


def _client_secret(keyring: Keyring) -> bytes:
    return opaque.read("cs", make_secret())


MAKERS: dict[str, tuple[Callable[[Keyring], bytes], int]] = {
    "an authorization code": (_code, 256),
    "a refresh token": (_refresh_token, 256),
    "a session's secret": (_session, 256),
    "a browser's name": (_browser, 256),
    "a client's secret": (_client_secret, 256),
}


@pytest.mark.parametrize("make, least", MAKERS.values(), ids=list(MAKERS))
def test_so_many_bits_are_random(
    make: Callable[[Keyring], bytes], least: int, keyring: Keyring
) -> None:
    samples = [make(keyring) for _ in range(SAMPLES)]
    assert len(set(samples)) == SAMPLES
    assert _live_bits(samples) >= least


def test_a_pushed_requests_name_is_random(server: Live) -> None:
    """128 bits that live 90 seconds (RFC 9126 2.2)."""
    answers = [server.http.post("/par", data=STEFAPP.parameters()).json() for _ in range(200)]
    names = [ids.to_bytes(answer["request_uri"].rpartition(":")[2]) for answer in answers]
    assert len(set(names)) == len(names)
    assert _live_bits(names) == 128


def _live_bits(samples: list[bytes]) -> int:
    """How many of the bits are one in about half of the samples."""
    (length,) = {len(sample) for sample in samples}
    count, live = len(samples), 0
    deviation = (count / 4) ** 0.5
    for position in range(length):
        seen = Counter(sample[position] for sample in samples)
        for bit in range(8):
            ones = sum(times for value, times in seen.items() if value >> bit & 1)
            live += abs(ones - count / 2) < 8 * deviation
    return live


def _spoilt(text: str) -> list[str]:
    """Every proper prefix and suffix; each letter changed; something added."""
    cut = [text[:end] for end in range(len(text))] + [text[start:] for start in range(1, len(text))]
    turned = [
        text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in range(len(text))
    ]
    added = [text + more for more in ("A", "=", "==", " ", "\n", "\x00", ".", "%00", text)]
    swapped = [" " + text, text.swapcase(), text.upper(), text[::-1]]
    return [*cut, *turned, *added, *swapped]


def test_nothing_but_the_whole_code_is_a_code(server: Live, keyring: Keyring) -> None:
    whole = authorize(server.browser(), STEFAPP)
    for spoilt in _spoilt(whole):
        with pytest.raises(InvalidGrant):
            codes.read(spoilt, keyring)
    assert redeem(server, whole).status_code == 200


def test_nothing_but_the_whole_refresh_token_is_one(server: Live, keyring: Keyring) -> None:
    whole = tokens(server)["refresh_token"]
    for spoilt in _spoilt(whole):
        with pytest.raises(InvalidGrant):
            refresh_token.read(spoilt, keyring)
    assert refresh(server, whole).status_code == 200


def test_a_changed_byte_under_a_checksum_that_fits(server: Live, keyring: Keyring) -> None:
    """The checksum is for secret scanners: anybody can make one."""
    mine = tokens(server)["refresh_token"]
    code = authorize(server.browser(), STEFAPP)
    readers: tuple[tuple[opaque.Kind, str, Callable[[str, Keyring], object]], ...] = (
        ("rt", mine, refresh_token.read),
        ("code", code, codes.read),
    )
    for kind, whole, read in readers:
        raw = opaque.read(kind, whole)
        for at in range(len(raw)):
            turned = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
            with pytest.raises(InvalidGrant):
                read(opaque.write(kind, turned), keyring)
            with pytest.raises(InvalidGrant):
                read(opaque.write(kind, raw[:at]), keyring)
        with pytest.raises(InvalidGrant):
            read(opaque.write(kind, raw + b"\x00"), keyring)


def test_nothing_but_the_whole_access_token_is_one(server: Live, keyring: Keyring) -> None:
    whole = tokens(server)["access_token"]
    for spoilt in _spoilt(whole):
        with pytest.raises(jwt.BadToken):
            access_token.verify(
                spoilt,
                keys=keyring.published,
                issuer=server.issuer,
                audience=server.issuer,
                now=ENV.now,
            )
    assert userinfo(server, whole).status_code == 200


def _sample(text: str) -> list[str]:
    """Some of the spoilt ones, for the way over HTTP."""
    half = len(text) // 2
    cut = [text[:1], text[:half], text[:-4], text[:-1], text[1:], text[half:], text[-8:]]
    turned = text[:half] + ("A" if text[half] != "A" else "B") + text[half + 1 :]
    return [*cut, turned, text + "A", text + "=", text + text]


def test_codes_over_http(server: Live) -> None:
    whole = authorize(server.browser(), STEFAPP)
    for spoilt in _sample(whole):
        answer = redeem(server, spoilt)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), spoilt
    assert redeem(server, whole).status_code == 200


def test_tokens_over_http(server: Live) -> None:
    mine = tokens(server)
    for spoilt in _sample(mine["refresh_token"]):
        answer = refresh(server, spoilt)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), spoilt
        assert call(server, "/revoke", {"token": spoilt}).status_code == 200
    for spoilt in _sample(mine["access_token"]):
        assert userinfo(server, spoilt).status_code == 401, spoilt
        assert introspected(server, spoilt) == {"active": False}, spoilt
        assert call(server, "/revoke", {"token": spoilt}).status_code == 200
    assert introspected(server, mine["access_token"])["active"]
    assert refresh(server, mine["refresh_token"]).status_code == 200


def test_sessions_over_http(server: Live) -> None:
    browser = signed_in(server)
    whole = cookie(browser)
    name, _, secret = whole.partition(".")
    for spoilt in [*_sample(whole), f"{name}.", name, f".{secret}", f"{name}.{secret[:-1]}"]:
        answer = server.http.get("/apps", headers={"cookie": f"vk_session={spoilt}"})
        assert answer.status_code == 303, spoilt
    assert browser.open("/apps").status_code == 200


def test_client_secrets_over_http(server: Live) -> None:
    for spoilt in _sample(SECRETS["machine"]):
        form = {"grant_type": "client_credentials"}
        answer = server.http.post("/token", data=form, auth=("machine", spoilt))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), spoilt
        form = {"token": "x"}
        assert server.http.post("/introspect", data=form, auth=("chirp", spoilt)).status_code == 401


def test_pushed_names_over_http(server: Live) -> None:
    whole = server.http.post("/par", data=STEFAPP.parameters()).json()["request_uri"]
    for spoilt in _sample(whole):
        answer = server.http.get(
            "/authorize", params={"client_id": "stefapp", "request_uri": spoilt}
        )
        assert answer.status_code == 400, spoilt
        assert "location" not in answer.headers


def test_a_forged_mac_names_no_family(server: Live, keyring: Keyring) -> None:
    """Who knows a family's name, as every API does from the token, knows no refresh token."""
    mine = tokens(server, AS_WEB)
    (family,) = [one for one in every(server, TokenFamily) if one.client == "web"]
    stranger = Keyring(
        signing={},
        published=(),
        sealing=(),
        macs=[type(keyring.macs[0])(keyring.macs[0].kid, urandom(32))],
    )
    forged = refresh_token.write(RefreshToken(family.id, 0, family.generation), stranger)
    assert refresh(server, forged, AS_WEB).json()["error"] == "invalid_grant"
    assert call(server, "/revoke", {"token": forged}, AS_WEB).status_code == 200
    assert find(server, TokenFamily, family.id).status == "open"
    assert refresh(server, mine["refresh_token"], AS_WEB).status_code == 200


def test_a_wrong_secret_does_not_lock_the_right_one_out(server: Live) -> None:
    machine = Asking(client_id="machine")
    for _ in range(20):
        form = {"grant_type": "client_credentials"}
        assert server.http.post("/token", data=form, auth=("machine", "no")).status_code == 401
    assert call(server, "/token", {"grant_type": "client_credentials"}, machine).status_code == 200
