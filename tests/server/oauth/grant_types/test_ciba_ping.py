"""An app that is told of its answer (CIBA Core 7.1, 10.2)."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.server.oauth.grant_types.elsewhere import asks, shown, waiting
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.stream import Job
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.message_delivery import Message
from valetkey.server.oauth.grants import approvals
from valetkey.spec.errors import InvalidRequest

AT = "https://till.example/told"
TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"


def pinging() -> World:
    world = World()
    world.change(
        Client,
        "till",
        backchannel_token_delivery_mode="ping",
        backchannel_client_notification_endpoint=AT,
    )
    return world


def message(world: World) -> Message | None:
    (job,) = world.all(Job)
    assert job.url == AT
    written = world.ask(message_delivery.write_message(job, world.context))
    assert written is None or isinstance(written, Message)
    return written


@pytest.mark.parametrize("yes", [True, False])
def test_a_yes_and_a_no_are_told(yes: bool) -> None:
    world = pinging()
    told, visit = asks(world, client_notification_token=TOKEN), world.sign_in()
    assert not world.all(Job)
    page = shown(world, visit)
    if yes:
        world.say(page, visit)
    else:
        world.refuse(page, visit)
    sent = message(world)
    assert sent is not None
    assert msgspec.json.decode(sent.body) == {"auth_req_id": told["auth_req_id"]}
    assert sent.content_type == "application/json"
    assert sent.headers == {"authorization": f"Bearer {TOKEN}"}


def test_a_no_in_the_list_is_told() -> None:
    world = pinging()
    asks(world, client_notification_token=TOKEN)
    name = waiting(world, world.miko.id)[0].id
    world.settle(
        lambda: approvals.answer(name, yes=False, user=world.miko.id, context=world.context)
    )
    assert message(world) is not None


def test_who_comes_by_itself_is_not_told() -> None:
    world = World()
    asks(world, client_notification_token=TOKEN)
    visit = world.sign_in()
    world.say(shown(world, visit), visit)
    assert not world.all(Job)


@pytest.mark.parametrize(
    "token",
    [None, "short", "x" * 1025, "with spaces in it, and long enough", "ümlaut" * 8, "a\r\nb" * 9],
)
def test_a_token_that_is_none(token: Any) -> None:
    world = pinging()
    before = world.digest()
    with pytest.raises(InvalidRequest):
        asks(world, client_notification_token=token)
    assert world.digest() == before


def test_no_row_holds_the_token_or_the_handle() -> None:
    """ATTACKS A82."""
    world = pinging()
    told, visit = asks(world, client_notification_token=TOKEN), world.sign_in()
    world.say(shown(world, visit), visit)
    for row in (*world.all(Pending), *world.all(Job)):
        assert TOKEN not in repr(row)
        assert told["auth_req_id"][30:] not in repr(row)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "suspended"},
        {"backchannel_client_notification_endpoint": "https://moved.example/told"},
    ],
    ids=str,
)
def test_who_listens_there_no_longer_is_not_told(fields: dict[str, Any]) -> None:
    world = pinging()
    asks(world, client_notification_token=TOKEN)
    visit = world.sign_in()
    world.say(shown(world, visit), visit)
    world.change(Client, "till", **fields)
    assert message(world) is None


def test_registration() -> None:
    world = pinging()
    till = world.need(Client, "till")
    assert mistakes(till, world.at) == []
    wrong = [
        replace(till, backchannel_client_notification_endpoint=""),
        replace(till, backchannel_client_notification_endpoint="http://till.example/told"),
        replace(till, backchannel_client_notification_endpoint="javascript:alert(1)"),
        replace(till, backchannel_token_delivery_mode="poll"),
        replace(till, grant_types=("refresh_token", "client_credentials")),
    ]
    assert all(mistakes(one, world.at) for one in wrong)
