"""A key for an app that its user is not looking at: by a code that they type, or by a question on
their own pages (RFC 8628; OpenID Connect CIBA)."""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from valetkey.client import server
from valetkey.client.app import App
from valetkey.client.errors import Aborted, Denied, ServerUnavailable
from valetkey.client.steps import Flow, Sleep
from valetkey.wire import key_shards
from valetkey.wire.metadata import ServerMetadata

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
CIBA: Final = "urn:openid:params:grant-type:ciba"

STEP: Final = 5
"""Seconds that are added where the server says that it was too soon (RFC 8628 3.5)."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What the app shows while it waits: the code and where to type it; `complete` has the code in
    it, for a picture to scan. All are "" where the user is asked by the back channel."""

    form: dict[str, str]
    interval: int
    seconds: int
    code: str = ""
    address: str = ""
    complete: str = ""

    def __repr__(self) -> str:
        return f"Waiting(code={self.code!r}, …)"


class _Device(msgspec.Struct, kw_only=True):
    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: int
    interval: int = 5


class _Backchannel(msgspec.Struct, kw_only=True):
    auth_req_id: str
    expires_in: int
    interval: int = 5


def by_code(app: App, about: ServerMetadata, scope: tuple[str, ...]) -> Flow[Waiting]:
    """Asks for a code to show. Raises Aborted where the server offers none, Denied,
    ServerUnavailable."""
    address = about.device_authorization_endpoint
    if not address:
        raise Aborted(f"{app.issuer} hands out no codes for devices")
    form = {"scope": " ".join(scope), "resource": app.resource, **_tier(app)}
    answer = _read((yield from server.post(address, form, app=app)), _Device)
    return Waiting(
        form={"grant_type": DEVICE, "device_code": answer.device_code},
        interval=answer.interval,
        seconds=answer.expires_in,
        code=answer.user_code,
        address=answer.verification_uri,
        complete=answer.verification_uri_complete,
    )


def by_question(
    app: App,
    about: ServerMetadata,
    scope: tuple[str, ...],
    *,
    who: str,
    words: str,
) -> Flow[Waiting]:
    """Asks the server to ask the user of that name. `words` are shown to them, to be compared.
    Raises Aborted where the server does not do that, Denied, ServerUnavailable."""
    address = about.backchannel_authentication_endpoint
    if not address:
        raise Aborted(f"{app.issuer} asks no users by the back channel")
    form = {
        "scope": " ".join(scope),
        "login_hint": who,
        "binding_message": words,
        "resource": app.resource,
        **_tier(app),
    }
    answer = _read((yield from server.post(address, form, app=app)), _Backchannel)
    return Waiting(
        form={"grant_type": CIBA, "auth_req_id": answer.auth_req_id},
        interval=answer.interval,
        seconds=answer.expires_in,
    )


def wait(
    waiting: Waiting,
    send: Callable[[dict[str, str]], Flow[dict[str, Any]]],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Flow[dict[str, Any]]:
    """The token response, once the user has said yes. `send` makes the token request. A server that
    does not answer is asked again, as long as the code is good. Raises Denied, Aborted."""
    interval, until = float(waiting.interval), clock() + waiting.seconds
    while clock() < until:
        yield Sleep(interval)
        try:
            return (yield from send(waiting.form))
        except ServerUnavailable:
            # RFC 8628 3.5: a server in trouble is not helped by haste.
            interval *= 2
        except Denied as refusal:
            if refusal.code == "slow_down":
                interval += STEP
            elif refusal.code == "expired_token":
                break
            elif refusal.code != "authorization_pending":
                raise
    raise Aborted("nobody answered in time")


def _tier(app: App) -> dict[str, str]:
    tier = app.key_shards
    return {} if tier is None else {key_shards.PARAMETER: key_shards.write_tier(tier)}


def _read(answer: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise ServerUnavailable("the server's answer cannot be read") from error
