"""`valetkey resource check`: no route without a permission, no permission without a route."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.live import Live, live
from tests.rows import row

HEAD = """
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from valetkey.resource import Catalog, Permission, ResourceServer, open_to_all, uses
from valetkey.resource.starlette import Needs, documents

server = ResourceServer(
    issuer="https://id.example",
    catalog=Catalog(
        resource="https://api.example",
        name="A",
        permissions=(Permission(id="read", can="read"), Permission(id="write", can="write")),
    ),
)
needs = Needs(server)

@needs("read")
async def read(request): ...

@needs("write")
def write(request): ...

async def bare(request): ...

@open_to_all
async def about(request): ...

WHOLE = [Route("/a", read), Route("/a", write, methods=["POST"]), *documents(server)]
"""

MCP = """
from mcp.server.mcpserver import MCPServer
from starlette.responses import Response
from valetkey.resource import Catalog, Permission, ResourceServer, open_to_all
from valetkey.resource.mcp import McpGuard

server = ResourceServer(
    issuer="https://id.example",
    catalog=Catalog(
        resource="https://api.example",
        name="A",
        permissions=(Permission(id="read", can="read"), Permission(id="write", can="write")),
    ),
)
guard = McpGuard(server)
app = MCPServer("A", token_verifier=guard, auth=guard.settings())

@app.tool()
@guard.needs("read")
def read() -> str: ...
"""

FASTAPI = """
from typing import Annotated
from fastapi import APIRouter, Depends, FastAPI
from valetkey.resource import Catalog, Permission, Principal, ResourceServer, open_to_all
from valetkey.resource.fastapi import Kit

server = ResourceServer(
    issuer="https://id.example",
    catalog=Catalog(
        resource="https://api.example",
        name="A",
        permissions=(Permission(id="read", can="read"), Permission(id="write", can="write")),
    ),
)
kit = Kit(server, authorize="https://id.example/authorize", token="https://id.example/token")
app = FastAPI()
kit.publish(app)

@app.get("/a")
async def read(caller: Annotated[Principal, kit.needs("read")]): ...
"""

GOOD = {
    "all": "app = Starlette(routes=WHOLE)",
    "an open one": 'app = Starlette(routes=[*WHOLE, Route("/", about)])',
    "mounted": 'app = Starlette(routes=[Mount("/v1", routes=WHOLE)])',
    "files that are open": (
        'app = Starlette(routes=[*WHOLE, Mount("/f", open_to_all(StaticFiles(directory=".")))])'
    ),
    "a class": """
class Thing(HTTPEndpoint):
    @needs("read")
    async def get(self, request): ...
    @needs("write")
    async def post(self, request): ...

app = Starlette(routes=[Route("/thing", Thing)])
""",
    "one that asks by itself": """
@uses("write")
@needs("read")
async def either(request): ...

app = Starlette(routes=[Route("/a", either)])
""",
    "declared where it is enforced": """
@needs(Permission(id="pin", can="pin a thing"))
async def pin(request): ...

app = Starlette(routes=[*WHOLE, Route("/pin", pin)])
""",
    "FastAPI": FASTAPI
    + """
@app.post("/a")
async def write(caller: Annotated[Principal, kit.needs("write")]): ...
""",
    "a dependency of FastAPI's router": FASTAPI
    + """
router = APIRouter(dependencies=[kit.needs("write")])

@router.post("/a")
async def write(): ...

app.include_router(router)

@app.get("/")
@open_to_all
async def about(): ...
""",
    "plain ASGI or WSGI, one by one": """
from valetkey.resource import asgi, wsgi

async def there(scope, receive, send): ...
def here(environ, start_response): ...

app = {
    ("GET", "/a"): asgi.Needs(server)("read")(there),
    "/b": wsgi.Needs(server)("write")(here),
    "/about": open_to_all(there),
}
""",
    "plain ASGI, as a whole": """
from valetkey.resource.asgi import Needs as Whole

async def there(scope, receive, send): ...

app = Whole(server)("read", "write")(there)
""",
    "plain WSGI, as a whole": """
from valetkey.resource.wsgi import Needs as Whole

def there(environ, start_response): ...

app = Whole(server)("read", "write")(there)
""",
    "MCP": MCP
    + """
@app.resource("notes://all")
@guard.needs("read")
def notes() -> str: ...

@app.resource("notes://{name}")
@guard.needs("write")
def note(name: str) -> str: ...

@app.prompt()
@open_to_all
def greet() -> str: ...

