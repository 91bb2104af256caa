"""Policies for apps, and the settings of the server: both are read here, and changed in files."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from valetkey.server.admin.lists import page_of
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
)
from valetkey.server.admin.problems import find
from valetkey.server.model.policy import Policy


class PolicySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A policy in a list. `differs` are the fields that are not as in the policy `default`."""

    name: str
    differs: tuple[str, ...]


class PolicyDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A policy, with the fields of a file for `valetkey apply`; null for the value of the
    settings."""

    name: str
    fields: dict[str, Any]
    version: int


class PolicyPage(ItemPage, frozen=True, kw_only=True):
    """Policies."""

    items: tuple[PolicySummary, ...]


_STANDARD: Final = Policy(name="default")
_ASIDE: Final = frozenset({"name", "version"})


def _fields(policy: Policy) -> dict[str, Any]:
    names = (one for one in policy.__struct_fields__ if one not in _ASIDE)
    return {name: msgspec.to_builtins(getattr(policy, name)) for name in names}


def _summary(policy: Policy) -> PolicySummary:
    standard = _fields(_STANDARD)
    differs = (name for name, value in _fields(policy).items() if value != standard[name])
    return PolicySummary(name=policy.name, differs=tuple(differs))


async def list_policies(call: Call[ListQuery, Nothing]) -> PolicyPage:
    """All of them."""
    items, following = await page_of(call, Policy, _summary)
    return PolicyPage(items=items, next=following)


async def show_policy(call: Call[Nothing, Nothing]) -> PolicyDetail:
    """One of them."""
    policy = await call.ask(lambda _: find(Policy, call.path["policy"], what="policy"))
    return PolicyDetail(name=policy.name, fields=_fields(policy), version=policy.version)


class SettingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of the server. `origin` is where its value comes from: `default`, or a file, a
    variable or a flag. The value of a secret is not displayed."""

    name: str
    value: Any
    origin: str


class SettingList(msgspec.Struct, frozen=True, kw_only=True):
    """All settings."""

    items: tuple[SettingRow, ...]


async def list_settings(call: Call[Nothing, Nothing]) -> SettingList:
    """As this process has them."""
    rows: Sequence[tuple[str, Any, str]] = call.services.runner.describe_settings()
    return SettingList(
        items=tuple(SettingRow(name=name, value=of, origin=origin) for name, of, origin in rows)
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="policies.list",
        method="GET",
        path="/policies",
        permission="policies.read",
        query=ListQuery,
        body=Nothing,
        response=PolicyPage,
        run=list_policies,
        summary="List policies",
    ),
    Operation(
        name="policies.show",
        method="GET",
        path="/policies/{policy}",
        permission="policies.read",
        query=Nothing,
        body=Nothing,
        response=PolicyDetail,
        run=show_policy,
        summary="Show a policy",
    ),
    Operation(
        name="settings.list",
        method="GET",
        path="/settings",
        permission="settings.read",
        query=Nothing,
        body=Nothing,
        response=SettingList,
        run=list_settings,
        summary="List the settings, with their origins",
    ),
)
