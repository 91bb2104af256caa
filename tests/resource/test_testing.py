"""The plugin for pytest, as an API's own tests use it, and what a key of a test never opens."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, live
from tests.resource.serving import EXAMPLES

from valetkey.resource import Refused, ResourceServer, SenderProof, Unreachable
from valetkey.resource.testing import Limit, issuing
from valetkey.resource.token_status import Live as Live_


@pytest.mark.parametrize("name,passed", [("fastapi", 7), ("flask", 1)])
def test_the_tests_of_an_api(name: str, passed: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "valetkey.testing", "-q", "--rootdir"]
    where = [str(tmp_path), "-c", "/dev/null", "-p", "no:cacheprovider", "-W", "error"]
    outcome = subprocess.run(
        [*command, *where, str(EXAMPLES / f"api-{name}")],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert f"{passed} passed" in outcome.stdout, outcome.stdout + outcome.stderr
    assert outcome.returncode == 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path) as server:
        yield server


def test_a_key_of_a_test_opens_nothing_outside_it(server: Live) -> None:
    api = ResourceServer(
        issuer=server.issuer, catalog=CHIRP_CATALOG, credentials=("chirp", SECRETS["chirp"])
    )
    with issuing(api) as keys:
        key = keys.issue("chirps.read")
        header = key.headers()["Authorization"]
        assert api.blocking.verify(header, needs=["chirps.read"]).sub == "miko"
    with pytest.raises(Refused):
        api.blocking.verify(header, needs=["chirps.read"])
    api.blocking.close()


def test_a_real_key_opens_nothing_in_a_test_and_a_foreign_one_neither() -> None:
    one, other = (
        ResourceServer(issuer="https://id.example", catalog=CHIRP_CATALOG, credentials=("c", "s"))
        for _ in range(2)
    )
    with issuing(one) as ours, issuing(other) as theirs:
        one.blocking.verify(ours.issue("chirps.read").headers()["Authorization"])
        with pytest.raises(Refused):
            one.blocking.verify(theirs.issue("chirps.read").headers()["Authorization"])


def test_after_a_test_the_api_asks_its_own_server_again() -> None:
    api = ResourceServer(
        issuer="http://127.0.0.1:9", catalog=CHIRP_CATALOG, credentials=("chirp", "s")
    )
    with issuing(api) as keys:
        header = keys.issue("chirps.read").headers()["Authorization"]
        api.blocking.verify(header)
    with pytest.raises(Unreachable):
        api.blocking.verify(header)
    api.blocking.close()


UNCOUNTED = replace(
    CHIRP_CATALOG,
    permissions=tuple(one for one in CHIRP_CATALOG.permissions if not one.counted),
    scopes={},
)

WAYS: list[tuple[Live_, dict[str, Any]]] = [
    ("token", {}),
    ("list", {}),
    ("ask", {"credentials": ("chirp", "s")}),
    ("ask", {"credentials": ("chirp", "s"), "signed": True}),
    ("follow", {"credentials": ("chirp", "s")}),
]


@pytest.mark.parametrize("live,options", WAYS)
def test_however_an_api_learns_of_changes(live: Live_, options: dict[str, Any]) -> None:
    api = ResourceServer(issuer="https://id.example", catalog=UNCOUNTED, live=live, **options)
    with issuing(api) as keys:
        key = keys.issue("dms.send")
        header = key.headers()["Authorization"]
        assert api.blocking.verify(header, needs=["dms.send", "dms.read"]).sub == "miko"
        keys.pause(key)
        if live == "token":
            api.blocking.verify(header)
        else:
            with pytest.raises(Refused):
                api.blocking.verify(header)
            keys.resume(key)
            api.blocking.verify(header)


def test_a_mistake_in_a_test_is_told() -> None:
    api = ResourceServer(
        issuer="https://id.example", catalog=CHIRP_CATALOG, credentials=("chirp", "s")
    )
    with issuing(api) as keys:
        with pytest.raises(ValueError, match=r"chirps\.fly"):
            keys.issue("chirps.fly")
        with pytest.raises(ValueError, match="not counted"):
            keys.issue("chirps.read", limits={"chirps.read": Limit(uses=1)})


def test_the_keys_of_an_api_whose_tokens_are_split() -> None:
    """They are halves, and bound, as real ones are."""
    api = ResourceServer(
        issuer="https://id.example", catalog=CHIRP_CATALOG, credentials=("c", "s"), split=True
    )
    with issuing(api) as keys:
        key = keys.issue("chirps.read")
        assert key.token.startswith("vk_at_")
        request = key.headers("GET", "/chirps")
        presented = SenderProof(method="GET", path="/chirps", proofs=(request["DPoP"],))
        assert api.blocking.verify(request["Authorization"], sender_proof=presented).sub == "miko"
        keys.stop(key)
        request = key.headers("GET", "/chirps")
        presented = SenderProof(method="GET", path="/chirps", proofs=(request["DPoP"],))
        with pytest.raises(Refused):
            api.blocking.verify(request["Authorization"], sender_proof=presented)
