"""The tables of the administration API: operations, problems, roles."""

from collections.abc import Iterator

from msgspec.structs import fields

from valetkey.server.admin.openapi import NOUNS
from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.problems import PROBLEMS
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.model.role import EVERYTHING, ROLES


def operations() -> str:
    """A section for each noun, an entry for each operation."""
    by_noun: dict[str, list[AnyOperation]] = {}
    for one in OPERATIONS:
        by_noun.setdefault(one.noun, []).append(one)
    return "\n\n".join("\n\n".join(_noun(noun, group)) for noun, group in by_noun.items())


def _noun(noun: str, group: list[AnyOperation]) -> Iterator[str]:
    yield f"## {noun}"
    if noun in NOUNS:
        yield NOUNS[noun]
    for one in group:
        yield f"### {one.name}"
        yield f"`{one.method} {one.path}`: {one.summary}. {one.description}".strip()
        yield _facts(one)


def _facts(one: AnyOperation) -> str:
    facts = [f"Permission: `{one.permission}`." if one.permission else "No permission needed."]
    if one.sensitive:
        facts.append("Sensitive: people need a sign-in with two factors of the last ten minutes.")
    if one.needs_match:
        facts.append("Needs `If-Match`.")
    if one.secret:
        facts.append(f"Shown once: {_names(one.secret)}.")
    for title, kind in (("Query", one.query), ("Body", one.body)):
        names = tuple(field.encode_name for field in fields(kind))
        if names:
            facts.append(f"{title}: {_names(names)}.")
    return " ".join(facts)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in names)


def problems() -> str:
    """A section for each type of problem."""
    return "\n\n".join(
        f"(problem-{name})=\n## {name}\n\nHTTP {kind.status}. {kind.title}.\n\n{kind.remedy}"
        for name, kind in PROBLEMS.items()
    )


def roles() -> str:
    """A row for each role."""
    rows = ["| role | permissions |", "| --- | --- |"]
    for role, permissions in ROLES.items():
        text = "all" if permissions == EVERYTHING else _names(tuple(sorted(permissions)))
        rows.append(f"| `{role}` | {text} |")
    return "\n".join(rows)
