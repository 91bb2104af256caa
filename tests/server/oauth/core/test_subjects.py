"""Pairwise subjects (OpenID Connect Core 8.1): which apps know a user by the same name."""

import pytest
from tests.installation import CLIENTS
from tests.rows import row
from tests.server.oauth.world import KEYRING

from valetkey.server.model.client import Client
from valetkey.server.oauth.core.subjects import find_user, sector, session, subject

MIKO = CLIENTS[0].id


def client(name: str, *redirect_uris: str, sector_of: str = "") -> Client:
    return Client(
        id=name,
        name=name,
        redirect_uris=redirect_uris,
        subject_type="pairwise",
        sector_identifier_uri=sector_of,
    )


LOOPBACK = "http://127.0.0.1/cb"

KIN = [
    row("8.1", "of one host", ("https://a.example/x",), ("https://a.example/y",), True),
    row("8.1", "of two hosts", ("https://a.example/",), ("https://b.example/",), False),
    row("8.1", "both on loopback", (LOOPBACK,), (LOOPBACK,), False),
    row("8.1", "both on localhost", ("http://localhost/",), ("http://localhost/",), False),
    row("8.1", "of one private scheme", ("com.example:/cb",), ("com.example:/cb",), False),
    row("8.1", "one on loopback", (LOOPBACK,), ("https://127.0.0.1/cb",), False),
]


@pytest.mark.parametrize("ours, theirs, same", KIN)
def test_who_has_the_same_names(ours: tuple[str, ...], theirs: tuple[str, ...], same: bool) -> None:
    one, other = client("one", *ours), client("other", *theirs)
    for called in (subject, session):
        assert (called(MIKO, one, KEYRING) == called(MIKO, other, KEYRING)) is same
    assert find_user(subject(MIKO, one, KEYRING), one, KEYRING) == MIKO
    assert (find_user(subject(MIKO, one, KEYRING), other, KEYRING) == MIKO) is same


def test_a_native_app_has_one_name_on_every_way_back() -> None:
    app = client("app", LOOPBACK, "http://[::1]/cb", "http://localhost/cb", "com.example:/cb")
    assert sector(app) == "client:app"
    assert subject(MIKO, app, KEYRING) == subject(MIKO, client("app", LOOPBACK), KEYRING)


def test_who_is_nobodys_kin() -> None:
    """On a host and on a device: the device's app would have the names of the host's."""
    assert sector(client("app", "https://a.example/cb", LOOPBACK)) == ""
    assert sector(client("app")) == ""
    both = client("app", LOOPBACK, "https://a.example/", sector_of="https://s.example/list")
    assert sector(both) == "s.example"
