"""The guard: which call a proxy asks about is read in one way alone, and what nobody thought of is
closed."""

import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, live
from tests.resource.test_kit import bearer, key
from tests.rows import row

from valetkey.resource import ResourceServer
from valetkey.resource.guard import SAYS, Guard
from valetkey.resource.routes import Proxy, Route, Table, mistakes
from valetkey.server.model.change import Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import Bounds, limits
from valetkey.server.model.query import Many
from valetkey.wire.catalog import Permission

ROUTES: Final = (
    Route(path="/health", open=True),
    Route(path="/chirps", needs=("chirps.read",)),
    Route(path="/chirps", methods=("POST",), needs=("chirps.write",)),
    Route(path="/chirps/{chirp}", methods=("DELETE",), needs=("chirps.write",)),
    Route(path="/dms/*", methods=("GET", "POST"), needs=("dms.read", "dms.send")),
)

PAYING: Final = replace(
    CHIRP_CATALOG,
    permissions=(
        *CHIRP_CATALOG.permissions,
        Permission(id="pay", can="pay", counted=True, unit="EUR", decimals=2),
    ),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("guard")) as running:
        yield running


def guarded(server: Live, proxy: Proxy = "nginx") -> TestClient:
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="follow",
    )
    return TestClient(Guard(kit, ROUTES, proxy), base_url="http://guard.test")


@pytest.fixture(scope="module")
def token(server: Live) -> str:
    return key(server, "openid chirps.read")


@pytest.fixture(scope="module")
def guard(server: Live, token: str) -> Iterator[TestClient]:
    with guarded(server) as client:
        wait_until_ready(client, token)
        yield client


def ask(client: TestClient, method: str, uri: str, token: str = "", **more: str) -> Any:
    headers = {"x-original-method": method, "x-original-uri": uri, **more}
    return client.get("/verify", headers=headers | (bearer(token) if token else {}))


def wait_until_ready(client: TestClient, token: str) -> None:
    """Waits until the guard knows what it has to, on a machine that is busy."""
    until = time.monotonic() + 30
    headers = {name.decode(): "GET" for name, _ in SAYS.values()}
    headers |= {name.decode(): "/chirps" for _, name in SAYS.values()}
    for path in ("/verify", "/verify/chirps"):
        while client.get(path, headers={**headers, **bearer(token)}).status_code == 503:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_who_passes_is_named(server: Live, guard: TestClient, token: str) -> None:
    answer = ask(guard, "GET", "/chirps?limit=3", token)
    assert answer.status_code == 200
    assert answer.headers["x-valetkey-sub"] == server.users["miko"].id
    assert answer.headers["x-valetkey-user"] == server.users["miko"].id
    assert answer.headers["x-valetkey-client"] == "stefapp"
    assert answer.headers["x-valetkey-permissions"] == "chirps.read"
    assert answer.headers["x-valetkey-grant"]


def test_an_open_route_names_nobody(guard: TestClient) -> None:
    """The headers are there all the same: a caller's own would pass for them."""
    answer = ask(guard, "GET", "/health", **{"x-valetkey-sub": "a", "x-valetkey-user": "a"})
    assert answer.status_code == 200
    assert answer.headers["x-valetkey-sub"] == answer.headers["x-valetkey-user"] == ""


REFUSED: Final[list[Any]] = [
    row("6750 3.1", "no token", ("GET", "/chirps", False), 401, ""),
    row("6750 3.1", "another permission", ("POST", "/chirps", True), 403, "insufficient_scope"),
    row("ours", "a path of no route", ("GET", "/admin", True), 403, "access_denied"),
    row("ours", "a method of no route", ("PUT", "/chirps", True), 403, "access_denied"),
    row("ours", "no method", ("", "/chirps", True), 403, "access_denied"),
    row("ours", "a method that is none", ("get", "/chirps", True), 403, "access_denied"),
    row("ours", "no path", ("GET", "", True), 403, "access_denied"),
    row("ours", "a whole address", ("GET", "http://x/chirps", True), 403, "access_denied"),
    row("ours", "one segment is not two", ("DELETE", "/chirps/1/2", True), 403, "access_denied"),
    row(
        "9700 4.3.2",
        "a token in the address",
        ("GET", "/chirps?access_token=x", True),
        401,
        "invalid_request",
    ),
]


@pytest.mark.parametrize("call,status,error", REFUSED)
def test_what_does_not_pass(
    guard: TestClient, token: str, call: tuple[str, str, bool], status: int, error: str
) -> None:
    method, uri, with_token = call
    answer = ask(guard, method, uri, token if with_token else "")
    assert (answer.status_code, answer.json().get("error", "")) == (status, error)
    assert "x-valetkey-sub" not in answer.headers
    assert ("www-authenticate" in answer.headers) is (error != "access_denied")


DOUBTFUL: Final = [
    row("ours", "a dot segment", "/health/../chirps"),
    row("ours", "a dot segment at the end", "/chirps/.."),
    row("ours", "an escaped dot", "/%2e%2e/chirps"),
    row("ours", "an escaped slash", "/dms%2fx"),
    row("ours", "an escaped escape", "/dms/%252f"),
    row("ours", "an empty segment", "//chirps"),
    row("ours", "a backslash", "/health\\..\\chirps"),
    row("ours", "an escaped backslash", "/dms/%5c"),
    row("ours", "a parameter of a segment", "/chirps;x=/health"),
    row("ours", "a zero byte", "/chirps%00"),
    row("ours", "a space", "/chirps x"),
    row("ours", "a letter that is none here", "/chïrps"),
    row("ours", "a fragment", "/chirps#/health"),
]


