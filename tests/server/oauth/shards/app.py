"""An app whose key is in several shards, with its holders, in the small world."""

from typing import Any, Final

from msgspec.structs import replace
from tests.installation import SECRETS
from tests.keys import key
from tests.server.oauth import forms
from tests.server.oauth.forms import VERIFIER, call, request
from tests.server.oauth.senders import proving
from tests.server.oauth.world import World

from valetkey.jose.jwk import PrivateKey
from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.grant import TokenFamily
from valetkey.server.oauth.core.decision import Answer, Issued
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.issue.tokens import response
from valetkey.server.oauth.shards.claim import claim, deliver
from valetkey.server.oauth.shards.reissue import Replaced, Resumed, resume, serve_reissue
from valetkey.server.oauth.shards.reissue import replace_shard as replaced
from valetkey.wire.key_shards import (
    Claimed,
    Delivered,
    Reissued,
    Tier,
    write_others,
    write_tier,
)

TWO: Final = Tier(2, ("device", "backend"))
CODE: Final = Tier(2, ("device", "backend", "recovery_code"))
SECOND: Final = Tier(2, ("device", "backend", "second_device"))

SECRETS["harbour-server"] = "h" * 43
HARBOUR: Final = Client(
    id="harbour",
    name="Harbour",
    redirect_uris=("https://harbour.example/cb",),
    scope=("openid", "profile", "offline_access", "chirps", "profile.write", "dms.send"),
    key_shards=(TWO, CODE, SECOND),
    key_shard_backend="harbour-server",
)
SERVER: Final = Client(
    id="harbour-server",
    name="Harbour server",
    auth_method="client_secret_basic",
    secrets=(StoredSecret(digest(SECRETS["harbour-server"]), 0),),
    grant_types=("client_credentials",),
    scope=("chirps",),
)
forms.REGISTERED[HARBOUR.id] = HARBOUR
forms.REGISTERED[SERVER.id] = SERVER

PHONE: Final = key("ES256", "the phone")
TABLET: Final = key("ES256", "the tablet")
NEW_PHONE: Final = key("ES256", "the new phone")
THIEF: Final = key("ES256", "the thief")

SCOPE: Final = "openid offline_access chirps.read"


class Harbour:
    """The world, and what the app and its holders keep."""

    def __init__(
        self, tier: Tier = CODE, *, scope: str = SCOPE, world: World | None = None, **seconds: int
    ) -> None:
        self.world = world or World(**seconds)
        if self.world.have(Client, HARBOUR.id) is None:
            self.world.put(HARBOUR, SERVER)
        self.tier = tier
        code = self.world.agree(request("harbour", scope=scope, key_shards=write_tier(tier))).code
        given = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        self.answer = self.tokens(given)
        self.phone: str = self.answer["refresh_token"]
        self.name = self.world.family("harbour").id

    # What the app does.

    def tokens(self, given: dict[str, Any], *, by: PrivateKey | None = PHONE) -> dict[str, Any]:
        """The token response for a form. Raises OAuthError."""
        sent = call("harbour", **given)
        issued = self.world.post(token, sent if by is None else proving(self.world, sent, by=by))
        assert isinstance(issued, Issued)
        return dict(response(issued, self.world.context))

    def refresh(
        self,
        *others: str,
        shard: str = "",
        by: PrivateKey | None = PHONE,
        client: str = "harbour",
        **more: Any,
    ) -> dict[str, Any]:
        """Asks for tokens with these shards. Keeps nothing."""
        given = {
            "grant_type": "refresh_token",
            "refresh_token": shard or self.phone,
            "other_key_shards": write_others(others) or None,
            **more,
        }
        sent = call(client, **given)
        issued = self.world.post(token, sent if by is None else proving(self.world, sent, by=by))
        assert isinstance(issued, Issued)
        return dict(response(issued, self.world.context))

    def told(self, holder: str, answer: dict[str, Any] | None = None) -> dict[str, Any]:
        """What an answer says of one holder's shard."""
        shards = (self.answer if answer is None else answer)["key_shards"]["shards"]
        (found,) = (one for one in shards if one["holder"] == holder)
        return dict(found)

    def claim(
        self, ticket: str, *, client: str = "harbour-server", by: PrivateKey | None = None
    ) -> Claimed:
        """A holder claims its shard."""
        sent = call(client, claim_ticket=ticket)
        if by is not None:
            sent = proving(self.world, sent, "/key_shards/claim", by=by)
        outcome = self.world.post(claim, sent)
        assert isinstance(outcome, Answer)
        assert isinstance(outcome.document, Claimed)
        return outcome.document

    def backend(self) -> str:
        """The backend's shard, claimed."""
        return self.claim(self.told("backend")["claim_ticket"]).key_shard

    def deliver(
        self, shard: str, *, client: str = "harbour-server", by: PrivateKey | None = None
    ) -> Delivered:
        """A holder delivers its shard."""
        sent = call(client, key_shard=shard)
        if by is not None:
            sent = proving(self.world, sent, "/key_shards/deliver", by=by)
        outcome = self.world.post(deliver, sent)
        assert isinstance(outcome, Answer)
        assert isinstance(outcome.document, Delivered)
        return outcome.document

    def reissue(
        self, holder: str, *others: str, shard: str = "", by: PrivateKey | None = PHONE
    ) -> Reissued:
        """The app asks for a new shard in the place of a lost one."""
        sent = call(
            "harbour",
            holder=holder,
            refresh_token=shard or None,
            other_key_shards=write_others(others) or None,
        )
        if by is not None:
            sent = proving(self.world, sent, "/key_shards/reissue", by=by)
        outcome = self.world.post(serve_reissue, sent)
        assert isinstance(outcome, Answer)
        assert isinstance(outcome.document, Reissued)
        return outcome.document

    # What the user does.

    def replace(self, holder: str) -> Replaced:
        """On the page of the app: a new shard."""
        outcome = self.world.settle(
            lambda: replaced(
                self.name,
                holder,
                user=self.world.miko.id,
                by="user",
                context=self.world.context,
            )
        )
        assert isinstance(outcome, Replaced)
        return outcome

    def code(self) -> str:
        """A recovery code, as it is printed."""
        return self.replace("recovery_code").code

    def resume(self) -> None:
        """On the page of the app: go on."""
        outcome = self.world.settle(
            lambda: resume(
                self.name, user=self.world.miko.id, by="user", context=self.world.context
            )
        )
        assert isinstance(outcome, Resumed)

    # How it stands.

    @property
    def family(self) -> TokenFamily:
        return self.world.need(TokenFamily, self.name)

    @property
    def status(self) -> str:
        return self.family.status

    def policy(self, **fields: Any) -> None:
        """Holds the app to another policy."""
        from valetkey.server.model.policy import Policy

        policies = {**self.world.at.policies, "harbour": Policy(name="harbour", **fields)}
        self.world.at = replace(self.world.at, policies=policies)
        self.world.change(Client, "harbour", policy="harbour")
