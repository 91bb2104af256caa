"""The server set up for FAPI 2.0: over TLS by itself, and behind nginx where it asks for a client's
certificate."""

import contextlib
import signal
import ssl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx2
from tests.conformance import fapi_api
from tests.conformance.conftest import HERE, run, serve
from tests.conformance.fapi import Fapi, Rp
from tests.conformance.fapi_api import Api
from tests.conformance.op import PATH, issuer_at, port_of
from tests.keys import key
from tests.live import free_port
from tests.mtls import NGINX, Authority, Pair, nginx
from tests.tls import write_pair

from valetkey.jose.jwk import PrivateKey


@contextlib.contextmanager
def running(
    folder: Path,
    *words: str,
    profile: str = "fapi2",
    more: Callable[[Rp], Iterable[Rp]] = lambda one: (one,),
    api: Api | None = None,
) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    """A server with its clients; `words` are more of its settings, `more` makes of each client
    those that there are, and `api` is a protected resource beside the server's own."""
    pair = certificate, private = write_pair(folder, "server")
    issuer = issuer_at(free_port())
    outside = issuer_at(free_port())
    authority = Authority(folder)
    made = players(authority.issue if NGINX else None, profile)
    clients = {each.id: each for one in made.values() for each in more(one)}
    declared = folder / "fapi.toml"
    user = (HERE / "op.toml").read_text().partition("[[user]]")
    tables = "\n".join(one.table(folder) for one in clients.values())
    tables += "" if api is None else api.table()
    declared.write_text(tables + "\n" + user[1] + user[2])
    settings = {
        "issuer": issuer,
        "tls_certificate": certificate,
        "tls_key": private,
        "unthrottled": "127.0.0.0/8",
        "certificate_proxies": "127.0.0.1",
        "client_authorities": authority.pem,
        "mtls_address": outside,
    }
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    run(folder, "apply", "-f", str(declared), *given)
    process = serve(folder, *given, *words, "--port", port_of(issuer))
    trust = ssl.create_default_context(cafile=str(certificate))
    fapi = Fapi(issuer, outside, trust, httpx2.Client(base_url=issuer, verify=trust, timeout=30))
    before = None
    if NGINX:
        port = int(port_of(outside))
        before = nginx(
            folder,
            port=port,
            upstream=issuer.removesuffix(PATH),
            certificate=certificate,
            key=private,
        )
    try:
        with contextlib.ExitStack() as stack:
            if api is not None:
                fapi.api = api.address
                stack.enter_context(
                    fapi_api.running(api, folder, issuer=issuer, trust=trust, pair=pair)
                )
            yield fapi, clients
    finally:
        fapi.close()
        for one in (before, process):
            if one is not None:
                one.send_signal(signal.SIGTERM)
                one.communicate()


def _ec(name: str) -> PrivateKey:
    return key("ES256", name)


def players(pair_of: Callable[[str], Pair] | None, profile: str) -> dict[str, Rp]:
    """The clients: two for each way. `pair_of` makes the certificate of a name, None where nobody
    asks for any."""
    made: dict[str, Rp] = {}
    for name in ("one", "two"):
        made[f"dpop-{name}"] = Rp(
            id=f"dpop-{name}",
            way="private_key_jwt",
            sender="dpop",
            profile=profile,
            signing=key("PS256", f"signs {name}"),
            holder=_ec(f"holds {name}"),
        )
        if pair_of is None:
            continue
        made[f"mtls-{name}"] = Rp(
            id=f"mtls-{name}",
            way="tls_client_auth",
            sender="mtls",
            profile=profile,
            signing=_ec(f"signs mtls {name}"),
            holder=_ec("of no use"),
            pair=pair_of(f"mtls-{name}"),
        )
        made[f"mixed-{name}"] = Rp(
            id=f"mixed-{name}",
            way="private_key_jwt",
            sender="mtls",
            profile=profile,
            signing=_ec(f"signs mixed {name}"),
            holder=_ec("of no use"),
            pair=pair_of(f"mixed-{name}"),
        )
    return made
