"""A108: an erased person comes back.

Attack: Somebody whose account was erased signs in again, and finds what the account was allowed.
Defense: They get a new account with a new subject. What the old one granted stays stopped.
"""

from collections.abc import Iterator

import pytest
from tests.attacks.play import AS_WEB, claims, cookie, desk, every, find, redeem, refresh
from tests.browser import Browser
from tests.handoff import Platform, begin, handing_off, handle_of
from tests.live import Live

from valetkey.server.model.grant import Grant
from valetkey.server.model.user import Identity, Session, User
from valetkey.server.oauth.admin.removal import erase
from valetkey.server.store.settle import settle


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with handing_off(tmp_path_factory.mktemp("a108")) as server:
        yield server


def arrived(server: Live) -> tuple[Browser, dict[str, str]]:
    """The user signs in at the platform for the web app, and says yes; the tokens."""
    browser, handle = begin(server, AS_WEB)
    back = Platform(server).accepted(handle, "u-7", sid="s-7", claims={"name": "Seven"})
    assert 'id="allow"' in browser.open(back).text
    browser.press("allow")
    tokens: dict[str, str] = redeem(server, browser.answer()["code"], AS_WEB).json()
    return browser, tokens


def test_who_was_erased_is_somebody_new(server: Live) -> None:
    browser, before = arrived(server)
    (identity,) = every(server, Identity)
    user = find(server, User, identity.user)
    done = settle(server.store, lambda: erase(user, by="administrator", context=desk(server)))
    server.run(done)
    assert every(server, Identity) == ()
    assert every(server, Session) == ()
    assert refresh(server, before["refresh_token"], AS_WEB).status_code == 400
    handle_of(browser.open("/apps"))
    assert Platform(server).post("/sessions/end", subject="u-7").json() == {"ended": 0}

    _, after = arrived(server)
    subs = [claims(one["id_token"])["sub"] for one in (before, after)]
    assert subs[0] == user.id != subs[1]
    status = {one.user: one.status for one in every(server, Grant)}
    assert status == {subs[0]: "stopped", subs[1]: "active"}
    assert cookie(browser)
