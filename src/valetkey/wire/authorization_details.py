"""Rich authorization requests (RFC 9396): permissions as objects, a type for each resource server.

The type is the identifier of the resource server, and its actions are what its catalog has. So what
can be asked for is as closed as the catalog, and the two can never say different things.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from valetkey.jose import base64url
from valetkey.jose.objects import depth, read_object, read_value
from valetkey.spec.names import Cite
from valetkey.wire.catalog import Catalog, digest

CITE: Final = Cite("RFC 9396", "2")
METADATA: Final = Cite("draft-ietf-oauth-rar-metadata-remediation", "3")
PARAMETER: Final = "authorization_details"

MAX_LENGTH: Final = 8192
"""Characters of the parameter: it waits with its request."""

MOST: Final = 20
"""Objects in it, and actions in each of them are as many as a catalog has at most."""

MAX_DEPTH: Final = 6
"""How deep they may be nested: hours stand in a list of a permission's limits, and so do these."""


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an app may do at one resource server, which is the `type`. `actions` are permissions of
    its catalog, or its names for sets of them; `locations` may say once more where. `limits` bound
    some of the permissions, in the words of an app's own proposals."""

    type: str
    actions: tuple[str, ...]
    locations: tuple[str, ...] = ()
    limits: dict[str, dict[str, Any]] = {}


class _RequestedDetail(Detail, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RFC 9396 5: what nobody knows in a request is refused, never passed over."""


class BadDetails(ValueError):
    """They cannot be read. Says why, for the log."""


def read(text: str) -> tuple[Detail, ...]:
    """The objects in a parameter, several of a type among them. Raises BadDetails for what is no
    list of such objects, and for one that has an unknown member."""
    if len(text) > MAX_LENGTH:
        raise BadDetails(f"longer than {MAX_LENGTH} characters")
    try:
        value = read_value(text)
        if depth(value) > MAX_DEPTH:
            raise BadDetails(f"nested deeper than {MAX_DEPTH}")
        requested = msgspec.convert(value, tuple[_RequestedDetail, ...])
    except (ValueError, msgspec.ValidationError) as error:
        raise BadDetails(str(error)) from error
    details = tuple(Detail(**msgspec.structs.asdict(one)) for one in requested)
    if not details or len(details) > MOST:
        raise BadDetails(f"none, or more than {MOST}")
    if not all(one.actions for one in details):
        raise BadDetails("an object without actions")
    return details


def write(details: Iterable[Detail]) -> str:
    """The parameter for these."""
    return msgspec.json.encode(tuple(details)).decode()


DIGEST: Final = "permission_catalog_digest"


def type_metadata(catalog: Catalog) -> dict[str, Any]:
    """The metadata of the type that a catalog makes. `permission_catalog_digest` is ours: by it an
    API sees whether the catalog that the server knows is its own."""
    actions = [*(one.id for one in catalog.permissions), *catalog.scopes]
    counted = [one.id for one in catalog.permissions if one.counted]
    limits = {"limits": _of_limits(counted)} if counted else {}
    words = {one.id: one.can for one in catalog.permissions}
    return {
        "description": f"What an app may do at {catalog.name}.",
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": ["type", "actions"],
            "properties": {
                "type": {"const": catalog.resource},
                "actions": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"oneOf": [_action(one, words.get(one, "")) for one in actions]},
                },
                "locations": {"type": "array", "items": {"const": catalog.resource}},
                **limits,
            },
            "additionalProperties": False,
        },
        "examples": [{"type": catalog.resource, "actions": actions[:1]}] if actions else [],
        DIGEST: digest(catalog),
    }


def _action(name: str, words: str) -> dict[str, str]:
    return {"const": name} | ({"description": words} if words else {})


def _of_limits(counted: Iterable[str]) -> dict[str, Any]:
    """How the limits of a type are written: see `model.limits.Bounds`, which judges them."""
    periods = {
        "type": "object",
        "propertyNames": {"enum": ["hour", "day", "month", "total"]},
        "additionalProperties": {"type": "integer", "minimum": 1},
    }
    hours = {"type": "object", "required": ["opens", "closes", "zone"]}
    bounds = {
        "type": "object",
        "properties": {
            "often": periods,
            "much": periods,
            "ask_above": {"type": "integer", "minimum": 0},
            "hours": {"type": "array", "items": hours},
        },
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(counted, bounds),
        "additionalProperties": False,
    }


def write_remedy(details: Iterable[Detail]) -> str:
    """What a resource server says an app should ask for, as its challenge carries it."""
    members = {PARAMETER: tuple(details)}
    return base64url.encode(msgspec.json.encode(members))


def read_remedy(text: str) -> tuple[Detail, ...]:
    """The objects in a challenge; none, where they cannot be read: then the app asks as it can."""
    try:
        claims = read_object(base64url.decode(text))
        return msgspec.convert(claims.get(PARAMETER, ()), tuple[Detail, ...])
    except (ValueError, msgspec.ValidationError):
        return ()
