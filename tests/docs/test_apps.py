"""The apps of the guide are whole programs: each is run here, and shown there."""

import os
import re
import runpy
import sqlite3
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.attacks.elsewhere import approve
from tests.attacks.play import find
from tests.browser import Browser
from tests.client.person import user
from tests.client.running import running
from tests.clients.person import agree
from tests.docs.markdown import ROOT, read
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.keys import key
from tests.live import Live, caught_up, free_port, live
from tests.server.oauth.shards.app import HARBOUR, SERVER

from valetkey.cli.root import valetkey
from valetkey.client import Key, StoreCorrupted, StoreError, Tokens
from valetkey.jose.seal import digest
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan
from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import Client, Exchange, StoredSecret
from valetkey.server.model.resource import ResourceServer as Registered
from valetkey.spec.names import TOKEN_EXCHANGE

EXAMPLES: Final = ROOT / "examples"
PAGE: Final = ROOT / "docs" / "howto" / "apps.md"
LOOPBACK: Final = ("http://127.0.0.1/callback",)
MINE: Final = key("ES256", "of the example apps")

NIGHT: Final = Client(
    id="night",
    name="Night",
    auth_method="private_key_jwt",
    jwks={"keys": [MINE.public().jwk()]},
    grant_types=("client_credentials",),
    scope=("chirps",),
)
PLANNER: Final = replace(
    NIGHT,
    id="planner",
    name="Planner",
    redirect_uris=("https://planner.example/callback",),
    grant_types=("authorization_code", "refresh_token"),
    scope=("openid", "offline_access", "chirps"),
)


PORT: Final = free_port()
CATALOG: Final = replace(CHIRP_CATALOG, resource=f"http://127.0.0.1:{PORT}")
"""The API's, where it listens: proofs are for its address."""

READER: Final = Client(
    id="reader",
    name="Reader",
    auth_method="client_secret_basic",
    secrets=(StoredSecret(digest(SECRETS["agent"]), 0),),
    grant_types=(TOKEN_EXCHANGE,),
    scope=("chirps.read",),
    exchange=Exchange(clients=("stefapp",), audiences=(CATALOG.resource,), bound=True),
)


def api(server: Live) -> Starlette:
    """A platform's API, behind the kit."""
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="token",
        max_delegations=1,
    )
    needs = Needs(kit)

    @needs("chirps.read")
    async def read_all(request: Request) -> Response:
        return JSONResponse(["one", "two", "three"])

    @needs("chirps.write")
    async def write(request: Request) -> Response:
        return JSONResponse({"text": (await request.json())["text"]}, 201)

    routes = [Route("/chirps", read_all), Route("/chirps", write, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan(kit))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("apps")) as one:
        mine = replace(HARBOUR, redirect_uris=LOOPBACK)
        records = (mine, SERVER, NIGHT, PLANNER, READER)
        moved = Update(replace(find(one, Registered, "chirp"), catalog=CATALOG))
        one.run(one.store.commit((moved, *(Create(record) for record in records))))
        caught_up()
        with running(api(one), PORT):
            yield one


