"""The names that the pages mention are names of the code."""

import importlib
import re
from typing import Any

import pytest
from tests.docs.markdown import PAGES, ROOT, read
from tests.rows import row

from valetkey.client import Key
from valetkey.resource.testing import Keys
from valetkey.server.model.role import PERMISSIONS

DOCS = [
    page for page in PAGES if page.is_relative_to(ROOT / "docs") and "decisions" not in str(page)
]
DOTTED = sorted(
    {name for page in DOCS for name in re.findall(r"`(valetkey(?:\.\w+)+)(?=[`(])", read(page))}
    - {"valetkey.toml", "valetkey.db", "valetkey.db.key", "valetkey.principal"}
)
OWNERS: dict[str, Any] = {"key": Key, "keys": Keys}
MEMBERS = [
    row(f"{page.parent.name}/{page.stem}", f"{prefix}.{name}", OWNERS[prefix], name)
    for page in DOCS
    for prefix, name in sorted({*re.findall(r"`(keys?)\.(\w+)[`(]", read(page))})
    if f"{prefix}.{name}" not in PERMISSIONS
    if (page.stem, name) != ("test-an-api", "headers") and name != "json"
]
"""`key.json` is a file, and the key of a test has headers of its own."""


@pytest.mark.parametrize("dotted", DOTTED)
def test_it_can_be_imported(dotted: str) -> None:
    module, _, name = dotted.rpartition(".")
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("owner,name", MEMBERS)
def test_it_is_a_member(owner: Any, name: str) -> None:
    assert hasattr(owner, name)
