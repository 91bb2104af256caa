"""The lease endpoint: who may take a piece of what a limit leaves, and what is refused."""

from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.bank import PAY, SCOPE, bank
from tests.server.oauth.core.test_limiting import key
from tests.server.oauth.forms import call, form
from tests.server.oauth.world import World

from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.hours import Hours
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.limits import Bounds, Proposal
from valetkey.server.model.pending import Approval
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.grants.changes import change_status, narrow
from valetkey.server.oauth.grants.lease import give_back, lease
from valetkey.spec.errors import InvalidClient, InvalidRequest, OAuthError
from valetkey.wire.lease import GRACE, LONGEST_LEASE, Leased, Refused

WRITE = "chirps.write"
NAME = "n" * 22
TEN = Bounds(often={"day": 10})


def world_of(**permissions: Bounds) -> World:
    world = bank()
    named = {name.replace("_", "."): one for name, one in permissions.items()}
    key(world, Proposal(permissions=named))
    return world


def asking(world: World, **changed: Any) -> dict[str, Any]:
    given = {
        "grant": world.grant("payer").id,
        "family": world.family("payer").id,
        "permission": WRITE,
        "lease": NAME,
    }
    return given | changed


def leased(world: World, by: str = "chirp", **changed: Any) -> Leased | Refused:
    outcome = world.post(lease, call(by, **asking(world, **changed)))
    assert isinstance(outcome, Answer)
    assert isinstance(outcome.document, Leased | Refused)
    return outcome.document


def back(world: World, by: str = "chirp", **changed: Any) -> None:
    outcome = world.post(give_back, call(by, **asking(world, **changed)))
    assert isinstance(outcome, Answer)
    assert outcome.document is None


def used(world: World) -> int:
    return sum(count.used for one in world.all(Allowance) for count in one.often.values())


def test_a_lease_is_deducted_before_it_is_told() -> None:
    world = world_of(chirps_write=TEN)
    told = leased(world, uses="3")
    version = world.grant("payer").version
    assert told == Leased(lease=NAME, expires_in=LONGEST_LEASE, grant_version=version, uses=1)
    (row_,) = world.all(Allowance)
    assert (row_.grant, row_.permission, used(world)) == (world.grant("payer").id, WRITE, 1)


def test_a_lost_answer_costs_nothing() -> None:
    world = world_of(chirps_write=TEN)
    first = leased(world)
    world.later(5)
    again = leased(world)
    assert isinstance(first, Leased)
    assert isinstance(again, Leased)
    assert (again.uses, again.expires_in) == (first.uses, first.expires_in - 5)
    assert used(world) == 1


def test_one_lease_is_changed_for_the_next() -> None:
    world = world_of(chirps_write=Bounds(often={"day": 100}))
    leased(world, uses="9")
    leased(world, lease="m" * 22, back=NAME, unused_uses="4", uses="2")
    assert used(world) == 9 - 4 + 2
    back(world, back="m" * 22, unused_uses="2")
    back(world, back="m" * 22, unused_uses="2")
    assert used(world) == 5


def test_a_lease_of_which_nothing_was_spent_goes_back_whole() -> None:
    """By whoever finds that a dead process has asked for it, not knowing how much it was."""
    world = world_of(chirps_write=Bounds(often={"day": 100}))
    leased(world, uses="9")
    back(world, back=NAME, unspent="all", family="-")
    back(world, back=NAME, unspent="all", family="-")
    assert used(world) == 0


def test_what_ran_out_is_told_and_when_it_comes_back() -> None:
    world = world_of(chirps_write=Bounds(often={"day": 1}))
    leased(world)
    told = leased(world, lease="m" * 22)
    midnight = world.now - world.now % 86400 + 86400
    assert told == Refused(
        limit="often",
        grant_version=world.grant("payer").version,
        per="day",
        allowed=1,
        back_at=midnight,
        again_in=LONGEST_LEASE + 1,
    )
    world.now = midnight
    assert isinstance(leased(world, lease="l" * 22), Leased)


