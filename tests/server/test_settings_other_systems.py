"""The settings of directories: each mistake is named."""

from typing import Any

import pytest
from tests.rows import row

from valetkey.server.model.keys import Secret
from valetkey.server.settings import other_systems
from valetkey.server.settings.other_systems import DirectorySettings

RIGHT: dict[str, Any] = {"url": "ldaps://ldap.chirp.example", "base": "dc=chirp,dc=example"}

MISTAKES = [
    row("ldap", "right", {}, []),
    row("ldap", "off", {"url": "", "base": "", "filter": "x"}, []),
    row("ldap", "StartTLS", {"url": "ldap://ldap.chirp.example", "start_tls": True}, []),
    row("ldap", "this machine", {"url": "ldap://127.0.0.1:3389"}, []),
    row("ldap", "in the clear", {"url": "ldap://ldap.chirp.example"}, ["url"]),
    row("ldap", "another scheme", {"url": "https://ldap.chirp.example"}, ["url"] * 2),
    row("ldap", "a path", {"url": "ldaps://ldap.chirp.example/dc=chirp"}, ["url"]),
    row("ldap", "a user in the address", {"url": "ldaps://reader@ldap.chirp.example"}, ["url"]),
    row("ldap", "TLS twice", {"start_tls": True}, ["start_tls"]),
    row("ldap", "no base", {"base": ""}, ["base"]),
    row("ldap", "no name in the filter", {"filter": "(uid=x)"}, ["filter"]),
    row("ldap", "an open filter", {"filter": "(uid={username}"}, ["filter"]),
    row("ldap", "a reader without a password", {"bind_dn": "cn=reader"}, ["bind_dn"]),
    row("ldap", "a reader", {"bind_dn": "cn=reader", "bind_password": Secret("x")}, []),
    row("ldap", "the source of the hand-off", {"source": "platform"}, ["source"]),
    row("ldap", "the administrators", {"source": "administrator"}, ["source"]),
    row("ldap", "half an attribute", {"attributes": ("name",)}, ["attributes"]),
]


@pytest.mark.parametrize("changed,names", MISTAKES)
def test_each_mistake_is_named(
    changed: dict[str, Any], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_systems, "find_spec", lambda name: object())
    settings = DirectorySettings(**(RIGHT | changed))
    assert [name for name, _ in settings.mistakes()] == names


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_systems, "find_spec", lambda name: None)
    (mistake,) = DirectorySettings(**RIGHT).mistakes()
    assert mistake == ("url", "needs: pip install 'valetkey[ldap]'")
