"""Shards are claimed by their holders, and replaced one by one."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import call, request
from tests.server.oauth.shards.app import (
    CODE,
    HARBOUR,
    NEW_PHONE,
    PHONE,
    SCOPE,
    SECOND,
    SERVER,
    TABLET,
    THIEF,
    TWO,
    Harbour,
)
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.oauth.clients import metadata
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.grants.changes import NotFound
from valetkey.server.oauth.shards.reissue import replace_shard as replaced
from valetkey.server.oauth.shards.reissue import resume
from valetkey.spec.errors import InsufficientKeyShards, InvalidGrant, InvalidRequest, OAuthError
from valetkey.wire.key_shards import Tier, write_tier

# Claims.


def test_the_backend_that_lost_the_reply_asks_again() -> None:
    app = Harbour(TWO)
    ticket = app.told("backend")["claim_ticket"]
    first = app.claim(ticket)
    app.world.later(300)
    assert app.claim(ticket) == first
    app.deliver(first.key_shard)
    with pytest.raises(InvalidGrant):
        app.claim(ticket)
    assert app.status == "open"


def test_a_picture_that_is_scanned_twice_serves_the_first() -> None:
    app = Harbour(SECOND)
    ticket = app.replace("second_device").ticket
    tablet = app.claim(ticket, client="harbour", by=TABLET)
    with pytest.raises(InvalidGrant):
        app.claim(ticket, client="harbour", by=THIEF)
    assert app.claim(ticket, client="harbour", by=TABLET) == tablet
    assert app.status == "open"
    with pytest.raises(InvalidGrant):
        app.refresh(app.deliver(app.backend()).handle, shard=tablet.key_shard, by=THIEF)


def _late(app: Harbour) -> object:
    app.world.later(600)
    return app.backend()


def _replaced(app: Harbour) -> object:
    app.replace("backend")
    return app.backend()


def _of_another(app: Harbour) -> object:
    return app.claim(app.told("backend")["claim_ticket"], client="web")


CLAIMS = [
    row("late", "after ten minutes", _late, InvalidGrant),
    row("replaced", "a ticket from before a reissue", _replaced, InvalidGrant),
    row("holder", "another client", _of_another, InvalidGrant),
    row(
        "holder",
        "the app itself, which cannot prove who it is",
        lambda a: a.claim(a.told("backend")["claim_ticket"], client="harbour", by=PHONE),
        InvalidGrant,
    ),
    row(
        "holder",
        "the backend, a device's ticket",
        lambda a: a.claim(a.replace("device").ticket),
        InvalidGrant,
    ),
    row(
        "holder",
        "a device without a key",
        lambda a: a.claim(a.replace("device").ticket, client="harbour"),
        InvalidRequest,
    ),
    row("malformed", "a cut one", lambda a: a.claim("vk_kt_AAAA"), InvalidRequest),
    row("malformed", "a shard", lambda a: a.claim(a.phone), InvalidRequest),
]


@pytest.mark.parametrize("does, error", CLAIMS)
def test_what_is_not_claimed(does: Callable[[Harbour], object], error: type[OAuthError]) -> None:
    app = Harbour(TWO)
    with pytest.raises(error):
        does(app)
    assert app.status == "open"


def test_the_history_says_who_has_what() -> None:
    app = Harbour(TWO)
    app.backend()
    assert app.world.kinds()[-1] == "claimed"


# A lost phone is not a lost account.


def test_a_new_phone_with_the_backend_and_a_code() -> None:
    app = Harbour(CODE)
    code, delivered = app.code(), app.deliver(app.backend())
    reissued = app.reissue("device", delivered.handle, code, by=None)
    assert reissued.refresh_token == ""
    phone = app.claim(reissued.claim_ticket, client="harbour", by=NEW_PHONE).key_shard
    assert phone.startswith("vk_rt_")
    # What the thief has of the old one is nothing, and no alarm.
    again = app.deliver(delivered.key_shard)
    with pytest.raises(InvalidGrant):
        app.refresh(again.handle)
    assert app.status == "open"
    assert app.refresh(again.handle, shard=phone, by=NEW_PHONE)["scope"] == SCOPE
    assert (
        app.told("recovery_code", app.refresh(again.handle, shard=phone, by=NEW_PHONE))["status"]
        == "spent"
    )


def test_a_reissue_whose_reply_is_lost_is_asked_again_however_late() -> None:
    app = Harbour(CODE)
    code, delivered = app.code(), app.deliver(app.backend())
    app.reissue("device", delivered.handle, code, by=None)
    app.reissue("device", delivered.handle, code, by=None)
    app.world.later(86400)
    late = app.reissue("device", app.deliver(delivered.key_shard).handle, code, by=None)
    phone = app.claim(late.claim_ticket, client="harbour", by=NEW_PHONE).key_shard
    # Once the new phone has it, that is over.
    delivered = app.deliver(delivered.key_shard)
    with pytest.raises(InvalidGrant):
        app.reissue("device", delivered.handle, code, by=None)
    assert app.refresh(delivered.handle, shard=phone, by=NEW_PHONE)["scope"] == SCOPE


def test_a_code_that_was_used_for_a_refresh_replaces_nothing() -> None:
    app = Harbour(CODE)
    code = app.code()
    app.phone = app.refresh(code)["refresh_token"]
    app.replace("device")
    with pytest.raises(InvalidGrant):
        app.reissue("device", app.deliver(app.backend()).handle, code, by=None)


def test_a_lost_backend_is_replaced_by_the_phone_and_a_code() -> None:
    app = Harbour(CODE)
    old, code = app.backend(), app.code()
    reissued = app.reissue("backend", code, shard=app.phone)
    app.phone = reissued.refresh_token
    with pytest.raises(InvalidGrant):
        app.deliver(old)
    fresh = app.claim(reissued.claim_ticket).key_shard
    assert app.refresh(app.deliver(fresh).handle)["scope"] == SCOPE


def test_a_second_device_s_new_shard_is_fetched_at_its_page() -> None:
    app = Harbour(SECOND)
    delivered = app.deliver(app.backend())
    reissued = app.reissue("second_device", delivered.handle, shard=app.phone)
    assert (reissued.claim_ticket, reissued.claim_uri != "") == ("", True)


REISSUES = [
    row("holder", "nobody's", lambda a: a.reissue("cloud")),
    row("holder", "none of this key's", lambda a: a.reissue("second_device", shard=a.phone)),
    row("shown", "nothing", lambda a: a.reissue("device")),
    row("shown", "a code alone", lambda a: a.reissue("device", a.code())),
    row(
        "shown",
        "the lost one itself",
        lambda a: a.reissue("device", a.deliver(a.backend()).handle, shard=a.phone),
    ),
    row(
        "shown",
        "the backend's as a device's",
        lambda a: a.reissue("recovery_code", shard=a.backend()),
    ),
]


@pytest.mark.parametrize("does", REISSUES)
def test_what_is_not_replaced(does: Callable[[Harbour], object]) -> None:
    app = Harbour(CODE)
    with pytest.raises(InvalidRequest):
        does(app)
    assert app.status == "open"


def test_one_shard_alone_replaces_none_and_is_an_alarm() -> None:
    app = Harbour(CODE)
    with pytest.raises(InsufficientKeyShards):
        app.reissue("device", app.deliver(app.backend()).handle)
    assert app.status == "suspended"


# By the user.


def test_another_user_replaces_and_resumes_nothing() -> None:
    app, noor = Harbour(CODE), ""
    noor = app.world.noor.id
    context = app.world.context
    for rule in (
        lambda: replaced(app.name, "device", user=noor, by="user", context=context),
        lambda: resume(app.name, user=noor, by="user", context=context),
    ):
        assert isinstance(app.world.settle(rule), NotFound)


def test_an_administrator_is_shown_no_recovery_code() -> None:
    app = Harbour(CODE)
    made = app.world.settle(
        lambda: replaced(
            app.name,
            "recovery_code",
            user=app.world.miko.id,
            by="administrator",
            context=app.world.context,
        )
    )
    assert "code=''" not in repr(made)
    assert getattr(made, "code", None) == ""


def test_a_new_code_makes_the_old_one_worthless() -> None:
    app = Harbour(CODE)
    old = app.code()
    new = app.code()
    with pytest.raises(InvalidGrant):
        app.refresh(old)
    assert app.refresh(new)["scope"] == SCOPE


# What may be asked for, and registered.


@pytest.mark.parametrize(
    "asked",
    [
        row("tier", "no JSON", "2"),
        row("tier", "not among its own", write_tier(Tier(3, CODE.holders))),
        row("tier", "not offered", write_tier(Tier(2, ("device", "recovery_code")))),
    ],
)
def test_a_request_for_what_is_not_registered(asked: str) -> None:
    world = World()
    world.put(HARBOUR, SERVER)
    decision = world.visit(request("harbour", key_shards=asked), world.sign_in())
    assert isinstance(getattr(decision, "error", None), InvalidRequest)


def test_who_did_not_opt_in_asks_in_vain() -> None:
    world = World()
    decision = world.visit(request("kite", key_shards=write_tier(TWO)), world.sign_in())
    assert isinstance(getattr(decision, "error", None), InvalidRequest)


@pytest.mark.parametrize(
    "fields, wrong",
    [
        row("7591", "as it should be", {}, 0),
        row("7591", "no backend", {"key_shard_backend": ""}, 1),
        row("7591", "its own backend, and public", {"key_shard_backend": "harbour"}, 1),
        row("7591", "a backend for nothing", {"key_shards": ()}, 1),
        row("7591", "twice", {"key_shards": (TWO, TWO)}, 1),
        row("7591", "not offered", {"key_shards": (Tier(3, SECOND.holders),)}, 1),
        row("7591", "without refresh", {"grant_types": ("authorization_code",)}, 1),
    ],
)
def test_what_a_client_may_be_registered_for(fields: dict[str, object], wrong: int) -> None:
    found = mistakes(replace(HARBOUR, **fields), World().at)
    assert len([one for one in found if one.startswith("key_shard")]) == wrong


def test_the_metadata_of_a_client_says_it_both_ways() -> None:
    document = metadata.write(HARBOUR)
    assert document["key_shards"][0] == {"threshold": 2, "holders": ("device", "backend")}
    read = metadata.read({"key_shards": [{"threshold": 2, "holders": ["device", "backend"]}]})
    assert read["key_shards"] == (TWO,)


def test_a_device_flow_asks_for_shards_too() -> None:
    from valetkey.server.oauth.authorize.request import PARAMETERS

    assert "key_shards" in PARAMETERS


def test_a_confidential_client_is_its_own_backend() -> None:
    world = World()
    world.change(Client, "web", key_shards=(TWO,))
    code = world.agree(request("web", key_shards=write_tier(TWO))).code
    answer = world.redeem("web", code)
    (ticket,) = (
        one["claim_ticket"] for one in answer["key_shards"]["shards"] if "claim_ticket" in one
    )
    from valetkey.server.oauth.core.decision import Answer
    from valetkey.server.oauth.shards.claim import claim

    claimed = world.post(claim, call("web", claim_ticket=ticket))
    assert isinstance(claimed, Answer)
    shard = claimed.document.key_shard  # type: ignore[attr-defined]
    again = world.refresh("web", answer["refresh_token"], other_key_shards=shard)
    assert again["refresh_token"] != answer["refresh_token"]
    (backend,) = (one for one in again["key_shards"]["shards"] if one["holder"] == "backend")
    assert backend["key_shard"].startswith("vk_ks_")
