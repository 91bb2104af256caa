"""Each field of a grant shows where people and programs need it, or says why it does not.

A new field fails here until `SHOWN` says where it is to be seen; then the page, the answer to an
API and the command line are asked whether that is so.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from click.testing import CliRunner
from tests.attacks.play import change, every, find, introspected, signed_in, tokens
from tests.browser import Browser
from tests.live import Live, live
from tests.rows import row
from tests.server.pages.document import Document

from valetkey.cli.root import valetkey
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import Limits

HOUR: Final = 3600

SHOWN: Final[dict[str, tuple[object, set[str]]]] = {
    "permissions": (("openid", "chirps.read"), {"page", "api"}),
    "refused": (("account.delete",), set()),
    "limits": (Limits(until=int(time.time()) + HOUR), {"page", "api"}),
    "face": ("another", set()),
    "status": ("paused", {"page", "api"}),
    "epoch": (7, {"page", "api"}),
    "created": (1_600_000_000, {"page"}),
    "changed": (1_600_000_000, set()),
    "revoked_delegates": ({"agent": ("chirps.read",)}, set()),
    "lost_permissions": (("dms.read",), set()),
    "withheld": (("dms.read",), {"page"}),
    "organization": ("acme", set()),
}
"""Another value for each field, and where that is seen: the user's page of the app, the answer to
an API that introspects. `valetkey grant list --json` shows all of them."""

NAMES: Final = {"user", "client", "id", "version"}
"""What a grant is called."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("shown"), unthrottled=("127.0.0.1",)) as running:
        yield running


@pytest.fixture(scope="module")
def token(server: Live) -> str:
    text: str = tokens(server)["access_token"]
    return text


@pytest.fixture(scope="module")
def miko(server: Live) -> Browser:
    return signed_in(server, "miko")


def _seen(server: Live, miko: Browser, token: str, grant: Grant) -> dict[str, Any]:
    page = Document(miko.open(f"/apps/{grant.id}").text)
    (body,) = page.find("body")
    answer = introspected(server, token)
    answer.pop("grant_version", None)  # it counts the changes, whatever they are
    return {"page": body.text, "api": answer}


def test_every_field_has_its_place() -> None:
    assert {*Grant.__struct_fields__} - NAMES == {*SHOWN}


@pytest.mark.parametrize(
    "name, value, places", [row("grant", name, name, *rest) for name, rest in SHOWN.items()]
)
def test_a_field_shows(
    name: str, value: object, places: set[str], server: Live, miko: Browser, token: str
) -> None:
    (grant,) = every(server, Grant)
    before = _seen(server, miko, token, grant)
    change(server, grant, **{name: value})
    try:
        after = _seen(server, miko, token, grant)
    finally:
        again = find(server, Grant, grant.id)
        change(server, again, **{name: getattr(grant, name)})
    assert {place for place in before if before[place] != after[place]} == places


def test_the_command_line_shows_all(server: Live, token: str) -> None:
    (grant,) = every(server, Grant)
    change(server, grant, **{name: value for name, (value, _) in SHOWN.items()})
    command = ("grant", "list", "--json", "--database", str(server.database))
    result = CliRunner().invoke(valetkey, command, prog_name="valetkey")
    assert result.exit_code == 0, result.output
    (shown,) = msgspec.json.decode(result.stdout)
    assert {*Grant.__struct_encode_fields__} - {"version"} <= {*shown}
