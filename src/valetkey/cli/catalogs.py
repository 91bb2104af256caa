"""Reads files that a declaration names: an API's catalog, a client's public keys."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from valetkey.jose.objects import read_object
from valetkey.server.settings.load import convert
from valetkey.wire.catalog import Catalog


def read_catalog(file: Path) -> Catalog:
    """Read a catalog from a TOML or JSON file. Raises ValueError that names the file."""
    try:
        text = file.read_text("utf-8")
        members = msgspec.json.decode(text) if file.suffix == ".json" else tomllib.loads(text)
        catalog: Catalog = convert(Catalog, members, base=file.parent)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return catalog


def read_jwks(file: Path) -> dict[str, Any]:
    """Read a JWK Set from a JSON file. Raises ValueError that names the file."""
    try:
        return read_object(file.read_bytes())
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
