"""A platform with amounts: a bank beside the shared installation, and an app that pays."""

from typing import Final

from msgspec.structs import replace
from tests.installation import RESOURCE_SERVERS, SECRETS
from tests.server.oauth import forms
from tests.server.oauth.world import ISSUER, World

from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.limits import NOTHING_PROPOSED, Proposal
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.offer import Offer
from valetkey.wire.catalog import Catalog, Permission

PAY: Final = "payments.send"
SEE: Final = "accounts.read"
SCOPE: Final = f"openid chirps {SEE} {PAY}"

SECRETS["bank"] = "b" * 43
BANK: Final = ResourceServer(
    id="bank",
    catalog=Catalog(
        resource="https://bank.example",
        name="Bank",
        permissions=(
            Permission(id=SEE, can="see your balance", group="view"),
            Permission(
                id=PAY,
                can="pay from your account",
                risk="high",
                counted=True,
                unit="EUR",
                decimals=2,
            ),
        ),
    ),
    secrets=(StoredSecret(digest(SECRETS["bank"]), 0),),
)
PAYER: Final = Client(
    id="payer",
    name="Payer",
    redirect_uris=("https://payer.example/cb",),
    scope=("openid", "offline_access", "chirps", SEE, PAY),
)
forms.REGISTERED[PAYER.id] = PAYER


def bank(proposal: Proposal = NOTHING_PROPOSED, /, **seconds: int) -> World:
    """A world with the bank, and the app with what it proposes."""
    world = World(**seconds)
    world.put(BANK, replace(PAYER, limits=proposal))
    world.at = replace(world.at, offer=Offer(ISSUER, (*RESOURCE_SERVERS, BANK)))
    return world
