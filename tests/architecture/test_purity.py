"""The rules are pure, and types that carry proof are made in one place.

A rule gets the time and randomness from its context. It reads no file, uses no network and keeps no
state between calls. import-linter checks the layers; this checks the rest.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import cache
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
"""Modules that a rule may not import."""

BUILTINS = frozenset({"open", "print", "input", "exec", "eval", "compile", "breakpoint"})

# What draws randomness by itself, and who alone may call it: the makers of keys.
DRAWING = frozenset({"generate_private_key", "generate_key"})
MAKERS = {"jose/jwk.py"}

# Hours of the day need a calendar. It may turn a moment into a date, never ask for the moment.
CALENDARS = {"server/model/hours.py"}
ASKING = frozenset({"now", "utcnow", "today"})


MEMOS = {"server/oauth/core/memo.py"}
"""Makes the caches that an installation owns and the context brings."""

CACHES = {
    "jose/jws.py": {"_header", "_read_cached", "_embedded_key_cached", "_header_cached"},
    "jose/seal.py": {"_cipher", "_keyed_hashes"},
    "wire/address.py": {"_read_cached"},
    "server/model/ids.py": {"_parts", "_names"},
}
"""Caches that are still global: a caller could bring one only at the cost of speed, or of another
parameter in each function between. The SDK, the kit and the server share `jose` and `wire`, and
call them many times in a request; stores split and join ids, and have no context. All are bounded,
and the functions give the same results without them."""

BROUGHT = {"wire/access_token.py": {"VerifiedTokens"}}
"""Classes of caches that a caller owns and brings."""

PARSERS = {"server/model/picture.py": {"_Reading"}}
"""Classes of what a parser reports to: made, filled and dropped within one call."""

REMEMBERING = frozenset({"lru_cache", "cache"})
CONTAINERS = frozenset(
    {"dict", "list", "set", "defaultdict", "deque", "OrderedDict", "Counter", "WeakValueDictionary"}
)
CHANGING = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem"),
        *("popleft", "remove", "setdefault", "update", "__setitem__"),
    }
)
"""Methods that change a container."""

SETTING = frozenset({"setattr", "force_setattr"})
BIRTH = frozenset({"__init__", "__post_init__"})
"""Where an object may still be written."""


def offences(
    source: str, *, makes_keys: bool = False, caches: Collection[str] = (), memos: bool = False
) -> list[str]:
    """What in this source a rule may not do, each as `line: what`. `caches` names the module-level
    caches that it may have; `memos`: it makes those of others."""
    tree = ast.parse(source)
    found = [*_effects(tree, makes_keys=makes_keys)]
    if not memos:
        found += [*_caches(tree, caches), *_containers(tree, caches), *_writes(tree, caches)]
    return [f"{line}: {what}" for line, what in sorted(found)]


def _caches(tree: ast.Module, caches: Collection[str]) -> Iterator[tuple[int, str]]:
    """Uses of `lru_cache` and `cache`, but for the named ones."""
    allowed: set[int] = set()
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name, decorator_list=parts) if name in caches:
                allowed |= {id(one) for part in parts for one in ast.walk(part)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                if name in caches:
                    allowed |= {id(one) for one in ast.walk(value)}
            case _:
                pass
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name, value=ast.Name(id="functools")):
                if name in REMEMBERING and id(node) not in allowed:
                    yield node.lineno, "remembers results"
            case ast.ImportFrom(module="functools", names=names):
                renamed = [one.name for one in names if one.name in REMEMBERING and one.asname]
                if renamed:
                    yield node.lineno, "remembers results"
            case _:
                pass


def _containers(tree: ast.Module, caches: Collection[str]) -> Iterator[tuple[int, str]]:
    """Module-level containers that are no tables of constants: empty ones, and those that are not
    Final."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                is_final = False
            case ast.AnnAssign(
                target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value
            ):
                is_final = ast.unparse(annotation).startswith("Final")
            case _:
                continue
        if name not in caches and name != "__all__" and _is_mutable(value, is_final=is_final):
            yield node.lineno, f"keeps {name}"


