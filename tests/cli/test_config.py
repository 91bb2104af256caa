"""`valetkey config`."""

import msgspec
from tests.cli.line import Line

from valetkey.jose import base64url
from valetkey.server.settings.describe import schema
from valetkey.server.settings.tree import LEAVES

KEY = base64url.encode(bytes(range(32)))


def test_show_says_every_value(line: Line) -> None:
    shown = line.json("config", "show")
    assert shown.keys() == LEAVES.keys()
    assert shown["port"] == 8000
    assert shown["database"] == "valetkey.db"


def test_show_says_where_each_came_from(line: Line) -> None:
    (line.folder / "valetkey.toml").write_text('name = "Own"\nunthrottled = ["10.0.0.0/8"]\n')
    environ = {"VALETKEY_HOST": "::1", "VALETKEY_MASTER_KEY": KEY}
    words = ("config", "show", "--origin", "--set", "port=81")
    text = line.ok(*words, **environ)
    rows = {words[0]: words[1:] for words in map(str.split, text.splitlines())}
    assert rows["name"] == ["Own", "valetkey.toml"]
    assert rows["unthrottled"] == ["10.0.0.0/8", "valetkey.toml"]
    assert rows["host"] == ["::1", "VALETKEY_HOST"]
    assert rows["port"] == ["81", "the", "command", "line"]
    assert rows["terms_url"] == ["-", "default"]
    assert rows["master_key"] == ["(secret)", "VALETKEY_MASTER_KEY"]
    answer = msgspec.json.decode(line.ok(*words, "--json", **environ))
    assert answer["host"] == {"value": "::1", "origin": "VALETKEY_HOST"}
    assert KEY not in text + str(answer)


def test_schema(line: Line) -> None:
    whole = msgspec.json.decode(msgspec.json.encode(schema()))
    assert msgspec.json.decode(line.ok("config", "schema")) == whole
