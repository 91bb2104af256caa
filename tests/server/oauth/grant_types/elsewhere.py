"""A device that asks, and its user who answers on another one."""

from typing import Any, Final

from tests.server.oauth.forms import call
from tests.server.oauth.world import World

from valetkey.server.model.pending import Approval, Pending
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.outcome import AuthorizeDecision, Confirm, Consent
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.grant_types import ciba
from valetkey.server.oauth.grant_types.device import Opened, Unknown, ask, confirm, enter
from valetkey.server.oauth.grants import approvals
from valetkey.spec import names

SCOPE: Final = "openid chirps.read"


def begin(world: World, client: str = "tv", **parameters: Any) -> dict[str, Any]:
    """What the device is told."""
    given = {"scope": SCOPE} | parameters
    outcome = world.post(ask, call(client, **given))
    assert isinstance(outcome, Answer)
    document: Any = outcome.document
    return dict(document)


def enters(world: World, code: str, visit: Browser) -> Opened | Unknown:
    """Somebody types a code."""
    return world.settle(lambda: enter(code, visit, world.context))


def opened(world: World, code: str, visit: Browser) -> str:
    """The request that goes on in this browser, after the user said that they mean it."""
    found = enters(world, code, visit)
    assert isinstance(found, Opened)
    name = found.pending.id
    assert isinstance(world.resume(name, visit), Confirm)
    world.settle(lambda: confirm(name, visit, world.context))
    return name


def consents(world: World, code: str, visit: Browser | None = None) -> tuple[Consent, Browser]:
    """The consent page that follows."""
    who = visit or world.sign_in()
    shown = world.resume(opened(world, code, who), who)
    assert isinstance(shown, Consent)
    return shown, who


def approve(world: World, code: str, **how: Any) -> AuthorizeDecision:
    """The whole way of a user who says yes."""
    shown, who = consents(world, code)
    return world.say(shown, who, **how)


def fetch(world: World, device_code: str, client: str = "tv", **parameters: Any) -> dict[str, Any]:
    """The device comes for its tokens."""
    given = {"grant_type": names.DEVICE_CODE, "device_code": device_code}
    return world.token(client, **(given | parameters))


def row_of(world: World) -> Pending:
    """The row of the one device that waits."""
    (found,) = (row for row in world.all(Pending) if row.kind == "device")
    return found


def asks(world: World, client: str = "till", **parameters: Any) -> dict[str, Any]:
    """An app asks Miko, who is elsewhere; what it is told."""
    given = {"scope": SCOPE, "login_hint": "miko"} | parameters
    outcome = world.post(ciba.ask, call(client, **given))
    assert isinstance(outcome, Answer)
    document: Any = outcome.document
    return dict(document)


def waiting(world: World, user: str) -> list[Approval]:
    """What waits for the user."""
    return [one.approval for one in world.ask(approvals.questions(user, world.context))]


def shown(world: World, visit: Browser) -> Consent:
    """The consent page for the newest question that waits for Miko."""
    name = waiting(world, world.miko.id)[0].id
    begun = world.settle(
        lambda: approvals.begin(name, visit, user=world.miko.id, context=world.context)
    )
    assert isinstance(begun, approvals.ConsentBegun)
    page = world.resume(begun.pending.id, visit)
    assert isinstance(page, Consent)
    return page


def comes(world: World, handle: str, client: str = "till", **parameters: Any) -> dict[str, Any]:
    """The app comes for the answer."""
    given = {"grant_type": names.CIBA, "auth_req_id": handle}
    return world.token(client, **(given | parameters))
