"""Limits in front of real APIs, against the running server: until the limit, and the refusal."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.attacks.play import change, find
from tests.browser import Asking, authorize
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, caught_up, live
from tests.rows import row
from tests.server.oauth.bank import BANK, PAY, PAYER, SEE

from valetkey.resource import Principal, ResourceServer
from valetkey.resource.fastapi import Kit
from valetkey.resource.spending import units
from valetkey.resource.starlette import Needs, lifespan
from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.hours import Hours
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.limits import Bounds, limits
from valetkey.server.model.query import Many
from valetkey.server.model.resource import ResourceServer as Registered
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.bearer import read_challenge
from valetkey.wire.catalog import Permission

LOOPBACK = "http://127.0.0.1/callback"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("limited")) as running:
        payer = replace(PAYER, redirect_uris=(LOOPBACK,))
        running.run(running.store.commit([Create(BANK), Create(payer)]))
        caught_up()
        yield running


def grant(server: Live, client: str) -> Grant:
    wanted = Many(Grant, "client", client)
    found = server.run(server.store.read(wanted)).many(wanted)
    (one,) = (each for each in found if each.status == "active")
    assert isinstance(one, Grant)
    return one


def limit(server: Live, client: str, **permissions: Bounds) -> None:
    """Sets limits, and no others."""
    named = {name.replace("_", "."): one for name, one in permissions.items()}
    changed = replace(grant(server, client), limits=limits(permissions=named))
    server.run(server.store.commit([Update(changed)]))


def key(server: Live, client: str, scope: str) -> dict[str, str]:
    asking = Asking(client_id=client, scope=scope, redirect_uri=LOOPBACK)
    code = authorize(server.browser(), asking)
    answer = server.http.post("/token", data=asking.redemption(code)).json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


async def how_much(request: Request) -> Decimal:
    body: Any = await request.json()
    return Decimal(body["amount"])


def starlette_api(kit: ResourceServer) -> Starlette:
    needs = Needs(kit)

    @needs("chirps.read")
    async def read(request: Request) -> Response:
        return JSONResponse({})

    @needs("chirps.write")
    def write(request: Request) -> Response:
        return JSONResponse({})

    routes = [
        Route("/chirps", read, methods=["GET"]),
        Route("/chirps", write, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan(kit))


def fastapi_api(kit: ResourceServer) -> FastAPI:
    app = FastAPI(lifespan=lifespan(kit))
    guard = Kit(kit, authorize="https://id.example/authorize", token="https://id.example/token")

    @app.get("/chirps")
    async def read(caller: Annotated[Principal, guard.needs("chirps.read")]) -> dict[str, str]:
        return {}

    @app.post("/chirps")
    async def write(caller: Annotated[Principal, guard.needs("chirps.write")]) -> dict[str, str]:
        return {}

    return app


def kit_of(server: Live, name: str = "chirp", **options: Any) -> ResourceServer:
    catalog = CHIRP_CATALOG if name == "chirp" else BANK.catalog
    return ResourceServer(
        issuer=server.issuer, catalog=catalog, credentials=(name, SECRETS[name]), **options
    )


@pytest.fixture(params=[starlette_api, fastapi_api], ids=["starlette", "fastapi"])
def api(request: pytest.FixtureRequest, server: Live) -> Iterator[TestClient]:
    with TestClient(request.param(kit_of(server))) as client:
        yield client


def body_of(response: Any) -> dict[str, Any]:
    """What a refusal says: FastAPI wraps it."""
    body: dict[str, Any] = response.json()
    found: dict[str, Any] = body.get("detail", body)
    return found


def test_use_until_the_limit_then_the_refusal_then_more(server: Live, api: TestClient) -> None:
    token = key(server, "stefapp", "chirps")
    limit(server, "stefapp", chirps_write=Bounds(often={"total": 3}))
    before = used(server)
    limit(server, "stefapp", chirps_write=Bounds(often={"total": before + 3}))
    for _ in range(3):
        assert api.post("/chirps", headers=token).status_code == 200
    refused = api.post("/chirps", headers=token)
    assert refused.status_code == 403
    text = body_of(refused)
    assert text["error"] == "limit_reached"
    assert (text["permission"], text["limit"], text["per"]) == ("chirps.write", "often", "total")
    assert text["most"] == before + 3
    assert not {"back_at", "unit", "decimals"} & {*text}
    challenge = read_challenge(refused.headers["www-authenticate"])
    assert challenge is not None
    assert (challenge.error, challenge.permission) == ("limit_reached", "chirps.write")
    # What is not limited goes on.
    assert api.get("/chirps", headers=token).status_code == 200
    # The user raises it: the very next call.
    limit(server, "stefapp", chirps_write=Bounds(often={"total": before + 4}))
    assert api.post("/chirps", headers=token).status_code == 200
    assert api.post("/chirps", headers=token).status_code == 403
    # The user takes the limit away.
    limit(server, "stefapp")
    assert api.post("/chirps", headers=token).status_code == 200


def used(server: Live) -> int:
    wanted = Many(Allowance, "grant", grant(server, "stefapp").id)
    rows = server.run(server.store.read(wanted)).many(wanted)
    return sum(count.used for one in rows for count in one.often.values())


def test_a_refusal_says_when_it_comes_back(server: Live, api: TestClient) -> None:
    token = key(server, "stefapp", "chirps")
    opens = (int(time.time()) // 3600 + 2) % 24
    window = Hours(opens=f"{opens:02}:00", closes=f"{(opens + 1) % 24:02}:00")
    limit(server, "stefapp", chirps_write=Bounds(hours=(window,)))
    refused = api.post("/chirps", headers=token)
    assert refused.status_code == 403
    text = body_of(refused)
    assert (text["error"], text["limit"]) == ("outside_hours", "hours")
    assert time.gmtime(text["back_at"])[3:5] == (opens, 0)
    assert 3600 < int(refused.headers["retry-after"]) <= 2 * 3600
    limit(server, "stefapp")


def test_a_key_that_is_paused_is_refused_at_once(server: Live, api: TestClient) -> None:
    token = key(server, "stefapp", "chirps")
    limit(server, "stefapp", chirps_write=Bounds(often={"month": 1000}))
    assert api.post("/chirps", headers=token).status_code == 200
    one = grant(server, "stefapp")
    server.run(server.store.commit([Update(replace(one, status="paused"))]))
    assert api.post("/chirps", headers=token).status_code == 401
    again = replace(one, version=one.version + 1, limits=limits())
    server.run(server.store.commit([Update(again)]))


def test_what_is_not_spent_goes_back_at_the_end(server: Live) -> None:
    token = key(server, "stefapp", "chirps")
    limit(server, "stefapp", chirps_write=Bounds(often={"month": 9000}))
    before = used(server)
    with TestClient(starlette_api(kit_of(server))) as client:
        for _ in range(20):
            assert client.post("/chirps", headers=token).status_code == 200
        assert used(server) > before + 20
    assert used(server) == before + 20
    limit(server, "stefapp")


# Amounts.


def bank_api(kit: ResourceServer) -> Starlette:
    needs = Needs(kit)

    @needs(PAY, spend=how_much)
    async def pay(request: Request) -> Response:
        return JSONResponse(await request.json())

    return Starlette(routes=[Route("/pay", pay, methods=["POST"])], lifespan=lifespan(kit))


def bank_fastapi(kit: ResourceServer) -> FastAPI:
    app = FastAPI(lifespan=lifespan(kit))
    guard = Kit(kit, authorize="https://id.example/authorize", token="https://id.example/token")

    @app.post("/pay")
    async def pay(
        body: dict[str, str], caller: Annotated[Principal, guard.needs(PAY, spend=how_much)]
    ) -> dict[str, str]:
        return body

    return app


@pytest.mark.parametrize("make", [bank_api, bank_fastapi], ids=["starlette", "fastapi"])
def test_amounts_are_spent_to_the_last_cent(server: Live, make: Any) -> None:
    token = key(server, "payer", f"openid {PAY}")
    limit(server, "payer")
    limit(server, "payer", payments_send=Bounds(much={"total": 10_000}))
    with TestClient(make(kit_of(server, "bank"))) as client:

        def pay(amount: str) -> Any:
            return client.post("/pay", json={"amount": amount}, headers=token)

        start = int(Decimal(100) - paid(server))
        assert pay(str(start - 1)).status_code == 200
        assert pay("0.99").json() == {"amount": "0.99"}
        refused = pay("0.02")
        assert refused.status_code == 403
        assert body_of(refused)["limit"] == "much"
        assert pay("0.01").status_code == 200
        assert pay("0.01").status_code == 403
        forget(server)


def paid(server: Live) -> Decimal:
    wanted = Many(Allowance, "grant", grant(server, "payer").id)
    rows = server.run(server.store.read(wanted)).many(wanted)
    return Decimal(sum(count.used for one in rows for count in one.much.values())) / 100


def forget(server: Live) -> None:
    wanted = Many(Allowance, "grant", grant(server, "payer").id)
    rows = server.run(server.store.read(wanted)).many(wanted)
    server.run(server.store.commit([Remove(one) for one in rows]))


BAD_AMOUNTS = [
    "0",
    "-1",
    "-0.01",
    "NaN",
    "Infinity",
    "1e999999",
    "9" * 70,
    "0.001",
    "",
    "ten",
    "1e13",
]


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_senseless_amount_is_refused_and_costs_nothing(server: Live, amount: str) -> None:
    permission = BANK.catalog.permission(PAY)
    assert permission is not None
    with pytest.raises(InvalidRequest):
        units(amount, permission)


@pytest.mark.parametrize("amount", [1.5, True, None, object(), [1]])
def test_what_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(InvalidRequest):
        units(amount, Permission(id="pay", can="pay", counted=True, unit="EUR"))


AMOUNTS = [
    row("amount", "whole", 3, 2, 300),
    row("amount", "a decimal", Decimal("3.1"), 2, 310),
    row("amount", "a text", "0.01", 2, 1),
    row("amount", "zeros behind", "1.000000", 2, 100),
    row("amount", "no decimals", "7", 0, 7),
    row("amount", "the largest", 10**10, 2, 10**12),
]


@pytest.mark.parametrize("amount,decimals,whole", AMOUNTS)
def test_an_amount_is_a_whole_number_of_the_smallest_unit(
    amount: Any, decimals: int, whole: int
) -> None:
    permission = Permission(id="pay", can="pay", counted=True, unit="EUR", decimals=decimals)
    assert units(amount, permission) == whole


def test_above_an_amount_the_user_is_asked_and_the_way_is_told(server: Live) -> None:
    token = key(server, "payer", f"openid {PAY}")
    limit(server, "payer", payments_send=Bounds(ask_above=500))
    with TestClient(bank_api(kit_of(server, "bank"))) as client:
        assert client.post("/pay", json={"amount": "5"}, headers=token).status_code == 200
        refused = client.post("/pay", json={"amount": "5.01"}, headers=token)
        assert refused.status_code == 403
        text = body_of(refused)
        assert text["error"] == "approval_required"
        assert text["ask_uri"].startswith(f"{server.issuer}/approvals/")
    limit(server, "payer")


# What an API owner gets wrong is said when the program starts.


def test_a_route_has_to_tell_how_much(server: Live) -> None:
    kit = kit_of(server, "bank")
    for make in (
        Needs(kit),
        Kit(kit, authorize="https://id.example/a", token="https://id.example/t").needs,
    ):
        with pytest.raises(ValueError, match="say how much"):
            make(PAY)
        with pytest.raises(ValueError, match="is for what has a unit"):
            make(SEE, spend=how_much)


def test_what_is_counted_needs_credentials(server: Live) -> None:
    with pytest.raises(ValueError, match="needs credentials"):
        ResourceServer(issuer=server.issuer, catalog=BANK.catalog)


@pytest.mark.parametrize("how", ["token", "list"])
def test_a_token_from_before_a_limit_is_held_to_it(tmp_path: Path, how: Any) -> None:
    """Though it says nothing of it: whatever the catalog counts is leased."""
    with live(tmp_path) as server:
        chirp = find(server, Registered, "chirp")
        change(server, replace(chirp, status_list=True))
        caught_up()
        token = key(server, "stefapp", "chirps")
        with TestClient(starlette_api(kit_of(server, live=how))) as client:
            assert client.get("/chirps", headers=token).status_code == 200
            limit(server, "stefapp", chirps_write=Bounds(often={"month": 1}))
            assert client.post("/chirps", headers=token).status_code == 200
            refused = client.post("/chirps", headers=token)
            assert (refused.status_code, body_of(refused)["error"]) == (403, "limit_reached")


def test_without_the_server_nothing_that_is_limited_goes_through(tmp_path: Path) -> None:
    with live(tmp_path) as server:
        token = key(server, "stefapp", "chirps")
        limit(server, "stefapp", chirps_write=Bounds(often={"month": 9}))
        refreshed = key(server, "stefapp", "chirps")
        with TestClient(starlette_api(kit_of(server, live="token"))) as client:
            assert client.post("/chirps", headers=token).status_code == 200
            assert client.post("/chirps", headers=refreshed).status_code == 200
            server.stop()
            assert client.get("/chirps", headers=refreshed).status_code == 200
            assert client.post("/chirps", headers=refreshed).status_code == 503
