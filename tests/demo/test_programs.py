"""The programs of the demo are alone with its folder."""

import contextlib
import json
from pathlib import Path

import pytest

from valetkey.cli.remote.contexts import Contexts, ServerContext, change_contexts
from valetkey.demo.programs import Programs


def test_a_server_elsewhere_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a person who has it in use for all commands."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    there = ServerContext(server="https://id.example", client_id="valetkey-cli")
    change_contexts(lambda _: Contexts(current="id", contexts={"id": there}))
    with contextlib.closing(Programs(tmp_path)) as programs:
        programs.run("valetkey", "admin", "create", "miko", "--link")
        users = json.loads(programs.run("valetkey", "user", "list", "--json"))
    assert [one["username"] for one in users] == ["miko"]
