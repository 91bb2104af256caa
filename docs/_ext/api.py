"""The public names of the kit and the SDK, from their signatures and docstrings."""

import importlib
import inspect
import re
import types
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

KIT: Final = (
    "valetkey.resource",
    "valetkey.resource.starlette",
    "valetkey.resource.fastapi",
    "valetkey.resource.flask",
    "valetkey.resource.django",
    "valetkey.resource.drf",
    "valetkey.resource.mcp",
    "valetkey.resource.asgi",
    "valetkey.resource.wsgi",
    "valetkey.resource.check",
    "valetkey.resource.testing",
)
SDK: Final = (
    "valetkey.client",
    "valetkey.client.auth_requests",
    "valetkey.client.auth_aiohttp",
    "valetkey.client.os_keyring",
    "valetkey.client.holder_service",
    "valetkey.client.device_and_ciba",
)
_MODULE: Final = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])")
WIDTH: Final = 88
"""A longer signature has a line for each parameter."""

_UNPACKED: Final = re.compile(r"(\*\*\w+): \*<class '\w+'>")
_AT: Final = re.compile(r" at 0x[0-9a-f]+")


def kit() -> str:
    """A section for each module of the kit that an API imports."""
    return _modules(KIT)


def sdk() -> str:
    """A section for each module of the SDK that an app imports."""
    return _modules(SDK)


def public(name: str) -> list[tuple[str, Any]]:
    """What a module offers: its `__all__`, else the names that it defines itself."""
    module = importlib.import_module(name)
    names: Sequence[str] = getattr(module, "__all__", ()) or [
        one
        for one, value in vars(module).items()
        if not one.startswith("_")
        and getattr(value, "__module__", "") == name
        and (inspect.isclass(value) or inspect.isfunction(value))
    ]
    return [(one, getattr(module, one)) for one in names]


def _modules(names: Sequence[str]) -> str:
    return "\n\n".join(_module(name) for name in names)


def _module(name: str) -> str:
    sections = [_object(title, value) for title, value in public(name)]
    return "\n\n".join((f"## `{name}`", *sections))


def _object(name: str, value: Any) -> str:
    heading = f"### {name}"
    if isinstance(value, types.UnionType):
        return f"{heading}\n\n`{_plain(str(value))}`"
    if inspect.isclass(value):
        return "\n\n".join((heading, *_class(name, value)))
    if inspect.isfunction(value):
        return "\n\n".join((heading, _signature(name, value), *_doc(value)))
    return f"{heading}\n\n`{_plain(str(value))}`"


def _class(name: str, value: type) -> Iterator[str]:
    if issubclass(value, BaseException):
        bases = [base.__name__ for base in value.__bases__]
        yield f"An exception, a kind of `{bases[0]}`."
    else:
        yield _signature(name, value)
    yield from _doc(value)
    rows = [*_members(value)]
    if rows:
        lines = ("| member | meaning |", "| --- | --- |", *rows)
        yield "\n".join(lines)


def _members(value: type) -> Iterator[str]:
    fields = {one.name for one in msgspec.structs.fields(value)} if _is_struct(value) else set()
    for base in (value, *value.__mro__[1:]):
        if base.__module__.partition(".")[0] != "valetkey":
            continue
        for name, member in vars(base).items():
            if name.startswith("_") or name in fields:
                continue
            if base is not value and name in vars(value):
                continue
            row = _member(name, member)
            if row:
                yield row


def _member(name: str, member: Any) -> str:
    if not inspect.getdoc(member):
        return ""  # An old name, or what speaks for itself.
    if isinstance(member, property):
        return _row(f"`{name}`", member)
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    if inspect.isfunction(member):
        text = _parameters(member)
        return _row(f"`{name}{text}`", member)
    return ""


def _row(head: str, member: Any) -> str:
    doc = " ".join((inspect.getdoc(member) or "").split()).replace("|", r"\|")
    return f"| {head.replace('|', chr(92) + '|')} | {doc} |"


def _signature(name: str, value: Any) -> str:
    text = f"{name}{_parameters(value)}"
    if len(text) > WIDTH:
        text = f"{name}{_parameters(value, lines_each=True)}"
    return f"```text\n{text}\n```"


def _parameters(value: Any, *, lines_each: bool = False) -> str:
    """The parameters and the result, without `self`."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(…)"
    parameters = [one for one in signature.parameters.values() if one.name not in {"self", "cls"}]
    if not lines_each or not parameters:
        return _plain(str(signature.replace(parameters=parameters)).removesuffix(" -> None"))
    empty = signature.replace(parameters=())
    lines: list[str] = []
    keyword_only = False
    for one in parameters:
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not keyword_only:
            lines.append("*")
            keyword_only = True
        lines.append(str(one).replace("<factory>", "…"))
    inside = ",\n    ".join(lines)
    result = str(empty).removeprefix("()").removesuffix(" -> None")
    return _plain(f"(\n    {inside},\n){result}")


def _plain(text: str) -> str:
    """Without modules and addresses."""
    return _UNPACKED.sub(r"\1", _AT.sub("", _MODULE.sub("", text)))


def _doc(value: Any) -> tuple[str, ...]:
    own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    return (inspect.cleandoc(own),) if own else ()


def _is_struct(value: type) -> bool:
    return issubclass(value, msgspec.Struct)
