"""The SDK and the kit where the operating system is not POSIX: neither fcntl nor fork is there.

This runs on Linux with these taken away, so it tells nothing about how Windows itself locks a file.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.rows import row

WITHOUT: Final = """
import importlib, os, pkgutil, sys

class Absent:
    names = ("fcntl", "grp", "pwd", "resource", "termios")

    def find_spec(self, name, path=None, target=None):
        if name in self.names:
            raise ModuleNotFoundError(name, name=name)

for name in Absent.names:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for name in ("fork", "geteuid", "getuid", "O_NOFOLLOW", "posix_fallocate", "register_at_fork"):
    delattr(os, name)
"""

IMPORT_ALL: Final = """
package = importlib.import_module(sys.argv[1])
for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
    importlib.import_module(module.name)
    print(module.name)
"""

MSVCRT: Final = """
import subprocess, types

locked = []

def locking(handle, mode, size):
    # As msvcrt has it: one lock for each file, and an error for whoever comes second.
    name = os.path.realpath(f"/proc/self/fd/{handle}")
    if any(os.path.samefile(name, f"/proc/self/fd/{one}") for one in locked):
        raise PermissionError(13, "Permission denied")
    locked.append(handle)

sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
"""

STORE: Final = """
from pathlib import Path
from valetkey.client import FileStore, Tokens
import valetkey.client.store

valetkey.client.store.HAS_MODES = False
store = FileStore(Path(sys.argv[1]))
let_go = store.take()
assert let_go is not None
assert FileStore(store.path).take() is None
store.ready()
store.save(Tokens(access_token="a"))
store.path.chmod(0o666)
print(FileStore(store.path).load().access_token)
"""

JOURNAL: Final = """
from pathlib import Path
from valetkey.resource import lease_journal

print(lease_journal.ready(None), lease_journal.ready(Path(sys.argv[1])))
"""


MCP: Final = "import mcp.server.mcpserver\n"
"""The MCP SDK asks for the platform, and imports fcntl by itself on this one."""


def run_code(code: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


PACKAGES = [
    row("", "the SDK", "valetkey.client", "key"),
    row("", "the kit", "valetkey.resource", "blocking"),
    row("", "what crosses the wire", "valetkey.wire", "dpop"),
    row("", "keys and signatures", "valetkey.jose", "jwk"),
    row("", "what a platform embeds", "valetkey.platform", "handoff"),
]


@pytest.mark.parametrize("package,module", PACKAGES)
def test_every_module_is_imported_without_fcntl(package: str, module: str) -> None:
    assert f"{package}.{module}" in run_code(MCP + WITHOUT + IMPORT_ALL, package)


def test_a_file_keeps_a_key_by_the_lock_of_windows(tmp_path: Path) -> None:
    assert run_code(WITHOUT + MSVCRT + STORE, str(tmp_path / "key.json")) == ["a"]


def test_no_lease_is_noted_where_nothing_can_be_locked(tmp_path: Path) -> None:
    assert run_code(WITHOUT + JOURNAL, str(tmp_path)) == ["None", "None"]
