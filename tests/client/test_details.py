"""The SDK asks by details (RFC 9396), and hears what was granted."""

from tests.client.person import user
from tests.installation import CHIRP
from tests.live import Live

from valetkey.client import Detail, Key
from valetkey.wire.authorization_details import read_remedy, write_remedy

POSTING = Detail(
    type=CHIRP,
    actions=("chirps.write",),
    locations=(CHIRP,),
    limits={"chirps.write": {"often": {"day": 20}}},
)


def test_what_was_granted_is_told_with_its_limits(server: Live, key: Key) -> None:
    scope = ("openid", "offline_access")
    tokens = key.connect(
        open_browser=user(server.browser()), seconds=20, scope=scope, details=[POSTING]
    ).tokens
    assert tokens.details == (POSTING,)
    assert "chirps.write" in tokens.granted
    assert key.refresh().details == (POSTING,)
    assert key.tokens is not None
    assert key.tokens.details == (POSTING,)


def test_what_the_user_leaves_out_is_not_among_them(server: Live, key: Key) -> None:
    requests = Detail(type=CHIRP, actions=("chirps.write", "dms.send"))
    browser = user(server.browser(), leave_out={"dms.send", "dms.read"})
    tokens = key.connect(
        open_browser=browser, seconds=20, scope=("openid",), details=[requests]
    ).tokens
    assert [one.actions for one in tokens.details] == [("chirps.write",)]


def test_an_api_says_what_to_ask_for() -> None:
    assert read_remedy(write_remedy([POSTING])) == (POSTING,)
    for nonsense in ("", "%", "e30", "W10", "eyJhdXRob3JpemF0aW9uX2RldGFpbHMiOjF9"):
        assert read_remedy(nonsense) == ()