def test_what_is_returned_with_a_refusal_is_kept() -> None:
    world = world_of(
        chirps_write=Bounds(often={"day": 20}, hours=(Hours(opens="00:00", closes="23:00"),))
    )
    world.now = world.now - world.now % 86400 + 23 * 3600 - 5
    leased(world, uses="2")
    assert used(world) == 2
    world.later(5)
    told = leased(world, lease="m" * 22, back=NAME, unused_uses="2")
    assert isinstance(told, Refused)
    assert told.limit == "hours"
    assert used(world) == 0


def test_what_is_not_limited_is_leased_without_a_row() -> None:
    world = world_of()
    told = leased(world)
    assert isinstance(told, Leased)
    assert (told.uses, told.amount, told.expires_in) == (None, None, LONGEST_LEASE)
    assert world.all(Allowance) == ()


def test_above_an_amount_the_user_is_asked() -> None:
    world = world_of(payments_send=Bounds(much={"month": 10_000}, ask_above=500))
    told = leased(world, "bank", permission=PAY, amount="500", reserve="500")
    assert isinstance(told, Leased)
    assert (told.amount, told.ask_above) == (1250 if told.amount == 1250 else 500, 500)
    told = leased(world, "bank", permission=PAY, amount="501", lease="m" * 22)
    assert isinstance(told, Refused)
    assert (told.limit, told.allowed) == ("ask", 500)
    (question,) = world.all(Approval)
    assert told.ask_uri == f"https://id.example/approvals/{question.id}"


# Who may not.

GONE: list[Any] = [
    row("A77", "an unknown grant", lambda world: {"grant": "0" * 26}),
    row("A77", "no name of a grant", lambda world: {"grant": "' OR 1=1 --"}),
    row("A77", "an unknown family", lambda world: {"family": "0" * 26}),
    row("A77", "the family of another grant", lambda world: {"family": other(world)}),
    row("lease", "an unknown permission", lambda world: {"permission": "cakes.eat"}),
    row("lease", "another API's permission", lambda world: {"permission": PAY}),
    row("lease", "a permission that is not granted", lambda world: {"permission": "dms.send"}),
]


def other(world: World) -> str:
    world.connect("kite")
    return world.family("kite").id


@pytest.mark.parametrize("changed", GONE)
def test_there_is_nothing_for_what_the_key_does_not_open(changed: Any) -> None:
    world = world_of(chirps_write=TEN)
    wrong = changed(world)
    before = world.digest()
    assert leased(world, **wrong) == Refused(limit="gone")
    back(world, back=NAME, **wrong)
    assert world.digest() == before


def stop(world: World) -> None:
    grant = world.grant("payer")
    world.settle(
        lambda: change_status(grant.id, "pause", user=grant.user, by="user", context=world.context)
    )


def take_away(world: World) -> None:
    grant = world.grant("payer")
    world.settle(
        lambda: narrow(grant.id, ("openid",), user=grant.user, by="user", context=world.context)
    )


def close(world: World) -> None:
    world.change(TokenFamily, world.family("payer").id, status="closed")


def end(world: World) -> None:
    grant = world.grant("payer")
    world.change(
        Grant, grant.id, limits=Proposal(lasts=1, permissions={WRITE: TEN}).since(world.now)
    )
    world.later(1)


@pytest.mark.parametrize("what", [stop, take_away, close, end])
def test_there_is_nothing_for_a_key_that_is_over(what: Any) -> None:
    world = world_of(chirps_write=TEN)
    assert isinstance(leased(world), Leased)
    what(world)
    before = world.digest()
    assert leased(world, lease="m" * 22) == Refused(limit="gone")
    assert world.digest() == before


CALLERS: list[Any] = [
    row("lease", "a client", lambda world: call("web", **asking(world)), InvalidClient),
    row("lease", "a public client", lambda world: call("payer", **asking(world)), InvalidClient),
    row("lease", "nobody", lambda world: Call(form=form(asking(world))), InvalidClient),
    row(
        "lease",
        "a wrong secret",
        lambda world: Call(
            form=form(asking(world, client_id="chirp", client_secret="wrong")),
        ),
        InvalidClient,
    ),
]


