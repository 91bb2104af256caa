"""A key in shards is refreshed: so many of them, each turned by itself."""

from collections.abc import Callable

import pytest
from tests.rows import row
from tests.server.oauth.shards.app import CODE, PHONE, SCOPE, SECOND, TABLET, THIEF, TWO, Harbour

from valetkey.server.oauth.features import FEATURES
from valetkey.spec.errors import (
    InsufficientKeyShards,
    InvalidGrant,
    InvalidRequest,
    KeySuspended,
    OAuthError,
)


def test_the_device_gets_one_shard_and_the_others_are_claimed_elsewhere() -> None:
    app = Harbour(CODE)
    assert app.phone.startswith("vk_rt_")
    assert app.told("device") == {"holder": "device"}
    assert app.told("backend")["claim_ticket"].startswith("vk_kt_")
    code = app.told("recovery_code")
    assert code["claim_uri"].startswith("https://id.example/apps/")
    assert "claim_ticket" not in code


def test_the_second_device_s_ticket_never_goes_through_the_first() -> None:
    assert "claim_ticket" not in Harbour(SECOND).told("second_device")


def test_the_device_and_the_backend_open_it_again_and_again() -> None:
    app = Harbour(TWO)
    shard = app.backend()
    for _ in range(3):
        delivered = app.deliver(shard)
        shard = delivered.key_shard
        answer = app.refresh(delivered.handle)
        app.phone = answer["refresh_token"]
        assert answer["scope"] == SCOPE
        assert [*answer["key_shards"]["shards"]] == [{"holder": "device"}, {"holder": "backend"}]
    assert app.status == "open"


def test_the_device_and_a_code_open_it_once() -> None:
    app = Harbour(CODE)
    code = app.code()
    answer = app.refresh(code.lower())
    told = app.told("recovery_code", answer)
    assert (told["status"], "claim_uri" in told) == ("spent", True)
    assert app.told("backend", answer)["claim_ticket"]
    app.phone = answer["refresh_token"]
    with pytest.raises(InvalidGrant):
        app.refresh(code)
    assert app.status == "open"
    assert app.refresh(app.code())["scope"] == SCOPE


def test_a_second_device_asks_for_itself() -> None:
    app = Harbour(SECOND)
    backend = app.backend()
    ticket = app.replace("second_device").ticket
    tablet = app.claim(ticket, client="harbour", by=TABLET).key_shard
    delivered = app.deliver(backend)
    answer = app.refresh(delivered.handle, shard=tablet, by=TABLET)
    assert answer["refresh_token"].startswith("vk_ks_")
    # The first one goes on, with what it has.
    again = app.refresh(app.deliver(delivered.key_shard).handle)
    assert again["refresh_token"] != app.phone
    assert app.status == "open"


def test_two_devices_open_it_without_the_backend() -> None:
    app = Harbour(SECOND)
    ticket = app.replace("second_device").ticket
    tablet = app.claim(ticket, client="harbour", by=TABLET).key_shard
    delivered = app.deliver(tablet, client="harbour", by=TABLET)
    answer = app.refresh(delivered.handle)
    assert app.told("second_device", answer) == {"holder": "second_device"}


def test_what_was_absent_catches_up_later() -> None:
    app = Harbour(CODE)
    backend = app.backend()
    for _ in range(3):
        app.phone = app.refresh(app.code())["refresh_token"]
        app.world.later(86400)
    app.phone = app.refresh(app.deliver(backend).handle)["refresh_token"]
    assert app.status == "open"


# Replies that get lost.


def test_a_refresh_whose_reply_is_lost_is_asked_again_however_late() -> None:
    app = Harbour(TWO)
    delivered = app.deliver(app.backend())
    first = app.refresh(delivered.handle)
    again = app.refresh(delivered.handle)
    assert again["refresh_token"] == first["refresh_token"]
    app.world.later(7 * 86400)
    with pytest.raises(InvalidGrant):
        app.refresh(delivered.handle)
    late = app.refresh(app.deliver(delivered.key_shard).handle)
    assert late["refresh_token"] == first["refresh_token"]
    assert app.status == "open"


