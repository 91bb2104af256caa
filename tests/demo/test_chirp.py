"""Chirp's API: which key opens which route, and what Chirp makes of what is sent."""

from typing import Any

import pytest
from tests.demo.conftest import PERMISSIONS, Platform
from tests.rows import row

from valetkey.demo.chirp.api import ROUTES
from valetkey.wire.bearer import read_challenge

BODIES: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/chirps"): {"text": "Hello from a test."},
    ("PUT", "/profile"): {"name": "Miko", "line": "Still gardening."},
    ("POST", "/messages"): {"to": "noor", "text": "Friday it is."},
}

IMPLIED = {"profile.write": ("profile.read",)}

USES = [
    row(f"{method} {path}", f"needs {permission}", method, path, permission)
    for method, path, permission, _ in ROUTES
]


def call(platform: Platform, method: str, path: str, headers: dict[str, str]) -> Any:
    """The route, used as it is meant; an identifier in its path names nothing."""
    address = path.replace("{chirp:int}", "999999")
    return platform.http.request(method, address, json=BODIES.get((method, path)), headers=headers)


@pytest.mark.parametrize("method, path, permission", USES)
def test_without_a_key_a_route_says_where_to_get_one(
    platform: Platform, method: str, path: str, permission: str
) -> None:
    response = call(platform, method, path, {})
    assert response.status_code == 401
    challenge = read_challenge(response.headers["www-authenticate"])
    assert challenge is not None
    assert (challenge.error, challenge.scope) == ("", "")
    about = platform.http.get(challenge.resource_metadata).json()
    assert about["resource"] == platform.stage.addresses.chirp
    assert about["authorization_servers"] == [platform.stage.addresses.server]


@pytest.mark.parametrize("method, path, permission", USES)
def test_a_key_to_everything_else_is_refused_and_told_what_is_missing(
    platform: Platform, method: str, path: str, permission: str
) -> None:
    implying = [one for one, implied in IMPLIED.items() if permission in implied]
    rest = [one for one in PERMISSIONS if one not in (permission, *implying)]
    response = call(platform, method, path, platform.key(*rest))
    assert response.status_code == 403
    challenge = read_challenge(response.headers["www-authenticate"])
    assert challenge is not None
    assert (challenge.error, challenge.scope) == ("insufficient_scope", permission)


@pytest.mark.parametrize(
    "method, path, permission", [one for one in USES if one.values[2] != "account.delete"]
)
def test_a_key_to_this_alone_opens_it(
    platform: Platform, method: str, path: str, permission: str
) -> None:
    response = call(platform, method, path, platform.key(permission))
    expected = {"GET": {200}, "POST": {201}, "PUT": {200}, "DELETE": {404}}[method]
    assert response.status_code in expected, response.text


def test_a_chirp_is_on_the_timeline_until_its_author_takes_it_back(platform: Platform) -> None:
    key = platform.key("chirps.read", "chirps.write")
    posted = platform.http.post("/chirps", json={"text": "Short-lived."}, headers=key).json()
    assert (posted["handle"], posted["by"], posted["text"]) == ("miko", "all", "Short-lived.")
    assert platform.http.get("/chirps", headers=key).json()[0] == posted
    assert platform.http.delete(f"/chirps/{posted['id']}", headers=key).status_code == 204
    assert platform.http.get("/chirps", headers=key).json()[0] != posted


def test_nobody_takes_back_what_another_wrote(platform: Platform) -> None:
    key = platform.key("chirps.read", "chirps.write")
    timeline = platform.http.get("/chirps", headers=key).json()
    hers = next(chirp for chirp in timeline if chirp["handle"] == "ada")
    assert platform.http.delete(f"/chirps/{hers['id']}", headers=key).status_code == 404
    assert hers in platform.http.get("/chirps", headers=key).json()


@pytest.mark.parametrize(
    "path, body, status",
    [
        row("a chirp", "without words", "/chirps", b'{"text": "  "}', 400),
        row("a chirp", "of 280 characters", "/chirps", b'{"text": "%s"}' % (b"a" * 280), 201),
        row("a chirp", "of 281 characters", "/chirps", b'{"text": "%s"}' % (b"a" * 281), 400),
        row("a chirp", "with a stray member", "/chirps", b'{"text": "a", "at": 0}', 400),
        row("a chirp", "that is a number", "/chirps", b'{"text": 7}', 400),
        row("a chirp", "that is no JSON", "/chirps", b"text=a", 400),
        row("a chirp", "that is no UTF-8", "/chirps", b'{"text": "\xff"}', 400),
        row("a chirp", "that is too large", "/chirps", b" " * 8193, 413),
        row("a message", "to nobody", "/messages", b'{"to": "nobody", "text": "a"}', 404),
    ],
)
def test_what_is_sent_has_to_make_sense(
    platform: Platform, path: str, body: bytes, status: int
) -> None:
    key = platform.key("chirps.write", "dms.send")
    response = platform.http.post(path, content=body, headers=key)
    assert response.status_code == status, response.text


def test_the_catalog_is_published_as_it_is_registered(platform: Platform) -> None:
    about = platform.http.get("/.well-known/oauth-protected-resource").json()
    catalog = platform.http.get(about["permission_catalog"]).json()
    assert tuple(one["id"] for one in catalog["permissions"]) == PERMISSIONS
    listed = platform.stage.programs.run("valetkey", "resource", "list", "--json")
    assert catalog["permissions"][0]["can"] in listed
