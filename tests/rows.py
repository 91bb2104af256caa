"""Tables: a row is one case, named by where its rule stands and what it tries."""

from typing import Any

import pytest


def row(where: str, what: str, *values: Any) -> Any:
    """One case of a table: `row("4.1.3", "code issued to another client", …, InvalidGrant)`."""
    return pytest.param(*values, id=f"{where} {what}")
