"""What an API declares: its permissions, and where it publishes them."""

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.jose.objects import read_object
from valetkey.wire import authorization_details, metadata
from valetkey.wire.catalog import Catalog, Permission, mistakes

CATALOG_PATH: Final = "/.well-known/permission-catalog"
TYPES_PATH: Final = "/.well-known/authorization-details-types"


class Declared:
    """An API as others read of it: its identifier, its catalog, and the addresses of both."""

    def __init__(self, catalog: Catalog | Path | str) -> None:
        """Raises ValueError for a catalog that is wrong, and for a file that holds none."""
        self.catalog = catalog if isinstance(catalog, Catalog) else read_catalog(Path(catalog))
        self.resource = self.published().resource

    def declare(self, *permissions: str | Permission) -> tuple[str, ...]:
        """Their ids. One that is given in full joins the catalog, if it is not in it yet. Raises
        ValueError for an id that the catalog does not have, and for one that means two things."""
        for one in permissions:
            if isinstance(one, Permission):
                self._join(one)
        names = tuple(one if isinstance(one, str) else one.id for one in permissions)
        unknown = [one for one in names if self.catalog.permission(one) is None]
        if unknown or not permissions:
            raise ValueError(f"not in the catalog of {self.resource}: {', '.join(unknown) or '-'}")
        return names

    def published(self) -> Catalog:
        """The catalog, for everybody to read. Raises ValueError for one that is wrong: what is
        declared piece by piece is whole only in the end."""
        wrong = mistakes(self.catalog)
        if wrong:
            raise ValueError(f"the catalog: {'; '.join(wrong)}")
        return self.catalog

    def _join(self, permission: Permission) -> None:
        there = self.catalog.permission(permission.id)
        if there is not None and there != permission:
            raise ValueError(f"{permission.id!r} was declared before, in other words")
        if there is None:
            permissions = (*self.catalog.permissions, permission)
            self.catalog = msgspec.structs.replace(self.catalog, permissions=permissions)

    @property
    def metadata_address(self) -> str:
        """Where the RFC 9728 document is, below the identifier of the API."""
        return metadata.well_known(self.resource, metadata.PROTECTED_RESOURCE)

    @property
    def catalog_address(self) -> str:
        """Where the catalog is."""
        return metadata.well_known(self.resource, CATALOG_PATH)

    @property
    def types_address(self) -> str:
        """Where the metadata of the type is, in which it may be asked for by details."""
        return metadata.well_known(self.resource, TYPES_PATH)

    @property
    def types(self) -> dict[str, Any]:
        """That metadata: the catalog once more. Raises ValueError for a catalog that is wrong."""
        described = {self.resource: authorization_details.type_metadata(self.published())}
        return {"authorization_details_types_metadata": described}


def read_catalog(file: Path) -> Catalog:
    """The catalog in a TOML file, or in a JSON one (`.json`). Raises ValueError that names the
    file."""
    try:
        raw = file.read_bytes()
        said = read_object(raw) if file.suffix == ".json" else tomllib.loads(raw.decode())
        return msgspec.convert(said, Catalog)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"{file}: {error}") from error
