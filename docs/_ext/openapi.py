"""The stored OpenAPI document of the administration API, and what would break its callers.

`python -m docs._ext.openapi` compares the stored document with the code, and fails on a breaking
difference; with `--write` it stores the code's, and with `--breaking` even then.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from valetkey.server.admin.openapi import document

FILE: Final = Path(__file__).parents[1] / "reference" / "openapi.json"
ISSUER: Final = "https://id.example"

Json = dict[str, Any]


def current() -> Json:
    """The document of the code, as JSON."""
    plain: Json = json.loads(json.dumps(document(ISSUER)))
    return plain


def stored() -> Json:
    """The stored document."""
    plain: Json = json.loads(FILE.read_text("utf-8"))
    return plain


def breaking(old: Json, new: Json) -> list[str]:
    """What a caller that was made from the old document can no longer rely on."""
    return [one for path in old["paths"] for one in _path(path, old, new)]


def _path(path: str, old: Json, new: Json) -> Iterator[str]:
    for method, before in old["paths"][path].items():
        place = f"{method.upper()} {path}"
        after = new["paths"].get(path, {}).get(method)
        if after is None:
            yield f"{place}: removed"
            continue
        if before["operationId"] != after["operationId"]:
            yield f"{place}: has another operationId"
        if before["security"] != after["security"]:
            yield f"{place}: needs another permission"
        yield from _parameters(place, before, after)
        yield from _body(place, (before, old), (after, new))
        yield from _answers(place, (before, old), (after, new))


def _parameters(place: str, before: Json, after: Json) -> Iterator[str]:
    was = {(one["in"], one["name"]): one for one in before["parameters"]}
    now = {(one["in"], one["name"]): one for one in after["parameters"]}
    for key, one in was.items():
        if key not in now:
            yield f"{place}: no parameter {key[1]}"
        elif _kind(one["schema"]) != _kind(now[key]["schema"]):
            yield f"{place}: parameter {key[1]} has another type"
    for key, one in now.items():
        if one["required"] and not was.get(key, {"required": False})["required"]:
            yield f"{place}: parameter {key[1]} is required"


def _body(place: str, before: tuple[Json, Json], after: tuple[Json, Json]) -> Iterator[str]:
    was, now = _content(before[0].get("requestBody")), _content(after[0].get("requestBody"))
    if was is None:
        if now is not None and after[0]["requestBody"]["required"]:
            yield f"{place}: a body is required"
        return
    if now is None:
        yield f"{place}: takes no body"
        return
    yield from _schema(f"{place}: body", (was, before[1]), (now, after[1]), is_request=True)


def _answers(place: str, before: tuple[Json, Json], after: tuple[Json, Json]) -> Iterator[str]:
    for status, answer in before[0]["responses"].items():
        if not status.startswith("2"):
            continue
        now = after[0]["responses"].get(status)
        if now is None:
            yield f"{place}: never answers {status}"
            continue
        pair = _content(answer), _content(now)
        if pair[0] is not None and pair[1] is not None:
            old, new = (pair[0], before[1]), (pair[1], after[1])
            yield from _schema(f"{place}: answer", old, new, is_request=False)
        elif pair[0] is not None:
            yield f"{place}: answers with nothing"


def _content(part: Json | None) -> Json | None:
    found: Json | None = (
        ((part or {}).get("content") or {}).get("application/json", {}).get("schema")
    )
    return found


def _resolve(schema: Json, whole: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    return whole["components"]["schemas"][name] if name else schema


def _kind(schema: Json) -> str:
    return json.dumps(schema.get("type") or sorted(schema.keys() - {"description", "default"}))


def _schema(
    place: str,
    before: tuple[Json, Json],
    after: tuple[Json, Json],
    *,
    is_request: bool,
    seen: frozenset[str] = frozenset(),
) -> Iterator[str]:
    name = before[0].get("$ref", "")
    if name and name in seen:
        return
    was, now = _resolve(*before), _resolve(*after)
    if _kind(was) != _kind(now):
        yield f"{place} has another type"
        return
    deeper = seen | {name}
    for field, schema in was.get("properties", {}).items():
        there = now.get("properties", {}).get(field)
        if there is None:
            yield f"{place} has no {field}"
            continue
        yield from _schema(
            f"{place}, {field}",
            (schema, before[1]),
            (there, after[1]),
            is_request=is_request,
            seen=deeper,
        )
    required = set(was.get("required", ())), set(now.get("required", ()))
    lost = required[1] - required[0] if is_request else required[0] - required[1]
    for field in sorted(lost):
        yield f"{place}: {field} is {'required' if is_request else 'optional'}"
    if "items" in was and "items" in now:
        items = (was["items"], before[1]), (now["items"], after[1])
        yield from _schema(f"{place}, items", *items, is_request=is_request, seen=deeper)


def main(arguments: list[str]) -> int:
    """Compares, or writes. Returns the exit status."""
    new = current()
    wrong = breaking(stored(), new) if FILE.exists() else []
    if wrong and "--breaking" not in arguments:
        print(*(f"breaking: {one}" for one in wrong), sep="\n", file=sys.stderr)
        return 1
    if "--write" in arguments:
        FILE.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
