"""The kit tells what was used: in batches, each thing once a day, and never at a caller's cost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
from tests.resource.issuing import CATALOG, Issuing

from valetkey.resource import ResourceServer
from valetkey.resource import usage as kit_usage
from valetkey.wire.lease import MOST_USAGES, FamilyUsage


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    one = Issuing()
    yield one
    one.stop()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between reports."""
    monkeypatch.setattr(kit_usage, "FIRST", 0.0)
    monkeypatch.setattr(kit_usage, "INTERVAL", 0.0)


def api(issuing: Issuing, **options: Any) -> ResourceServer:
    return ResourceServer(
        issuer=issuing.issuer,
        catalog=CATALOG,
        credentials=("chirp", "secret"),
        live="token",
        **options,
    )


def reported(issuing: Issuing) -> list[tuple[str, tuple[str, ...]]]:
    """What was reported, in order."""
    texts = [form["usage"][0] for form in issuing.forms if "usage" in form]
    reports = (msgspec.json.decode(text, type=list[FamilyUsage]) for text in texts)
    return [(one.family, one.permissions) for report in reports for one in report]


def run(issuing: Issuing, work: Callable[[ResourceServer], Awaitable[None]]) -> None:
    """Does something with an API, and lets go of it."""

    async def working() -> None:
        server = api(issuing)
        await work(server)
        await server.close()

    asyncio.run(working())


def test_a_use_is_told_once_a_day(issuing: Issuing) -> None:
    token = issuing.token(family_id="f1", scope="chirps.read chirps.write")

    async def work(server: ResourceServer) -> None:
        for _ in range(5):
            await server.verify(f"Bearer {token}", needs=("chirps.read",))
        await server.verify(f"Bearer {token}", needs=("chirps.write",))

    run(issuing, work)
    assert reported(issuing) == [("f1", ("chirps.read", "chirps.write"))]
    assert issuing.authorization.startswith("Basic ")


@pytest.mark.usefixtures("soon")
def test_it_is_told_while_the_api_runs(issuing: Issuing) -> None:
    first = issuing.token(family_id="f1", scope="chirps.read")
    second = issuing.token(family_id="f2", scope="chirps.read")

    async def work(server: ResourceServer) -> None:
        for token, count in ((first, 1), (second, 2)):
            await server.verify(f"Bearer {token}", needs=("chirps.read",))
            for _ in range(500):
                if len(reported(issuing)) < count:
                    await asyncio.sleep(0.01)
            assert len(reported(issuing)) == count

    run(issuing, work)
    assert reported(issuing) == [("f1", ("chirps.read",)), ("f2", ("chirps.read",))]


def test_what_was_refused_was_not_used(issuing: Issuing) -> None:
    token = issuing.token(family_id="f1", scope="chirps.read")

    async def work(server: ResourceServer) -> None:
        with pytest.raises(Exception, match="insufficient_scope"):
            await server.verify(f"Bearer {token}", needs=("chirps.write",))

    run(issuing, work)
    assert reported(issuing) == []


def test_an_app_that_acts_for_itself_has_no_user_to_tell(issuing: Issuing) -> None:
    token = issuing.token(scope="chirps.read")

    async def work(server: ResourceServer) -> None:
        await server.verify(f"Bearer {token}", needs=("chirps.read",))

    run(issuing, work)
    assert reported(issuing) == []


def test_a_server_that_does_not_answer_costs_no_caller_anything(issuing: Issuing) -> None:
    issuing.replies["/usage"] = (503, b"")
    token = issuing.token(family_id="f1", scope="chirps.read")

    async def work(server: ResourceServer) -> None:
        await server.verify(f"Bearer {token}", needs=("chirps.read",))
        await server.close()
        del issuing.replies["/usage"]
        await server.verify(f"Bearer {token}", needs=("chirps.read",))

    run(issuing, work)
    assert reported(issuing)[-1] == ("f1", ("chirps.read",))


def test_many_families_make_several_reports(issuing: Issuing) -> None:
    async def work(server: ResourceServer) -> None:
        for number in range(MOST_USAGES + 1):
            token = issuing.token(family_id=f"f{number}", scope="chirps.read")
            await server.verify(f"Bearer {token}", needs=("chirps.read",))

    run(issuing, work)
    assert len(reported(issuing)) == MOST_USAGES + 1
    assert len([form for form in issuing.forms if "usage" in form]) == 2


def test_another_day_is_told_again(issuing: Issuing, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issuing.token(family_id="f1", scope="chirps.read", exp=int(time.time()) + 300)
    moment = time.time()

    async def work(server: ResourceServer) -> None:
        await server.verify(f"Bearer {token}", needs=("chirps.read",))
        await server.close()
        monkeypatch.setattr("valetkey.resource.usage.time.time", lambda: moment)
        monkeypatch.setattr(kit_usage, "DAY", 3_600)
        await server.verify(f"Bearer {token}", needs=("chirps.read",))

    run(issuing, work)
    assert reported(issuing) == [("f1", ("chirps.read",))] * 2
