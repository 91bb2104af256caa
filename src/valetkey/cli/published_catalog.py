"""Fetches the catalog that an API publishes."""

from typing import Final, TypeVar

import httpx2
import msgspec

from valetkey.jose.objects import read_object
from valetkey.wire import metadata
from valetkey.wire.address import origin
from valetkey.wire.catalog import Catalog
from valetkey.wire.metadata import ResourceMetadata

T = TypeVar("T")

TIMEOUT: Final = 10.0
MAX_BYTES: Final = 512 * 1024


def fetch_catalog(resource: str, *, issuer: str) -> Catalog:
    """Fetch the catalog of the API `resource`, starting from its metadata (RFC 9728 3). Raises
    ValueError, also if the metadata is for another API or names another authorization server."""
    address = metadata.well_known(resource, metadata.PROTECTED_RESOURCE)
    if not address:
        raise ValueError(f"{resource!r} is not a web address")
    about = _read(address, ResourceMetadata)
    if about.resource != resource:
        # RFC 9728 3.3: compared as plain strings.
        raise ValueError(f"{address}: is for {about.resource!r}, not for {resource!r}")
    if issuer not in about.authorization_servers:
        raise ValueError(f"{address}: does not name {issuer} as its authorization server")
    if not about.permission_catalog:
        raise ValueError(f"{address}: names no permission_catalog")
    if origin(about.permission_catalog) != origin(resource):
        raise ValueError(f"{address}: its permission_catalog is on another host")
    catalog = _read(about.permission_catalog, Catalog)
    if catalog.resource != resource:
        raise ValueError(f"{about.permission_catalog}: is the catalog of {catalog.resource!r}")
    return catalog


def _read(address: str, kind: type[T]) -> T:
    if not metadata.is_protected(address):
        raise ValueError(f"{address}: is not https")
    try:
        return msgspec.convert(read_object(_body(address)), kind)
    except httpx2.HTTPError as error:
        raise ValueError(f"{address}: {error}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"{address}: {error}") from error


def _body(address: str) -> bytes:
    body = b""
    with (
        httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client,
        client.stream("GET", address) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError(f"answers {answer.status_code}")
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MAX_BYTES:
                raise ValueError("is too large")
    return body
