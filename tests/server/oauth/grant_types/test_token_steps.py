"""A token request takes its steps in one order, and only those that something needs."""

import pytest
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.oauth.core.rar import RAR
from valetkey.server.oauth.features import FEATURES, switched
from valetkey.server.oauth.grant_types.token import STEPS, token
from valetkey.server.oauth.senders.dpop import DPOP
from valetkey.server.oauth.senders.mtls import MTLS
from valetkey.server.oauth.shards.claim import KEY_SHARDS
from valetkey.spec.errors import InvalidRequest, OAuthError, UnauthorizedClient

ALL = [one.name for one in STEPS]


def names(*off: str, on: tuple[str, ...] = ()) -> list[str]:
    return [one.name for one in World(switched(on=on, off=off)).at.token_steps]


def test_the_order_is_that_of_the_list() -> None:
    assert ALL == ["grant type", "proof of a key", "required proof", "unread parameters"]
    assert names(RAR.name) == ALL


def test_each_step_is_a_check_or_a_rule() -> None:
    assert all((one.check is None) != (one.rule is None) for one in STEPS)


def test_only_one_feature_has_the_list() -> None:
    assert [one.name for one in FEATURES if one.token_steps] == ["token endpoint"]


ON_THE_WAY = [
    row("3.2", "no key can be proved", (DPOP.name, MTLS.name), (), "proof of a key", False),
    row("9449 5", "a key by DPoP", (MTLS.name,), (DPOP.name,), "proof of a key", True),
    row("8705 3", "a key by a certificate", (DPOP.name,), (MTLS.name,), "proof of a key", True),
    row("3.2", "every parameter is read", (), (RAR.name, KEY_SHARDS.name), ALL[-1], False),
    row("3.2", "details are read by nobody", (RAR.name,), (), ALL[-1], True),
    row("3.2", "shards are read by nobody", (KEY_SHARDS.name,), (), ALL[-1], True),
]


@pytest.mark.parametrize("off,on,step,there", ON_THE_WAY)
def test_what_nothing_needs_is_not_on_the_way(
    off: tuple[str, ...], on: tuple[str, ...], step: str, there: bool
) -> None:
    assert (step in names(*off, on=on)) is there


def test_a_required_key_is_missed_where_none_can_be_proved() -> None:
    """The check stays where its proof is off: nobody gets an unbound token instead."""
    world = World(switched(off=(DPOP.name, MTLS.name)))
    world.change(Client, "machine", dpop_bound_access_tokens=True)
    with pytest.raises(InvalidRequest, match="prove possession"):
        world.ask(token(call("machine", grant_type="client_credentials"), world.context))


REFUSED: list[tuple[str, dict[str, object], type[OAuthError]]] = [
    ("the grant type comes first", {"grant_types": ()}, UnauthorizedClient),
    ("then the proof that is required", {}, InvalidRequest),
]


@pytest.mark.parametrize("fields,error", [row("5.2", name, *rest) for name, *rest in REFUSED])
def test_earlier_steps_refuse_first(fields: dict[str, object], error: type[OAuthError]) -> None:
    world = World()
    world.change(Client, "machine", dpop_bound_access_tokens=True, **fields)
    with pytest.raises(error):
        world.ask(token(call("machine", grant_type="client_credentials"), world.context))
