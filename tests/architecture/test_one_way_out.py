"""What the server asks of others leaves by one piece, which looks where it leads (ATTACKS A51)."""

import re
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "src/valetkey"
GOES_OUT: Final = re.compile(
    r"^\s*(?:import|from) (?:httpx2|requests|aiohttp|urllib3|urllib\.request|http\.client|socket)\b"
    r"|\b(?:open_connection|create_connection|urlopen)\(",
    re.MULTILINE,
)
ALONE: Final = {"server/http/outbound.py", "server/custody/vault.py"}
"""The first resolves a name once, looks at the address, and connects to that. The second asks the
key service of the settings, for a start or a command: no caller can choose where it leads."""

TO_THE_DATABASE: Final = "server/store/postgres/"


def test_one_module_opens_connections() -> None:
    found = {
        name
        for file in (SOURCE / "server").rglob("*.py")
        if GOES_OUT.search(file.read_text("utf-8"))
        if not (name := file.relative_to(SOURCE).as_posix()).startswith(TO_THE_DATABASE)
    }
    assert found == ALONE
