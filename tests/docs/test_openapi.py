"""The stored OpenAPI document: nothing that callers rely on has gone."""

import copy
import json
import re
from typing import Any

import pytest
from docs._ext import openapi
from tests.rows import row


def test_nothing_breaks_a_caller_of_the_stored_document() -> None:
    assert openapi.breaking(openapi.stored(), openapi.current()) == []


def _remove_operation(document: dict[str, Any]) -> None:
    del document["paths"]["/users"]["get"]


def _require(document: dict[str, Any]) -> None:
    document["paths"]["/users"]["get"]["parameters"][0]["required"] = True


def _drop_parameter(document: dict[str, Any]) -> None:
    del document["paths"]["/users"]["get"]["parameters"][0]


def _drop_field(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["UserSummary"]["properties"]["email"]


def _make_optional(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["UserDetail"]["required"].remove("email")


def _change_type(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["UserDetail"]["properties"]["email"]["type"] = "integer"


def _require_field(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Reason"]["required"].append("reason")


def _change_permission(document: dict[str, Any]) -> None:
    document["paths"]["/users"]["get"]["security"] = [{"oauth2": ["admin.apps.read"]}]


BREAKING = [
    row("operation", "removed", _remove_operation, "GET /users: removed"),
    row("parameter", "required", _require, "GET /users: parameter limit is required"),
    row("parameter", "removed", _drop_parameter, "GET /users: no parameter limit"),
    row("answer", "field removed", _drop_field, "has no email"),
    row("answer", "field optional", _make_optional, "email is optional"),
    row("answer", "another type", _change_type, "email has another type"),
    row("body", "field required", _require_field, "body: reason is required"),
    row("permission", "another", _change_permission, "needs another permission"),
]


@pytest.mark.parametrize("change, says", BREAKING)
def test_a_breaking_difference_is_found(change: Any, says: str) -> None:
    old = openapi.current()
    new = copy.deepcopy(old)
    change(new)
    assert [one for one in openapi.breaking(old, new) if says in one]


def test_what_is_added_breaks_nothing() -> None:
    new = openapi.current()
    old = copy.deepcopy(new)
    del old["paths"]["/apps"]
    assert openapi.breaking(old, new) == []


def test_every_reference_leads_somewhere() -> None:
    """Two structs of one name would lose theirs."""
    document = openapi.current()
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert names <= document["components"]["schemas"].keys()
