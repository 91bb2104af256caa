"""A15: refresh token theft, with key shards.

Attack: A thief steals one shard of a refresh token and presents it.
Defense: One shard opens nothing, and presenting it suspends the key.
"""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.attacks.harbour import Key
from tests.attacks.play import every, find, introspected
from tests.attacks.test_a82_stolen_database import files, spellings
from tests.live import Live
from tests.rows import row
from tests.server.oauth.shards.app import CODE, NEW_PHONE, SECOND, TABLET, THIEF, TWO

from valetkey.server.model import ids
from valetkey.server.model.event import Event
from valetkey.wire import opaque

Theft = Callable[[Key], httpx2.Response]


def _old(key: Key) -> httpx2.Response:
    first = key.phone
    for _ in range(2):
        key.phone = key.refresh(key.handle()).json()["refresh_token"]
    return key.refresh(key.handle(), shard=first)


def _swapped(key: Key) -> httpx2.Response:
    return key.refresh(Key(key.server, TWO, username="noor").handle())


def _cut(key: Key) -> httpx2.Response:
    return key.refresh(key.handle()[:-3])


def _replayed_handle(key: Key) -> httpx2.Response:
    handle = key.handle()
    key.phone = key.refresh(handle).json()["refresh_token"]
    return key.refresh(handle)


def _replaced(key: Key) -> httpx2.Response:
    handle = key.handle()
    key.press("replace-device")
    return key.refresh(handle)


THEFTS = [
    row("theft", "the phone's shard, with its key", lambda k: k.refresh(), True),
    row("theft", "the phone's shard, without", lambda k: k.refresh(key=THIEF), True),
    row(
        "theft",
        "the phone's shard and a handle, without its key",
        lambda k: k.refresh(k.handle(), key=THIEF),
        True,
    ),
    row("theft", "the server's shard, from a phone", lambda k: k.refresh(k.backend), True),
    row(
        "theft",
        "the server's shard, as a phone's",
        lambda k: k.refresh(shard=k.backend),
        True,
    ),
    row(
        "theft",
        "the server's shard, delivered by another",
        lambda k: k.as_app("/key_shards/deliver", {"key_shard": k.backend}),
        True,
    ),
    row("swap", "a shard of another user's", _swapped, True),
    row("swap", "at another app", lambda k: k.refresh(k.handle(), client="spa"), True),
    row("repeat", "the same three times", lambda k: k.refresh(k.phone, k.phone), True),
    row("replay", "the phone's, two uses old", _old, True),
    row("replay", "a handle", _replayed_handle, False),
    row("cut", "a handle", _cut, False),
    row("lost", "one that was replaced", _replaced, False),
]


def _alarms(server: Live, key: Key) -> list[Event]:
    grant = key.family.grant
    return [one for one in every(server, Event) if (one.grant, one.kind) == (grant, "suspended")]


@pytest.mark.parametrize("theft, alarm", THEFTS)
def test_what_a_thief_gets(theft: Theft, alarm: bool, server: Live) -> None:
    key = Key(server, TWO)
    before = _alarms(server, key)
    answer = theft(key)
    assert answer.status_code == 400, answer.text
    assert not {"access_token", "refresh_token", "handle", "key_shard"} & answer.json().keys()
    assert key.family.status == ("suspended" if alarm else "open")
    told = _alarms(server, key)
    assert len(told) - len(before) == alarm
    assert introspected(server, key.answer["access_token"])["active"] is not alarm
    if alarm:
        assert (told[-1].by, bool(told[-1].reason)) == ("server", True)
        # The rightful owner is told so too, by a code of its own.
        assert key.refresh("vk_kh_x").status_code == 400
        after = key.as_server("/key_shards/deliver", key_shard=key.backend)
        assert after.json()["error"] == "key_suspended"


def test_the_user_sees_the_alarm_and_answers_it(server: Live) -> None:
    key = Key(server, TWO)
    assert key.refresh().json()["error"] == "insufficient_key_shards"
    page = key.browser.open(key.page).text
    assert 'id="suspended"' in page
    assert "Suspended" in key.browser.open(f"/apps/{key.family.grant}").text
    ticket = re.search(r'id="ticket">([^<]+)<', key.press("replace-device"))
    assert ticket is not None
    # The thief's copy is worth nothing now; the new phone has the only good one.
    assert 'id="suspended"' not in key.press("resume")
    claimed = key.as_app("/key_shards/claim", {"claim_ticket": ticket[1]}, key=NEW_PHONE)
    assert key.refresh(key.handle()).json()["error"] == "invalid_grant"
    fresh = key.refresh(key.handle(), shard=claimed.json()["key_shard"], key=NEW_PHONE)
    assert fresh.status_code == 200, fresh.text
    assert key.family.status == "open"


