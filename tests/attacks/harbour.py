"""An app over HTTP whose key is in shards: its phone, its server, its printed code."""

from typing import Any

import httpx2
import msgspec
from tests.attacks.bound import posted
from tests.attacks.play import find
from tests.browser import Asking, Browser, authorize
from tests.installation import SECRETS
from tests.live import Live
from tests.server.oauth.shards.app import HARBOUR, PHONE, SERVER

from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One
from valetkey.wire.key_shards import Tier, read_key_shards, write_others, write_tier

SCOPE = "openid offline_access chirps.read"


class Key:
    """A key of the app's, and what each holder keeps of it."""

    def __init__(self, server: Live, tier: Tier, *, username: str = "miko") -> None:
        self.server = server
        wanted = One(Client, HARBOUR.id)
        if server.run(server.store.read(wanted)).one(wanted) is None:
            server.run(server.store.commit((Create(HARBOUR), Create(SERVER))))
        self.asking = Asking(
            client_id=HARBOUR.id,
            redirect_uri=HARBOUR.redirect_uris[0],
            scope=SCOPE,
            more={"key_shards": write_tier(tier)},
        )
        self.browser: Browser = server.browser()
        code = authorize(self.browser, self.asking, username=username)
        answer = posted(server, "/token", self.asking.redemption(code), self.asking, key=PHONE)
        assert answer.status_code == 200, answer.text
        self.answer: dict[str, Any] = answer.json()
        self.told = read_key_shards(self.answer["key_shards"])
        self.phone: str = self.answer["refresh_token"]
        self.backend = self._claimed()

    def _claimed(self) -> str:
        (one,) = (one for one in self.told.shards if one.holder == "backend")
        answer = self.as_server("/key_shards/claim", claim_ticket=one.claim_ticket)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["key_shard"])

    @property
    def page(self) -> str:
        """The path of its page."""
        family = self.family
        return f"/apps/{family.grant}/shards/{family.id}"

    @property
    def family(self) -> TokenFamily:
        import base64
        import json

        part = self.answer["access_token"].split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return find(self.server, TokenFamily, said["family_id"])

    def as_server(self, path: str, **form: str) -> httpx2.Response:
        """A call of the app's server, with its own secret."""
        return self.server.http.post(path, data=form, auth=(SERVER.id, SECRETS[SERVER.id]))

    def as_app(
        self, path: str, form: dict[str, str], *, key: PrivateKey = PHONE
    ) -> httpx2.Response:
        """A call of the app, with a proof of a key."""
        return posted(self.server, path, form, self.asking, key=key)

    def handle(self) -> str:
        """The backend delivers its shard."""
        answer = self.as_server("/key_shards/deliver", key_shard=self.backend)
        assert answer.status_code == 200, answer.text
        self.backend = answer.json()["key_shard"]
        return str(answer.json()["handle"])

    def refresh(
        self, *others: str, shard: str = "", key: PrivateKey = PHONE, client: str = ""
    ) -> httpx2.Response:
        """Asks for tokens. Keeps nothing."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": shard or self.phone,
            "other_key_shards": write_others(others),
        }
        by = msgspec.structs.replace(self.asking, client_id=client) if client else self.asking
        return posted(self.server, "/token", form, by, key=key)

    def press(self, button: str) -> str:
        """Presses a button on the key's page, after proving anew who it is."""
        self.browser.open(self.page)
        return self.browser.press(button).text