@app.custom_route("/health", methods=["GET"])
@open_to_all
async def health(request): ...
""",
    "a dependency of a dependency": FASTAPI
    + """
async def author(caller: Annotated[Principal, kit.needs("write")]): ...

@app.post("/a")
async def write(by: Annotated[None, Depends(author)]): ...
""",
}

BAD = {
    "a bare route": (
        'app = Starlette(routes=[*WHOLE, Route("/b", bare)])',
        "GET /b needs no permission",
    ),
    "a bare route, mounted": (
        'app = Starlette(routes=[*WHOLE, Mount("/v1", routes=[Route("/b", bare)])])',
        "GET /v1/b needs no permission",
    ),
    "a permission that nothing asks for": (
        'app = Starlette(routes=[Route("/a", read)])',
        "no route asks for 'write'",
    ),
    "files": (
        'app = Starlette(routes=[*WHOLE, Mount("/f", StaticFiles(directory="."))])',
        "* /f/… needs no permission",
    ),
    "a socket": (
        'app = Starlette(routes=[*WHOLE, WebSocketRoute("/s", bare)])',
        "WEBSOCKET /s needs no permission",
    ),
    "a method of a class": (
        """
class Thing(HTTPEndpoint):
    @needs("read")
    async def get(self, request): ...
    async def delete(self, request): ...

app = Starlette(routes=[*WHOLE, Route("/thing", Thing)])
""",
        "DELETE /thing needs no permission",
    ),
    "no guard at all": ('app = Starlette(routes=[Route("/", about)])', "no route is guarded"),
    "something that the catalog lacks": (
        """
@uses("fly")
async def fly(request): ...

app = Starlette(routes=[*WHOLE, Route("/fly", fly)])
""",
        "'fly' is asked for, and in no catalog",
    ),
    "FastAPI": (FASTAPI + '\n@app.post("/a")\nasync def write(): ...\n', "POST /a needs no"),
    "FastAPI, a permission": (FASTAPI, "no route asks for 'write'"),
    "MCP, a tool": (MCP + "\n@app.tool()\ndef bare(): ...\n", "CALL tools/bare needs no"),
    "MCP, a resource": (
        MCP + '\n@app.resource("notes://all")\ndef bare(): ...\n',
        "READ notes://all needs no",
    ),
    "MCP, a template": (
        MCP + '\n@app.resource("notes://{x}")\ndef bare(x: str): ...\n',
        "READ notes://{x} needs no",
    ),
    "MCP, a prompt": (MCP + "\n@app.prompt()\ndef bare(): ...\n", "GET prompts/bare needs no"),
    "MCP, a route": (
        MCP + '\n@app.custom_route("/x", methods=["GET"])\nasync def bare(request): ...\n',
        "GET /x needs no",
    ),
    "MCP, a permission": (MCP, "no route asks for 'write'"),
    "plain ASGI": ("async def app(scope, receive, send): ...", "* /… needs no permission"),
    "plain WSGI, one of a table": ('app = {"/a": bare}', "* /a needs no permission"),
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test imports its own module of that name."""
    before = list(sys.path)
    yield
    sys.path[:] = before
    sys.modules.pop("its_api", None)


def written(line: Line, text: str) -> None:
    head = "" if text.startswith((FASTAPI, MCP)) else HEAD
    (line.folder / "its_api.py").write_text(head + text)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_an_api_that_is_whole(line: Line, text: str) -> None:
    written(line, text)
    shown = line.json("resource", "check", "its_api:app")
    assert shown["mistakes"] == []
    asked = {one for route in shown["routes"] for one in route["permissions"]}
    assert {"read", "write"} <= asked


@pytest.mark.parametrize("text,said", BAD.values(), ids=BAD)
def test_an_api_that_is_not(line: Line, text: str, said: str) -> None:
    written(line, text)
    result = line.run("resource", "check", "its_api:app")
    assert result.exit_code == 1
    assert said in result.stderr


WRONG = {
    "no such module": ("nowhere:app", "nowhere cannot be imported"),
    "no such name": ("its_api:nothing", "its_api has no 'nothing'"),
    "no application": ("its_api:server", "is no application of Starlette, FastAPI or Flask"),
    "nothing that could be called": ("its_api:WHOLE", "is no application of Starlette"),
    "what is around MCP": ("its_api:around", "is checked as the MCPServer"),
    "no name": ("its_api", "'its_api' is not MODULE:APP"),
    "no module": (":app", "':app' is not MODULE:APP"),
}


