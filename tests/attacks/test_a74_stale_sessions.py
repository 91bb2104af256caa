"""A74: stale sessions.

Attack: A thief keeps using a session after the user has changed the password.
Defense: A new password ends the user's other sessions.
"""

import os

import msgspec
from tests.live import Live

from valetkey.server.accounts import password
from valetkey.server.model.change import Update
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import One
from valetkey.server.model.user import User


def test_a_changed_password_ends_the_sessions_of_before(server: Live) -> None:
    browser, other = server.browser(), server.browser()
    for one, name in ((browser, "noor"), (other, "miko")):
        one.open("/sign-in")
        one.sign_in(name)
        assert "Sign out" in one.open("/apps").text

    async def change(word: str) -> None:
        wanted = One(User, server.users["noor"].id)
        user = (await server.store.read(wanted)).one(wanted)
        assert user is not None
        kept = password.hash_password(Secret(word), salt=os.urandom(password.SALT))
        await server.store.commit((Update(msgspec.structs.replace(user, password=kept)),))

    server.run(change("another one entirely"))
    assert 'id="sign-in"' in browser.open("/apps").text
    assert "Sign out" in other.open("/apps").text
    browser.sign_in("noor", "another one entirely")
    assert "Sign out" in browser.open("/apps").text
    server.run(change("staple of the evening"))
