"""Access for an app without a browser: by a code that the user types, or by a request on the user's
own pages (RFC 8628; OpenID Connect CIBA).
"""

import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from valetkey.client import server
from valetkey.client.errors import Aborted, Denied, ServerUnavailable
from valetkey.client.steps import Flow, Sleep
from valetkey.client.tokens import App
from valetkey.wire import key_shards
from valetkey.wire.metadata import ServerMetadata

if TYPE_CHECKING:
    import segno

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
CIBA: Final = "urn:openid:params:grant-type:ciba"

STEP: Final = 5
"""Seconds that are added when the server answers `slow_down` (RFC 8628 3.5)."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What the app displays while it waits: the code, and the address where the user types it.
    `complete` is the address with the code in it, for a QR code. All three are "" with CIBA."""

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
    """Requests a code to display. Raises Aborted if the server has no device flow, Denied,
    ServerUnavailable."""
    address = about.device_authorization_endpoint
    if not address:
        raise Aborted(f"{app.issuer} has no device flow")
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
    """Asks the server to ask the user of that name. Both sides display `words`, for the user to
    compare. Raises Aborted if the server has no CIBA, Denied, ServerUnavailable."""
    address = about.backchannel_authentication_endpoint
    if not address:
        raise Aborted(f"{app.issuer} has no CIBA")
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
    """Polls for the token response until the user allows it. `send` makes the token request. A
    server that does not answer is asked again, while the code is valid. Raises Denied, Aborted."""
    interval, until = float(waiting.interval), clock() + waiting.seconds
    while clock() < until:
        yield Sleep(interval)
        try:
            return (yield from send(waiting.form))
        except ServerUnavailable:
            # RFC 8628 3.5: back off from a server in trouble.
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


# QR codes for another device to scan: the address of the device flow, or a ticket or a handle of a
# shard. Needs the extra `holders`.


def svg(text: str) -> str:
    """A QR code, as an SVG for a page or a window."""
    out = io.BytesIO()
    _code(text).save(out, kind="svg", xmldecl=False, scale=4, border=4)
    return out.getvalue().decode()


def terminal(text: str) -> str:
    """A QR code, for a terminal."""
    out = io.StringIO()
    _code(text).terminal(out, compact=True)
    return out.getvalue()


def _code(text: str) -> "segno.QRCode":
    import segno  # noqa: PLC0415 - few apps draw one

    return segno.make_qr(text, error="m")
