"""`valetkey resource`."""

import msgspec
import pytest
from tests.cli.line import Line
from tests.installation import CHIRP_CATALOG

from valetkey.jose.seal import digest
from valetkey.server.model.resource import ResourceServer

TOML = """
resource = "https://notes.example"
name = "Notes"

[[permissions]]
id = "notes.read"
can = "read your notes"

[[permissions]]
id = "notes.write"
can = "change your notes"
risk = "medium"

[scopes]
notes = ["notes.read", "notes.write"]
"""

MISTAKES = {
    "missing": ("no.toml", None, "no.toml: cannot be read: No such file"),
    "no TOML": ("a.toml", "name = ", "--catalog-file a.toml: "),
    "no JSON": ("a.json", "{", "--catalog-file a.json: "),
    "a field missing": ("a.toml", 'name = "x"', "a.toml: object missing required field resource"),
    "a field unknown": ("a.toml", f"{TOML}\n[extra]\n", "object contains unknown field extra"),
    "of its rules": ("a.toml", TOML.replace("notes.read", "Notes"), "is not a lower-case name"),
    "clear http": ("a.toml", TOML.replace("https", "http"), "catalog.resource: must use https"),
}


def test_add_from_toml_and_from_json(line: Line) -> None:
    (line.folder / "notes.toml").write_text(TOML)
    (line.folder / "chirp.json").write_bytes(msgspec.json.encode(CHIRP_CATALOG))
    text = line.ok("resource", "add", "--id", "notes", "--catalog-file", "notes.toml", "--split")
    answer = line.json("resource", "add", "--id", "chirp", "--catalog-file", "chirp.json")
    chirp, notes = line.every(ResourceServer)
    assert chirp.catalog == CHIRP_CATALOG
    assert (chirp.split, notes.split) == (False, True)
    assert chirp.secrets[0].digest == digest(answer["client_secret"])
    assert notes.catalog.scopes == {"notes": ("notes.read", "notes.write")}
    shown = dict(part.split() for part in text.splitlines())
    assert shown["client_id"] == "notes"
    assert shown["resource"] == "https://notes.example"
    assert notes.secrets[0].digest == digest(shown["client_secret"])
    listed = line.ok("resource", "list", "--json")
    assert notes.secrets[0].digest not in listed
    assert "chirps.read" in line.ok("resource", "list")


@pytest.mark.parametrize("name,text,said", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_catalog(line: Line, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (line.folder / name).write_text(text)
    assert said in line.fails("resource", "add", "--id", "a", "--catalog-file", name, status=2)


def test_one_of_that_name_is_there(line: Line) -> None:
    line.furnish()
    (line.folder / "notes.toml").write_text(TOML)
    told = line.fails("resource", "add", "--id", "chirp", "--catalog-file", "notes.toml", status=2)
    assert "resource server chirp: there is one of that name already" in told


def test_remove(line: Line) -> None:
    line.furnish()
    told = line.fails("resource", "remove", "photos", "--yes", status=1)
    assert "these clients may still ask for its permissions: agent, machine, printer, web" in told
    for client in ("agent", "machine", "printer", "web"):
        line.ok("client", "remove", client, "--yes")
    assert "confirm with --yes" in line.fails("resource", "remove", "photos", status=2)
    assert line.ok("resource", "remove", "photos", "--yes") == "removed photos\n"
    assert [one.id for one in line.every(ResourceServer)] == ["chirp"]
