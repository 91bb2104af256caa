"""Ping delivery: the server notifies an app when there is an answer, so the app need not poll (CIBA
Core 10.2). The server posts the name of the request to the app's address, with the app's own token.

Both are secrets, so they are stored sealed until they are sent.
"""

import re
from typing import Final

import msgspec

from valetkey.jose import seal
from valetkey.server.model.change import Change
from valetkey.server.model.client import Client
from valetkey.server.model.job import Job
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.message_delivery import enqueue
from valetkey.server.oauth.core.outbound_message import Delivery, Message
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.form import Form

CITE: Final = Cite("OpenID Connect CIBA", "10.2")
KIND: Final = "backchannel ping"
PURPOSE: Final = b"backchannel ping"

_KID: Final = 4
# RFC 6750 2.1: b64token. CIBA Core 7.1: at most 1024, and hard to guess.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{20,1024}=*", re.ASCII)


class _Notification(msgspec.Struct, array_like=True):
    handle: str
    token: str


def seal_notification(form: Form, client: Client, *, handle: str, context: Context) -> bytes:
    """Seal what the notification needs; b"" for an app that polls. Raises InvalidRequest if the app
    sent no valid token for the notification (CIBA Core 7.1)."""
    if client.backchannel_token_delivery_mode != "ping":
        return b""
    token = form.get("client_notification_token", "")
    if not _TOKEN.fullmatch(token) or len(token) > 1024:
        raise InvalidRequest("client_notification_token is missing or too easy to guess")
    raw = msgspec.msgpack.encode(_Notification(handle, token))
    key = context.installation.keyring.sealing[0]
    closed = seal.seal(key.raw, raw, nonce=context.env.random_bytes(seal.NONCE), purpose=PURPOSE)
    return bytes.fromhex(key.kid) + closed


def notify(row: Pending, client: Client, context: Context) -> tuple[Change, ...]:
    """The notification that there is an answer, for an app that registered for one."""
    wanted = client.backchannel_token_delivery_mode == "ping"
    if row.decoupled is None or not row.decoupled.notify or not wanted:
        return ()
    address = client.backchannel_client_notification_endpoint
    notify = row.decoupled.notify
    return (enqueue(KIND, address, context=context, client=client.id, sealed=notify),)


def write(job: Job, context: Context) -> Rule[Message | None]:
    """Write the notification, if the app still has this address."""
    wanted = One(Client, job.client)
    client = (yield (wanted,)).one(wanted)
    if client is None or client.status != "active":
        return None
    if client.backchannel_client_notification_endpoint != job.url:
        return None
    key = context.installation.keyring.sealing_key(job.sealed[:_KID].hex())
    if key is None:
        return None
    raw = seal.unseal(key.raw, job.sealed[_KID:], purpose=PURPOSE)
    inside = msgspec.msgpack.decode(raw, type=_Notification)
    return Message(
        body=msgspec.json.encode({"auth_req_id": inside.handle}),
        content_type="application/json",
        headers={"authorization": f"Bearer {inside.token}"},
    )


DELIVERY: Final = Delivery(kind=KIND, cite=CITE, write=write)
