"""The wheel holds all that runs, and runs without the checkout."""

import configparser
import importlib
import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.packaging.wheel import ROOT, build, locked

SOURCE = ROOT / "src"
INFO = f"valetkey-{version('valetkey')}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    package = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "valetkey").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in contents(wheel) if ".dist-info/" not in name} == package


@pytest.mark.parametrize(
    "name",
    [
        "valetkey/py.typed",
        "valetkey/server/pages/templates/consent.html",
        "valetkey/server/pages/static/valetkey.css",
        "valetkey/server/pages/static/key.svg",
        "valetkey/server/pages/locale/de/LC_MESSAGES/valetkey.po",
        "valetkey/server/store/migrations/sqlite/0001_first.sql",
        "valetkey/server/store/migrations/sqlite/0003_brand.sql",
        "valetkey/server/store/migrations/postgres/0001_first.sql",
        "valetkey/server/store/migrations/postgres/0003_brand.sql",
        "valetkey/demo/state.toml",
        f"{INFO}/licenses/LICENSE",
        f"{INFO}/entry_points.txt",
    ],
)
def test_it_holds_what_is_no_module(wheel: Path, name: str) -> None:
    assert name in contents(wheel)


def test_pytest_finds_the_plugin_in_it(wheel: Path) -> None:
    told = configparser.ConfigParser()
    told.read_string(zipfile.ZipFile(wheel).read(f"{INFO}/entry_points.txt").decode())
    (module,) = told["pytest11"].values()
    assert callable(importlib.import_module(module).keys_for)


class Empty:
    """An environment with nothing in it, in a folder far from the checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "environment" / "bin"
        venv.create(folder / "environment")

    def pip(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """The checkout's pip, at work there."""
        return self.run(sys.executable, "-m", "pip", "--python", self.bin / "python", *words)

    def install(self, *words: str | Path) -> None:
        """`pip install`; skips the test where the registry cannot be reached."""
        done = self.pip("install", "--retries", "1", "--no-compile", *words)
        if done.returncode and "connection broken" in done.stderr:
            pytest.skip("the package registry cannot be reached")
        assert done.returncode == 0, done.stderr

    def run(self, program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs, with nothing of ours around it."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VALETKEY_", "VIRTUAL_ENV"))
        }
        return subprocess.run(
            [self.bin / program, *words],
            cwd=self.folder,
            env=clean,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Empty:
    return Empty(tmp_path_factory.mktemp("elsewhere"))


def install(empty: Empty, wheel: Path, extras: str) -> None:
    """Installs the wheel and just what it says that it needs, in the locked versions."""
    lock = empty.folder / "lock.txt"
    lock.write_text(locked(f"valetkey{extras}"))
    empty.install("--require-hashes", "--requirement", lock)
    empty.install("--no-deps", "--force-reinstall", wheel)
    checked = empty.pip("check")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_the_base_is_enough_for_apps_and_apis(empty: Empty, wheel: Path) -> None:
    install(empty, wheel, "")
    code = "import valetkey.client, valetkey.resource; print(valetkey.__file__)"
    done = empty.run("python", "-c", code)
    assert done.stdout.startswith(str(empty.folder)), done.stderr


API = """
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


@pytest.mark.slow
def test_the_base_is_enough_to_check_an_api(empty: Empty, wheel: Path) -> None:
    install(empty, wheel, "")
    (empty.folder / "api.py").write_text(API)
    whole = empty.run("valetkey", "resource", "check", "api:whole")
    assert (whole.returncode, whole.stdout, whole.stderr) == (0, "*  /a  read\n", "")
    bare = empty.run("valetkey", "resource", "check", "api:bare")
    assert bare.returncode == 1
    assert "* /b needs no permission" in bare.stderr


@pytest.mark.slow
def test_with_its_server_extra_it_plays_the_demo(empty: Empty, wheel: Path) -> None:
    install(empty, wheel, "[server]")
    played = empty.run("valetkey", "demo", "--exit", "--no-browser")
    assert played.returncode == 0, played.stdout + played.stderr
