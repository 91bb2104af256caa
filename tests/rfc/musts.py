"""What the standards say that a server MUST or MUST NOT do: a row for each, tried on the rules.

What is said of HTTP alone (methods, headers, TLS) is tried against the running server, under
`tests/attacks`.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.server.oauth.world import World

from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.outcome import Deny, Permit
from valetkey.spec.errors import OAuthError

Must = Callable[[World], bool]
NOBODY = Browser(id="b")


def must(section: str, words: str, holds: Must) -> Any:
    """One sentence of a standard, in our own words, and how it is tried."""
    return pytest.param(holds, id=f"{section} {words}")


def refuses(code: str, act: Callable[[], object]) -> bool:
    """Whether the act is refused with this code."""
    try:
        act()
    except OAuthError as error:
        return error.code == code
    return False


def answered(world: World, parameters: dict[str, Any], visit: Browser = NOBODY) -> dict[str, str]:
    """What the app is told by redirect; empty where it is told nothing yet."""
    decision = world.visit(parameters, visit)
    if isinstance(decision, Permit):
        return query(decision.reply_to.location(decision.reply_to.parameters(code=decision.code)))
    if isinstance(decision, Deny) and decision.reply_to is not None:
        return query(
            decision.reply_to.location(decision.reply_to.parameters(error=decision.error.code))
        )
    return {}


def told(world: World, parameters: dict[str, Any], visit: Browser = NOBODY) -> str:
    """The error that the app is told by redirect, "" for none."""
    return answered(world, parameters, visit).get("error", "")


def query(uri: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(uri).query))