def test_a_refresh_with_a_code_whose_reply_is_lost_is_asked_again() -> None:
    app = Harbour(CODE)
    code = app.code()
    first = app.refresh(code)
    app.world.later(86400)
    assert app.refresh(code)["refresh_token"] == first["refresh_token"]
    assert app.status == "open"


def test_a_delivery_whose_reply_is_lost_is_sent_again() -> None:
    app = Harbour(TWO)
    shard = app.backend()
    first = app.deliver(shard)
    assert app.deliver(shard) == first
    app.world.later(3600)
    late = app.deliver(shard)
    assert late.key_shard == first.key_shard
    assert late.handle != first.handle
    assert app.refresh(late.handle)["scope"] == SCOPE


def test_a_delivery_that_is_sent_again_after_its_handle_was_used_gets_another() -> None:
    app = Harbour(TWO)
    shard = app.backend()
    first = app.deliver(shard)
    app.phone = app.refresh(first.handle)["refresh_token"]
    again = app.deliver(shard)
    assert again.key_shard == first.key_shard
    assert app.refresh(again.handle)["scope"] == SCOPE


# What is refused, and whether it is an alarm.


Story = Callable[[Harbour], object]


def _replay(app: Harbour) -> object:
    first, backend = app.phone, app.backend()
    for _ in range(2):
        delivered = app.deliver(backend)
        backend, app.phone = delivered.key_shard, app.refresh(delivered.handle)["refresh_token"]
    return app.refresh(app.deliver(backend).handle, shard=first)


def _backend_replays(app: Harbour) -> object:
    first = app.backend()
    app.deliver(app.deliver(first).key_shard)
    return app.deliver(first)


def _handle_twice(app: Harbour) -> object:
    handle = app.deliver(app.backend()).handle
    app.phone = app.refresh(handle)["refresh_token"]
    return app.refresh(handle)


def _handle_late(app: Harbour) -> object:
    handle = app.deliver(app.backend()).handle
    app.world.later(61)
    return app.refresh(handle)


def _lost(app: Harbour) -> object:
    handle = app.deliver(app.backend()).handle
    app.replace("device")
    return app.refresh(handle)


def _lost_by_another(app: Harbour) -> object:
    app.replace("device")
    return app.refresh(client="kite")


def _lost_backend(app: Harbour) -> object:
    shard = app.backend()
    app.replace("backend")
    return app.deliver(shard)


def _lost_handle(app: Harbour) -> object:
    handle = app.deliver(app.backend()).handle
    app.replace("backend")
    return app.refresh(handle)


def _cut(app: Harbour) -> object:
    return app.refresh(app.deliver(app.backend()).handle[:-1])


def _forged(app: Harbour) -> object:
    from valetkey.wire import opaque

    raw = bytearray(opaque.read("kh", app.deliver(app.backend()).handle))
    raw[-1] ^= 1
    return app.refresh(opaque.write("kh", bytes(raw)))


def _renamed(app: Harbour) -> object:
    """The backend's shard, in the clothes of the device's."""
    from valetkey.wire import opaque

    return app.refresh(shard=opaque.write("rt", opaque.read("ks", app.backend())))


def _code_of_no_use(app: Harbour) -> object:
    code = app.code()
    return app.refresh(code[:-1] + ("1" if code.endswith("0") else "0"))


