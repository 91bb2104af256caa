"""The rules are pure, and what carries proof is made in one place.

Clocks, randomness, files and networks are lent to a rule or kept from it; import-linter holds the
layers, this holds the rest.
"""

import ast
from collections import defaultdict
from pathlib import Path

import pytest
from tests.rows import row

SOURCE = Path(__file__).parents[2] / "src/valetkey"
PURE = ("spec", "jose", "wire", "server/model", "server/oauth", "server/accounts")
MODULES = sorted(path for folder in PURE for path in (SOURCE / folder).rglob("*.py"))

IMPURE = frozenset(
    (
        *("asyncio", "anyio", "threading", "concurrent", "multiprocessing", "subprocess", "signal"),
        *("time", "datetime", "random", "secrets", "uuid"),
        *("os", "sys", "io", "pathlib", "shutil", "tempfile", "glob", "importlib"),
        *("socket", "ssl", "select", "http", "smtplib", "sqlite3", "apsw", "asyncpg", "httpx2"),
        *("logging", "warnings", "starlette", "jinja2", "uvicorn"),
    )
)
"""What a rule has no business with."""

BUILTINS = frozenset({"open", "print", "input", "exec", "eval", "compile", "breakpoint"})

# What draws randomness by itself, and who alone may call it: the makers of keys.
DRAWING = frozenset({"generate_private_key", "generate_key"})
MAKERS = {"jose/jwk.py"}

# Hours of the day need a calendar. It may turn a moment into a date, never ask for the moment.
CALENDARS = {"server/model/hours.py"}
ASKING = frozenset({"now", "utcnow", "today"})


def offences(source: str, *, makes_keys: bool = False) -> list[str]:
    """What in this source a rule may not do, each as `line: what`."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                found.append((node.lineno, "waits"))
            case ast.Import(names=names):
                roots = {name.name.partition(".")[0] for name in names}
                found += [(node.lineno, f"imports {root}") for root in sorted(roots & IMPURE)]
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in IMPURE:
                found.append((node.lineno, f"imports {module.partition('.')[0]}"))
            case ast.ImportFrom(module="urllib", names=names):
                found += [
                    (node.lineno, "imports urllib.request")
                    for one in names
                    if one.name == "request"
                ]
            case ast.ImportFrom(module="urllib.request"):
                found.append((node.lineno, "imports urllib.request"))
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                found.append((node.lineno, f"calls {name}"))
            case ast.Call(func=ast.Attribute(attr=name)) if name in DRAWING and not makes_keys:
                found.append((node.lineno, f"calls {name}"))
            case ast.Global():
                found.append((node.lineno, "keeps state"))
            case _:
                pass
    return [f"{line}: {what}" for line, what in sorted(found)]


def of_a_calendar(source: str) -> list[str]:
    """The same for a module that may turn a moment into a date."""
    rest = [one for one in offences(source) if not one.endswith("imports datetime")]
    asked = (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Attribute))
    return rest + [f"{one.lineno}: asks for {one.attr}" for one in asked if one.attr in ASKING]


IMPURITIES = [
    row("purity", "async def", "async def rule(): ...", "1: waits"),
    row("purity", "a clock", "import time", "1: imports time"),
    row("purity", "a clock under another name", "from time import time as now", "1: imports time"),
    row("purity", "a date", "from datetime import datetime", "1: imports datetime"),
    row("purity", "randomness", "from os import urandom", "1: imports os"),
    row("purity", "secrets", "import secrets", "1: imports secrets"),
    row("purity", "a socket", "import socket as plug", "1: imports socket"),
    row("purity", "an import within", "def f():\n    import asyncio", "2: imports asyncio"),
    row("purity", "a submodule", "import concurrent.futures", "1: imports concurrent"),
    row("purity", "a request", "from urllib import request", "1: imports urllib.request"),
    row("purity", "a file", "def f():\n    open('x')", "2: calls open"),
    row("purity", "the log", "import logging", "1: imports logging"),
    row("purity", "a drawn key", "k = ec.generate_private_key(c)", "1: calls generate_private_key"),
    row("purity", "state", "def f():\n    global x", "2: keeps state"),
]


@pytest.mark.parametrize("source,offence", IMPURITIES)
def test_an_impurity_is_seen(source: str, offence: str) -> None:
    assert offences(source) == [offence]


def test_a_calendar_never_asks_for_the_moment() -> None:
    assert of_a_calendar("import time\nfrom datetime import date\nx = date.today()") == [
        "1: imports time",
        "3: asks for today",
    ]


@pytest.mark.parametrize(
    "path", [row("pure", str(one.relative_to(SOURCE)), one) for one in MODULES]
)
def test_a_rule_is_pure(path: Path) -> None:
    name = str(path.relative_to(SOURCE))
    if name in CALENDARS:
        assert of_a_calendar(path.read_text()) == []
    else:
        assert offences(path.read_text(), makes_keys=name in MAKERS) == []


def test_there_are_rules_to_look_at() -> None:
    assert all(any(path.is_relative_to(SOURCE / folder) for path in MODULES) for folder in PURE)


# Types that carry proof (DESIGN 4): whoever holds one may rely on it, as there is one maker.

MADE_IN: dict[str, set[str]] = {
    "Authenticated": {"server/oauth/clients/authentication.py"},
    "ReplyTo": {"server/oauth/authorize/reply_address.py"},
    "Verified": {"jose/jwt.py"},
    "Remembered": {"wire/access_token.py"},
    "Issued": {"server/oauth/issue/tokens.py"},
    "AccessToken": {"server/oauth/issue/tokens.py"},
    "IdToken": {"server/oauth/issue/tokens.py"},
    "Permit": {"server/oauth/authorize/permit.py"},
    "Grant": {"server/oauth/authorize/consent.py"},
    "TokenFamily": {"server/oauth/grant_types/authorization_code.py"},
    "Session": {"server/accounts/sign_in.py"},
}


def makers(names: set[str]) -> dict[str, set[str]]:
    """In which modules each is made, by its own name."""
    made = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                    if name in names:
                        made[name].add(str(path.relative_to(SOURCE)))
                case _:
                    pass
    return dict(made)


def test_what_carries_proof_has_one_maker() -> None:
    assert makers(set(MADE_IN)) == MADE_IN


def test_what_carries_proof_is_never_another_name() -> None:
    """An import under another name, or a base class, would be a second way to make one."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.ImportFrom(names=names):
                    renamed = {one.name for one in names if one.asname not in {None, one.name}}
                    assert not renamed & MADE_IN.keys(), path
                case ast.ClassDef(bases=bases):
                    parents = {one.id for one in bases if isinstance(one, ast.Name)}
                    assert not parents & MADE_IN.keys(), path
                case _:
                    pass