def test_a_ticket_in_the_wrong_hands(server: Live) -> None:
    """Nobody but the holder for whom it is: and a second reader of a picture comes too late."""
    key = Key(server, SECOND)
    found = re.search(r'id="ticket">([^<]+)<', key.press("replace-second_device"))
    assert found is not None
    form = {"claim_ticket": found[1]}
    assert key.as_server("/key_shards/claim", **form).json()["error"] == "invalid_grant"
    first = key.as_app("/key_shards/claim", form, key=TABLET)
    assert first.status_code == 200
    second = key.as_app("/key_shards/claim", form, key=THIEF)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert key.as_app("/key_shards/claim", form, key=TABLET).json() == first.json()


def test_a_recovery_code_is_not_guessed(server: Live) -> None:
    key, stray = Key(server, CODE), Key(server, CODE)
    for left in (4, 3, 2, 1, 0):
        page = stray.press("replace-recovery_code")
        code = re.search(r'id="code">([^<]+)<', page)
        assert code is not None
        assert key.refresh(code[1]).json()["error"] == "invalid_grant"
        assert key.family.status == ("open" if left else "suspended")


def test_another_user_sees_and_does_nothing(server: Live) -> None:
    """A77: the page of a key in parts asks whose it is, for every verb."""
    key, noor = Key(server, TWO), Key(server, TWO, username="noor")
    before = key.family
    assert noor.browser.open(key.page).status_code == 404
    noor.browser.open(noor.page)
    form = noor.browser.form("replace-device")
    for action in ("replace", "resume"):
        sent = {**form.fields, "action": action, "holder": "device"}
        assert noor.browser.http.post(key.page, data=sent).status_code == 404
    mixed = key.page.replace(key.family.grant, noor.family.grant)
    assert key.browser.open(mixed).status_code == 404
    assert key.family == before


def test_a_browser_that_was_left_open_gives_no_shard_away(server: Live) -> None:
    import time

    from tests.attacks.play import change, cookie

    from valetkey.server.model.user import Session

    key = Key(server, TWO)
    before = key.family.shards
    user = server.users["miko"].id
    for session in every(server, Session):
        if session.user == user:
            change(server, session, auth_time=int(time.time()) - 3600)
    assert cookie(key.browser)
    assert 'id="password"' in key.press("replace-device")
    assert key.family.shards == before


def test_the_database_alone_is_worth_nothing(server: Live) -> None:
    key = Key(server, CODE)
    page = key.press("replace-recovery_code")
    code = re.search(r'id="code">([^<]+)<', page)
    assert code is not None
    secrets = [key.phone, key.backend, key.handle(), code[1], code[1].replace("-", "")]
    secrets += [one.claim_ticket for one in key.told.shards if one.claim_ticket]
    for name, content in files(server).items():
        for secret in secrets:
            found = [one for one in spellings(secret) if one in content]
            assert not found, name
    # So that it is the files of this very key.
    its = ids.to_bytes(server.users["miko"].id)[ids.PLACE :]
    assert any(its in content for content in files(server).values())


def test_nothing_of_one_shard_is_in_another(server: Live) -> None:
    """Beside the name of the key, and that of the server's key, which are no secrets."""
    key = Key(server, TWO)
    mine, other = opaque.read("rt", key.phone), opaque.read("ks", key.backend)
    assert mine[:20] == other[:20]
    assert not {mine[n : n + 4] for n in range(25, 53)} & {other[n : n + 4] for n in range(25, 53)}


def test_a_short_set_is_no_alarm_where_the_policy_says_so(server: Live) -> None:
    from tests.attacks.play import change

    from valetkey.server.model.change import Create
    from valetkey.server.model.client import Client
    from valetkey.server.model.policy import Policy

    key = Key(server, TWO)
    server.run(server.store.commit((Create(Policy(name="calm", short_of_shards="refuse")),)))
    client: Any = find(server, Client, "harbour")
    change(server, client, policy="calm")
    try:
        import time

        # What an administrator declares may be a second old.
        time.sleep(1.1)
        assert key.refresh().json()["error"] == "insufficient_key_shards"
        assert key.family.status == "open"
    finally:
        change(server, find(server, Client, "harbour"), policy="default")
