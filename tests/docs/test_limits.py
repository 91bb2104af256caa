"""The guide to limits: its example as it is shown, asked well and badly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.docs.markdown import ROOT, blocks
from tests.rows import row

from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs
from valetkey.resource.testing import Keys, Limit, issuing

GUIDE = ROOT / "docs" / "howto" / "limits.md"
CATALOG = next(one.text for one in blocks("toml") if one.page == GUIDE)
(PROGRAM,) = [one for one in blocks("python") if one.page == GUIDE]


@pytest.fixture
def server(tmp_path: Path) -> ResourceServer:
    (tmp_path / "catalog.toml").write_text(CATALOG, "utf-8")
    return ResourceServer(
        issuer="https://id.example",
        catalog=tmp_path / "catalog.toml",
        credentials=("chirp", "a secret"),
    )


@pytest.fixture
def keys(server: ResourceServer) -> Iterator[Keys]:
    with issuing(server) as made:
        yield made


@pytest.fixture
def api(server: ResourceServer, keys: Keys) -> Iterator[TestClient]:
    names: dict[str, Any] = {"__name__": "shown", "needs": Needs(server)}
    exec(compile(PROGRAM.text, str(PROGRAM), "exec", dont_inherit=True), names)
    app = Starlette(routes=[Route("/payments", names["pay"], methods=["POST"])])
    with TestClient(app, base_url=server.resource) as client:
        yield client


BODIES = [
    row("limits.md", "an amount", '{"amount": "9.90"}', 201),
    row("limits.md", "a whole number", '{"amount": 9}', 201),
    row("limits.md", "no number", '{"amount": "abc"}', 400),
    row("limits.md", "too many decimals", '{"amount": "9.901"}', 400),
    row("limits.md", "no amount", "{}", 400),
    row("limits.md", "a list", "[]", 400),
    row("limits.md", "no JSON", "abc", 400),
]


@pytest.mark.parametrize("limited", [True, False], ids=["limited", "not limited"])
@pytest.mark.parametrize("body,status", BODIES)
def test_the_example_answers(
    api: TestClient, keys: Keys, body: str, status: int, limited: bool
) -> None:
    limits = {"payments.send": Limit(amount="100")} if limited else {}
    key = keys.issue("payments.send", limits=limits)
    assert api.post("/payments", content=body, headers=key.headers()).status_code == status
