"""The short stories, each as a person starts it."""

import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
from tests.demo.test_story import SECONDS, SECRET, folder, nothing_is_left, start

from valetkey.demo.flows import FLOWS, passkey, upstream
from valetkey.demo.miko.chromium import executable
from valetkey.demo.programs import Failed

__all__ = ["folder"]

NODE = Path(__file__).parents[1] / "clients/node/node_modules"


WITHOUT_NODE = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "oidc-provider").exists(),
    reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
)
WITHOUT_CHROMIUM = pytest.mark.skipif(executable() is None, reason="Chromium is not installed")
MARKS = {
    "passkey": (pytest.mark.browser, WITHOUT_CHROMIUM),
    "upstream": (pytest.mark.node, WITHOUT_NODE),
}


@pytest.mark.parametrize("name", [pytest.param(one, marks=MARKS.get(one, ())) for one in FLOWS])
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


@pytest.mark.parametrize("there", ["node", "nothing"])
def test_what_is_missing_is_said(
    there: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "node").touch(0o755)
    monkeypatch.setattr(upstream, "HERE", tmp_path / "a" / "b" / "c" / "d" / "e")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setenv("PATH", str(tmp_path if there == "node" else folder))
    with pytest.raises(Failed, match=r"oidc-provider" if there == "node" else r"Node\.js"):
        upstream.connects(Mock())


def test_a_missing_browser_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(Failed, match=r"Chromium, .* playwright: there is no Chromium"):
        passkey.signs_up(Mock())
