"""The kit without await: on many threads, across a fork, and to the end of the program."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from tests.proofs import Wish, proof
from tests.resource.chirp_platform import CATALOG, RESOURCE, Platform
from tests.resource.forking import CHILDREN

from valetkey.resource import Principal, Refused, ResourceServer, SenderProof
from valetkey.resource.calls import Call
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.limits import Bounds, limits
from valetkey.server.model.query import Many

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    yield platform
    platform.live.stop()


@pytest.fixture
def server(platform: Platform) -> Iterator[ResourceServer]:
    server = ResourceServer(
        issuer=platform.live.issuer,
        catalog=CATALOG,
        credentials=("chirp", platform.secret),
        live="follow",
    )
    yield server
    server.blocking.close()


def followers() -> int:
    """How many threads of the kit there are."""
    return sum(one.name == "valetkey.resource" for one in threading.enumerate())


def test_many_threads_share_one_follower(platform: Platform, server: ResourceServer) -> None:
    miko = platform.person()
    key = platform.key(miko)
    before = followers()

    def verify(_: int) -> Principal:
        return server.blocking.verify(f"Bearer {key}", needs=["chirps.read"])

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(verify, range(200)))
    assert {one.sub for one in found} == {miko.id}
    assert followers() == before + 1


def test_a_proof_is_good_once_however_many_threads_show_it(
    platform: Platform, server: ResourceServer
) -> None:
    key = platform.key(platform.person(), dpop=True)
    address = f"{RESOURCE}/chirps"
    presented = SenderProof(
        method="GET",
        path="/chirps",
        proofs=(proof(Wish(method="GET", address=address, token=key)),),
    )

    def opens(_: int) -> bool:
        try:
            server.blocking.verify(f"DPoP {key}", needs=["chirps.read"], sender_proof=presented)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(opens, range(64))) == 1


def test_what_is_not_spent_goes_back_at_the_end(platform: Platform, server: ResourceServer) -> None:
    miko = platform.person()
    platform.key(miko)
    bounds = {"chirps.write": Bounds(often={"total": 1000})}
    grant = platform.change(platform.grant(miko), limits=limits(permissions=bounds))
    call = Call(method="POST", path="/chirps", authorization=f"Bearer {platform.key(miko)}")
    need = server.need("chirps.write")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: server.blocking.verify_call(call, need, None), range(40)))
    assert used(platform, grant.id) >= 40
    server.blocking.close()
    assert used(platform, grant.id) == 40
    # A call after that begins anew.
    server.blocking.verify_call(call, need, None)
    server.blocking.close()
    assert used(platform, grant.id) == 41


def used(platform: Platform, grant: str) -> int:
    need = Many(Allowance, "grant", grant)
    rows = platform.live.run(platform.live.store.read(need)).many(need)
    return sum(count.used for one in rows for count in one.often.values())


def test_an_async_amount_is_a_mistake_that_is_told(
    platform: Platform, server: ResourceServer
) -> None:
    async def how_much(request: object) -> str:
        return "1"

    miko = platform.person()
    platform.key(miko)
    bounds = {"tips.send": Bounds(much={"total": 1000})}
    platform.change(platform.grant(miko), limits=limits(permissions=bounds))
    call = Call(method="POST", path="/tips", authorization=f"Bearer {platform.key(miko)}")
    need = server.need("tips.send", spend=how_much)
    with pytest.raises(TypeError, match="may not be async"):
        server.blocking.verify_call(call, need, None)


def test_after_a_fork_every_process_follows_by_itself(platform: Platform) -> None:
    miko = platform.person()
    key = platform.key(miko)
    arguments = ["tests.resource.forking", platform.live.issuer, platform.secret, key]
    with subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as program:
        assert program.stdout is not None
        first = [msgspec.json.decode(program.stdout.readline()) for _ in range(CHILDREN + 2)]
        platform.change(platform.grant(miko), status="paused")
        last = [msgspec.json.decode(line) for line in program.stdout]
    assert program.returncode == 0
    assert [what for _, what in first] == ["open"] * (CHILDREN + 2)
    assert len({name for name, _ in first}) == CHILDREN + 1
    assert sorted(last) == sorted([name, "paused"] for name, _ in first[1:])
