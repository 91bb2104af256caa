"""What an API declares: its catalog, in the program or in a file."""

from pathlib import Path

import msgspec
import pytest
from tests.resource.chirp_platform import CATALOG
from tests.resource.serving import EXAMPLES
from tests.rows import row

from valetkey.resource import ResourceServer

ISSUER = "https://id.example"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog.toml").write_bytes((EXAMPLES / "catalog.toml").read_bytes())
    (tmp_path / "catalog.json").write_bytes(msgspec.json.encode(CATALOG))
    return tmp_path


def api(catalog: Path | str) -> ResourceServer:
    return ResourceServer(issuer=ISSUER, catalog=catalog, credentials=("chirp", "a secret"))


@pytest.mark.parametrize("name", ["catalog.toml", "catalog.json"])
def test_a_catalog_in_a_file(folder: Path, name: str) -> None:
    assert api(name).catalog == api(folder / name).catalog == CATALOG


BAD = [
    row("", "no file", None, "cannot be read"),
    row("", "no TOML", "x", "Expected"),
    row("", "no catalog", 'name = "Chirp"', "missing required field"),
    row("", "an unknown field", 'colour = "red"', "colour"),
    row("", "not UTF-8", b"\xff", "utf-8"),
]


@pytest.mark.parametrize("text,says", BAD)
def test_a_file_that_holds_none(folder: Path, text: str | bytes | None, says: str) -> None:
    file = folder / "bad.toml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=f"bad.toml.*{says}"):
        api(file)
