"""What this server knows of users and groups: the schemas, and the documents in and out.

`scim2-models` reads and writes all documents, applies patches, and parses filters.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from pydantic import Field, ValidationError
from scim2_models import (
    URN,
    Address,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    Context,
    Error,
    ETag,
    External,
    Filter,
    Meta,
    Mutability,
    Name,
    Pagination,
    Patch,
    PatchOp,
    PhoneNumber,
    Reference,
    Required,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.exceptions import InvalidSyntaxException

from valetkey.server.oauth.endpoints.scim import MAX_MEMBERS, MAX_PAGE
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7643", "4")

Document: TypeAlias = dict[str, Any]


class Email(ComplexAttribute):
    """An address, however it looks: those that are none are not used."""

    value: str | None = None
    display: str | None = None
    type: str | None = Field(None, examples=["work", "home", "other"])
    primary: bool | None = None


class User(Resource[Any]):
    """A user: what has a use here (RFC 7643 4.1). Other attributes are ignored."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: Name | None = None
    Name: ClassVar[type[ComplexAttribute]] = Name
    display_name: str | None = None
    nick_name: str | None = None
    profile_url: Reference[External] | None = None
    locale: str | None = None
    timezone: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    Emails: ClassVar[type[ComplexAttribute]] = Email
    phone_numbers: list[PhoneNumber] | None = None
    PhoneNumbers: ClassVar[type[ComplexAttribute]] = PhoneNumber
    addresses: list[Address] | None = None
    Addresses: ClassVar[type[ComplexAttribute]] = Address


class Member(ComplexAttribute):
    """A user in a group. Groups in groups are not supported."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true, Required.true] = None
    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """A group of users (RFC 7643 4.2)."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[Member] | None = None
    Members: ClassVar[type[ComplexAttribute]] = Member


Model: TypeAlias = type[User] | type[Group]

CONFIG: Final = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MAX_PAGE),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=True),
    pagination=Pagination(
        cursor=True,
        index=True,
        default_pagination_method=Pagination.DefaultPaginationMethod.index,
        default_page_size=MAX_PAGE,
        max_page_size=MAX_PAGE,
    ),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="OAuth access token",
            description="A token with the scope scim, by the client credentials grant.",
            primary=True,
        )
    ],
)

# Entra sends attributes that nobody defined, values in a removal, and filters of entries that are
# not there yet. None of that is ambiguous.
PROVIDER: Final = ScimProvider(
    models=(User, Group),
    config=CONFIG,
    policy=ScimPolicy(
        unknown=ScimPolicy.Unknown.ignore,
        remove_value_as_filter=ScimPolicy.RemoveValue.apply,
        unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    ),
)

_OUT: Final = Context.RESOURCE_QUERY_RESPONSE


def read(document: Mapping[str, Any], model: Model, *, is_new: bool) -> Document:
    """A whole resource that a client sends, without what it can't set. Raises SCIMException,
    ValidationError."""
    request = Context.RESOURCE_CREATION_REQUEST if is_new else Context.RESOURCE_REPLACEMENT_REQUEST
    with PROVIDER:
        return _plain(model.model_validate(document, scim_ctx=request))


def patch(document: Mapping[str, Any], model: Model, stored: Document) -> Document:
    """The stored resource after a patch (RFC 7644 3.5.2). Raises SCIMException,
    ValidationError."""
    with PROVIDER:
        operations = PatchOp[model].model_validate(  # type: ignore[valid-type]
            document, scim_ctx=Context.RESOURCE_PATCH_REQUEST
        )
        resource = model.model_validate(stored)
        operations.patch(resource)
        if isinstance(resource, Group) and len(resource.members or ()) > MAX_MEMBERS:
            raise InvalidSyntaxException(detail=f"a group has at most {MAX_MEMBERS} members")
        # What is required is there still.
        return _plain(model.model_validate(resource.model_dump()))


def _plain(resource: User | Group) -> Document:
    """The attributes alone, as JSON values."""
    document: Document = resource.model_dump()
    return {name: value for name, value in document.items() if name not in {"id", "meta"}}


def write(
    document: Document, model: Model, *, attributes: str = "", excluded: str = ""
) -> Document:
    """The resource for a client: all of it, the `attributes` (separated by commas), or all but the
    `excluded` ones. Raises SCIMException, ValidationError."""
    chosen = {"attributes": attributes, "excluded_attributes": excluded}
    with PROVIDER:
        parameters = ResponseParameters[model].model_validate(  # type: ignore[valid-type]
            {name: value for name, value in chosen.items() if value}
        )
        resource = model.model_validate(document)
        written: Document = resource.model_dump(scim_ctx=_OUT, response_parameters=parameters)
    return written


def meta(kind: str, location: str, *, created: int, changed: int, version: int) -> Document:
    """The metadata of a resource. `created` and `changed` are in seconds since 1970."""
    return Meta(
        resource_type=kind,
        created=datetime.fromtimestamp(created, UTC),
        last_modified=datetime.fromtimestamp(changed, UTC),
        location=location,
        version=etag(version),
    ).model_dump()


def etag(version: int) -> str:
    """The entity tag of a version of a record."""
    return f'W/"{version}"'


def discovery(path: str, base: str) -> Document | list[Document] | None:
    """The document at a path of the discovery endpoints (RFC 7644 4): one, or a list of them; None
    if there is none. `base` is the address of the SCIM endpoints."""
    kind, _, name = path.partition("/")
    lists: dict[str, tuple[Resource[Any], ...]] = {
        "ResourceTypes": PROVIDER.resource_types,
        "Schemas": PROVIDER.schemas,
    }
    if kind == "ServiceProviderConfig":
        return None if name else _published(CONFIG, kind, f"{base}/{kind}")
    every = [_published(one, kind[:-1], f"{base}/{kind}/{_name_of(one)}") for one in lists[kind]]
    if not name:
        return every
    found = (one for one in every if name in (one.get("id"), one.get("name")))
    return next(found, None)


def _published(one: Resource[Any], kind: str, location: str) -> Document:
    document: Document = one.model_dump(scim_ctx=_OUT)
    return document | {"meta": {"resourceType": kind, "location": location}}


def _name_of(one: Resource[Any]) -> str:
    return str(one.name if isinstance(one, ResourceType) else one.id)


def refusal(error: SCIMException | ValidationError) -> Error:
    """The error as a client sees it (RFC 7644 3.12)."""
    if isinstance(error, SCIMException):
        return error.to_error()
    return Error.from_validation_errors(error)[0]
