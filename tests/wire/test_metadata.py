"""Metadata documents: where they lie, and what leaving a member out means."""

import msgspec
import pytest
from tests.rows import row

from valetkey.wire.metadata import (
    AUTHORIZATION_SERVER,
    OPENID,
    PROTECTED_RESOURCE,
    BadMetadata,
    ResourceMetadata,
    ServerMetadata,
    is_protected,
    read_server,
    well_known,
)

PLACES = [
    row(
        "8414 3.1",
        "no path",
        "https://as.example",
        AUTHORIZATION_SERVER,
        "https://as.example/.well-known/oauth-authorization-server",
    ),
    row(
        "8414 3.1",
        "a path goes behind",
        "https://as.example/tenant",
        AUTHORIZATION_SERVER,
        "https://as.example/.well-known/oauth-authorization-server/tenant",
    ),
    row(
        "8414 3.1",
        "a slash at the end is dropped",
        "https://as.example/tenant/",
        AUTHORIZATION_SERVER,
        "https://as.example/.well-known/oauth-authorization-server/tenant",
    ),
    row(
        "Discovery 4",
        "OpenID, no path",
        "https://as.example",
        OPENID,
        "https://as.example/.well-known/openid-configuration",
    ),
    row(
        "9728 3.1",
        "a resource with port and path",
        "http://127.0.0.1:8002/api/v1",
        PROTECTED_RESOURCE,
        "http://127.0.0.1:8002/.well-known/oauth-protected-resource/api/v1",
    ),
    row(
        "9728 3.1",
        "a resource with a query",
        "https://chirp.example/api?v=1",
        PROTECTED_RESOURCE,
        "https://chirp.example/.well-known/oauth-protected-resource/api?v=1",
    ),
]


@pytest.mark.parametrize("identifier,suffix,expected", PLACES)
def test_where_a_document_lies(identifier: str, suffix: str, expected: str) -> None:
    assert well_known(identifier, suffix) == expected


def test_what_is_left_out_means_what_the_standards_say() -> None:
    bare = msgspec.convert({"issuer": "https://as.example"}, ServerMetadata)
    assert not bare.request_parameter_supported  # Discovery 3
    assert bare.request_uri_parameter_supported  # Discovery 3: true, of all things
    assert not bare.authorization_response_iss_parameter_supported  # RFC 9207 3
    assert not bare.require_pushed_authorization_requests  # RFC 9126 5


def test_what_has_the_default_is_left_out() -> None:
    """RFC 8414 3.2: a member without values is not in the document."""
    assert msgspec.to_builtins(ServerMetadata(issuer="i")) == {"issuer": "i"}
    assert msgspec.to_builtins(ResourceMetadata(resource="r")) == {"resource": "r"}
    refused = ServerMetadata(issuer="i", request_uri_parameter_supported=False)
    assert msgspec.to_builtins(refused)["request_uri_parameter_supported"] is False


def test_members_that_others_publish_are_passed_over() -> None:
    document = {"issuer": "i", "device_authorization_endpoint": "x", "mtls_endpoint_aliases": {}}
    assert msgspec.convert(document, ServerMetadata).issuer == "i"


ISSUER = "https://as.example"

DOCUMENTS = [
    row("8414 3.2", "no JSON", b"<html>", "not a metadata document"),
    row("8414 3.2", "no object", b"[]", "not a metadata document"),
    row("8414 2", "no issuer", b"{}", "not a metadata document"),
    row("8414 2", "a member twice", b'{"issuer":"https://as.example","issuer":"x"}', "repeated"),
    row(
        "8414 2", "a number for an address", b'{"issuer":"https://as.example","jwks_uri":1}', "str"
    ),
    row("8414 3.3", "another issuer", b'{"issuer":"https://evil.example"}', "speaks of"),
    row("8414 3.3", "a slash more", b'{"issuer":"https://as.example/"}', "speaks of"),
    row(
        "8414 2",
        "keys over plain http",
        b'{"issuer":"https://as.example","jwks_uri":"http://as.example/jwks"}',
        "jwks_uri is not https",
    ),
    row(
        "9700 2.6",
        "a token endpoint over plain http",
        b'{"issuer":"https://as.example","token_endpoint":"http://10.0.0.1/token"}',
        "token_endpoint is not https",
    ),
]


@pytest.mark.parametrize("raw,why", DOCUMENTS)
def test_a_document_that_is_not_the_servers_own(raw: bytes, why: str) -> None:
    with pytest.raises(BadMetadata, match=why):
        read_server(raw, issuer=ISSUER)


def test_what_is_not_known_is_passed_over() -> None:
    raw = b'{"issuer":"https://as.example","jwks_uri":"https://as.example/jwks","x_new":[1]}'
    assert read_server(raw, issuer=ISSUER).jwks_uri == "https://as.example/jwks"


@pytest.mark.parametrize(
    "address,protected",
    [
        row("9700 2.6", "https", "https://as.example/token", True),
        row("8252 8.3", "loopback", "http://127.0.0.1:8000/token", True),
        row("8252 8.3", "loopback, the other", "http://[::1]:8000/token", True),
        row("6761 6.3", "localhost", "http://localhost/token", True),
        row("6761 6.2", "a name for tests", "http://id.chirp.test/token", True),
        row("9700 2.6", "http", "http://as.example/token", False),
        row("9700 2.6", "loopback as a prefix", "http://127.0.0.1.evil.example/token", False),
        row("9700 2.6", "loopback as the user", "http://127.0.0.1@evil.example/token", False),
        row("3986 3.1", "another scheme", "ftp://127.0.0.1/token", False),
        row("3986 3.2", "no host", "https:///token", False),
        row("3986 3.2", "a broken host", "https://[::1/token", False),
        row("3986 4.2", "a path alone", "/token", False),
    ],
)
def test_where_secrets_may_be_sent(address: str, protected: bool) -> None:
    assert is_protected(address) is protected