@pytest.mark.parametrize("words,said", WRONG.values(), ids=WRONG)
def test_what_cannot_be_checked(line: Line, words: str, said: str) -> None:
    around = "from valetkey.resource.mcp import McpGuard\naround = McpGuard(server).around(None)"
    written(line, f"app = Starlette(routes=WHOLE)\n{around}")
    assert said in line.fails("resource", "check", words, status=2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("registered")) as running:
        yield running


REGISTERED = [
    row("", "the catalog as it is", "", []),
    row(
        "",
        "one permission more",
        ', *(Permission(id="chirps.pin", can="pin a chirp"),)',
        ["chirps.pin is not registered"],
    ),
]


@pytest.mark.parametrize("more,says", REGISTERED)
def test_the_catalog_is_compared_with_the_registered_one_where_that_is_wanted(
    line: Line, server: Live, more: str, says: list[str]
) -> None:
    permissions = f"(*CHIRP_CATALOG.permissions{more},)"
    (line.folder / "its_api.py").write_text(f"""
from msgspec.structs import replace
from tests.installation import CHIRP_CATALOG
from starlette.applications import Starlette
from starlette.routing import Route
from valetkey.resource import Permission, ResourceServer
from valetkey.resource.starlette import Needs, documents

catalog = replace(CHIRP_CATALOG, permissions={permissions})
server = ResourceServer(issuer="{server.issuer}", catalog=catalog, credentials=("chirp", "s"))

@Needs(server)(*(one.id for one in catalog.permissions))
async def everything(request): ...

app = Starlette(routes=[Route("/a", everything), *documents(server)])
""")
    local = line.json("resource", "check", "its_api:app")
    assert local["mistakes"] == []
    sys.modules.pop("its_api")
    result = line.run("--json", "resource", "check", "its_api:app", "--registered")
    assert result.exit_code == (1 if says else 0)
    for one in says:
        assert one in result.stderr


def test_a_registered_catalog_that_is_not_to_be_had(line: Line) -> None:
    written(line, next(iter(GOOD.values())))
    (line.folder / "its_api.py").write_text(
        (line.folder / "its_api.py").read_text().replace("https://id.example", "http://127.0.0.1:9")
    )
    result = line.run("resource", "check", "its_api:app", "--registered")
    assert result.exit_code == 1
    assert "the registered catalog cannot be fetched" in result.stderr


def test_the_demos_api_is_whole(line: Line) -> None:
    (line.folder / "its_api.py").write_text(
        """
import tomllib
from importlib.resources import files
from pathlib import Path
from string import Template
import msgspec
from valetkey.demo.chirp.api import create
from valetkey.demo.chirp.records import Records
from valetkey.resource import Catalog, ResourceServer

text = (files("valetkey.demo.chirp") / "catalog.toml").read_text()
members = tomllib.loads(Template(text).substitute(chirp="http://127.0.0.1:1"))
server = ResourceServer(
    issuer="http://127.0.0.1:2",
    catalog=msgspec.convert(members, Catalog),
    credentials=("chirp", "a secret"),
)
app = create(Records(Path("chirp.db")), server)
"""
    )
    assert line.json("resource", "check", "its_api:app")["mistakes"] == []


BASE = """
import subprocess
import sys

for name in ("click", "starlette"):
    sys.modules[name] = None
sys.argv = ["valetkey", "resource", "check", "api:{app}"]
from valetkey.cli import main

main()
"""

PLAIN = """
from valetkey.resource import Catalog, Permission, ResourceServer
from valetkey.resource.asgi import Needs

server = ResourceServer(
    issuer="https://id.example",
    catalog=Catalog(
        resource="https://api.example",
        name="A",
        permissions=(Permission(id="read", can="read"),),
    ),
)

async def app(scope, receive, send): ...

whole = {"/a": Needs(server)("read")(app)}
bare = {**whole, "/b": app}
"""


@pytest.mark.parametrize(
    "app, code, error",
    [
        row("ours", "a whole one", "whole", 0, ""),
        row("ours", "a route without a permission", "bare", 1, "* /b needs no permission"),
        row("ours", "no such application", "none", 2, "api has no 'none'"),
    ],
)
def test_it_needs_no_extra(tmp_path: Path, app: str, code: int, error: str) -> None:
    """An API's own tests run on the base install, without click and Starlette."""
    (tmp_path / "api.py").write_text(PLAIN)
    done = subprocess.run(
        [sys.executable, "-c", BASE.replace("{app}", app)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert error in done.stderr
    assert ("*  /a  read" in done.stdout) is (code != 2)
