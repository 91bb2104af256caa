"""Certificates from a proxy's header (RFC 9440): from whom, in what form, and who vouches."""

import ipaddress
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.mtls import Authority, Pair
from tests.rows import row

from valetkey.server.http.request import Request
from valetkey.server.http.tls import Certificates, ClientCertificate
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import client_certificate

PROXY = "10.0.0.7"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def told(authority: Authority | None, *values: str, peer: str = PROXY) -> ClientCertificate:
    proxies = [ipaddress.ip_network(PROXY)]
    reads = Certificates(proxies, None if authority is None else authority.pem)
    headers = [(b"client-cert", value.encode()) for value in values]
    request = Request("POST", "/token", headers=headers, peer=peer)
    request.address = "198.51.100.1"
    return reads.of(request)


def header(pair: Pair) -> str:
    return client_certificate.write(pair.der)


def test_from_the_proxy_it_counts(authority: Authority) -> None:
    mine = authority.issue("bank")
    assert told(authority, header(mine)) == ClientCertificate(mine.der, vouched=True)
    assert told(authority) == ClientCertificate()


@pytest.mark.parametrize("peer", ["10.0.0.8", "127.0.0.1", "198.51.100.1", "", "nonsense"])
def test_from_anybody_else_it_does_not(peer: str, authority: Authority) -> None:
    assert told(authority, header(authority.issue("bank")), peer=peer) == ClientCertificate()
    assert told(authority, "nonsense", peer=peer) == ClientCertificate()


def test_nobody_vouches_for_strangers(authority: Authority, tmp_path: Path) -> None:
    strangers = Authority(tmp_path, "Strangers").issue("bank")
    assert told(authority, header(strangers)) == ClientCertificate(strangers.der, vouched=False)
    assert not told(None, header(authority.issue("bank"))).vouched


def test_nobody_vouches_for_what_is_over(authority: Authority) -> None:
    assert not told(authority, header(authority.issue("bank", days=-1))).vouched


PURPOSES = [
    row("5280 4.2.1.12", "for clients", (ExtendedKeyUsageOID.CLIENT_AUTH,), True),
    row(
        "5280 4.2.1.12",
        "for clients and servers",
        (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
        True,
    ),
    row("5280 4.2.1.12", "for servers alone", (ExtendedKeyUsageOID.SERVER_AUTH,), False),
    row("5280 4.2.1.12", "for code", (ExtendedKeyUsageOID.CODE_SIGNING,), False),
    row("5280 4.2.1.12", "for anything", (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), False),
    row("5280 4.2.1.12", "for nothing that it says", (), False),
]


@pytest.mark.parametrize("purposes,vouched", PURPOSES)
def test_it_was_issued_for_clients(
    purposes: tuple[ObjectIdentifier, ...], vouched: bool, authority: Authority
) -> None:
    """Whoever holds the certificate of a web server is not thereby the client of that name."""
    assert told(authority, header(authority.issue("bank", purposes=purposes))).vouched == vouched


DER = b64encode(b"no certificate").decode()
MALFORMED = [
    row("9440 2.1", "no colons", DER),
    row("9440 2.1", "one colon", f":{DER}"),
    row("9440 2.1", "nothing between them", "::"),
    row("9440 2.1", "one alone", ":"),
    row("9440 2.1", "base64url", ":-_-_:"),
    row("9440 2.1", "no base64", ":%%%:"),
    row("9440 2.2", "no certificate", f":{DER}:"),
    row("9440 2.2", "PEM", "-----BEGIN CERTIFICATE-----"),
    row("9440 2.2", "too long", ":" + "A" * 16000 + ":"),
]


@pytest.mark.parametrize("value", MALFORMED)
def test_nonsense_from_the_proxy_is_refused(value: str, authority: Authority) -> None:
    with pytest.raises(InvalidRequest):
        told(authority, value)


def test_two_of_them_are_refused(authority: Authority) -> None:
    mine = header(authority.issue("bank"))
    with pytest.raises(InvalidRequest):
        told(authority, mine, mine)
