"""A resource server's catalog, read from a file."""

import tomllib
from pathlib import Path

import msgspec

from valetkey.settings.load import convert
from valetkey.wire.catalog import Catalog


def read_catalog(file: Path) -> Catalog:
    """The catalog in a TOML or JSON file. Raises ValueError that names the file."""
    try:
        text = file.read_text("utf-8")
        members = msgspec.json.decode(text) if file.suffix == ".json" else tomllib.loads(text)
        catalog: Catalog = convert(Catalog, members, base=file.parent)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return catalog
