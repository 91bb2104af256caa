"""What a node holds of a limit: spent at hand, asked for once, and never twice."""

import asyncio
from collections.abc import Callable

import pytest
from tests.rows import row

from valetkey.resource import lease_cache as module
from valetkey.resource.errors import Unreachable
from valetkey.resource.lease_cache import CurrentLease, Form, LeaseCache, Spent
from valetkey.wire.lease import Answer, Leased, Refused

pytestmark = pytest.mark.anyio

NONE = Refused(limit="often", grant_version=1, per="day", allowed=3, back_at=99, again_in=1)


class Server:
    """Answers in turn; an exception is a lost answer. Keeps what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Form] = []

    async def __call__(self, form: Form) -> Answer:
        self.asked.append(dict(form))
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def some(uses: int | None = None, amount: int | None = None, **more: int | bool) -> Leased:
    given = {"lease": "l" * 22, "expires_in": 30, "grant_version": 1}
    return Leased(**(given | {"uses": uses, "amount": amount} | more))  # type: ignore[arg-type]


def empty() -> LeaseCache:
    return LeaseCache(lambda cache, tokens: None)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock."""
    now = [1000.0]
    monkeypatch.setattr(module, "seconds", lambda: now[0])

    def moved(by: float) -> None:
        now[0] += by

    return moved


async def test_what_is_at_hand_is_spent_without_a_word() -> None:
    cache, server = empty(), Server(some(3), NONE)
    for _ in range(3):
        assert await cache.spend(0, 1, server) is cache.current
    assert len(server.asked) == 1
    with pytest.raises(Spent) as refused:
        await cache.spend(0, 1, server)
    assert refused.value.refusal == NONE
    first, second = server.asked
    assert (second["back"], second["unused_uses"]) == ("l" * 22, "0")
    assert first["lease"] != second["lease"]


async def test_many_that_wait_ask_once() -> None:
    cache, server = empty(), Server(some(50))
    await asyncio.gather(*(cache.spend(0, 1, server) for _ in range(50)))
    assert len(server.asked) == 1
    assert cache.current is not None
    assert cache.current.uses == 0


