"""What an app knows of itself."""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.jwk import PrivateKey
from valetkey.wire.key_shards import Tier

AuthMethod: TypeAlias = Literal["client_secret_basic", "client_secret_post"]

CALLBACK: Final = "/callback"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app, as it is registered at a server.

    `scope` is what it asks for when it connects; `resource` names the API, where the server wants
    it named (RFC 8707).

    A native app has no `secret`. A confidential one has a secret, or better a `private_key` of
    which the server knows the public half: then it signs that it is itself (`private_key_jwt`), and
    no secret ever leaves it.

    `callback` is the path of its loopback redirect URI, `http://127.0.0.1{callback}`.
    `redirect_uri` is another one, which it has claimed: an https address of its own, or a private
    scheme such as `com.example.app:/callback` (RFC 8252 7.1, 7.2); see `Key.begin`.

    `dpop`: the key is bound to this device, so that a stolen token opens nothing; the API has to
    know DPoP too.

    `pkce`: "required", unless set: the app connects only where the server's metadata says that it
    checks PKCE. "optional" is for servers of others that offer none. PKCE is sent all the same, and
    what stands in for it is that the app proves itself and asks for `openid`, whose nonce binds the
    code to the sign-in (RFC 9700 2.1.1).

    `key_shards`: the key is cut into shards, of which several open it; see `holders`.
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
        """Raises ValueError for what would leave a code unprotected."""
        if self.pkce == "optional" and self.is_public:
            raise ValueError("pkce is optional only for an app with a secret or a private key")

    @property
    def is_public(self) -> bool:
        """Whether it has nothing to prove itself with."""
        return not self.secret and self.private_key is None

    def __repr__(self) -> str:
        return f"App({self.client_id!r} at {self.issuer!r})"
