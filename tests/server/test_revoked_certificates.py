"""Revoked certificates: the server reads no list of them, the proxy does (howto/require-more)."""

import ssl
from pathlib import Path

import httpx2
import pytest
from tests.live import free_port, live
from tests.mtls import NGINX, Authority, Pair, nginx
from tests.tls import write_pair


def status(port: int, pair: Pair | None, trusted: Path) -> int:
    """What a client with this certificate gets."""
    context = ssl.create_default_context(cafile=trusted)
    if pair is not None:
        context.load_cert_chain(*pair.files)
    with httpx2.Client(base_url=f"https://127.0.0.1:{port}", verify=context) as http:
        return http.get("/jwks").status_code


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_proxy_refuses_a_revoked_certificate(tmp_path: Path) -> None:
    authority, port = Authority(tmp_path), free_port()
    good, revoked = authority.issue("good"), authority.issue("revoked")
    listed = authority.revoke(revoked)
    certificate, key = write_pair(tmp_path, "server")
    verify = f"optional; ssl_client_certificate {authority.pem}; ssl_crl {listed}"
    with live(tmp_path) as server:
        proxy = nginx(
            tmp_path,
            port=port,
            upstream=server.url,
            certificate=certificate,
            key=key,
            verify=verify,
        )
        try:
            assert status(port, good, certificate) == 200
            assert status(port, None, certificate) == 200
            assert status(port, revoked, certificate) == 400
        finally:
            proxy.terminate()
            proxy.wait(30)
