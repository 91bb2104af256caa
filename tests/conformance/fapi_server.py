"""The server set up for FAPI 2.0: over TLS by itself, and behind nginx where it asks for a client's
certificate."""

import contextlib
import signal
import ssl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx2
from tests.conformance.conftest import HERE, run, serve
from tests.conformance.fapi import Fapi, Rp, players
from tests.live import free_port
from tests.mtls import NGINX, Authority, nginx
from tests.tls import write_pair


@contextlib.contextmanager
def running(
    folder: Path,
    *words: str,
    profile: str = "fapi2",
    more: Callable[[Rp], Iterable[Rp]] = lambda one: (one,),
) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    """A server with its clients; `words` are more of its settings, and `more` makes of each client
    those that there are."""
    certificate, key = write_pair(folder, "server")
    issuer = f"https://127.0.0.1:{free_port()}"
    outside = f"https://127.0.0.1:{free_port()}"
    authority = Authority(folder)
    made = players(authority.issue if NGINX else None, profile)
    clients = {each.id: each for one in made.values() for each in more(one)}
    declared = folder / "fapi.toml"
    user = (HERE / "op.toml").read_text().partition("[[user]]")
    tables = "\n".join(one.table(folder) for one in clients.values())
    declared.write_text(tables + "\n" + user[1] + user[2])
    settings = {
        "issuer": issuer,
        "tls_certificate": certificate,
        "tls_key": key,
        "unthrottled": "127.0.0.0/8",
        "certificate_proxies": "127.0.0.1",
        "client_authorities": authority.pem,
        "mtls_address": outside,
    }
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    run(folder, "apply", "-f", str(declared), *given)
    process = serve(folder, *given, *words, "--port", issuer.rpartition(":")[2])
    trust = ssl.create_default_context(cafile=str(certificate))
    fapi = Fapi(issuer, outside, trust, httpx2.Client(base_url=issuer, verify=trust, timeout=30))
    before = None
    if NGINX:
        port = int(outside.rpartition(":")[2])
        before = nginx(folder, port=port, upstream=issuer, certificate=certificate, key=key)
    try:
        yield fapi, clients
    finally:
        fapi.close()
        for one in (before, process):
            if one is not None:
                one.send_signal(signal.SIGTERM)
                one.communicate()
