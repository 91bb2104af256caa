"""A14: forged proxy headers (RFC 9700 4.13).

Attack: A caller forges the headers of a proxy to change its address, its certificate, or the
server's name.
Defense: The server reads these headers only from configured proxies, and takes its own name only
from its settings.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.attacks.play import STEFAPP, applied, claims
from tests.installation import CHIRP, CHIRP_CATALOG
from tests.live import Live, live
from tests.mtls import Authority
from tests.rows import row

from valetkey.resource import Refused, ResourceServer
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.wire import client_certificate

HEADERS = [
    row("9700 4.13", "X-Forwarded-Host", {"x-forwarded-host": "evil.example"}),
    row("9700 4.13", "X-Forwarded-Proto", {"x-forwarded-proto": "http"}),
    row("9700 4.13", "Forwarded", {"forwarded": "host=evil.example;proto=http"}),
    row("9700 4.13", "Host", {"host": "evil.example"}),
    row("9700 4.13", "X-Original-URL", {"x-original-url": "/evil"}),
]


@pytest.mark.parametrize("headers", HEADERS)
def test_the_server_knows_its_own_name(headers: dict[str, str], server: Live) -> None:
    for path in ("/.well-known/openid-configuration", STEFAPP.path()):
        plain, told = (httpx2.get(server.url + path, headers=more) for more in ({}, headers))
        assert "evil" not in told.text + str(told.headers)
        assert told.status_code == plain.status_code
        cookies = [one.partition("=")[2].partition(";")[2] for one in _cookies(told)]
        assert cookies == [one.partition("=")[2].partition(";")[2] for one in _cookies(plain)]


def _cookies(reply: httpx2.Response) -> list[str]:
    found: list[str] = reply.headers.get_list("set-cookie")
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def _with_bank(folder: Path, authority: Authority, proxy: str) -> Iterator[Live]:
    with live(folder, certificate_proxies=(proxy,), client_authorities=authority.pem) as server:
        fields = {
            "auth_method": "tls_client_auth",
            "tls_client_auth_subject_dn": "CN=bank",
            "tls_client_certificate_bound_access_tokens": True,
            "grant_types": ("client_credentials",),
            "scope": ("chirps.read",),
        }
        applied(server, DesiredRecord(place="bank", kind="client", key="bank", fields=fields))
        yield server


@pytest.fixture
def distrusting(tmp_path: Path, authority: Authority) -> Iterator[Live]:
    yield from _with_bank(tmp_path, authority, "10.0.0.7")


@pytest.fixture
def trusting(tmp_path: Path, authority: Authority) -> Iterator[Live]:
    yield from _with_bank(tmp_path, authority, "127.0.0.1")


FORM = {"grant_type": "client_credentials", "client_id": "bank"}


def test_a_certificate_from_a_stranger_proves_nothing(
    distrusting: Live, authority: Authority
) -> None:
    told = {"client-cert": client_certificate.write(authority.issue("bank").der)}
    refused = distrusting.http.post("/token", data=FORM, headers=told)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_a_certificate_from_the_proxy_does(trusting: Live, authority: Authority) -> None:
    mine = authority.issue("bank")
    told = {"client-cert": client_certificate.write(mine.der)}
    answer = trusting.http.post("/token", data=FORM, headers=told)
    assert answer.status_code == 200, answer.text
    cnf = claims(answer.json()["access_token"])["cnf"]
    assert cnf == {"x5t#S256": client_certificate.thumbprint(mine.der)}


@pytest.mark.anyio
async def test_an_api_believes_its_own_proxies_alone(trusting: Live, authority: Authority) -> None:
    mine = client_certificate.write(authority.issue("bank").der)
    answer = trusting.http.post("/token", data=FORM, headers={"client-cert": mine})
    header = f"Bearer {answer.json()['access_token']}"
    kit = ResourceServer(
        issuer=trusting.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", "-"),
        live="token",
        certificate_proxies=("10.0.0.0/8",),
    )
    try:
        for peer, good in (("10.0.0.7", True), ("127.0.0.1", False), ("", False)):
            from valetkey.resource import SenderProof

            shown = SenderProof(certificate=kit.certificate(peer, mine))
            if good:
                assert (await kit.verify(header, sender_proof=shown)).client_id == "bank"
                continue
            with pytest.raises(Refused):
                await kit.verify(header, sender_proof=shown)
        with pytest.raises(Refused):
            kit.certificate("10.0.0.7", "nonsense")
        assert kit.metadata.tls_client_certificate_bound_access_tokens
        assert kit.resource == CHIRP
    finally:
        await kit.close()
