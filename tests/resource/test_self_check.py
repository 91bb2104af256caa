"""An API that the server does not know as it is: the log says so once, at the start."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, live
from tests.resource.chirp_platform import CATALOG, Platform
from tests.resource.issuing import Issuing
from tests.resource.serving import COMMANDS, serving
from tests.rows import row

from valetkey.resource import ResourceServer, Unreachable
from valetkey.resource.self_check import difference
from valetkey.wire.authorization_details import type_metadata
from valetkey.wire.catalog import Catalog, Permission, digest

pytestmark = pytest.mark.anyio

PIN = Permission(id="chirps.pin", can="pin a chirp")
PLAIN = replace(CHIRP_CATALOG, permissions=(PIN,), scopes={})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("self_check")) as running:
        yield running


@pytest.fixture
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    yield platform
    platform.live.stop()


def chirp(server: Live, **options: Any) -> ResourceServer:
    return ResourceServer(
        issuer=server.issuer,
        **{"catalog": CHIRP_CATALOG, "credentials": ("chirp", SECRETS["chirp"]), **options},
    )


async def said_at_start(
    kit: ResourceServer, caplog: pytest.LogCaptureFixture, *, until: Callable[[str], bool]
) -> list[str]:
    """The warnings and errors of an API that has just started."""

    def messages() -> list[str]:
        found = [one for one in caplog.records if one.name == "valetkey.resource"]
        return [one.getMessage() for one in found if one.levelno >= logging.WARNING]

    kit.start()
    for _ in range(2000):
        await asyncio.sleep(0.01)
        if any(until(one) for one in messages()):
            break
    await kit.close()
    return messages()


@pytest.mark.parametrize("mode", ["ask", "follow"])
async def test_a_wrong_secret_is_said_once_at_the_start(
    server: Live, caplog: pytest.LogCaptureFixture, mode: Any
) -> None:
    kit = chirp(server, credentials=("chirp", "not the secret"), live=mode)
    messages = await said_at_start(kit, caplog, until=lambda one: "misconfigured" in one)
    (first,) = messages
    assert first.startswith("misconfigured: 127.0.0.1 refuses the credentials of this API")


@pytest.mark.parametrize("name", COMMANDS)
def test_callers_learn_nothing_of_a_wrong_secret(name: str) -> None:
    issuing = Issuing()
    issuing.replies["/introspect"] = (401, b'{"error": "invalid_client"}')
    key = issuing.token(aud=(CATALOG.resource,))
    with serving(name, issuer=issuing.issuer, secret="not the secret") as api:
        for _ in range(3):
            answer = api.call("read", [("Authorization", f"Bearer {key}")])
            assert answer.status_code == 500
            assert answer.json() == {
                "error": "server_error",
                "error_description": "something went wrong here",
            }
            assert "retry-after" not in answer.headers
        assert api.output.count("misconfigured") == 1, api.output
    issuing.stop()


CATALOGS = [
    row("", "the same", CHIRP_CATALOG, ""),
    row(
        "",
        "in another order",
        replace(CHIRP_CATALOG, permissions=CHIRP_CATALOG.permissions[::-1]),
        "",
    ),
    row(
        "",
        "with more",
        replace(CHIRP_CATALOG, permissions=(*CHIRP_CATALOG.permissions, PIN)),
        "chirps.pin is not registered",
    ),
    row(
        "",
        "with less",
        replace(CHIRP_CATALOG, permissions=CHIRP_CATALOG.permissions[1:], scopes={}),
        f"{CHIRP_CATALOG.permissions[0].id} is registered, and not in the API's catalog",
    ),
    row(
        "",
        "with another risk",
        replace(
            CHIRP_CATALOG,
            permissions=(
                replace(CHIRP_CATALOG.permissions[0], risk="high"),
                *CHIRP_CATALOG.permissions[1:],
            ),
        ),
        "the same names, with other words, risks, units or members",
    ),
    row(
        "",
        "of an API that is not registered",
        replace(CHIRP_CATALOG, resource="https://nobody.example"),
        "no API is registered as https://nobody.example",
    ),
]


@pytest.mark.parametrize("catalog,says", CATALOGS)
async def test_a_catalog_is_compared_with_the_registered_one(
    server: Live, catalog: Catalog, says: str
) -> None:
    kit = chirp(server, catalog=catalog)
    found = await kit.catalog_difference()
    assert says in found
    assert bool(found) == bool(says)
    await kit.close()


async def test_a_catalog_that_differs_is_warned_of_at_the_start(
    server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    wider = replace(CHIRP_CATALOG, permissions=(*CHIRP_CATALOG.permissions, PIN))
    messages = await said_at_start(
        chirp(server, catalog=wider), caplog, until=lambda one: "pin" in one
    )
    (first,) = messages
    assert first.startswith("the registered catalog differs: chirps.pin is not registered")


@pytest.mark.parametrize("name", ["starlette", "flask"])
def test_a_program_warns_of_it_by_itself(name: str, platform: Platform) -> None:
    fewer = replace(CATALOG, permissions=CATALOG.permissions[:-1])
    platform.register(fewer)
    with serving(name, issuer=platform.live.issuer, secret=platform.secret) as api:
        key = platform.key(platform.person(), "chirps.read")
        assert api.call("read", [("Authorization", f"Bearer {key}")]).is_success
        end = time.monotonic() + 20
        while "account.close is not registered" not in api.output:
            assert time.monotonic() < end, api.output
            time.sleep(0.05)


async def test_servers_that_say_nothing_of_it_are_not_blamed() -> None:
    types = {"https://other.example": {"description": "A type of another server."}}
    assert difference(types, CHIRP_CATALOG) == difference(None, CHIRP_CATALOG) == ""
    issuing = Issuing()
    kit = ResourceServer(issuer=issuing.issuer, catalog=PLAIN)
    assert await kit.catalog_difference() == ""
    issuing.stop()
    await kit.close()


async def test_while_the_server_is_away_nothing_is_said_of_the_catalog() -> None:
    kit = ResourceServer(issuer="http://127.0.0.1:9", catalog=PLAIN)
    with pytest.raises(Unreachable):
        await kit.catalog_difference()
    await kit.close()


def test_a_default_that_is_written_out_changes_no_digest() -> None:
    long = Permission(id="chirps.pin", can="pin a chirp", cannot="", implies=(), words={})
    assert digest(replace(CHIRP_CATALOG, permissions=(long,))) == digest(
        replace(CHIRP_CATALOG, permissions=(PIN,))
    )
    assert type_metadata(CHIRP_CATALOG)["permission_catalog_digest"] == digest(CHIRP_CATALOG)
