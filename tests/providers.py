"""An OpenID provider whose every answer a test decides, and a server at which people sign in with
it. What honest providers do is tested with real ones (`tests/clients/test_upstreams.py`)."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
from tests.attacks.play import applied
from tests.browser import Asking, Browser
from tests.keys import key
from tests.live import Live, caught_up, free_port
from tests.outside import Host, outside

from valetkey.jose import jws
from valetkey.jose.jwk import PrivateKey
from valetkey.jose.seal import digest
from valetkey.server.model.keys import Secret
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.settings.upstream import UpstreamSettings
from valetkey.server.settings.ways import SignInSettings
from valetkey.wire import id_token

CLIENT: Final = "chirp-at-the-provider"
ACCESS: Final = "access-token-of-the-provider"
LEFT_OUT: Final = object()
"""A claim with this value is left out."""


class FakeProvider:
    """A provider at `host`, below `path`. `claims` are what its ID Tokens say, `userinfo` what its
    userinfo says beside `sub`; `keys` sign and are published."""

    def __init__(self, host: Host, path: str = "") -> None:
        self.host, self.path = host, path
        self.issuer = host.url(path)
        self.key = key("ES256", f"of {path}")
        self._subject = "the-subject"
        self.metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": host.url(f"{path}/authorize"),
            "token_endpoint": host.url(f"{path}/token"),
            "userinfo_endpoint": host.url(f"{path}/userinfo"),
            "end_session_endpoint": host.url(f"{path}/logout"),
            "jwks_uri": host.url(f"{path}/keys"),
            "id_token_signing_alg_values_supported": ["ES256", "RS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.publish_metadata()
        self.publish_keys(self.key)
        self.says()

    @property
    def subject(self) -> str:
        """Who signs in there."""
        return self._subject

    @subject.setter
    def subject(self, subject: str) -> None:
        self._subject = subject
        self.says()

    def publish_metadata(self, **changed: Any) -> None:
        """Publishes the metadata, with members changed."""
        document = _without({**self.metadata, **changed})
        self._publish("/.well-known/openid-configuration", document)

    def publish_keys(self, *keys: PrivateKey, **changed: Any) -> None:
        """Publishes these keys."""
        every = [{**one.public().jwk(), **changed} for one in keys]
        self._publish("/keys", {"keys": every})

    def _publish(self, path: str, document: object, **headers: str) -> None:
        self.host.publish(f"{self.path}{path}", document, cache_control="no-store", **headers)

    def says(self, **userinfo: Any) -> None:
        """What userinfo says from now on."""
        self._publish("/userinfo", _without({"sub": self.subject, **userinfo}))

    def signs_in(
        self, url: str, *, claims: Mapping[str, Any] = {}, signed: str | None = None
    ) -> str:
        """The user signs in at `url`, to which a browser was sent; the path and query with which
        they come back. `claims` change the ID Token, `signed` replaces it."""
        asked = query(url)
        token = signed or self.sign(self.claims(**{"nonce": asked["nonce"], **claims}))
        answer = {"access_token": ACCESS, "token_type": "Bearer", "id_token": token}
        self._publish("/token", answer)
        return callback(asked, code="the-code", iss=self.issuer)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of an ID Token; `nonce` is among those that are given."""
        now = int(time.time())
        own = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "at_hash": id_token.at_hash(ACCESS),
        }
        return _without({**own, **changed})

    def sign(self, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """A JWT of this provider."""
        return jws.sign(msgspec.json.encode(claims), key=self.key, typ=typ)

    def settings(self, name: str = "there", **more: Any) -> UpstreamSettings:
        """The provider in the settings of a server."""
        return upstream(name, issuer=self.issuer, **more)


def upstream(name: str = "there", **more: Any) -> UpstreamSettings:
    """A provider in the settings, with a secret."""
    own = {"client_id": CLIENT, "client_secret": Secret("a-secret-of-the-provider")}
    return UpstreamSettings(name=name, label=name.title(), **{**own, **more})


def _without(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not LEFT_OUT}


def query(url: str) -> dict[str, str]:
    """The parameters of an address; each stands once."""
    found = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values()), url
    return {name: values[0] for name, values in found.items()}


