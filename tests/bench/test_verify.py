"""The bench of the kit runs, and asks nobody."""

import asyncio

import pytest
from bench.data import BARE, FIRST, NEXT
from bench.verify import main, print_table


def test_every_row_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.verify.BEAT", 0.02)  # What is measured here, nobody reads.
    kit = asyncio.run(main(rounds=1, count=3))
    assert {BARE, FIRST, NEXT} < kit.rows.keys()
    print_table(kit)
    said = capsys.readouterr().out
    assert said.count(" x ") == len(kit.rows) == 12
    assert "with it, bound by DPoP" in said
