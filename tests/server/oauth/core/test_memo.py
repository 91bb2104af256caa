"""The caches of an installation: bounded, one for each function, and new with each installation."""

import msgspec
from tests.server.oauth.world import World

from valetkey.server.oauth.core.memo import Memo, Recent


def test_a_result_is_remembered_for_each_function_up_to_the_size() -> None:
    calls: list[tuple[str, int]] = []

    def one(number: int) -> int:
        calls.append(("one", number))
        return number

    def other(number: int) -> int:
        calls.append(("other", number))
        return -number

    memo = Memo()
    assert [memo.of(one, size=2)(1), memo.of(one, size=2)(1)] == [1, 1]
    assert memo.of(other, size=2)(1) == -1
    assert calls == [("one", 1), ("other", 1)]
    for number in (2, 3, 1):
        memo.of(one, size=2)(number)
    assert calls[2:] == [("one", 2), ("one", 3), ("one", 1)]


def test_a_recent_map_forgets_the_oldest() -> None:
    recent: Recent[str, int] = Recent(2)
    for at, name in enumerate("abac"):
        recent.put(name, at)
    assert [recent.get(one) for one in "abc"] == [None, 1, 3]


def test_an_installation_with_other_facts_begins_with_an_empty_memo() -> None:
    at = World().context.installation
    assert at.memo is at.memo
    assert msgspec.structs.replace(at, epoch=at.epoch + 1).memo is not at.memo