@pytest.fixture
def here(server: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, and the environment that the programs are told of."""
    private = tmp_path / "private.der"
    private.write_bytes(MINE.to_der())
    monkeypatch.chdir(tmp_path)
    told = {"ISSUER": server.issuer, "API": CATALOG.resource, "PRIVATE_KEY": str(private)}
    for name, value in (told | {"PASSPHRASE": "correct horse"}).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def opens(monkeypatch: pytest.MonkeyPatch, play: Callable[[str], object]) -> None:
    """What the system browser does from now on."""

    class Opened(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            play(url)
            return True

    monkeypatch.setattr(webbrowser, "_tryorder", ["tests"])
    monkeypatch.setattr(webbrowser, "_browsers", {"tests": [None, Opened("tests")]})


def run(name: str, *arguments: str) -> None:
    """The program, as from a shell."""
    before, sys.argv = sys.argv, [name, *arguments]
    try:
        runpy.run_path(str(EXAMPLES / f"app-{name}" / f"app_{name}.py"), run_name="__main__")
    finally:
        sys.argv = before


def test_terminal(
    server: Live, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = server.browser()
    careful = user(browser, leave_out={"chirps.write"})
    answers = iter([careful, user(browser, button="cancel"), user(browser)])
    opens(monkeypatch, lambda address: next(answers)(address))  # noqa: PLW0108
    run("terminal", "Hello")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["connected, without chirps", "then not"]
    run("terminal", "bye")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["{'text': 'bye'}", "signed out"]
    assert not (here / "stefapp.key").exists()


def test_async(
    server: Live, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opens(monkeypatch, user(server.browser()))
    run("async")
    assert capsys.readouterr().out == "ten times 3 chirps\n"


def test_agent(
    server: Live, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", SECRETS["agent"])
    opens(monkeypatch, user(server.browser()))
    run("agent")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{name} {what}" for name in ("reader", "helper") for what in ("3", "may write: False")
    ]


def test_device(
    server: Live, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output: list[str] = []

    def waits(seconds: float) -> None:
        if not output:
            output.append(capsys.readouterr().out)
            approve(server, output[0].partition("type ")[2].split()[0])

    defaults = Key.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "sleep", waits)
    run("device")
    assert capsys.readouterr().out.endswith("3 chirps\n")
    assert "█" in output[0]


def test_machine(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("machine")
    assert capsys.readouterr().out == "3 chirps\n"


def test_web(server: Live, here: Path) -> None:
    app = runpy.run_path(str(EXAMPLES / "app-web" / "app_web.py"))["app"]
    with running(app) as address, httpx2.Client(base_url=address) as browser:
        there = browser.get("/connect")
        cookie = {"cookie": there.headers["set-cookie"].partition(";")[0]}
        answer = agree(server.browser(), there.headers["location"]).partition("?")[2]
        forged = browser.get("/callback?code=c&state=s", headers=cookie)
        assert forged.status_code == 400
        there = browser.get("/connect")
        cookie = {"cookie": there.headers["set-cookie"].partition(";")[0]}
        answer = agree(server.browser(), there.headers["location"]).partition("?")[2]
        back = browser.get(f"/callback?{answer}", headers=cookie)
        assert back.json() == {"connected": True, "without": []}
        assert browser.get("/timeline", headers=cookie).json() == {"chirps": 3}
        assert browser.get(f"/callback?{answer}", headers=cookie).status_code == 400
        for path in ("/timeline", "/callback"):
            assert browser.get(path).is_client_error
            assert browser.get(path, headers={"cookie": "session=x"}).is_client_error


def test_database(
    server: Live, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browsers = [user(server.browser()), user(server.browser())]
    opens(monkeypatch, lambda address: browsers.pop()(address))  # noqa: PLW0108
    for _ in range(2):
        run("database", "miko")
        run("database", "noor")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["miko 3 chirps", "noor 3 chirps"] * 2
    assert browsers == [], "each of them was asked once"


def test_every_store_in_a_database_keeps_the_contract(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = str(EXAMPLES / "app-database" / "app_database.py")
    program_names = runpy.run_path(program)
    first, second, other = (
        program_names["DatabaseStore"](name) for name in ("miko", "miko", "noor")
    )
    assert first.load() is None
    first.ready()
    held = Tokens(access_token="an access token", refresh_token="a refresh token")
    first.save(held)
    assert (second.load(), other.load()) == (held, None)
    let_go = first.take()
    assert let_go is not None
    assert second.take() is None
    assert other.take() is not None
    let_go()
    again = second.take()
    assert again is not None
    let_go()
    assert first.take() is None, "whoever let go before cannot let go of another's lock"
    later = time.time() + program_names["SECONDS"] + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert first.take() is not None, "a worker that died holds nothing for ever"
    first.save(None)
    assert first.load() is None
    with sqlite3.connect("app.db") as db:
        db.execute("update keys set tokens = 'x'")
    db.close()
    with pytest.raises(StoreCorrupted):
        first.load()
    Path("app.db").write_bytes(b"no database at all, however long it may be" * 99)
    with pytest.raises(StoreError):
        first.load()


def test_shards(
    server: Live, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", SECRETS[SERVER.id])
    monkeypatch.setenv("SEAL", "of the server")
    miko = server.browser()
    opens(monkeypatch, user(miko))
    folder = EXAMPLES / "app-shards"
    backend = runpy.run_path(str(folder / "app_backend.py"))["app"]
    with running(backend) as address:
        monkeypatch.setenv("BACKEND", address)
        runpy.run_path(str(folder / "app_phone.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "3 chirps"
    parts = dict(line.strip().split(maxsplit=1) for line in lines[:-1])
    assert (parts["device"], parts["backend"]) == ("held", "held")
    monkeypatch.setenv("RECOVERY_CODE", _printed(miko, parts["recovery_code"].split()[1]))
    # The server is gone; the code stands in for it.
    runpy.run_path(str(folder / "app_phone.py"), run_name="__main__")
    assert capsys.readouterr().out.endswith("3 chirps\n")


def test_every_client_of_the_key_in_parts_can_be_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHIRP_SECRET", "HARBOUR_SECRET"):
        monkeypatch.setenv(name, "s" * 40)
    file = str(EXAMPLES / "app-shards" / "state.toml")
    finished = CliRunner().invoke(valetkey, ["apply", "-f", file, "--dry-run"])
    assert finished.exit_code == 0, finished.output


def _printed(miko: Browser, page: str) -> str:
    """The recovery code, as she reads it on the page."""
    miko.open(page)
    text = miko.press("replace-recovery_code").text
    return text.partition('<code id="code">')[2].partition("<")[0]


def test_every_app_is_shown_and_every_one_shown_is_there() -> None:
    included = {
        (PAGE.parent / one).resolve() for one in re.findall(r"\{literalinclude\} (\S+)", read(PAGE))
    }
    assert included == {*EXAMPLES.glob("app-*/*.py")}


def test_every_app_is_run() -> None:
    named = {one.name.removeprefix("app-") for one in EXAMPLES.glob("app-*")}
    assert named == {name.removeprefix("test_") for name in globals() if _is_of_an_app(name)}


def _is_of_an_app(name: str) -> bool:
    return name.startswith("test_") and not name.startswith("test_every_")


def test_every_app_starts_as_a_program_of_its_own(here: Path) -> None:
    """As from a shell, with no test around it: here the passphrase is missing."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    env.pop("PASSPHRASE")
    program = str(EXAMPLES / "app-terminal" / "app_terminal.py")
    finished = subprocess.run(
        [sys.executable, program, "Hello"], env=env, capture_output=True, text=True, check=False
    )
    assert "KeyError: 'PASSPHRASE'" in finished.stderr
