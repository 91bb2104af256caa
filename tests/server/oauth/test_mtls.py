"""Mutual TLS (RFC 8705): who a certificate proves its holder to be, and what is bound to it."""

import ipaddress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from tests.keys import key
from tests.mtls import Authority, Pair, self_signed
from tests.rows import row
from tests.server.oauth.forms import VERIFIER, form, request
from tests.server.oauth.senders import tokens
from tests.server.oauth.world import World

from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.client import Client
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core.feature import Call, RequestInfo
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.senders.binding import check_presented
from valetkey.spec.errors import InvalidClient, InvalidGrant, InvalidRequest, InvalidToken
from valetkey.wire import client_certificate
from valetkey.wire.access_token import Confirmation

ON = switched(("mutual TLS",))
MINE = key("ES256", "a certificate's")
BANK = Client(
    id="bank",
    name="Bank",
    auth_method="tls_client_auth",
    tls_client_auth_subject_dn="CN=bank",
    tls_client_certificate_bound_access_tokens=True,
    redirect_uris=("https://bank.example/cb",),
    grant_types=("authorization_code", "refresh_token", "client_credentials"),
    scope=("openid", "chirps"),
)
SELF = msgspec.structs.replace(
    BANK,
    id="self",
    auth_method="self_signed_tls_client_auth",
    tls_client_auth_subject_dn="",
    jwks={"keys": [MINE.public().jwk()]},
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def world(*clients: Client) -> World:
    made = World(ON)
    made.put(*clients)
    return made


def private(of: PrivateKey) -> ec.EllipticCurvePrivateKey:
    assert isinstance(of.key, ec.EllipticCurvePrivateKey)
    return of.key


def call(client: str, pair: Pair | None, *, vouched: bool = True, **parameters: str) -> Call:
    brought = RequestInfo(
        path="/token", certificate=b"" if pair is None else pair.der, certificate_trusted=vouched
    )
    given = {"client_id": client, "grant_type": "client_credentials"} | parameters
    return Call(form=form(given), request=brought)


def bound(pair: Pair) -> Confirmation:
    return Confirmation(x5t_s256=client_certificate.thumbprint(pair.der))


def test_a_certificate_authenticates_and_binds(authority: Authority) -> None:
    mine = authority.issue("bank")
    platform = world(BANK)
    issued = tokens(platform, call("bank", mine))
    told = platform.introspect(issued["access_token"])
    assert (issued["token_type"], told.token_type) == ("Bearer", "Bearer")
    assert told.cnf == bound(mine)


SUBJECTS = [
    row("8705 2.1.2", "DNS", "san_dns", x509.DNSName("bank.example"), "bank.example"),
    row("8705 2.1.2", "DNS has no case", "san_dns", x509.DNSName("bank.example"), "Bank.Example"),
    row(
        "8705 2.1.2",
        "URI",
        "san_uri",
        x509.UniformResourceIdentifier("spiffe://bank/x"),
        "spiffe://bank/x",
    ),
    row(
        "8705 2.1.2",
        "IPv6, spelt otherwise",
        "san_ip",
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        "2001:0db8:0:0:0:0:0:1",
    ),
    row("8705 2.1.2", "e-mail", "san_email", x509.RFC822Name("a@bank.example"), "a@bank.example"),
]


@pytest.mark.parametrize("what, says, registered", SUBJECTS)
def test_what_a_certificate_may_say(
    what: str, says: x509.GeneralName, registered: str, authority: Authority
) -> None:
    named = msgspec.structs.replace(
        BANK, tls_client_auth_subject_dn="", **{f"tls_client_auth_{what}": registered}
    )
    platform = world(named)
    good = authority.issue("somebody", alternatives=(says,))
    assert tokens(platform, call("bank", good))
    for wrong in (authority.issue("bank"), authority.issue(registered)):
        with pytest.raises(InvalidClient):
            tokens(platform, call("bank", wrong))


REFUSED = [
    row("8705 2.1", "another subject", "thief", True),
    row("8705 2.1", "a subject that begins like it", "bank2", True),
    row("8705 2.1", "nobody vouches for it", "bank", False),
]


@pytest.mark.parametrize("name, vouched", REFUSED)
def test_a_certificate_of_others(name: str, vouched: bool, authority: Authority) -> None:
    platform = world(BANK)
    before = platform.digest()
    with pytest.raises(InvalidClient):
        tokens(platform, call("bank", authority.issue(name), vouched=vouched))
    assert platform.digest() == before


def test_without_a_certificate_nothing_is_proved(authority: Authority) -> None:
    platform = world(BANK, SELF)
    for name in ("bank", "self"):
        with pytest.raises(InvalidClient):
            tokens(platform, call(name, None))


def test_a_certificate_does_not_stand_in_for_another_method(authority: Authority) -> None:
    with pytest.raises(InvalidClient):
        tokens(world(), call("machine", authority.issue("machine")))


def test_a_key_that_is_registered_authenticates_by_any_certificate(tmp_path: Path) -> None:
    platform = world(SELF)
    mine = self_signed(tmp_path, "anything", private(MINE))
    issued = tokens(platform, call("self", mine, vouched=False))
    assert platform.introspect(issued["access_token"]).cnf == bound(mine)
    other = self_signed(tmp_path, "other", private(key("ES256", "a stranger's")))
    with pytest.raises(InvalidClient):
        tokens(platform, call("self", other, vouched=False))


def test_a_public_client_is_held_to_its_certificate(authority: Authority) -> None:
    """RFC 8705 4."""
    public = msgspec.structs.replace(
        BANK,
        id="public",
        auth_method="none",
        tls_client_auth_subject_dn="",
        grant_types=("authorization_code", "refresh_token"),
    )
    platform = world(public)
    mine, other = authority.issue("mine"), authority.issue("other")
    asked = request("kite", client_id="public", redirect_uri=public.redirect_uris[0])
    code = platform.agree(asked).code
    given: Any = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    first = tokens(platform, call("public", mine, **given))
    again: Any = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    with pytest.raises(InvalidGrant):
        tokens(platform, call("public", other, **again))
    with pytest.raises(InvalidRequest):
        tokens(platform, call("public", None, **again))
    second = tokens(platform, call("public", mine, **again))
    # However late: the reply may have been lost. And nobody else ends the family with it.
    platform.later(86400)
    assert (
        tokens(platform, call("public", mine, **again))["refresh_token"]
        == (second["refresh_token"])
    )
    newest: Any = again | {"refresh_token": second["refresh_token"]}
    tokens(platform, call("public", mine, **newest))
    with pytest.raises(InvalidGrant, match="bound to another key"):
        tokens(platform, call("public", other, **again))
    assert platform.family("public").status == "open"


def test_a_bound_token_is_shown_with_its_certificate(authority: Authority) -> None:
    platform = world(BANK)
    mine, other = authority.issue("bank"), authority.issue("bank")
    text = tokens(platform, call("bank", mine))["access_token"]

    def show(pair: Pair | None, scheme: str = "Bearer") -> None:
        der = b"" if pair is None else pair.der
        brought = RequestInfo(method="GET", path="/userinfo", token=text, certificate=der)
        platform.ask(check_presented(scheme, brought, platform.context))

    show(mine)
    for pair, scheme in ((other, "Bearer"), (None, "Bearer"), (mine, "DPoP")):
        with pytest.raises(InvalidToken):
            show(pair, scheme)


WRONG: list[Any] = [
    row("8705 2.1.2", "no subject", {"tls_client_auth_subject_dn": ""}, "needs one of"),
    row("8705 2.1.2", "two", {"tls_client_auth_san_dns": "x.example"}, "needs one of"),
    row("8705 2.1.2", "of no use", {"auth_method": "private_key_jwt"}, "is of no use with"),
    row(
        "8705 2.2",
        "no keys",
        {"auth_method": "self_signed_tls_client_auth", "tls_client_auth_subject_dn": ""},
        "needs jwks or jwks_uri",
    ),
    row("9449 5.2", "bound twice", {"dpop_bound_access_tokens": True}, "not to both"),
]


@pytest.mark.parametrize("changed, says", WRONG)
def test_what_a_registration_has_to_hold_to(changed: dict[str, Any], says: str) -> None:
    at = World(ON).at
    assert mistakes(BANK, at) == []
    assert any(says in one for one in mistakes(msgspec.structs.replace(BANK, **changed), at))


def test_switched_off_nobody_authenticates_by_it(authority: Authority) -> None:
    platform = World()
    platform.put(BANK)
    with pytest.raises(InvalidClient):
        tokens(platform, call("bank", authority.issue("bank")))
