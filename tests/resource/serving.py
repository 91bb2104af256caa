"""The examples' APIs as programs of their own, and Django's by ASGI."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
from tests.docs.markdown import ROOT
from tests.live import free_port

EXAMPLES: Final = ROOT / "examples"
HERE: Final = ROOT / "tests" / "resource"


def _uvicorn(folder: str, module: str) -> Callable[[int], list[str]]:
    def command(port: int) -> list[str]:
        where = ["--app-dir", folder, "--port", str(port), "--log-level", "warning"]
        return ["-m", "uvicorn", f"{module}:app", *where, "--no-proxy-headers"]

    return command


def _example(name: str) -> Callable[[int], list[str]]:
    return _uvicorn(str(EXAMPLES / f"api-{name}"), f"api_{name}")


def _django(name: str) -> Callable[[int], list[str]]:
    program = str(EXAMPLES / f"api-{name}" / f"api_{name}.py")
    return lambda port: [program, "runserver", "--noreload", f"127.0.0.1:{port}"]


def _flask(port: int) -> list[str]:
    program = str(EXAMPLES / "api-flask" / "api_flask.py")
    return ["-m", "flask", "--app", program, "run", "--port", str(port)]


COMMANDS: Final[dict[str, Callable[[int], list[str]]]] = {
    "starlette": _example("starlette"),
    "fastapi": _example("fastapi"),
    "flask": _flask,
    "django": _django("django"),
    "django by asgi": _uvicorn(str(HERE), "django_by_asgi"),
    "drf": _django("drf"),
    "asgi": _example("asgi"),
    "wsgi": lambda port: [str(EXAMPLES / "api-wsgi" / "api_wsgi.py"), str(port)],
    "mcp": _example("mcp"),
}
"""How each is started, by a Python that knows the project."""

CALLS: Final = {
    "read": ("GET", "/chirps"),
    "write": ("POST", "/chirps"),
    "tip": ("POST", "/tips"),
    "close": ("DELETE", "/account"),
}


class Api:
    """A running API. MCP servers have tools in place of routes. `said` is what the program has
    printed and logged."""

    def __init__(self, name: str, port: int, output: Path) -> None:
        self.name = name
        self._output = output
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def at(self, what: str) -> tuple[str, str]:
        """The method and path of a call."""
        return ("POST", "/mcp") if self.name == "mcp" else CALLS[what]

    def call(
        self,
        what: str,
        headers: list[tuple[str, str]] | None = None,
        *,
        query: str = "",
        **body: str,
    ) -> httpx2.Response:
        """One call, with these headers."""
        method, path = self.at(what)
        answer: Any = body or None
        if self.name == "mcp":
            params = {"name": what, "arguments": body}
            answer = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        sent = [*(headers or []), ("Accept", "application/json, text/event-stream")]
        return self.http.request(method, path + query, headers=sent, json=answer)

    def send(self, what: str, headers: list[tuple[str, str]], raw: bytes) -> httpx2.Response:
        """One call with this very body. For MCP, the arguments of the tool."""
        method, path = self.at(what)
        if self.name == "mcp":
            raw = (
                b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "%b", '
                % (what.encode())
                + b'"arguments": %b}}' % raw
            )
        media = [("Content-Type", "application/json"), ("Accept", "application/json")]
        stream = [("Accept", "text/event-stream")]
        return self.http.request(method, path, headers=[*headers, *media, *stream], content=raw)

    def result(self, response: httpx2.Response) -> Any:
        """What a call that was let through answers."""
        assert response.is_success, (response.status_code, response.text)
        body = response.json()
        if self.name != "mcp":
            return body
        found = body["result"]
        assert not found.get("isError"), found
        content = found["structuredContent"]
        return content.get("result", content)


@contextlib.contextmanager
def serving(name: str, *, issuer: str, secret: str) -> Iterator[Api]:
    """The API in this framework, as a program that listens on a loopback port."""
    port = free_port()
    answer = {"ISSUER": issuer, "CHIRP_SECRET": secret, "PROXIES": "127.0.0.1"}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        with output.open("wb") as file:
            program = subprocess.Popen(
                [sys.executable, *COMMANDS[name](port)],
                env={**os.environ, **answer, "PYTHONPATH": path, "PYTHONWARNINGS": "default"},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        api = Api(name, port, output)
        try:
            _wait(api, program)
            yield api
        finally:
            api.http.close()
            program.terminate()
            program.wait(20)


def _wait(api: Api, program: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx2.TransportError):
            api.http.get("/nothing")
            return
        if program.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"{api.name} does not start: {api.output}")
