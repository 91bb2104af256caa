"""The fast path runs requests without a task (`server/http/fast/turns.py`), so nothing on it may
need one. Work that needs one gets its own, by `asyncio.create_task`."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.rows import row

SOURCE: Final = Path(__file__).parents[2] / "src/valetkey"
FOLDERS: Final = ("server/http", "server/endpoints", "server/store")
"""All that runs between the socket and the database, beside the rules, which wait for nothing."""

NEEDS_A_TASK: Final = frozenset(
    (
        *("timeout", "timeout_at", "wait_for", "current_task", "TaskGroup"),
        *("fail_after", "move_on_after", "create_task_group", "CancelScope", "get_current_task"),
    )
)
LIBRARIES: Final = frozenset({"anyio", "sniffio", "trio"})
"""They look for the current task."""

IN_A_TASK: Final = {
    "server/http/request.py: read_body": "ASGI: uvicorn makes a task for each request",
    "server/http/reply.py: send_streamed": "ASGI",
    "server/http/directory.py: Directory.check": "pages",
    "server/http/directory.py: Directory.why_not": "a command",
    "server/http/fetch.py: Fetcher._exchange": "a task for each document, or the outbox",
    "server/http/outbox.py: Outbox.run": "a background task",
    "server/http/outbox.py: Outbox.send": "pages, which are behind ASGI",
    "server/http/smtp.py: Mailer.check": "a command",
    "server/http/smtp.py: Mailer.send": "the outbox, or a command",
    "server/http/platform_sign_in.py: PlatformSignIn.ask": "pages",
    "server/endpoints/stream.py: LogUpdates.poll": "a handler that is not whole is behind ASGI",
    "server/http/metrics_port.py: MetricsPort.run": "a task of the server",
    "server/http/tracing.py: Tracer.close": "the end of the server",
    "server/store/postgres/connections.py: Connections.close": "the end of the server",
}
"""Where it is used all the same, and in which task that runs."""


def uses(source: str) -> list[str]:
    """The functions in which something needs a task, or the line of an import that does."""
    return sorted({*_uses(ast.parse(source), "")})


def _uses(node: ast.AST, where: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from _uses(child, f"{where}.{name}".lstrip("."))
            case ast.ClassDef(name=name):
                yield from _uses(child, f"{where}.{name}".lstrip("."))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr=name)) if (
                name in NEEDS_A_TASK
            ):
                yield where
                yield from _uses(child, where)
            case ast.ImportFrom(module=str(module), names=names) if (
                module.partition(".")[0] == "asyncio" and NEEDS_A_TASK & {one.name for one in names}
            ) or module.partition(".")[0] in LIBRARIES:
                yield f"line {child.lineno}"
            case ast.Import(names=names) if LIBRARIES & {
                one.name.partition(".")[0] for one in names
            }:
                yield f"line {child.lineno}"
            case _:
                yield from _uses(child, where)


USES: Final = [
    row("fast path", "a timeout", "async def f():\n async with asyncio.timeout(1): ...", ["f"]),
    row("fast path", "in a method", "class A:\n def f(s): asyncio.current_task()", ["A.f"]),
    row("fast path", "a task group", "async def f():\n async with asyncio.TaskGroup(): ...", ["f"]),
    row("fast path", "under its own name", "from asyncio import timeout", ["line 1"]),
    row("fast path", "anyio", "import anyio", ["line 1"]),
    row("fast path", "anyio within", "def f():\n from anyio import fail_after", ["line 2"]),
    row("fast path", "a task of its own", "asyncio.create_task(f())", []),
    row("fast path", "a sleep", "async def f(): await asyncio.sleep(1)", []),
]


@pytest.mark.parametrize("source, found", USES)
def test_what_needs_a_task_is_seen(source: str, found: list[str]) -> None:
    assert uses(source) == found


def test_nothing_on_the_fast_path_needs_a_task() -> None:
    found = {
        f"{file.relative_to(SOURCE).as_posix()}: {where}"
        for folder in FOLDERS
        for file in (SOURCE / folder).rglob("*.py")
        for where in uses(file.read_text("utf-8"))
    }
    assert found == IN_A_TASK.keys()
