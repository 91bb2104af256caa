"""The bench of the kit runs, and asks nobody."""

import asyncio

import pytest
from bench.verify import main


def test_every_row_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(main(rounds=1, count=3))
    told = capsys.readouterr().out
    assert told.count(" x ") == 8
    assert "with it, bound by DPoP" in told
