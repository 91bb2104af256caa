"""A37: device code theft (RFC 8628 5.2).

Attack: Another client polls with a stolen device code, or a client polls too fast.
Defense: A device code works once, for its own client, and the server slows down fast polling.
"""

from concurrent.futures import ThreadPoolExecutor

from tests.attacks.elsewhere import TV, approve, begin, error, fetch
from tests.attacks.play import change, find, introspected
from tests.browser import Asking
from tests.live import Live

from valetkey.server.model.client import Client
from valetkey.spec import names

THIEF = Asking(client_id="spa")


def test_another_client_cannot_redeem_it(server: Live) -> None:
    change(server, find(server, Client, "spa"), grant_types=(names.DEVICE_CODE,))
    told = begin(server)
    assert error(fetch(server, told["device_code"], THIEF)) == "invalid_grant"
    approve(server, told["user_code"])
    assert error(fetch(server, told["device_code"], THIEF)) == "invalid_grant"
    assert fetch(server, told["device_code"]).status_code == 200


def test_it_is_good_once(server: Live) -> None:
    told = begin(server)
    approve(server, told["user_code"])
    first = fetch(server, told["device_code"])
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    assert error(fetch(server, told["device_code"])) == "invalid_grant"
    assert not introspected(server, first.json()["access_token"])["active"]


def test_of_two_at_once_one_is_served(server: Live) -> None:
    told = begin(server)
    approve(server, told["user_code"])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: fetch(server, told["device_code"]), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


def test_a_fast_poll_is_slowed_down(server: Live) -> None:
    told = begin(server)
    codes = [error(fetch(server, told["device_code"])) for _ in range(3)]
    assert codes == ["authorization_pending", "slow_down", "slow_down"]


def test_what_stands_in_the_page_is_no_device_code(server: Live) -> None:
    told = begin(server)
    approve(server, told["user_code"])
    assert error(fetch(server, told["user_code"])) == "invalid_grant"
    assert fetch(server, told["device_code"], TV).status_code == 200
