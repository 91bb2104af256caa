"""A14: forged proxy headers (RFC 9700 4.13).

Attack: Behind a proxy that is set up as its sample says, a client claims another address, or the
certificate of another client.
Defense: The samples for nginx, HAProxy and Caddy overwrite what clients claim.
"""

import contextlib
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.attacks.play import applied, claims
from tests.certificates import begun, called, pem_of
from tests.installation import SECRETS
from tests.integration.tools import ROOT, tool
from tests.live import Live, free_port, live
from tests.mtls import Authority, Pair
from tests.server.endpoints.test_stream import made

from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.wire import client_certificate

pytestmark = pytest.mark.integration

SAMPLES: Final = ROOT / "deploy/proxies"
HOST: Final = "id.chirp.example"
MTLS: Final = f"mtls.{HOST}"
CALLER: Final = "127.0.0.2"
"""The caller's address, which is not the proxy's."""

BANK: Final = {
    "auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": "CN=bank",
    "tls_client_certificate_bound_access_tokens": True,
    "grant_types": ("client_credentials",),
    "scope": ("chirps.read",),
}
FORM: Final = {"grant_type": "client_credentials", "client_id": "bank"}


class Site:
    """A server behind a proxy. `seen` has the callers' addresses as the server takes them."""

    def __init__(self, server: Live, port: int, authority: Authority) -> None:
        self.server, self.port, self.authority = server, port, authority
        self.seen: list[str] = []
        app: Any = server._app
        admit = app._admit

        def admit_and_note(request: Any, **more: Any) -> None:
            admit(request, **more)
            self.seen.append(request.address)

        app._admit = admit_and_note

    def client(self, pair: Pair | None = None) -> httpx2.Client:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if pair is not None:
            context.load_cert_chain(*pair.files)
        transport = httpx2.HTTPTransport(verify=context, local_address=CALLER)
        return httpx2.Client(transport=transport, base_url=f"https://127.0.0.1:{self.port}")

    def send(
        self, method: str, path: str, *, host: str = HOST, pair: Pair | None = None, **more: Any
    ) -> httpx2.Response:
        headers = {"host": host, **more.pop("headers", {})}
        with self.client(pair) as client:
            return client.request(
                method, path, headers=headers, extensions={"sni_hostname": host}, **more
            )


def nginx(folder: Path, sample: str) -> list[str]:
    file = folder / "nginx.conf"
    sample = sample.replace("/var/log/nginx", str(folder)).replace("/etc/ssl", str(folder))
    temporary = "".join(
        f"{one}_temp_path {folder}/{one};\n"
        for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file.write_text(
        f"daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}{sample}}}\n"
    )
    return [str(tool("nginx")), "-p", str(folder), "-c", str(file), "-e", str(folder / "e.log")]


def haproxy(folder: Path, sample: str) -> list[str]:
    file = folder / "haproxy.cfg"
    both = folder / f"{HOST}.both.pem"
    both.write_text((folder / f"{HOST}.pem").read_text() + (folder / f"{HOST}.key").read_text())
    # The list is in the sample, as a comment.
    lines = [line[4:] for line in sample.splitlines() if line.startswith("#   /etc/haproxy")]
    assert len(lines) == 2
    listed = "\n".join(lines).replace(f"/etc/haproxy/{HOST}.pem", str(both))
    listed = listed.replace("/etc/valetkey/clients.pem", str(folder / "clients.pem"))
    (folder / "valetkey.crt-list").write_text(listed + "\n")
    file.write_text(sample.replace("/etc/haproxy", str(folder)))
    return [str(tool("haproxy")), "-db", "-f", str(file)]


def caddy(folder: Path, sample: str) -> list[str]:
    file = folder / "Caddyfile"
    sample = sample.replace("/etc/ssl", str(folder))
    file.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{sample}")
    return [str(tool("caddy")), "run", "--adapter", "caddyfile", "--config", str(file)]


PROXIES: Final[dict[str, tuple[str, Callable[[Path, str], list[str]]]]] = {
    "nginx": ("nginx.conf", nginx),
    "haproxy": ("haproxy.cfg", haproxy),
    "caddy": ("Caddyfile", caddy),
}


@pytest.fixture(scope="module", params=PROXIES)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    name, command = PROXIES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    folder.chmod(0o755)
    authority = Authority(folder)
    authority.pem.rename(folder / "clients.pem")
    _write_pair(folder)
    port = free_port()
    with live(
        folder,
        issuer=f"https://{HOST}",
        trusted_proxies=("127.0.0.1",),
        certificate_proxies=("127.0.0.1",),
        client_authorities=folder / "clients.pem",
        mtls_address=f"https://{MTLS}",
    ) as server:
        applied(server, DesiredRecord(place="bank", kind="client", key="bank", fields=BANK))
        sample = (SAMPLES / name).read_text().replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        sample = _on_port(request.param, sample, port)
        with _running(command(folder, sample), folder) as log:
            one = Site(server, port, authority)
            _wait(one, log)
            yield one


def _on_port(name: str, sample: str, port: int) -> str:
    if name == "caddy":
        for host in (MTLS, HOST):
            sample = sample.replace(f"\n{host} {{", f"\n{host}:{port} {{")
        return sample
    sample = sample.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    return sample.replace("bind :443 ", f"bind 127.0.0.1:{port} ")


def _write_pair(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName(MTLS)])
    builder = begun(called(HOST), called(HOST), key).add_extension(names, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    (folder / f"{HOST}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{HOST}.key").write_bytes(pem_of(key))


@contextlib.contextmanager
def _running(command: list[str], folder: Path) -> Iterator[Path]:
    log = folder / "out.log"
    with log.open("wb") as out:
        environ = {"HOME": str(folder), "PATH": "/usr/bin:/usr/sbin:/bin"}
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environ, cwd=folder)
        try:
            yield log
        finally:
            process.terminate()
            process.wait(20)


