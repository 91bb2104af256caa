"""Public names that have a new name: the old one works for one more version, with a warning.

Each row of the tables is an old name and its new one. `tests/test_renamed.py` tries every row.
"""

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

NAMES: Final[dict[str, dict[str, str]]] = {
    "valetkey.client": {"Hand": "Delegate", "Handed": "Delegation", "HandedKey": "DelegatedKey"},
    "valetkey.resource": {"Shown": "SenderProof"},
    "valetkey.resource.django": {
        "called": "call_of",
        "named": "with_interaction_id",
        "requested": "request_of",
    },
}
"""By module: names that it exports."""

MEMBERS: Final[dict[str, dict[str, str]]] = {
    "ResourceServer": {
        "admit": "verify_call",
        "allow": "verify_principal",
        "shown": "sender_proof",
    },
    "Blocking": {"admit": "verify_call"},
    "Principal": {
        "alone": "offline_delegates",
        "asked": "issued_permissions",
        "hands": "delegation",
        "most": "max_amounts",
    },
    "TrialKey": {"hand_on": "delegate"},
    "Key": {"hand_on": "delegate"},
    "AsyncKey": {"hand_on": "delegate"},
    "DelegatedKey": {"hand_on": "delegate", "handed": "delegation"},
    "Helper": {"holding": "receive"},
    "Machine": {"holding": "receive"},
    "AsyncMachine": {"holding": "receive"},
    "Tokens": {"asked": "requested"},
}
"""By class: attributes and methods of its instances."""

PARAMETERS: Final[dict[str, dict[str, str]]] = {
    "ResourceServer.__init__": {"bound": "max_staleness", "children": "max_delegations"},
    "ResourceServer.verify": {"shown": "sender_proof"},
    "Blocking.verify": {"shown": "sender_proof"},
    "Keys.issue": {"bound": "dpop"},
    "ProofOfKey.__init__": {"known": "is_known"},
}
"""By function: its keywords. The functions have the decorator `parameters`, or use `value`."""


def names(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module with renamed exports (PEP 562)."""

    def get(name: str) -> Any:
        new = NAMES[module].get(name)
        if new is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        _warn(f"{module}.{name}", new)
        return getattr(importlib.import_module(module), new)

    return get


def members(cls: type[T]) -> type[T]:
    """A class decorator: instances answer to the old names, too."""
    for old, new in MEMBERS[cls.__name__].items():
        setattr(cls, old, _member(cls.__name__, old, new))
    return cls


def _member(owner: str, old: str, new: str) -> property:
    def get(self: object) -> Any:
        _warn(f"{owner}.{old}", new)
        return getattr(self, new)

    return property(get)


def parameters(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator: the function takes the old keywords, too."""
    renamed, name = PARAMETERS[function.__qualname__], function.__qualname__

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not renamed.keys().isdisjoint(kwargs):
            _rename(kwargs, renamed, name)
        return function(*args, **kwargs)

    return call


def value(function: str, old: str, current: T) -> T:
    """The value of an old keyword, with the warning: for functions that a decorator would slow
    down."""
    _warn(f"{function}({old}=)", f"{PARAMETERS[function][old]}=")
    return current


def _rename(keywords: dict[str, Any], renamed: Mapping[str, str], function: str) -> None:
    """Puts the values under their new names. Raises TypeError where both names are used."""
    for old in renamed.keys() & keywords.keys():
        new = renamed[old]
        if new in keywords:
            raise TypeError(f"{function} got both {old} and {new}, which is its new name")
        _warn(f"{function}({old}=)", f"{new}=", levels=2)
        keywords[new] = keywords.pop(old)


def _warn(old: str, new: str, *, levels: int = 1) -> None:
    warnings.warn(
        f"{old} is now {new}; the next version drops the old name",
        DeprecationWarning,
        stacklevel=2 + levels,
    )
