"""The OpenAPI document (3.1), made from the table of operations."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.problems import MEDIA, PROBLEMS, ProblemDocument
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.model.role import PATH, PREFIX, administration

VERSION: Final = "1"
"""Of the API. What is in the document only grows, until there is another version."""

REF: Final = "#/components/schemas/{name}"

NOUNS: Final = {
    "users": "People with an account.",
    "apps": "Apps, which hold access that people gave.",
    "grants": "What people allow apps.",
    "bulk_stops": "Stops of many grants, with a preview.",
    "resources": "APIs, and their catalogs of permissions.",
    "policies": "Policies for apps.",
    "keys": "The server's keys.",
    "streams": "Receivers of security events.",
    "jobs": "Messages that wait to be sent.",
    "events": "The audit log.",
    "statistics": "Counts by hour and day.",
    "settings": "The settings, as the server uses them.",
    "roles": "Roles of administrators.",
    "organizations": "Companies, and what they let their members connect.",
}
"""What operations are about, in the order of the document."""

_ALWAYS: Final = ("invalid-request", "invalid-token", "not-allowed", "too-many-requests")
_LAST: Final = ("server-error", "unavailable")


def document(issuer: str, operations: Iterable[AnyOperation] = OPERATIONS) -> dict[str, Any]:
    """The document, for the server with this issuer."""
    every = tuple(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one in every:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    nouns = list(dict.fromkeys(one.noun for one in every))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "valetkey administration",
            "version": VERSION,
            "description": "Everything that an administrator can do. See the how-to "
            "“Administer by API”.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": issuer + PATH}],
        "security": [{"oauth2": []}],
        "tags": [{"name": one, "description": NOUNS.get(one, "")} for one in nouns],
        "paths": paths,
        "components": {
            "schemas": _schemas(every),
            "responses": dict(_responses()),
            "headers": _HEADERS,
            "securitySchemes": {"oauth2": _security(issuer)},
        },
    }


def _security(issuer: str) -> dict[str, Any]:
    scopes = {one.id: one.can for one in administration(issuer).permissions}
    return {
        "type": "oauth2",
        "description": f"An access token for {issuer}{PATH} alone. DPoP is welcome.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": f"{issuer}/authorize",
                "tokenUrl": f"{issuer}/token",
                "refreshUrl": f"{issuer}/token",
                "scopes": scopes,
            },
            "clientCredentials": {"tokenUrl": f"{issuer}/token", "scopes": scopes},
        },
    }


def _operation(one: AnyOperation) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.noun],
        "summary": one.summary,
        "security": [{"oauth2": [PREFIX + one.permission] if one.permission else []}],
        "parameters": [*_path(one), *_query(one), *_headers(one)],
        "responses": dict(_answers(one)),
    }
    notes = [one.description] if one.description else []
    if one.sensitive:
        notes.append("People need a sign-in with two factors of the last ten minutes.")
    if one.secret:
        names = ", ".join(f"`{name}`" for name in one.secret)
        notes.append(f"Shown once: {names}. A repeated call answers with an empty text.")
    if notes:
        entry["description"] = " ".join(notes)
    if one.has_body:
        schema = _ref(one.body)
        needed = any(field.required for field in fields(one.body))
        entry["requestBody"] = {
            "required": needed,
            "content": {"application/json": {"schema": schema}},
        }
    return entry


def _path(one: AnyOperation) -> Iterator[dict[str, Any]]:
    for segment in one.path.split("/"):
        if segment.startswith("{"):
            name = segment[1:-1]
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": f"The id of the {name.replace('_', ' ')}.",
                "schema": {"type": "string", "minLength": 1},
            }


def _query(one: AnyOperation) -> Iterator[dict[str, Any]]:
    schemas = _components((one.query,))
    properties = schemas.get(one.query.__name__, {}).get("properties", {})
    for field in fields(one.query):
        schema = dict(properties[field.encode_name])
        yield {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "description": schema.pop("description", ""),
            "schema": schema,
        }


def _headers(one: AnyOperation) -> Iterator[dict[str, Any]]:
    if one.method == "GET":
        return
    yield {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Your own random name for this call. If you send the call again with the "
        "same key within a day, it counts once, and is answered as before.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }
    if "{" in one.path:
        yield {
            "name": "If-Match",
            "in": "header",
            "required": one.needs_match,
            "description": "The ETag of what you have seen.",
            "schema": {"type": "string", "minLength": 1, "pattern": "^[ -~]+$"},
        }


def _answers(one: AnyOperation) -> Iterator[tuple[str, dict[str, Any]]]:
    headers = {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in ("Request-Id", "RateLimit", "RateLimit-Policy")
    }
    if one.response is not None and "version" in one.response.__struct_fields__:
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    if one.location:
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    answer: dict[str, Any] = {"description": "Done.", "headers": headers}
    if one.response is not None:
        answer["content"] = {"application/json": {"schema": _ref(one.response)}}
    yield str(one.status), answer
    statuses = sorted({PROBLEMS[kind].status for kind in _problems(one)})
    for status in statuses:
        yield str(status), {"$ref": f"#/components/responses/Problem{status}"}


def _problems(one: AnyOperation) -> Iterator[str]:
    yield from _ALWAYS
    if "{" in one.path:
        yield "not-found"
    if one.has_body:
        yield from ("too-large", "unsupported-media")
    if one.method != "GET":
        yield from ("conflict", "not-valid", "stale")
    if one.needs_match:
        yield "precondition-needed"
    yield from _LAST


def _responses() -> Iterator[tuple[str, dict[str, Any]]]:
    by_status: dict[int, list[str]] = {}
    for name, kind in PROBLEMS.items():
        by_status.setdefault(kind.status, []).append(f"`{name}`: {kind.title}.")
    for status, texts in by_status.items():
        yield (
            f"Problem{status}",
            {
                "description": " ".join(texts),
                "headers": {"Request-Id": {"$ref": "#/components/headers/Request-Id"}},
                "content": {MEDIA: {"schema": _ref(ProblemDocument)}},
            },
        )


_HEADERS: Final = {
    "Request-Id": {
        "description": "The id of this request, in the log and in the audit log too.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "The version, for If-Match.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address of what was created.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "How many calls are left, and the seconds until there are more "
        "(draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "How many calls one caller may make in how many seconds.",
        "schema": {"type": "string"},
    },
}


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": REF.format(name=kind.__name__)}


def _schemas(operations: Iterable[AnyOperation]) -> dict[str, Any]:
    kinds: dict[type[msgspec.Struct], None] = {ProblemDocument: None}
    for one in operations:
        if one.has_body:
            kinds[one.body] = None
        if one.response is not None:
            kinds[one.response] = None
    return dict(sorted(_components(tuple(kinds)).items()))


@cache
def _components(kinds: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(kinds, ref_template=REF)
    return {name: _without_tuples(schema) for name, schema in schemas.items()}


def _without_tuples(schema: Any) -> Any:
    """The schema with arrays of a fixed length whose items are alike written as such: generators
    of clients do not know `prefixItems`."""
    if isinstance(schema, list):
        return [_without_tuples(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _without_tuples(one) for name, one in schema.items()}
    first, *others = plain.get("prefixItems") or [None]
    if first is not None and all(one == first for one in others):
        del plain["prefixItems"]
        plain["items"] = first
    return plain