@pytest.mark.parametrize("made,error", CALLERS)
@pytest.mark.parametrize("rule", [lease, give_back])
def test_only_a_resource_server_leases(rule: Any, made: Any, error: type[OAuthError]) -> None:
    world = world_of(chirps_write=TEN)
    sent = made(world)
    sent = Call(
        form=form({**{name: sent.form[name] for name in sent.form}, "back": NAME}),
        authorization=sent.authorization,
    )
    before = world.digest()
    with pytest.raises(error):
        world.post(rule, sent)
    assert world.digest() == before


BAD: list[Any] = [
    row("lease", f"{field} {what}", field, value)
    for field in ("uses", "amount", "reserve", "unused_uses", "unused_amount")
    for what, value in {
        "below none": "-1",
        "a fraction": "1.5",
        "no number": "NaN",
        "without end": "Infinity",
        "in other digits": "\u0661",
        "with a space": " 1",
        "with a sign": "+1",
        "in hexadecimal": "0x1",
        "an exponent": "1e3",
        "huge": "9" * 13,
        "past all words": "9" * 400,
    }.items()
] + [
    row("lease", "no uses", "uses", "0"),
    row("lease", "a short name", "lease", "n" * 15),
    row("lease", "a long name", "lease", "n" * 65),
    row("lease", "a name with a space", "lease", "n" * 20 + " n"),
    row("lease", "a name of nothing that is there", "back", "' OR 1=1 --"),
    row("lease", "no name", "lease", None),
    row("lease", "no grant", "grant", None),
    row("lease", "no family", "family", None),
    row("lease", "no permission", "permission", None),
]


@pytest.mark.parametrize("field,value", BAD)
def test_nonsense_is_refused(field: str, value: str | None) -> None:
    world = world_of(chirps_write=TEN)
    leased(world, lease="b" * 22)
    before = world.digest()
    with pytest.raises(InvalidRequest):
        world.post(lease, call("chirp", **asking(world, **({"back": "b" * 22} | {field: value}))))
    assert world.digest() == before


def test_more_than_was_leased_does_not_go_back() -> None:
    world = world_of(chirps_write=TEN)
    leased(world)
    before = world.digest()
    for rule in (lease, give_back):
        sent = call("chirp", **asking(world, lease="m" * 22, back=NAME, unused_uses="2"))
        with pytest.raises(InvalidRequest):
            world.post(rule, sent)
    assert world.digest() == before


def test_another_api_neither_gets_nor_returns_a_lease() -> None:
    """ATTACKS A77: not even by its name."""
    world = world_of(chirps_write=TEN)
    leased(world)
    before = world.digest()
    told = leased(world, "bank")
    assert told == Refused(limit="gone")
    assert told == leased(world, "bank", lease="m" * 22, back=NAME, unused_uses="1")
    back(world, "bank", back=NAME, unused_uses="1")
    back(world, "bank", permission=PAY, back=NAME, unused_uses="1")
    assert world.digest() == before


def test_an_amount_that_is_limited_has_to_be_told() -> None:
    world = world_of(payments_send=Bounds(much={"month": 10_000}))
    with pytest.raises(InvalidRequest):
        leased(world, "bank", permission=PAY)


def test_a_limit_that_is_tightened_counts_what_was_used() -> None:
    world = world_of(chirps_write=TEN)
    for number in range(4):
        leased(world, lease=f"{number:022}")
    grant = world.grant("payer")
    tight = Proposal(permissions={WRITE: Bounds(often={"day": 4})}).since(world.now)
    world.change(Grant, grant.id, limits=tight)
    told = leased(world, lease="m" * 22)
    assert isinstance(told, Refused)
    assert told.grant_version == grant.version + 1
    world.later(LONGEST_LEASE + GRACE)
    assert isinstance(leased(world, lease="m" * 22), Refused)


# What the API learns.


def test_a_token_says_what_is_limited_where_something_is() -> None:
    world = bank()
    tokens = key(world, Proposal(permissions={PAY: TEN, WRITE: TEN}), scope=SCOPE)
    assert world.introspect(tokens["access_token"]).limited == (WRITE,)
    assert world.introspect(tokens["access_token"], by="bank").limited == (PAY,)
    tokens = world.connect("kite")
    assert world.introspect(tokens["access_token"]).limited == ()


def test_an_ordinary_client_sees_ordinary_oauth() -> None:
    document = server_metadata(bank().context)
    assert "lease" not in repr(document)