REFUSED = [
    row("too few", "the device's alone", TWO, lambda a: a.refresh(), InsufficientKeyShards, True),
    row(
        "too few",
        "the device's twice",
        TWO,
        lambda a: a.refresh(a.phone),
        InsufficientKeyShards,
        True,
    ),
    row(
        "holder",
        "the backend's, by the app",
        TWO,
        lambda a: a.refresh(a.backend()),
        InvalidGrant,
        True,
    ),
    row(
        "holder",
        "the backend's, as if it were the device's",
        TWO,
        lambda a: a.refresh(a.phone, shard=a.backend()),
        InvalidGrant,
        True,
    ),
    row(
        "holder",
        "the backend's, delivered by the app",
        TWO,
        lambda a: a.deliver(a.backend(), client="harbour", by=PHONE),
        InvalidGrant,
        True,
    ),
    row(
        "holder",
        "the device's, delivered by the backend",
        TWO,
        lambda a: a.deliver(a.phone),
        InvalidGrant,
        True,
    ),
    row(
        "holder",
        "the device's, with another key",
        TWO,
        lambda a: a.refresh(a.deliver(a.backend()).handle, by=THIEF),
        InvalidGrant,
        True,
    ),
    row(
        "holder",
        "the device's, with no key",
        TWO,
        lambda a: a.refresh(a.deliver(a.backend()).handle, by=None),
        InvalidGrant,
        True,
    ),
    row(
        "holder",
        "the device's, at another app",
        TWO,
        lambda a: a.refresh(a.deliver(a.backend()).handle, client="kite"),
        InvalidGrant,
        True,
    ),
    row("replay", "the device's, two old", TWO, _replay, InvalidGrant, True),
    row("replay", "the backend's, two old", TWO, _backend_replays, InvalidGrant, True),
    row("replay", "a handle that was used", TWO, _handle_twice, InvalidGrant, False),
    row("late", "a handle that is over", TWO, _handle_late, InvalidGrant, False),
    row("lost", "the device's, after its reissue", TWO, _lost, InvalidGrant, False),
    row("lost", "the same at another app", TWO, _lost_by_another, InvalidGrant, False),
    row("lost", "the backend's, after its reissue", TWO, _lost_backend, InvalidGrant, False),
    row("lost", "its handle", TWO, _lost_handle, InvalidGrant, False),
    row("malformed", "a cut handle", TWO, _cut, InvalidRequest, False),
    row("malformed", "a word", TWO, lambda a: a.refresh("vk_xx_yy"), InvalidRequest, False),
    row(
        "malformed",
        "too many",
        TWO,
        lambda a: a.refresh(*(f"vk_kh_{n}" for n in range(5))),
        InvalidRequest,
        False,
    ),
    row("malformed", "a mistyped code", CODE, _code_of_no_use, InvalidRequest, False),
    row("forged", "a handle", TWO, _forged, InvalidGrant, False),
    row("forged", "one kind as the other", TWO, _renamed, InvalidGrant, False),
    row(
        "too few",
        "a device and a claim ticket",
        TWO,
        lambda a: a.refresh(a.told("backend")["claim_ticket"]),
        InvalidRequest,
        False,
    ),
]


@pytest.mark.parametrize("tier, does, error, alarm", REFUSED)
def test_what_is_refused(tier: object, does: Story, error: type[OAuthError], alarm: bool) -> None:
    app = Harbour(tier)  # type: ignore[arg-type]
    with pytest.raises(error) as refused:
        does(app)
    assert type(refused.value) is error
    assert app.status == ("suspended" if alarm else "open")
    assert ("suspended" in app.world.kinds()) is alarm


def test_what_is_refused_turns_nothing() -> None:
    app = Harbour(CODE)
    backend = app.deliver(app.backend())
    before = app.family.shards
    for bad in ("vk_kh_cut", "AAAA", *(f"vk_kh_{n}" for n in range(5))):
        with pytest.raises(InvalidRequest):
            app.refresh(backend.handle, bad, app.phone)
    assert app.family.shards == before
    assert app.refresh(backend.handle)["scope"] == SCOPE


def test_a_suspended_key_opens_nothing_until_its_user_resumes_it() -> None:
    app = Harbour(TWO)
    delivered = app.deliver(app.backend())
    with pytest.raises(InsufficientKeyShards):
        app.refresh()
    assert not app.world.introspect(app.answer["access_token"]).active
    for tries in (
        lambda: app.refresh(delivered.handle),
        lambda: app.deliver(delivered.key_shard),
        lambda: app.reissue("device", delivered.handle),
    ):
        with pytest.raises(KeySuspended):
            tries()
    app.resume()
    assert app.world.introspect(app.answer["access_token"]).active
    assert app.refresh(delivered.handle)["scope"] == SCOPE
    assert app.world.kinds()[-1] == "resumed"


