"""The bench without a network: requests go through a whole connection, and are answered."""

import pytest
from bench.connection import microseconds


@pytest.mark.anyio
async def test_each_round_counts_once() -> None:
    times = await microseconds("client credentials", 2)
    assert len(times) == 2
    assert 0 < times[0] <= times[1]


@pytest.mark.anyio
async def test_what_needs_the_answer_before_is_refused() -> None:
    with pytest.raises(RuntimeError, match="refresh"):
        await microseconds("refresh", 2)
