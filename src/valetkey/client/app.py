"""What an app knows of itself."""

from typing import Final, Literal, TypeAlias

import msgspec

AuthMethod: TypeAlias = Literal["client_secret_basic", "client_secret_post"]

CALLBACK: Final = "/callback"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app, as it is registered at a server.

    `scope` is what it asks for when it connects; `resource` names the API, where the server wants
    it named (RFC 8707). A native app has no `secret`. `callback` is the path of its loopback
    redirect URI, `http://127.0.0.1{callback}`. `dpop`: the key is bound to this device, so that a
    stolen token opens nothing; the API has to know DPoP too.
    """

    issuer: str
    client_id: str
    scope: tuple[str, ...]
    resource: str = ""
    secret: str = ""
    auth_method: AuthMethod = "client_secret_basic"
    callback: str = CALLBACK
    dpop: bool = False

    def __repr__(self) -> str:
        return f"App({self.client_id!r} at {self.issuer!r})"