def test_by_policy_too_few_are_only_refused() -> None:
    app = Harbour(TWO)
    app.policy(short_of_shards="refuse")
    with pytest.raises(InsufficientKeyShards):
        app.refresh()
    assert app.status == "open"


def test_shards_of_two_keys_suspend_both() -> None:
    mine = Harbour(TWO)
    other = Harbour(TWO, world=mine.world)
    theirs = other.deliver(other.backend())
    with pytest.raises(InvalidGrant):
        mine.refresh(theirs.handle)
    assert (mine.status, other.status) == ("suspended", "suspended")


def test_the_shards_of_an_earlier_key_are_none_of_its_successor_s() -> None:
    """Of two holders before, of three now: what two opened then opens nothing beside the third."""
    before = Harbour(TWO)
    kept = before.backend()
    now = Harbour(CODE, world=before.world)
    code = now.code()
    with pytest.raises(InvalidGrant):
        now.refresh(before.deliver(kept).handle, code)
    assert (before.status, now.status) == ("suspended", "suspended")


def test_in_which_order_they_come_is_all_one() -> None:
    app = Harbour(CODE)
    handle, code = app.deliver(app.backend()).handle, app.code()
    one, other = app.refresh(code, handle), app.refresh(handle, code)
    # An access token is new each time, and the ID Token beside it says which one that is.
    fresh = {name: one[name] for name in ("access_token", "id_token")}
    assert one == other | fresh


def test_a_code_that_is_guessed_suspends_the_key_at_the_fifth() -> None:
    app = Harbour(CODE)
    stray = Harbour(CODE, world=app.world)
    app.code()
    wrong = [stray.code() for _ in range(5)]
    for code in wrong[:4]:
        with pytest.raises(InvalidGrant):
            app.refresh(code)
        assert app.status == "open"
    with pytest.raises(InvalidGrant):
        app.refresh(wrong[4])
    assert app.status == "suspended"


def test_guesses_are_forgotten_after_an_hour() -> None:
    app = Harbour(CODE)
    stray = Harbour(CODE, world=app.world)
    for _ in range(8):
        app.world.later(1000)
        with pytest.raises(InvalidGrant):
            app.refresh(stray.code())
    assert app.status == "open"


# One more for what is risky.


def test_what_is_risky_takes_one_shard_more() -> None:
    app = Harbour(CODE, scope=f"{SCOPE} dms.send")
    app.policy(one_more_shard="high")
    delivered = app.deliver(app.backend())
    answer = app.refresh(delivered.handle)
    assert answer["scope"] == SCOPE
    app.phone = answer["refresh_token"]
    delivered = app.deliver(delivered.key_shard)
    assert "dms.send" in app.refresh(delivered.handle, app.code())["scope"]


def test_an_ordinary_key_has_none_to_spare() -> None:
    app = Harbour(TWO)
    tokens = app.world.connect("kite", scope=f"{SCOPE} dms.send")
    again = app.world.refresh("kite", tokens["refresh_token"])
    assert "dms.send" in again["scope"]
    from valetkey.server.model.client import Client

    app.policy(one_more_shard="high")
    app.world.change(Client, "kite", policy="harbour")
    assert "dms" not in app.world.refresh("kite", again["refresh_token"])["scope"]


# Off.


def test_without_the_feature_a_request_for_shards_is_an_ordinary_one() -> None:
    from tests.server.oauth.world import World

    world = World(tuple(one for one in FEATURES if one.name != "key shards"))
    with pytest.raises(KeyError):
        Harbour(TWO, world=world).backend()


def test_what_was_cut_before_it_was_switched_off_opens_nothing() -> None:
    from msgspec.structs import replace

    app = Harbour(TWO)
    handle = app.deliver(app.backend()).handle
    rest = tuple(one for one in app.world.at.features if one.name != "key shards")
    app.world.at = replace(app.world.at, features=rest)
    with pytest.raises(InvalidGrant):
        app.refresh(handle)