def _wait(site: Site, log: Path) -> None:
    for _ in range(100):
        with contextlib.suppress(httpx2.TransportError):
            if site.send("GET", "/healthz").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])


def test_it_ends_tls(site: Site) -> None:
    answer = site.send("GET", "/.well-known/openid-configuration")
    assert answer.json()["issuer"] == f"https://{HOST}"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.json()["mtls_endpoint_aliases"]["token_endpoint"] == f"https://{MTLS}/token"


@pytest.mark.parametrize("forged", ["203.0.113.9", "127.0.0.1", "203.0.113.9, 127.0.0.1"])
def test_the_caller_has_its_own_address(site: Site, forged: str) -> None:
    """ATTACKS A14: whatever it claims."""
    site.seen.clear()
    assert site.send("GET", "/jwks", headers={"x-forwarded-for": forged}).status_code == 200
    assert set(site.seen) - {"127.0.0.1"} <= {CALLER}  # HAProxy asks for /readyz itself
    assert CALLER in site.seen


def test_a_certificate_is_handed_on(site: Site) -> None:
    mine = site.authority.issue("bank")
    answer = site.send("POST", "/token", host=MTLS, pair=mine, data=FORM)
    assert answer.status_code == 200, answer.text
    bound = claims(answer.json()["access_token"])["cnf"]
    assert bound == {"x5t#S256": client_certificate.thumbprint(mine.der)}


@pytest.mark.parametrize("host", [HOST, MTLS])
@pytest.mark.parametrize("header", ["client-cert", "Client-Cert", "client_cert"])
def test_a_header_instead_of_a_certificate_proves_nothing(
    site: Site, host: str, header: str
) -> None:
    """ATTACKS A14: neither at the address without mutual TLS, nor at that with it."""
    mine = client_certificate.write(site.authority.issue("bank").der)
    answer = site.send("POST", "/token", host=host, data=FORM, headers={header: mine})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_certificate_of_its_own_replaces_a_forged_one(site: Site) -> None:
    forged = client_certificate.write(site.authority.issue("bank").der)
    own = site.authority.issue("mallory")
    headers = {"client-cert": forged}
    answer = site.send("POST", "/token", host=MTLS, pair=own, data=FORM, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_the_change_log_is_not_held_back(site: Site) -> None:
    """An event arrives when it happens, not when a buffer is full."""
    headers = {"host": HOST, "accept": "text/event-stream"}
    with site.client() as client:
        request = client.stream(
            "GET",
            "/changes",
            headers=headers,
            auth=("chirp", SECRETS["chirp"]),
            extensions={"sni_hostname": HOST},
        )
        with request as answer:
            assert answer.status_code == 200
            lines = answer.iter_lines()
            while not next(lines).startswith("data: "):
                pass
            made(site.server)
            since = time.monotonic()
            while not next(lines).startswith("data: "):
                pass
            assert time.monotonic() - since < 3


def test_the_log_holds_no_query(site: Site) -> None:
    """ATTACKS A3: codes travel in it."""
    site.send("GET", "/authorize?code=do-not-log-this")
    time.sleep(0.3)
    folder = site.server.database.parent
    for file in (*folder.glob("*.log"), *folder.glob("**/*.log")):
        assert "do-not-log-this" not in file.read_text()
