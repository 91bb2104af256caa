"""Names for records: unique, sortable by time, and leading to their owner's place."""

from os import urandom

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.server.model import ids
from valetkey.server.model.environment import Env

NOW = 1_700_000_000


@given(st.binary(min_size=16, max_size=16))
def test_a_name_is_its_bytes(raw: bytes) -> None:
    assert ids.to_bytes(ids.to_text(raw)) == raw


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_names_sort_as_their_bytes_do(left: bytes, right: bytes) -> None:
    assert (ids.to_text(left) < ids.to_text(right)) is (left < right)


def test_what_is_owned_lies_where_its_owner_lies() -> None:
    env = Env(NOW, urandom)
    user = ids.user_id(env)
    assert ids.place_of_owned(ids.owned_id(env, owner=user)) == ids.place_of_user(user)


def test_later_names_sort_behind_earlier_ones() -> None:
    """For one owner, and for what nobody owns; to the millisecond, for a yes and the key that
    comes of it may fall into one second."""
    user = ids.user_id(Env(NOW, urandom))
    moments = [Env(NOW + second, urandom, ms) for second in range(50) for ms in (0, 1, 999)]
    owned = [ids.owned_id(env, owner=user) for env in moments]
    free = [ids.free_id(env) for env in moments]
    assert owned == sorted(owned)
    assert free == sorted(free)


def test_a_moment_has_its_millisecond() -> None:
    """Also those that a command makes: two of one second stand in their order."""
    env = Env.at(NOW * 1_000_000_000 + 123_999_999, urandom)
    assert (env.now, env.millisecond) == (NOW, 123)


def test_names_of_one_second_differ() -> None:
    env = Env(NOW, urandom)
    user = ids.user_id(env)
    names = {ids.owned_id(env, owner=user) for _ in range(1000)}
    names |= {ids.free_id(env) for _ in range(1000)} | {ids.user_id(env) for _ in range(1000)}
    assert len(names) == 3000


FOREIGN = [
    row("form", "empty", ""),
    row("form", "cut", "0" * 25),
    row("form", "too long", "0" * 27),
    row("form", "capitals", "A" * 26),
    row("form", "a letter past v", "w" * 26),
    row("form", "a newline", "0" * 26 + "\n"),
    row("form", "a path", "../../../../../../etc/pass"),
]


@pytest.mark.parametrize("text", FOREIGN)
def test_what_is_no_name_of_ours(text: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        ids.to_bytes(text)