def callback(asked: Mapping[str, str], **answer: str) -> str:
    """Where the provider sends the browser back, with this answer."""
    parameters = httpx2.QueryParams({"state": asked["state"], **answer})
    return f"{urlsplit(asked['redirect_uri']).path}?{parameters}"


def away(browser: Browser, path: str) -> str:
    """Goes to a page that leads to the provider; its address there."""
    reply = browser.open(path)
    assert reply.status_code == 303, reply.text[:2000]
    there: str = reply.headers["location"]
    return there


def begins(browser: Browser, asking: Asking | None = None, name: str = "there") -> str:
    """A browser that comes from an app and chooses the provider; its address there."""
    browser.open((asking or Asking()).path())
    pending = browser.page.request.url.path
    return away(browser, f"{pending}/with/{name}")


def problem(reply: httpx2.Response) -> str:
    """Why nobody is signed in, by the page that says so; "" for another page."""
    _, mark, rest = reply.text.partition('data-problem="')
    return rest.partition('"')[0] if mark else ""


@contextlib.contextmanager
def server_with(
    folder: Path,
    host: Host,
    /,
    *upstreams: UpstreamSettings,
    password: bool = True,
    furnished: bool = True,
    **more: Any,
) -> Iterator[Live]:
    """A server with these providers, furnished unless told otherwise."""
    server = Live(
        folder / "valetkey.db",
        sign_in=SignInSettings(password=password, upstream=upstreams),
        **{"fetch_ca_file": host.ca, "unthrottled": ("127.0.0.0/8",), **more},
    )
    server.start(furnished=furnished)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def provider_and_server(folder: Path, **more: Any) -> Iterator[tuple[FakeProvider, Live]]:
    """One provider and a server; `more` are settings of the provider."""
    with outside(folder) as host:
        provider = FakeProvider(host)
        with server_with(folder, host, provider.settings(**more)) as server:
            yield provider, server


@contextlib.contextmanager
def there_and_here(folder: Path, *, secure: bool = False) -> Iterator[tuple[Live, Live]]:
    """A server of this project by TLS, and one at which people sign in with their account there:
    `There`, or a password. A `secure` one hears from there who signed out."""
    with outside(folder) as host:
        tls = (folder / "outside.certificate.pem", folder / "outside.key.pem")
        port = free_port()
        there = Live(
            folder / "there.db",
            tls=tls,
            name="There",
            unthrottled=("127.0.0.1",),
            fetch_local=(f"127.0.0.1:{port}",),
            fetch_ca_file=host.ca,
        )
        there.start()
        try:
            settings = upstream(issuer=there.issuer, domains=("there.example",))
            # Another host: a browser doesn't tell the cookies of two ports apart.
            more: dict[str, Any] = {"host": "127.0.0.1", "port": port}
            if secure:
                more["tls"] = tls
            with server_with(folder, host, settings, name="Chirp", **more) as server:
                at = f"{server.issuer}/sign-in/with/there"
                fields = {
                    "name": "Chirp",
                    "auth_method": "client_secret_basic",
                    "redirect_uris": (f"{at}/callback",),
                    "scope": ("openid", "profile", "email"),
                    "post_logout_redirect_uris": (f"{server.issuer}/signed-out",),
                    "backchannel_logout_uri": f"{at}/backchannel-logout" if secure else "",
                    "verified": True,
                }
                secret = digest("a-secret-of-the-provider")
                wish = DesiredRecord(
                    place=CLIENT, kind="client", key=CLIENT, fields=fields, secret=secret
                )
                applied(there, wish)
                caught_up()
                yield there, server
        finally:
            there.stop()