async def test_many_that_wait_are_refused_once() -> None:
    cache, server = empty(), Server(some(2), NONE)
    spent = await asyncio.gather(
        *(cache.spend(0, 1, server) for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(one, CurrentLease) for one in spent) == 2
    assert sum(isinstance(one, Spent) for one in spent) == 48
    assert len(server.asked) == 2


async def test_a_refusal_is_forgotten_soon_and_with_a_change(
    later: Callable[[float], None],
) -> None:
    cache = empty()
    server = Server(NONE, some(1, grant_version=2), NONE, some(1, grant_version=3))
    with pytest.raises(Spent):
        await cache.spend(0, 1, server)
    with pytest.raises(Spent):
        await cache.spend(0, 1, server)
    assert len(server.asked) == 1
    # The user has raised the limit.
    assert await cache.spend(0, 2, server)
    with pytest.raises(Spent):
        await cache.spend(0, 2, server)
    later(1.5)
    assert await cache.spend(0, 2, server)


async def test_too_much_for_one_may_be_enough_for_another() -> None:
    short = Refused(limit="much", grant_version=1, again_in=60)
    cache, server = empty(), Server(short, some(None, 5))
    with pytest.raises(Spent):
        await cache.spend(10, 1, server)
    with pytest.raises(Spent):
        await cache.spend(11, 1, server)
    assert await cache.spend(5, 1, server)
    assert len(server.asked) == 2


async def test_a_lease_is_not_spent_past_its_end(later: Callable[[float], None]) -> None:
    cache, server = empty(), Server(some(9), some(9))
    await cache.spend(0, 1, server)
    later(29.9)
    assert cache.at_hand(0, 1)
    later(0.1)
    assert cache.at_hand(0, 1) is None
    await cache.spend(0, 1, server)
    assert (server.asked[1]["back"], server.asked[1]["unused_uses"]) == ("l" * 22, "7")


async def test_time_counts_from_before_the_question(later: Callable[[float], None]) -> None:
    cache = empty()

    async def slow(form: Form) -> Answer:
        later(29)
        return some(9)

    await cache.spend(0, 1, slow)
    later(1)
    assert cache.at_hand(0, 1) is None


async def test_a_change_of_the_grant_ends_what_is_at_hand() -> None:
    cache, server = empty(), Server(some(9), some(1, grant_version=2))
    await cache.spend(0, 1, server)
    await cache.spend(0, 2, server)
    assert server.asked[1]["unused_uses"] == "8"
    assert cache.current is not None
    assert cache.current.uses == 0


async def test_a_lost_answer_is_asked_for_again_by_its_name() -> None:
    cache, server = empty(), Server(some(1), Unreachable("lost"), some(4))
    await cache.spend(0, 1, server)
    await cache.spend(0, 1, server)
    assert server.asked[1] == server.asked[2]
    assert server.asked[2]["back"] == "l" * 22


async def test_while_the_server_is_away_nothing_is_spent_and_the_name_stays() -> None:
    away = Unreachable("away")
    cache, server = empty(), Server(away, away, away, away, some(4))
    for _ in range(2):
        with pytest.raises(Unreachable):
            await cache.spend(0, 1, server)
    await cache.spend(0, 1, server)
    assert len({one["lease"] for one in server.asked}) == 1


async def test_what_was_held_while_the_server_went_away_goes_back_by_itself() -> None:
    away, rest = Unreachable("away"), list[CurrentLease]()
    cache = LeaseCache(lambda cache, tokens: None, on_left=rest.append)
    server = Server(some(9, grant_version=1), away, away, some(4, grant_version=2))
    tokens = await cache.spend(0, 1, server)
    with pytest.raises(Unreachable):
        await cache.spend(0, 2, server)
    assert rest == [tokens]
    await cache.spend(0, 2, server)
    assert ["back" in one for one in server.asked] == [False, True, True, False]


async def test_many_that_wait_learn_once_that_the_server_is_away() -> None:
    """Else the last of them would wait for as many timeouts as there are calls."""
    away = Unreachable("away")
    cache, server = empty(), Server(away, away, *[some(4)] * 50)
    answer = await asyncio.gather(
        *(cache.spend(0, 1, server) for _ in range(50)), return_exceptions=True
    )
    assert [type(one) for one in answer] == [Unreachable] * 50
    assert len(server.asked) == 2
    # Whoever comes later asks again.
    assert await cache.spend(0, 1, server) is cache.current


async def test_an_answer_that_comes_too_late_is_changed_for_another() -> None:
    cache, server = empty(), Server(some(4, expires_in=0), some(2))
    await cache.spend(0, 1, server)
    assert (server.asked[1]["back"], server.asked[1]["unused_uses"]) == ("l" * 22, "4")
    stale = Server(*[some(4, expires_in=0)] * 9)
    with pytest.raises(Unreachable):
        await empty().spend(0, 1, stale)
    assert len(stale.asked) == module.TRIES


async def test_a_yes_is_spent_apart_and_leaves_the_lease() -> None:
    asked = Refused(limit="ask", allowed=100)
    cache = empty()
    server = Server(some(9, 500, ask_above=100), asked, asked, some(1, 200, exact=True))
    await cache.spend(50, 1, server)
    for _ in range(2):
        with pytest.raises(Spent):
            await cache.spend(200, 1, server)
    assert await cache.spend(200, 1, server) is None
    assert all("back" not in one for one in server.asked)
    assert cache.current is not None
    assert (cache.current.uses, cache.current.amount) == (8, 450)


SIZES = [
    row("size", "more, where it is used up at once", [1, 2, 4, 8], 0.5),
    row("size", "as before, where it lasts", [1, 1, 1, 1], 10),
]


@pytest.mark.parametrize("need,pace", SIZES)
async def test_the_next_lease_is_as_large_as_the_last_was_brisk(
    need: list[int], pace: float, later: Callable[[float], None]
) -> None:
    cache, server = empty(), Server(*[some(1)] * 4)
    for _ in need:
        await cache.spend(0, 1, server)
        later(pace)
    assert [int(one["uses"]) for one in server.asked] == need


async def test_what_lies_idle_makes_the_next_one_smaller(later: Callable[[float], None]) -> None:
    cache, server = empty(), Server(some(1), some(1), some(9), some(9))
    for pace in (0, 0, 60, 0):
        await cache.spend(0, 1, server)
        later(pace)
    assert [int(one["uses"]) for one in server.asked] == [1, 2, 4, 2]


async def test_a_use_that_was_not_made_goes_back_where_it_came_from() -> None:
    cache, server = empty(), Server(some(2, 10), some(5, 50))
    tokens = await cache.spend(4, 1, server)
    assert tokens is not None
    tokens.undo(4)
    assert (tokens.uses, tokens.amount) == (2, 10)
    assert cache.take() is tokens
    assert tokens.return_form == {"back": "l" * 22, "unused_uses": "2", "unused_amount": "10"}
    assert cache.take() is None
    # Given back meanwhile: the next lease has nothing of it.
    await cache.spend(4, 1, server)
    tokens.undo(4)
    assert cache.current is not None
    assert cache.current.uses == 4
