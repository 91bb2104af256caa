"""Metadata documents: where they lie, and what leaving a member out means."""

import msgspec
import pytest
from tests.rows import row

from valetkey.wire.metadata import (
    AUTHORIZATION_SERVER,
    OPENID,
    PROTECTED_RESOURCE,
    ResourceMetadata,
    ServerMetadata,
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
