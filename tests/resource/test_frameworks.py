"""One table over every framework: the examples as they stand, as programs, by real HTTP, in front
of a running server."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.mtls import Authority
from tests.proofs import MINE, OTHER, Wish, proof
from tests.resource.chirp_platform import ALL, RESOURCE, Platform
from tests.resource.serving import COMMANDS, Api, serving
from tests.rows import row

from valetkey.server.model.limits import Bounds, limits
from valetkey.wire import client_certificate
from valetkey.wire.access_token import Confirmation
from valetkey.wire.bearer import Challenge, read_challenge

METADATA = f"{RESOURCE}/.well-known/oauth-protected-resource"
JKT = MINE.public().thumbprint()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    yield platform
    platform.live.stop()


@pytest.fixture(scope="module", params=COMMANDS)
def api(request: pytest.FixtureRequest, platform: Platform) -> Iterator[Api]:
    with serving(request.param, issuer=platform.live.issuer, secret=platform.secret) as api:
        yield api


@pytest.fixture(scope="module")
def key(platform: Platform) -> str:
    """A key of somebody who changes nothing."""
    return platform.key(platform.person())


@pytest.fixture(scope="module")
def bound_key(platform: Platform) -> str:
    """One that is bound to MINE."""
    return platform.key(platform.person(), dpop=True)


Headers = list[tuple[str, str]]


def bearer(token: str) -> Headers:
    return [("Authorization", f"Bearer {token}")]


def dpop_headers(api: Api, what: str, key: str, **options: Any) -> Headers:
    """The headers that show a bound key, with a proof that differs as the wish says."""
    method, path = api.at(what)
    made = proof(Wish(method=method, address=RESOURCE + path, token=key), **options)
    return [("Authorization", f"DPoP {key}"), ("DPoP", made)]


def challenge_of(response: httpx2.Response) -> Challenge:
    """The challenge. All that is said in it stands in the body as well, and nobody may keep it."""
    schemes = ("Bearer", "DPoP")
    challenge = read_challenge(response.headers["www-authenticate"], schemes=schemes)
    assert challenge is not None
    assert challenge.resource_metadata == METADATA
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.get("error", "") == challenge.error
    assert body.get("scope", "") == challenge.scope
    return challenge


def test_a_key_opens_what_was_granted(api: Api, platform: Platform) -> None:
    miko = platform.person()
    key = bearer(platform.key(miko))
    assert isinstance(api.result(api.call("read", key)), list)
    assert api.result(api.call("write", key, text="Hi")) == {"by": miko.id, "with": "walker"}
    assert api.result(api.call("tip", key, amount="1.50")) == {"sent": "1.50"}
    assert api.result(api.call("close", key)) == {"closed": miko.id}


def test_the_documents_are_published(api: Api, platform: Platform) -> None:
    about = api.http.get("/.well-known/oauth-protected-resource").json()
    assert about["resource"] == RESOURCE
    assert about["authorization_servers"] == [platform.live.issuer]
    catalog = api.http.get(about["permission_catalog"].removeprefix(RESOURCE)).json()
    assert [one["id"] for one in catalog["permissions"]] == ALL.split()


def test_a_page_may_ask_whether_it_may_read_them(api: Api, platform: Platform) -> None:
    if api.name in {"asgi", "wsgi"}:
        pytest.skip("these answer with the documents by themselves")
    asks = {
        "origin": "https://inspector.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "mcp-protocol-version",
    }
    answer = api.http.options("/.well-known/oauth-protected-resource", headers=asks)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "*"
    assert "GET" in answer.headers["access-control-allow-methods"]


Shows = Callable[[Api, Platform, str], Headers]

INTERACTION_ID = "x-fapi-interaction-id"
CALLED = "C770AEF3-6784-41F7-8E0E-FF5F97BDDB3A"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

INTERACTIONS = [
    row("FAPI1 6.2.1", "sent", [(INTERACTION_ID, CALLED)], True),
    row("FAPI1 6.2.1", "not sent", [], False),
    row("FAPI1 6.2.1", "no UUID", [(INTERACTION_ID, "mine")], False),
    row("FAPI1 6.2.1", "more than a UUID", [(INTERACTION_ID, f"{CALLED}; x=1")], False),
    row(
        "FAPI1 6.2.1",
        "two",
        [(INTERACTION_ID, CALLED), (INTERACTION_ID, "3f2b8c1e-6784-41f7-8e0e-ff5f97bddb3a")],
        False,
    ),
]


@pytest.mark.parametrize("sent_headers,echoed", INTERACTIONS)
def test_each_reply_is_named(
    api: Api, platform: Platform, key: str, sent_headers: Headers, echoed: bool
) -> None:
    """Once, good or refused: by what the caller sent, or by an id of its own."""
    refusals = [[], bearer("a.b.c"), bearer(platform.key(platform.person(), "tips.send"))]
    for headers in (bearer(key), *refusals):
        told = api.call("read", [*headers, *sent_headers]).headers.get_list(INTERACTION_ID)
        assert len(told) == 1
        assert told[0] == CALLED if echoed else UUID.fullmatch(told[0])


REFUSED = [
    row("RFC 6750 3.1", "no key", lambda api, at, key: [], "", 401, ""),
    row("RFC 6750 3", "nonsense", lambda api, at, key: bearer("a.b.c"), "", 401, "invalid_token"),
    row("RFC 6750 2.1", "cut", lambda api, at, key: bearer(key[:-9]), "", 401, "invalid_token"),
    row(
        "RFC 9110 5.3",
        "two keys",
        lambda api, at, key: bearer(key) * 2,
        "",
        401,
        "invalid_token",
    ),
    row(
        "RFC 9700 4.3.2",
        "the key in the address",
        lambda api, at, key: bearer(key),
        "?access_token=x",
        400,
        "invalid_request",
    ),
    row(
        "RFC 9068 4",
        "for another API",
        lambda api, at, key: bearer(at.bent(key, aud=("https://other.example",))),
        "",
        401,
        "invalid_token",
    ),
    row(
        "RFC 9068 4",
        "over",
        lambda api, at, key: bearer(at.bent(key, exp=int(time.time()) - 90)),
        "",
        401,
        "invalid_token",
    ),
    row(
        "RFC 9068 4",
        "of another issuer",
        lambda api, at, key: bearer(at.bent(key, iss="https://other.example")),
        "",
        401,
        "invalid_token",
    ),
]


@pytest.mark.parametrize("shows,query,status,error", REFUSED)
def test_what_is_no_key_for_it_is_refused(
    api: Api, platform: Platform, key: str, shows: Shows, query: str, status: int, error: str
) -> None:
    response = api.call("read", shows(api, platform, key), query=query)
    assert response.status_code == status
    assert challenge_of(response).error == error


def test_a_refusal_names_all_that_is_missing(api: Api, platform: Platform) -> None:
    key = platform.key(platform.person(), "chirps.read")
    response = api.call("write", bearer(key), text="Hi")
    assert response.status_code == 403
    challenge = challenge_of(response)
    assert (challenge.error, challenge.scope) == ("insufficient_scope", "chirps.write")
    assert challenge.allowed == "chirps.read"


def test_a_bound_key_opens_with_a_proof_once(api: Api, bound_key: str) -> None:
    shown = dpop_headers(api, "read", bound_key)
    api.result(api.call("read", shown))
    again = api.call("read", shown)
    assert again.status_code == 401
    assert challenge_of(again).error == "invalid_dpop_proof"


BOUND_ROWS = [
    row("RFC 9449 7.1", "without a proof", lambda all_: all_[:1], {}, "invalid_dpop_proof"),
    row("RFC 9449 7.1", "as a bearer token", lambda all_: [], {}, "invalid_token"),
    row("RFC 9449 4.3", "two proofs", lambda all_: [*all_, all_[1]], {}, "invalid_dpop_proof"),
    row("RFC 9449 4.3", "by another key", list, {"by": OTHER}, "invalid_token"),
    row("RFC 9449 4.3", "another method", list, {"method": "PATCH"}, "invalid_dpop_proof"),
    row(
        "RFC 9449 4.3",
        "another address",
        list,
        {"address": "https://other.example/chirps"},
        "invalid_dpop_proof",
    ),
    row("RFC 9449 4.3", "another token", list, {"token": "x"}, "invalid_dpop_proof"),
    row("RFC 9449 4.3", "too old", list, {"claims": {"iat": 1}}, "invalid_dpop_proof"),
]


@pytest.mark.parametrize("bends,options,error", BOUND_ROWS)
def test_a_bound_key_opens_nothing_otherwise(
    api: Api,
    bound_key: str,
    bends: Callable[[Headers], Headers],
    options: dict[str, Any],
    error: str,
) -> None:
    shown = bends(dpop_headers(api, "read", bound_key, **options)) or bearer(bound_key)
    response = api.call("read", shown)
    assert response.status_code == 401
    assert challenge_of(response).error == error


def test_a_key_that_is_bound_to_a_certificate(
    api: Api, platform: Platform, key: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    mine, other = (authority.issue(name).der for name in ("mine", "other"))
    key = platform.bent(
        key,
        cnf=Confirmation(x5t_s256=client_certificate.thumbprint(mine)),
    )
    with_it = [*bearer(key), ("Client-Cert", client_certificate.write(mine))]
    api.result(api.call("read", with_it))
    for headers in (bearer(key), [*bearer(key), ("Client-Cert", client_certificate.write(other))]):
        response = api.call("read", headers)
        assert response.status_code == 401
        assert challenge_of(response).error == "invalid_token"
    unreadable = api.call("read", [*bearer(key), ("Client-Cert", ":x:")])
    assert unreadable.status_code == 400


def test_a_fresh_sign_in_is_asked_for(api: Api, platform: Platform, key: str) -> None:
    old = platform.bent(key, auth_time=int(time.time()) - 400)
    response = api.call("close", bearer(old))
    assert response.status_code == 401
    challenge = challenge_of(response)
    assert (challenge.error, challenge.max_age) == ("insufficient_user_authentication", "300")


def test_uses_and_amounts_are_counted(api: Api, platform: Platform) -> None:
    miko = platform.person()
    platform.key(miko)
    bounds = {"chirps.write": Bounds(often={"total": 2}), "tips.send": Bounds(much={"total": 500})}
    platform.change(platform.grant(miko), limits=limits(permissions=bounds))
    key = bearer(platform.key(miko))
    api.result(api.call("tip", key, amount="4.01"))
    refused = api.call("tip", key, amount="1")
    assert refused.status_code == 403
    challenge = challenge_of(refused)
    assert (challenge.error, challenge.limit, challenge.most) == ("limit_reached", "much", "500")
    assert (challenge.unit, challenge.decimals) == ("EUR", "2")
    assert [refused.json()[name] for name in ("most", "unit", "decimals")] == [500, "EUR", 2]
    api.result(api.call("tip", key, amount="0.99"))
    senseless = api.call("tip", key, amount="0.001")
    assert (senseless.status_code, challenge_of(senseless).error) == (400, "invalid_request")
    for _ in range(2):
        api.result(api.call("write", key, text="Hi"))
    assert challenge_of(api.call("write", key, text="Hi")).limit == "often"
    api.result(api.call("read", key))


AMOUNTS = [
    row("RFC 6750 3.1", "no number", b'{"amount": "abc"}'),
    row("RFC 6750 3.1", "no finite number", b'{"amount": "Infinity"}'),
    row("RFC 6750 3.1", "too many decimals", b'{"amount": "0.001"}'),
    row("RFC 6750 3.1", "less than nothing", b'{"amount": "-1"}'),
    row("RFC 6750 3.1", "an object", b'{"amount": {}}'),
    row("RFC 6750 3.1", "none", b"{}"),
]


@pytest.fixture(scope="module")
def limited_key(platform: Platform) -> str:
    """A key of somebody who has set a limit on tips."""
    miko = platform.person()
    platform.key(miko)
    bounds = {"tips.send": Bounds(much={"total": 500})}
    platform.change(platform.grant(miko), limits=limits(permissions=bounds))
    return platform.key(miko)


@pytest.mark.parametrize("limited", [True, False], ids=["limited", "not limited"])
@pytest.mark.parametrize("raw", AMOUNTS)
def test_what_is_no_amount_is_refused(
    api: Api, key: str, limited_key: str, raw: bytes, limited: bool
) -> None:
    answer = api.send("tip", bearer(limited_key if limited else key), raw)
    assert answer.status_code == 400


UNREADABLE = [
    row("RFC 8259 2", "a tip: no JSON", "tip", b"x"),
    row("RFC 8259 2", "a tip: nothing", "tip", b""),
    row("RFC 8259 2", "a tip: a list", "tip", b"[]"),
    row("RFC 8259 2", "a chirp: no JSON", "write", b"x"),
    row("RFC 8259 2", "a chirp: nothing", "write", b""),
    row("RFC 8259 2", "a chirp: a list", "write", b"[]"),
    row("RFC 8259 2", "a chirp: no text", "write", b"{}"),
]
VALIDATED = {"fastapi": {("tip", b"x"), *(("write", raw) for raw in (b"x", b"", b"[]", b"{}"))}}
"""What a framework refuses by itself, with 422."""


@pytest.mark.parametrize("what,raw", UNREADABLE)
def test_a_body_that_cannot_be_read_is_the_callers_fault(
    api: Api, key: str, what: str, raw: bytes
) -> None:
    if (api.name, what) == ("mcp", "write"):
        return  # the MCP SDK reads it, and answers in its own protocol
    answer = api.send(what, bearer(key), raw)
    by_itself = (what, raw) in VALIDATED.get(api.name, set())
    assert answer.status_code == (422 if by_itself else 400)


def test_what_the_user_changes_is_seen_within_the_bound(api: Api, platform: Platform) -> None:
    miko = platform.person()
    key = bearer(platform.key(miko))
    api.result(api.call("write", key, text="Hi"))
    grant = platform.change(platform.grant(miko), permissions=("chirps.read",))
    until(lambda: api.call("write", key, text="Hi").status_code == 403)
    assert challenge_of(api.call("write", key, text="Hi")).reason == "narrowed"
    grant = platform.change(grant, status="paused")
    until(lambda: api.call("read", key).status_code == 401)
    assert challenge_of(api.call("read", key)).reason == "paused"
    grant = platform.change(grant, status="active")
    until(lambda: api.call("read", key).status_code == 200)
    platform.change(grant, status="stopped")
    until(lambda: api.call("read", key).status_code == 401)
    assert challenge_of(api.call("read", key)).reason == "stopped"


@pytest.mark.parametrize("name", COMMANDS)
def test_nobody_is_let_in_while_the_server_cannot_be_asked(
    name: str, platform: Platform, key: str
) -> None:
    with serving(name, issuer="http://127.0.0.1:9", secret=platform.secret) as api:
        response = api.call("read", bearer(key))
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.headers["cache-control"] == "no-store"
        assert response.json()["error"] == "temporarily_unavailable"


def until(holds: Callable[[], bool]) -> None:
    """Waits for what an API learns by and by; the bound itself is measured elsewhere."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "never"
        time.sleep(0.02)
