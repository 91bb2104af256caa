"""A platform whose only API is that of the examples, with as many people as tests want."""

import os
import time
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from tests.browser import Asking
from tests.docs.markdown import ROOT
from tests.installation import LOOPBACK, secret
from tests.live import Live, caught_up
from tests.proofs import Wish, proof

from valetkey.jose import base64url, jwt
from valetkey.jose.jwk import PrivateKey
from valetkey.jose.objects import read_object
from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import Client, Exchange, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Many, One
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.spec.names import TOKEN_EXCHANGE, TYPE_ACCESS_TOKEN
from valetkey.wire import access_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.catalog import Catalog

CATALOG = msgspec.toml.decode((ROOT / "examples" / "catalog.toml").read_bytes(), type=Catalog)
RESOURCE = CATALOG.resource
ALL = " ".join(one.id for one in CATALOG.permissions)

APP = Client(
    id="walker",
    name="Walker",
    redirect_uris=(LOOPBACK,),
    scope=("openid", "offline_access", *(one.id for one in CATALOG.permissions)),
)

AGENTS = ("agent", "printer")
"""Each may exchange the keys of the one before it."""


def _agent(name: str, of: str, stored: str) -> Client:
    return Client(
        id=name,
        name=name.title(),
        auth_method="client_secret_basic",
        secrets=(StoredSecret(digest(stored), 0),),
        grant_types=(TOKEN_EXCHANGE,),
        scope=tuple(one.id for one in CATALOG.permissions),
        exchange=Exchange(clients=(of,), audiences=(RESOURCE,)),
    )


WORD: Final = "correct horse battery"
"""Everybody's password."""


class Platform:
    """A running server, the API's secret, and what a test does as a person or as an app."""

    def __init__(self, folder: Path) -> None:
        self.secret = secret()
        self.live = Live(folder / "valetkey.db", certificate_proxies=("127.0.0.1",))
        self.live.start(furnished=False)
        api = ResourceServer(
            id="chirp", catalog=CATALOG, secrets=(StoredSecret(digest(self.secret), 0),)
        )
        agents = zip(AGENTS, ("walker", *AGENTS), strict=False)
        self.put(APP, api, *(_agent(name, of, self.secret) for name, of in agents))
        caught_up()

    def put(self, *records: Any) -> None:
        """Adds records."""
        self.live.run(self.live.store.commit([Create(one) for one in records]))

    def register(self, catalog: Catalog) -> None:
        """The API's catalog is this one from now on."""
        wanted = One(ResourceServer, "chirp")
        found = self.live.run(self.live.store.read(wanted)).one(wanted)
        self.live.run(self.live.store.commit([Update(replace(found, catalog=catalog))]))
        caught_up()

    def person(self) -> User:
        """Somebody new."""
        env = Env(int(time.time()), os.urandom)
        name = f"p{os.urandom(4).hex()}"
        user = User(
            id=ids.user_id(env),
            username=name,
            password=password.hash_password(Secret(WORD), salt=os.urandom(16)),
            created=env.now,
            changed=env.now,
        )
        self.put(user)
        return user

    def key(
        self, who: User, scope: str = ALL, *, client: str = "walker", dpop: bool = False
    ) -> str:
        """An access token, by a whole sign-in; bound to MINE where that is wanted."""
        asking = Asking(client_id=client, scope=f"openid {scope}", redirect_uri=LOOPBACK)
        browser = self.live.browser()
        browser.open(asking.path())
        browser.sign_in(who.username, WORD)
        if 'id="allow"' in browser.page.text:
            browser.press("allow", boxes=set(browser.form("allow").boxes))
        code = browser.answer()["code"]
        headers = {"DPoP": proof(Wish(address=f"{self.live.issuer}/token"))} if dpop else {}
        answer = self.live.http.post("/token", data=asking.redemption(code), headers=headers)
        assert answer.status_code == 200, answer.text
        text: str = answer.json()["access_token"]
        return text

    def exchange(self, token: str, by: str) -> str:
        """What an agent gets for it."""
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": token,
            "subject_token_type": TYPE_ACCESS_TOKEN,
            "audience": RESOURCE,
        }
        answer = self.live.http.post("/token", data=form, auth=(by, self.secret))
        assert answer.status_code == 200, answer.text
        text: str = answer.json()["access_token"]
        return text

    def bent(self, token: str, **claims: Any) -> str:
        """The same token with other claims, signed by the server's own key all the same."""
        now = int(time.time())
        own = msgspec.convert(read_object(base64url.decode(token.split(".")[1])), AccessToken)
        return jwt.sign(replace(own, iat=now, **claims), key=self._signing(), typ=access_token.TYPE)

    def _signing(self) -> PrivateKey:
        keys = self.live.run(read_keys(self.live.store))
        ring = open_keys(keys, self.live.master_key, now=int(time.time()))
        return ring.signing["ES256"]

    def grant(self, who: User, client: str = "walker") -> Grant:
        """The standing grant between them."""
        wanted = Many(Grant, "user", who.id)
        found: list[Grant] = self.live.run(self.live.store.read(wanted)).many(wanted)
        return next(one for one in found if one.client == client)

    def change(self, grant: Grant, **fields: Any) -> Grant:
        """The grant, otherwise."""
        changed = replace(grant, **fields)
        self.live.run(self.live.store.commit([Update(changed)]))
        return replace(changed, version=changed.version + 1)
