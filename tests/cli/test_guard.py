"""`valetkey guard`: reports a wrong file before it listens."""

from pathlib import Path
from typing import Final

import pytest
from tests.cli.line import Line
from tests.rows import row

GOOD: Final = """
issuer = "https://id.chirp.example"
id = "chirp"
secret_file = "secret"
catalog = "catalog.toml"
proxy = "nginx"

[[routes]]
path = "/chirps"
needs = ["chirps.read"]
"""

CATALOG: Final = """
resource = "https://chirp.example"
name = "Chirp"
permissions = [{ id = "chirps.read", can = "read your timeline" }]
"""


@pytest.mark.parametrize(
    "old,new,why",
    [
        row("ours", "not TOML", "[[routes]]", "[[routes", "guard.toml"),
        row(
            "ours", "an unknown key", 'proxy = "nginx"', 'proxy = "nginx"\nbound_to = 1', "bound_to"
        ),
        row("ours", "a split that is none", "proxy =", "split = 1\nproxy =", "split"),
        row("ours", "an unknown proxy", "nginx", "squid", "squid"),
        row("ours", "no issuer", 'issuer = "https://id.chirp.example"', "", "issuer"),
        row("ours", "an issuer that others can pose as", "https://id", "http://id", "https"),
        row("ours", "no such catalog", "catalog.toml", "nowhere.toml", "nowhere.toml"),
        row("ours", "no such secret", '"secret"', '"nowhere"', "nowhere"),
        row("ours", "no such permission", "chirps.read", "fly", "fly"),
        row("ours", "a path that is none", '"/chirps"', '"chirps"', "path"),
        row(
            "ours",
            "a bound that is none",
            'proxy = "nginx"',
            'proxy = "nginx"\nbound = -1',
            "bound=",
        ),
    ],
)
def test_a_file_that_will_not_do(line: Line, old: str, new: str, why: str) -> None:
    assert old in GOOD
    Path("guard.toml").write_text(GOOD.replace(old, new))
    Path("catalog.toml").write_text(CATALOG)
    Path("secret").write_text("a secret that is not told")
    said = line.fails("guard", "guard.toml", status=2)
    assert why in said
    assert "a secret" not in said


def test_no_file(line: Line) -> None:
    assert "nowhere.toml" in line.fails("guard", "nowhere.toml", status=2)