@pytest.mark.parametrize("path", DOUBTFUL)
def test_what_could_be_read_in_two_ways_is_refused(
    guard: TestClient, token: str, path: str
) -> None:
    headers = [
        (b"x-original-method", b"GET"),
        (b"x-original-uri", path.encode("latin-1")),
        (b"authorization", f"Bearer {token}".encode()),
    ]
    answer = guard.get("/verify", headers=headers)
    assert answer.status_code == 403


def test_only_the_proxy_that_is_set_is_believed(server: Live, token: str) -> None:
    theirs = {"x-original-method": "GET", "x-original-uri": "/health"}
    own = {"x-forwarded-method": "POST", "x-forwarded-uri": "/chirps"}
    with guarded(server, "traefik") as client:
        wait_until_ready(client, token)
        assert client.get("/verify", headers=theirs).status_code == 403
        assert client.get("/verify", headers={**theirs, **own}).status_code == 401
    with guarded(server, "envoy") as client:
        wait_until_ready(client, token)
        assert client.get("/verify", headers=theirs).status_code == 403
        assert client.get("/verify/health").status_code == 200
        assert client.get("/verify/chirps", headers=bearer(token)).status_code == 200
        assert client.post("/verify/chirps", headers=bearer(token)).status_code == 403
        assert client.get("/verify/health/%2e%2e/chirps", headers=bearer(token)).status_code == 403
    with guarded(server, "nginx") as client:
        assert client.get("/verify/health").status_code == 404


def test_what_a_user_limits_is_counted_here_too(server: Live, guard: TestClient) -> None:
    """No limit is mere decoration because a proxy asks."""
    token = key(server, "openid chirps.write")
    wanted = Many(Grant, "client", "stefapp")
    grants = server.run(server.store.read(wanted)).many(wanted)
    (one,) = [each for each in grants if each.status == "active"]
    twice = limits(permissions={"chirps.write": Bounds(often={"day": 2})})
    server.run(server.store.commit([Update(replace(one, limits=twice))]))
    # Until the guard has heard of it; whoever knows too little asks, and is told the same.
    time.sleep(1.5)
    passed = [ask(guard, "POST", "/chirps", token) for _ in range(3)]
    assert [one.status_code for one in passed] == [200, 200, 403]
    told = passed[-1].json()
    assert (told["error"], told["limit"], told["most"]) == ("limit_reached", "often", 2)
    assert "x-valetkey-sub" not in passed[-1].headers
    assert 'limit="often"' in passed[-1].headers["www-authenticate"]


def test_two_answers_are_none(guard: TestClient, token: str) -> None:
    for name in ("x-original-uri", "x-original-method", "authorization"):
        headers = [
            ("x-original-method", "GET"),
            ("x-original-uri", "/chirps"),
            ("authorization", f"Bearer {token}"),
        ]
        twice = [*headers, next(one for one in headers if one[0] == name)]
        assert guard.get("/verify", headers=twice).status_code == 403, name


def test_nobody_passes_where_nothing_is_known(token: str) -> None:
    kit = ResourceServer(
        issuer="http://127.0.0.1:1",
        catalog=CHIRP_CATALOG,
        credentials=("chirp", "x"),
        live="follow",
    )
    with TestClient(Guard(kit, ROUTES, "nginx"), base_url="http://guard.test") as client:
        answer = ask(client, "GET", "/chirps", token)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "route,why",
    [
        row("ours", "neither", Route(path="/x"), "just one"),
        row("ours", "both", Route(path="/x", needs=("chirps.read",), open=True), "just one"),
        row("ours", "unknown", Route(path="/x", needs=("fly",)), "fly"),
        row("ours", "an amount that nobody tells", Route(path="/x", needs=("pay",)), "amount"),
        row("ours", "no method", Route(path="/x", methods=(), open=True), "method"),
        row(
            "ours", "a method that is none", Route(path="/x", methods=("get",), open=True), "method"
        ),
        row("ours", "no path", Route(path="", open=True), "path"),
        row("ours", "a path from nowhere", Route(path="x", open=True), "path"),
        row("ours", "a star within", Route(path="/*/x", open=True), "path"),
        row("ours", "a brace too many", Route(path="/{x", open=True), "path"),
        row("ours", "what never comes", Route(path="/a/../b", open=True), "path"),
    ],
)
def test_a_route_that_will_not_do(route: Route, why: str) -> None:
    (said,) = mistakes((route,), PAYING)
    assert why in said


def test_good_routes_have_no_mistakes() -> None:
    assert mistakes(ROUTES, CHIRP_CATALOG) == []
    assert mistakes((), CHIRP_CATALOG) != []


def test_the_first_that_fits_counts() -> None:
    table = Table((*ROUTES, Route(path="/*", methods=("GET",), open=True)))
    assert table.find("HEAD", "/chirps") is ROUTES[1]
    assert table.find("GET", "/dms") is ROUTES[4]
    assert table.find("GET", "/dms/a/b") is ROUTES[4]
    assert table.find("GET", "/dmsx") is not ROUTES[4]
    found = table.find("GET", "/")
    assert found is not None
    assert found.open
    assert table.find("PATCH", "/chirps") is None
