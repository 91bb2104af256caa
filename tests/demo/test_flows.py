"""The short stories, each as a person starts it."""

from pathlib import Path

import pytest
from tests.demo.test_story import SECONDS, SECRET, folder, nothing_is_left, start

from valetkey.demo.flows import FLOWS

__all__ = ["folder"]


@pytest.mark.parametrize("name", FLOWS)
def test_every_step_holds_and_nothing_is_left(name: str, folder: Path) -> None:
    process = start(folder, "--exit", "--no-browser", "--flow", name)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    for step in FLOWS[name].steps:
        assert f"\n{step.number}  {step.title}\n" in output
    assert "\nEvery step held" in output
    assert nothing_is_left(folder, output, programs=2 if FLOWS[name].website is None else 3)
    assert not SECRET.search(output)
    assert max(map(len, output.splitlines())) <= 80


def test_a_story_that_is_none(folder: Path) -> None:
    process = start(folder, "--exit", "--flow", "magic")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert "invalid choice: 'magic'" in output
