"""The endpoints of SCIM (RFC 7644 3): from a request to the rule, and from its outcome to a
reply."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from pydantic import ValidationError
from scim2_models import Error, SCIMException
from scim2_models.exceptions import (
    InvalidSyntaxException,
    NotFoundException,
    NotImplementedException,
)

from valetkey.jose.objects import depth, read_object
from valetkey.server.endpoints.scim import lists, schemas
from valetkey.server.endpoints.scim.groups import WrittenGroup
from valetkey.server.endpoints.scim.lists import Lister
from valetkey.server.endpoints.scim.resources import KINDS, ResourceKind, Stored
from valetkey.server.endpoints.scim.schemas import Document
from valetkey.server.endpoints.transport import DEPTH, Transport
from valetkey.server.http import log
from valetkey.server.http.front import ALL_METHODS, MethodHandler
from valetkey.server.http.organizations import follow_directory
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.model.directory import GroupMember
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.endpoints.scim import PATH, Provisioner, provisioner
from valetkey.server.store.port import Unavailable
from valetkey.spec.errors import InvalidRequest, OAuthError, TemporarilyUnavailable
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7644", "3")

MEDIA: Final = b"application/scim+json"

_JSON: Final = frozenset({"application/scim+json", "application/json"})


MAX_LISTS: Final = 2
"""Lists that one client may request at once, in one process."""

SEARCH: Final = ".search"
"""The item that stands for a search by POST (3.4.3)."""

_DISCOVERY: Final = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas"})


def scim(shell: Shell, transport: Transport) -> dict[str, MethodHandler]:
    """The handlers, by path."""
    one = ScimHandler(shell, transport)
    handler = MethodHandler(ALL_METHODS, one.handle, items=True, refuse=refuse)
    places = ("", *(f"/{kind}" for kind in (*KINDS, *_DISCOVERY)))
    return {f"{PATH}{place}": handler for place in places}


class ScimHandler:
    """Answers everything below PATH."""

    def __init__(self, shell: Shell, transport: Transport) -> None:
        self._shell = shell
        self._transport = transport
        self._base = ""
        self._lists: Counter[str] = Counter()

    async def handle(self, request: Request) -> Reply:
        """The reply. Every refusal is a document of SCIM (3.12)."""
        scheme = ""
        try:
            call = self._transport.bearer_call(request)
            scheme = call.scheme
            if not call.token:
                return Reply(401, (*SAFE, *NO_STORE, *self._transport.invitations()))
            by, context = await self._shell.settle(partial(provisioner, call))
            self._base = f"{context.installation.issuer}{PATH}"
            return await self._answer(request, by)
        except (SCIMException, ValidationError) as error:
            return _refusal(request, schemas.refusal(error))
        except OAuthError as error:
            there = self._transport.at_a_resource(error)
            reply = refuse(request, there)
            if there.status in (401, 403):
                reply = reply.having(self._transport.challenge(there, scheme))
            return reply

    async def _answer(self, request: Request, by: Provisioner) -> Reply:
        place = request.path.removeprefix(PATH).strip("/")
        collection, _, item = place.partition("/")
        if collection in _DISCOVERY:
            return self._discovery(request, place)
        kind = KINDS.get(collection)
        if collection == SEARCH:
            raise NotImplementedException(detail="search the users, or the groups")
        if kind is None:
            raise NotFoundException(detail="there is nothing here")
        if item == SEARCH:
            _check_method(request, "POST")
            return await self._list(kind, by, _body(request))
        if not item:
            _check_method(request, "GET", "HEAD", "POST")
            if request.method == "POST":
                return await self._create(kind, by, request)
            return await self._list(kind, by, _query(request))
        _check_method(request, "GET", "HEAD", "PUT", "PATCH", "DELETE")
        return await self._item(kind, by, item, request=request)

    def _discovery(self, request: Request, place: str) -> Reply:
        _check_method(request, "GET", "HEAD")
        documents = schemas.discovery(place, self._base)
        if documents is None:
            raise NotFoundException(detail="there is nothing here")
        if isinstance(documents, list):
            every = lists.ResultPage[Any](records=(), total=len(documents))
            documents = lists.write(every, lists.Listing(), documents)
        return _reply(200, documents)

    async def _list(
        self, kind: ResourceKind, by: Provisioner, parameters: Mapping[str, Any]
    ) -> Reply:
        if self._lists[by.client] >= MAX_LISTS:
            raise TemporarilyUnavailable("too many lists at once")
        self._lists[by.client] += 1
        store = self._shell.store
        try:
            listing = lists.read(parameters)
            with_members = "members" in _chosen(kind, listing)
            listing = kind.bounded(listing) if with_members else listing
            page = await Lister(store, kind.listed, by.source).find(listing)
            stored = await kind.fill(store, page.records, with_members=with_members)
        finally:
            self._lists[by.client] -= 1
            self._lists += Counter()
        resources = [self._write(kind, one, listing) for one in stored]
        return _reply(200, lists.write(page, listing, resources))

    async def _create(self, kind: ResourceKind, by: Provisioner, request: Request) -> Reply:
        document = schemas.read(_body(request), kind.model, is_new=True)
        outcome, _ = await self._shell.settle(lambda context: kind.create(document, by, context))
        await self._follow(outcome, by)
        return self._resource_reply(kind, outcome, lists.read(_query(request)), status=201)

    async def _item(
        self, kind: ResourceKind, by: Provisioner, item: str, *, request: Request
    ) -> Reply:
        listing, shell = lists.read(_query(request)), self._shell
        if_match = request.joined(b"if-match")
        if request.method in ("GET", "HEAD"):
            stored = await shell.ask(lambda context: kind.show(item, by))
            if schemas.etag(stored.record.version) in request.joined(b"if-none-match"):
                return Reply(304, (*SAFE, *NO_STORE, _etag(stored)))
            return self._resource_reply(kind, stored, listing)
        if request.method == "DELETE":
            removed, _ = await shell.settle(
                lambda context: kind.remove(item, by, if_match=if_match, context=context)
            )
            await self._follow(removed, by)
            return Reply(204, (*SAFE, *NO_STORE))
        after = _change(kind, _body(request), is_patch=request.method == "PATCH")
        outcome, _ = await shell.settle(
            lambda context: kind.change(item, after, by, if_match=if_match, context=context)
        )
        await self._follow(outcome, by)
        return self._resource_reply(kind, outcome, listing)

    async def _follow(self, outcome: Outcome, by: Provisioner) -> None:
        """Lets the organizations of users follow a change of their groups. Raises OAuthError."""
        if not isinstance(outcome, WrittenGroup) or not outcome.changes:
            return
        joined = (one.record for one in outcome.changes)
        users = [*outcome.members, *(one.user for one in joined if isinstance(one, GroupMember))]
        try:
            await follow_directory(self._shell, by.source, dict.fromkeys(users))
        except Unavailable as error:
            raise TemporarilyUnavailable(str(error)) from error

    def _resource_reply(
        self,
        kind: ResourceKind,
        resource: Stored,
        listing: lists.Listing,
        *,
        status: int = 200,
    ) -> Reply:
        document = self._write(kind, resource, listing)
        location = f"{self._base}/{kind.path}/{resource.record.id}".encode()
        headers = (
            (_etag(resource), (b"location", location)) if status == 201 else (_etag(resource),)
        )
        return _reply(status, document, headers=headers)

    def _write(self, kind: ResourceKind, resource: Stored, listing: lists.Listing) -> Document:
        record = resource.record
        meta = schemas.meta(
            kind.name,
            f"{self._base}/{kind.path}/{record.id}",
            created=record.created,
            changed=record.changed,
            version=record.version,
        )
        return schemas.write(
            kind.document(resource, self._base) | {"meta": meta},
            kind.model,
            attributes=listing.attributes,
            excluded=listing.excluded,
        )


def _chosen(kind: ResourceKind, listing: lists.Listing) -> frozenset[str]:
    """The large attributes that the client wants in a list."""
    large = kind.large
    if listing.attributes:
        wanted = listing.attributes.lower()
        return frozenset(one for one in large if one in wanted)
    return frozenset(one for one in large if one not in listing.excluded.lower())


def _change(
    kind: ResourceKind, document: Document, *, is_patch: bool
) -> Callable[[Document], Document]:
    if is_patch:
        return lambda stored: schemas.patch(document, kind.model, stored)
    whole = schemas.read(document, kind.model, is_new=False)
    return lambda stored: whole


def _check_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise InvalidRequest("this method is not allowed here", status=405)


def _body(request: Request) -> Document:
    """The document in the body. Raises InvalidRequest, SCIMException."""
    media = request.header(b"content-type").partition(";")[0].strip().lower()
    if media not in _JSON:
        raise InvalidRequest("the body must be application/scim+json", status=415)
    try:
        document = read_object(request.body)
    except ValueError as error:
        raise InvalidSyntaxException(detail="the body is no JSON object") from error
    if depth(document) > DEPTH:
        raise InvalidSyntaxException(detail="the document is nested too deep")
    return document


def _query(request: Request) -> dict[str, str]:
    """The parameters in the query; an empty cursor is one. Raises SCIMException."""
    try:
        pairs = parse_qsl(
            request.query.decode(), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError as error:
        raise InvalidSyntaxException(detail="the query cannot be read") from error
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise InvalidSyntaxException(detail="a parameter is repeated")
    if "access_token" in parameters:
        raise InvalidRequest("a token may not travel in the query")
    return parameters


def _etag(resource: Stored) -> tuple[bytes, bytes]:
    return b"etag", schemas.etag(resource.record.version).encode()


def _reply(status: int, document: object, *, headers: Headers = ()) -> Reply:
    media = (b"content-type", MEDIA)
    return Reply(status, (media, *SAFE, *NO_STORE, *headers), msgspec.json.encode(document))


def _refusal(request: Request, error: Error) -> Reply:
    log.info("refused", path=request.path[:256], error=error.scim_type or "", detail=error.detail)
    return _reply(error.status or 400, error.model_dump())


def refuse(request: Request, error: OAuthError) -> Reply:
    """A refusal by the server's own checks, as SCIM writes it. Its detail is for the log."""
    log.info("refused", path=request.path[:256], error=error.code, detail=error.log_text)
    known = {400: "invalidSyntax"}.get(error.status)
    document = Error(status=error.status, scim_type=known, detail=error.description)
    reply = _reply(error.status, document.model_dump())
    return reply.having((b"retry-after", b"1")) if error.status == 503 else reply
