"""Back-channel logout: the server notifies an app that a session has ended."""

from typing import Any, Final
from urllib.parse import urlencode

from valetkey.jose import base64url, jwt
from valetkey.server.model.client import Client
from valetkey.server.model.job import Job
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.outbound_message import Delivery, Message
from valetkey.server.oauth.core.subjects import session, subject
from valetkey.server.oauth.logout.sessions import BACKCHANNEL
from valetkey.spec.cite import Cite

CITE: Final = Cite("OpenID Connect Back-Channel Logout", "2.5")
TOKEN: Final = Cite("OpenID Connect Back-Channel Logout", "2.4")
TYPE: Final = "logout+jwt"
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
SECONDS: Final = 120
"""The lifetime of a logout token: it is made when it is sent."""


class LogoutToken(jwt.Claims, frozen=True, kw_only=True):
    """The claims of a logout token: a session of a user is over, as `events` says. Without a nonce
    it cannot pass for an ID Token."""

    sub: str
    aud: str
    jti: str
    sid: str
    events: dict[str, dict[str, Any]]


def write(job: Job, context: Context) -> Rule[Message | None]:
    """The message, if the app still has this logout address."""
    query = One(Client, job.client)
    client = (yield (query,)).one(query)
    if client is None or client.backchannel_logout_uri != job.url:
        return None
    keyring = context.installation.keyring
    token = LogoutToken(
        iss=context.installation.issuer,
        iat=context.env.now,
        exp=context.env.now + SECONDS,
        sub=subject(job.user, client, keyring),
        aud=client.id,
        # The same for each attempt, so that the app can recognize a repeated message.
        jti=base64url.encode(job.id.encode()),
        sid=session(job.facts["sid"], client, keyring),
        events={EVENT: {}},
    )
    signed = jwt.sign(token, key=context.id_token_key(client), typ=TYPE)
    return Message(
        body=urlencode({"logout_token": signed}).encode(),
        content_type="application/x-www-form-urlencoded",
    )


BACKCHANNEL_LOGOUT: Final = Feature(
    name=BACKCHANNEL,
    cites=(CITE, TOKEN),
    deliveries=(Delivery(kind=BACKCHANNEL, cite=CITE, write=write),),
    metadata=lambda _: {
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    },
)
