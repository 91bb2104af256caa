"""An app that uses one library needs no other: each is imported in its own file alone."""

import subprocess
import sys

import pytest

OPTIONAL = ("aiohttp", "keyring", "requests", "segno", "starlette")

FILES = {
    "valetkey.client": set(),
    "valetkey.client.auth_aiohttp": {"aiohttp"},
    "valetkey.client.auth_requests": {"requests"},
    "valetkey.client.holder_service": {"starlette"},
    "valetkey.client.os_keyring": {"keyring"},
}


@pytest.mark.parametrize("module", FILES)
def test_what_is_imported(module: str) -> None:
    code = f"import sys, {module}; print(*[one for one in {OPTIONAL} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == FILES[module]