def _is_mutable(value: ast.expr, *, is_final: bool) -> bool:
    match value:
        case ast.Dict(keys=members) | ast.List(elts=members):
            return not (is_final and members)
        case ast.Set() | ast.DictComp() | ast.ListComp() | ast.SetComp():
            return not is_final
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=words):
            return name in CONTAINERS and not (is_final and (args or words))
        case _:
            return False


def _writes(tree: ast.Module, caches: Collection[str]) -> Iterator[tuple[int, str]]:
    """Writes to attributes of arguments and of globals, and to global containers."""
    bound = {*_stored(tree)} - {*caches}
    brought = {
        id(one)
        for kind in tree.body
        if isinstance(kind, ast.ClassDef) and kind.name in caches
        for one in ast.walk(kind)
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.Lambda) and id(function) not in brought:
            born = isinstance(function, ast.FunctionDef) and function.name in BIRTH
            yield from _written_in(function, bound, born=born)


def _stored(tree: ast.Module) -> Iterator[str]:
    """The names that the module's own statements assign."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            for one in ast.walk(statement):
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                    yield one.id


def _written_in(
    function: ast.FunctionDef | ast.Lambda, module: set[str], *, born: bool
) -> Iterator[tuple[int, str]]:
    args = function.args
    parameters = {one.arg for one in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
    own = {
        one.id
        for one in ast.walk(function)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    foreign = (parameters - own - ({"self"} if born else set())) | (module - own - parameters)
    for node in ast.walk(function):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                root = _root(node.value)
                if root in foreign:
                    yield node.lineno, f"writes {root}.{node.attr}"
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
                root = _root(value)
                if root in (module - own - parameters):
                    yield node.lineno, f"writes {root}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=root), attr=name)):
                if name in CHANGING and root in (module - own - parameters):
                    yield node.lineno, f"writes {root}"
            case _:
                pass
        match node:
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Name(id=root), *_]
            ):
                if name in SETTING and root in foreign:
                    yield node.lineno, f"writes {root}"
            case _:
                pass


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _effects(tree: ast.Module, *, makes_keys: bool) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                yield node.lineno, "waits"
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                yield node.lineno, f"calls {name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in DRAWING and not makes_keys:
                yield node.lineno, f"calls {name}"
            case ast.Global():
                yield node.lineno, "keeps state"
            case ast.Import() | ast.ImportFrom():
                yield from ((node.lineno, f"imports {name}") for name in _impure_imports(node))
            case _:
                pass


def _impure_imports(node: ast.Import | ast.ImportFrom) -> list[str]:
    match node:
        case ast.Import(names=names):
            return sorted({name.name.partition(".")[0] for name in names} & IMPURE)
        case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in IMPURE:
            return [module.partition(".")[0]]
        case ast.ImportFrom(module="urllib", names=names):
            return ["urllib.request" for one in names if one.name == "request"]
        case ast.ImportFrom(module="urllib.request"):
            return ["urllib.request"]
        case _:
            return []


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
    row("purity", "lru_cache", "@lru_cache(maxsize=9)\ndef f(x): ...", "1: remembers results"),
    row("purity", "cache", "@cache\ndef f(): ...", "1: remembers results"),
    row("purity", "functools", "f = functools.lru_cache(f_)", "1: remembers results"),
    row("purity", "in a class", "class A:\n    @cache\n    def f(): ...", "2: remembers results"),
    row("purity", "another name", "from functools import cache as c", "1: remembers results"),
    row("purity", "an empty dict", "KNOWN: Final[dict[str, int]] = {}", "1: keeps KNOWN"),
    row("purity", "an empty set", "seen: Final = set()", "1: keeps seen"),
    row("purity", "an open table", "TABLE = {'a': 1}", "1: keeps TABLE"),
    row("purity", "a counter", "hits = Counter()", "1: keeps hits"),
    row("purity", "an argument", "def f(x):\n    x.y = 1", "2: writes x.y"),
    row("purity", "an argument's own", "def f(x):\n    x.y.z += 1", "2: writes x.z"),
    row("purity", "oneself", "class A:\n    def f(self):\n        self.x = 1", "3: writes self.x"),
    row("purity", "setattr", "def f(x):\n    setattr(x, 'y', 1)", "2: writes x"),
    row("purity", "frozen", "def f(x):\n    structs.force_setattr(x, 'y', 1)", "2: writes x"),
    row("purity", "a global", "A: Final = B()\ndef f():\n    A.x = 1", "3: writes A.x"),
    row("purity", "a table", "A: Final = {1: 2}\ndef f():\n    A[2] = 3", "3: writes A"),
    row("purity", "a list", "A: Final = [1]\ndef f(x):\n    A.append(x)", "3: writes A"),
]

PURE_SOURCES = [
    row("pure", "a table", "TABLE: Final = {'a': 1}"),
    row("pure", "a birth", "class A:\n    def __init__(self):\n        self.x = 1"),
    row("pure", "what is made here", "def f():\n    x = A()\n    x.y = 1"),
    row("pure", "a local list", "def f():\n    x = []\n    x.append(1)"),
]


@pytest.mark.parametrize("source", PURE_SOURCES)
def test_what_is_pure_passes(source: str) -> None:
    assert offences(source) == []


def test_a_named_cache_passes() -> None:
    source = "@lru_cache(maxsize=9)\ndef f(x): ...\nG: Final = {}\ndef h(x):\n    G[x] = 1"
    assert offences(source, caches={"f", "G"}) == []
    assert len(offences(source)) == 3


def test_every_named_cache_is_there() -> None:
    for name, caches in CACHES.items():
        source = (SOURCE / name).read_text()
        for one in caches:
            assert offences(source, caches=caches - {one}), (name, one)


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
        found = offences(
            path.read_text(),
            makes_keys=name in MAKERS,
            caches=CACHES.get(name, set()) | BROUGHT.get(name, set()) | PARSERS.get(name, set()),
            memos=name in MEMOS,
        )
        assert found == []


def test_there_are_rules_to_look_at() -> None:
    assert all(any(path.is_relative_to(SOURCE / folder) for path in MODULES) for folder in PURE)


# Types that carry proof (DESIGN 4): whoever holds one may rely on it, as there is one maker.

MADE_IN: dict[str, set[str]] = {
    "Authenticated": {"server/oauth/clients/authentication.py"},
    "ReplyTo": {"server/oauth/authorize/reply_address.py"},
    "Verified": {"jose/jwt.py"},
    "VerifiedToken": {"wire/access_token.py"},
    "Issued": {"server/oauth/issue/tokens.py"},
    "AccessToken": {"server/oauth/issue/tokens.py"},
    "IdToken": {"server/oauth/issue/tokens.py"},
    "Permit": {"server/oauth/authorize/outcome.py"},
    # A user's yes, here or at the system that an administrator moves from.
    "Grant": {"server/oauth/authorize/consent.py", "server/oauth/admin/grant_import.py"},
    "TokenFamily": {"server/oauth/grant_types/authorization_code.py"},
    "Session": {"server/accounts/sign_in.py"},
}


@cache
def _nodes() -> list[tuple[Path, ast.AST]]:
    """Every node of every module, parsed once."""
    return [
        (path, node)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call | ast.ImportFrom | ast.ClassDef)
    ]


def makers(names: set[str]) -> dict[str, set[str]]:
    """In which modules each is made, by its own name."""
    made = defaultdict(set)
    for path, node in _nodes():
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
    for path, node in _nodes():
        match node:
            case ast.ImportFrom(names=names):
                renamed = {one.name for one in names if one.asname not in {None, one.name}}
                assert not renamed & MADE_IN.keys(), path
            case ast.ClassDef(bases=bases):
                parents = {one.id for one in bases if isinstance(one, ast.Name)}
                assert not parents & MADE_IN.keys(), path
            case _:
                pass
