"""The feature of sharded keys."""

from typing import Final

from valetkey.server.oauth.core.feature import Endpoint, Feature
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.server.oauth.core.shard_policy import NAME, TIERS
from valetkey.server.oauth.shards import response
from valetkey.server.oauth.shards.claim import claim
from valetkey.server.oauth.shards.delivery import deliver
from valetkey.server.oauth.shards.replacement import reissue
from valetkey.wire.key_shards import CITE, CLAIM_PATH, DELIVERY_PATH, OTHERS, REISSUE_PATH

PAGE: Final = "/apps/{grant}/shards/{family}"

KEY_SHARDS: Final = Feature(
    name=NAME,
    issuing=IssuingStep(members=response.members),
    token_parameters=(OTHERS,),
    requires=("refresh token",),
    cites=(CITE,),
    pages=(PAGE,),
    endpoints=(
        Endpoint(path=CLAIM_PATH, metadata="key_shard_claim_endpoint", cite=CITE, rule=claim),
        Endpoint(
            path=DELIVERY_PATH, metadata="key_shard_delivery_endpoint", cite=CITE, rule=deliver
        ),
        Endpoint(path=REISSUE_PATH, metadata="key_shard_reissue_endpoint", cite=CITE, rule=reissue),
    ),
    metadata=lambda _: {"key_shards_supported": TIERS},
)
