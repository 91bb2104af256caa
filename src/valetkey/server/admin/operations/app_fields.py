"""Apps as callers read and write them: the fields of their registration."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from valetkey.server.admin.operation import ItemPage, ListQuery, Parameters
from valetkey.server.admin.operations.users import Time
from valetkey.server.model.client import AuthMethod, Client, Origin, Status

FIELDS: Final = {one.name: one for one in msgspec.structs.fields(Client)}

HIDDEN: Final = frozenset({"secrets", "registration_token", "unused_until"})
"""Fields that no answer has."""

FIXED: Final = HIDDEN | {
    *("version", "id", "origin", "verified", "status", "created"),
    *("suspension", "admin", "owner"),
}
"""Fields that an edit does not change: other operations do, or nothing does."""


class AppSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An app in a list. `uri` is its home page, `origin` who registered it."""

    id: str
    name: str
    uri: str
    auth_method: AuthMethod
    scope: tuple[str, ...]
    origin: Origin
    verified: bool
    status: Status
    created: Time


class AppList(ListQuery, frozen=True, kw_only=True):
    """Which apps."""

    name: Annotated[
        str, Meta(max_length=200, description="Only those of whose name a word begins so.")
    ] = ""
    domain: Annotated[
        str, Meta(max_length=253, description="Only those with an address at it, or below it.")
    ] = ""
    owner: Annotated[str, Meta(max_length=64, description="Only those of this user.")] = ""


class AppPage(ItemPage, frozen=True, kw_only=True):
    """Apps."""

    items: tuple[AppSummary, ...]


AppDetail: Final[Any] = msgspec.defstruct(
    "AppDetail",
    [(name, one.type) for name, one in FIELDS.items() if name not in HIDDEN],
    frozen=True,
    kw_only=True,
    module=__name__,
    namespace={
        "__doc__": "An app, with the fields of its registration (RFC 7591 2), without secrets."
    },
)

AppEdit: Final[Any] = msgspec.defstruct(
    "AppEdit",
    [(name, one.type | UnsetType, UNSET) for name, one in FIELDS.items() if name not in FIXED],
    bases=(Parameters,),
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    module=__name__,
    namespace={"__doc__": "What to change; fields that are missing stay."},
)

AppOrder: Final[Any] = msgspec.defstruct(
    "AppOrder",
    [
        (
            "id",
            Annotated[str, Meta(max_length=64, description="Its client_id; empty: made here.")],
            "",
        ),
        ("name", FIELDS["name"].type),
        *(
            (name, one.type | UnsetType, UNSET)
            for name, one in FIELDS.items()
            if name not in FIXED | {"name"}
        ),
    ],
    bases=(Parameters,),
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    module=__name__,
    namespace={"__doc__": "A new app. Fields that are missing get their defaults."},
)


class AppCreated(msgspec.Struct, frozen=True, kw_only=True):
    """The new app, and its secret, which is empty if it has none."""

    app: AppDetail
    client_secret: str
    version: int


class AppRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """The app is removed, and so many grants are stopped."""

    id: str
    stopped: int


def summary(client: Client) -> AppSummary:
    """The app, as in a list."""
    return AppSummary(
        id=client.id,
        name=client.name,
        uri=client.uri,
        auth_method=client.auth_method,
        scope=client.scope,
        origin=client.origin,
        verified=client.verified,
        status=client.status,
        created=client.created,
    )


def detail(client: Client) -> Any:
    """The app, without secrets."""
    return AppDetail(**{name: getattr(client, name) for name in FIELDS if name not in HIDDEN})
