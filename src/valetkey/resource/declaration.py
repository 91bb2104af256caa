"""What an API declares: its permissions, and where it publishes them."""

import tomllib
from pathlib import Path
from typing import Any, Final, Unpack

import msgspec

from valetkey.jose.objects import read_object
from valetkey.resource.need import Conditions, Need, check_amounts, sign_in
from valetkey.wire import authorization_details, metadata
from valetkey.wire.catalog import Catalog, Permission, mistakes

CATALOG_PATH: Final = "/.well-known/permission-catalog"
TYPES_PATH: Final = "/.well-known/authorization-details-types"


class Declaration:
    """An API as others see it: its identifier, its catalog, and the addresses of both."""

    def __init__(self, catalog: Catalog | Path | str) -> None:
        """Raises ValueError for a wrong catalog, and for a file that is not one."""
        self.catalog = catalog if isinstance(catalog, Catalog) else read_catalog(Path(catalog))
        self.resource = self.published().resource

    def declare(self, *permissions: str | Permission) -> tuple[str, ...]:
        """The ids of the permissions. A Permission joins the catalog, if it is not in it yet.
        Raises ValueError for an id that is not in the catalog, and for one with two meanings."""
        for one in permissions:
            if isinstance(one, Permission):
                self._join(one)
        names = tuple(one if isinstance(one, str) else one.id for one in permissions)
        unknown = [one for one in names if self.catalog.permission(one) is None]
        if unknown or not permissions:
            raise ValueError(f"not in the catalog of {self.resource}: {', '.join(unknown) or '-'}")
        return names

    def need(self, *permissions: str | Permission, **conditions: Unpack[Conditions]) -> Need:
        """What a route needs. Raises ValueError for a name that is not in the catalog, for a
        permission with a unit and no `spend`, and for a negative `max_age`."""
        names, spend = self.declare(*permissions), conditions.get("spend")
        check_amounts(self.catalog, names, has_amount=spend is not None)
        ways = sign_in(conditions.get("acr", ()), conditions.get("max_age"))
        return Need(permissions=names, sign_in=ways, spend=spend)

    def published(self) -> Catalog:
        """The catalog as it is published. Raises ValueError for a wrong one: permissions may be
        declared one by one, so it is complete only at the end."""
        wrong = mistakes(self.catalog)
        if wrong:
            raise ValueError(f"the catalog: {'; '.join(wrong)}")
        return self.catalog

    def _join(self, permission: Permission) -> None:
        there = self.catalog.permission(permission.id)
        if there is not None and there != permission:
            raise ValueError(f"{permission.id!r} was declared before, with other fields")
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
        """Where the metadata of its authorization details type is."""
        return metadata.well_known(self.resource, TYPES_PATH)

    @property
    def types(self) -> dict[str, Any]:
        """The metadata of its authorization details type, made from the catalog. Raises ValueError
        for a wrong catalog."""
        described = {self.resource: authorization_details.type_metadata(self.published())}
        return {"authorization_details_types_metadata": described}


def read_catalog(file: Path) -> Catalog:
    """The catalog in a TOML file, or in a JSON one (`.json`). Raises ValueError that names the
    file."""
    try:
        raw = file.read_bytes()
        members = read_object(raw) if file.suffix == ".json" else tomllib.loads(raw.decode())
        return msgspec.convert(members, Catalog)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"{file}: {error}") from error
