"""The configuration of an app."""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.jwk import PrivateKey
from valetkey.wire.key_shards import Tier

AuthMethod: TypeAlias = Literal["client_secret_basic", "client_secret_post"]

CALLBACK: Final = "/callback"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app, as it is registered at a server.

    `scope` is what it requests when it connects. `resource` names the API, for servers that need it
    (RFC 8707).

    A native app has no `secret`. A confidential app has a secret, or better a `private_key` whose
    public part the server knows: it then authenticates by signatures (`private_key_jwt`), and no
    secret ever leaves it.

    `callback` is the path of its loopback redirect URI, `http://127.0.0.1{callback}`.
    `redirect_uri` is another one: an https address of its own, or a private scheme such as
    `com.example.app:/callback` (RFC 8252 7.1, 7.2); see `Key.begin`.

    `dpop`: the tokens are bound to a key on this device, so that a stolen token is useless. The API
    has to support DPoP too.

    `pkce`: with "required", the default, the app connects only if the server's metadata has PKCE.
    "optional" is for other servers that do not offer it. The app sends PKCE all the same. In its
    place the app authenticates and requests `openid`, whose nonce binds the code to the sign-in
    (RFC 9700 2.1.1).

    `key_shards`: the refresh token is split into shards; see `holders`.
    """

    issuer: str
    client_id: str
    scope: tuple[str, ...]
    resource: str = ""
    secret: str = ""
    auth_method: AuthMethod = "client_secret_basic"
    private_key: PrivateKey | None = None
    callback: str = CALLBACK
    redirect_uri: str = ""
    dpop: bool = False
    pkce: Literal["required", "optional"] = "required"
    key_shards: Tier | None = None

    def __post_init__(self) -> None:
        """Raises ValueError if the settings would leave an authorization code unprotected."""
        if self.pkce == "optional" and self.is_public:
            raise ValueError("pkce is optional only for an app with a secret or a private key")

    @property
    def is_public(self) -> bool:
        """Whether the app has no way to authenticate."""
        return not self.secret and self.private_key is None

    def __repr__(self) -> str:
        return f"App({self.client_id!r} at {self.issuer!r})"
