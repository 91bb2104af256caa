"""The bench of the kit runs, and asks nobody."""

import asyncio

import pytest
from bench.data import BARE, FIRST, NEXT
from bench.verify import main, told


def test_every_row_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    kit = asyncio.run(main(rounds=1, count=3))
    assert {BARE, FIRST, NEXT} < kit.rows.keys()
    told(kit)
    said = capsys.readouterr().out
    assert said.count(" x ") == len(kit.rows) == 12
    assert "with it, bound by DPoP" in said
