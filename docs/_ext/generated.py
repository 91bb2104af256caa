"""Generates the tables of the reference from the code: `python -m docs._ext.generated`.

A page contains each table between two comments, `<!-- generated: NAME -->` and
`<!-- end of NAME -->`, so that it is readable in the checkout, too. A test checks that all of them
are up to date.
"""

import contextlib
import inspect
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from docs._ext import administration
from docs._ext.api import kit, sdk
from docs._ext.attacks import attacks
from docs._ext.citations import citations, link
from docs._ext.operator_lines import operator_lines
from tests.conformance import results
from tests.conformance.plans import PLANS

from valetkey.cli.context import CommandContext
from valetkey.cli.declaration import TABLES, Table
from valetkey.cli.declared_brand import FIELDS as BRAND
from valetkey.cli.help.examples import examples_of
from valetkey.cli.options import common
from valetkey.cli.root import valetkey
from valetkey.server.accounts.personal_data import DATA
from valetkey.server.model.policy import PROFILES, Policy
from valetkey.server.oauth.core.claims import CLAIMS_BY_PERMISSION
from valetkey.server.oauth.core.feature import Endpoint, Stream
from valetkey.server.oauth.features import FEATURES
from valetkey.server.settings import Settings
from valetkey.server.settings.describe import describe, masked
from valetkey.server.settings.tree import LEAVES, SECRETS
from valetkey.server.settings.upstream import descriptions as upstream_fields
from valetkey.spec.errors import registered
from valetkey.spec.names import Cite
from valetkey.wire.catalog import Catalog, Permission

DOCS: Final = Path(__file__).parents[1]
MARK: Final = re.compile(
    r"^<!-- generated: (\w+) -->\n.*?^<!-- end of \1 -->$", re.MULTILINE | re.DOTALL
)
KINDS: Final = {
    "string": "text",
    "integer": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a table",
}
"""The words for JSON Schema's types."""

ALSO: Final = {
    "file": "the path of a file",
    "env": "the name of a variable",
    "sha256": "64 hex digits",
    "hash": "a password hash of a known form",
}
"""What stands in the fields that lead to something, by how their names end."""

HEADING: Final = re.compile(
    r"^(?:\(\w+\)=\n)?## ([a-z]+(?:_[a-z]+)*)\n(?:\nHTTP \d+\. .*\n)?", re.MULTILINE
)
"""The heading of an error, with the generated line under it."""


def settings() -> str:
    """A row for each setting."""
    defaults = masked(Settings())
    rows = (
        (_code(name), _code(_value(defaults[name])), _sentence(describe(name)))
        for name in LEAVES
        if name not in SECRETS
    )
    return _table(("setting", "default", "what it is"), rows)


ON_ERASURE: Final = {
    "removed": "removed",
    "kept": "kept without a name",
    "expires": "expires by itself",
    "sealed": "kept, and its personal part cannot be read anymore",
}


def personal_data() -> str:
    """A row for each kind of record that says something about people."""
    rows = (
        (
            _sentence(one.what),
            _sentence(one.why),
            _sentence(one.duration),
            ON_ERASURE[one.on_erasure],
        )
        for one in DATA
        if one.on_erasure != "none"
    )
    others = ", ".join(one.what for one in DATA if one.on_erasure == "none")
    table = _table(("what", "why", "how long", "when the account is erased"), rows)
    return f"{table}\n\nNothing about users is in the other records: {others}."


def upstreams() -> str:
    """A row for each field of a provider at which people sign in."""
    rows = (
        (_code(name), _code(_value(_default(field))), _sentence(_description(field)))
        for name, field in upstream_fields()
    )
    return _table(("field", "default", "what it is"), rows)


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else _plain(field.default)


def _description(field: msgspec.structs.FieldInfo) -> str:
    return str(
        msgspec.json.schema(field.type, schema_hook=lambda _: {"type": "string"})["description"]
    )


def commands() -> str:
    """A section for each command; the options that all have come first."""
    root = click.Context(valetkey, info_name="valetkey")
    root.ensure_object(CommandContext).words = ("--context", "local")
    sections = (_command(context) for context in _leaves(root))
    everywhere = _options(common(), root)
    return "\n\n".join(("## Options of every command", everywhere, "## Each command", *sections))


def endpoints() -> str:
    """A row for each endpoint for machines."""
    rows = (
        (_code(one.path), methods(one), _code(one.metadata), cited(one.cite), feature.name)
        for feature in FEATURES
        for one in feature.endpoints
    )
    header = ("path", "method", "named in discovery as", "standard", "feature")
    return _table(header, rows)


def features() -> str:
    """A row for each feature."""
    rows = (
        (
            feature.name,
            "always on" if feature.core else ("on" if feature.on_by_default else "off"),
            ", ".join(_code(one.name) for one in feature.grant_types),
            ", ".join(_code(one.name) for one in feature.client_auth),
            "; ".join(cited(one) for one in feature.cites),
        )
        for feature in FEATURES
    )
    return _table(
        ("feature", "unless set", "grant types", "client authentication", "standard"), rows
    )


def declared() -> str:
    """A section for each kind of table in a file of declared state."""
    kinds = "\n\n".join(
        f"## `[[{kind}]]`\n\n{_table(('field', 'value', 'default'), _fields(table))}"
        for kind, table in TABLES.items()
    )
    brand = ((_code(name), _sentence(_described(field.type))) for name, field in BRAND.items())
    return f"{kinds}\n\n## `[brand]`\n\n{_table(('field', 'what it is'), brand)}"


def _described(kind: Any) -> str:
    found = msgspec.json.schema(kind, schema_hook=lambda _: {"type": "string"})
    return str(found["description"])


def profiles() -> str:
    """A row for each thing that a profile settles, a column for each profile."""
    names = [
        field.name
        for field in msgspec.structs.fields(Policy)
        if field.name not in {"name", "version"}
    ]
    rows = (
        (_code(name), *(_settled(getattr(one, name)) for one in PROFILES.values()))
        for name in names
    )
    return _table(("field", *map(_code, PROFILES)), rows)


def _settled(value: object) -> str:
    match value:
        case None:
            return "as the settings say"
        case ():
            return "any"
        case tuple():
            return ", ".join(_code(str(one)) for one in value)
        case _:
            return _code(str(value))


def catalog() -> str:
    """The fields of a catalog, and those of a permission in it."""
    parts = (("Its fields", Catalog), ("Each of its `permissions`", Permission))
    return "\n\n".join(
        f"### {title}\n\n{_table(('field', 'value', 'default'), _members(record))}"
        for title, record in parts
    )


def conformance() -> str:
    """A table for each plan of the conformance suite, as the last run of the tests left it."""
    return "\n\n".join(f"## {plan.title}\n\n{_modules(name)}" for name, plan in PLANS.items())


def cited_where() -> str:
    """A row for each standard that the code cites."""
    rows = (
        (link(document, "", document), *_places(sections))
        for document, sections in sorted(citations().items())
    )
    return _table(("standard", "sections", "in"), rows)


def with_facts(page: str) -> str:
    """The page of errors, each heading followed by what the code's class says. Raises ValueError
    where the headings are not the registered codes."""
    codes, headings = registered(), HEADING.findall(page)
    if sorted(codes) != sorted(headings):
        apart = sorted(set(codes) ^ set(headings))
        raise ValueError(f"errors: one heading for each registered code; apart are {apart}")
    return HEADING.sub(lambda match: _facts(match[1]), page)


def methods(endpoint: Endpoint | Stream) -> str:
    """The methods that an endpoint takes, without HEAD, and OPTIONS, which browsers send."""
    if isinstance(endpoint, Stream):
        return "GET"
    return ", ".join(sorted({*endpoint.methods} - {"HEAD"}))


def cited(cite: Cite) -> str:
    """A citation, with its address."""
    return link(cite.document, cite.section, str(cite))


def _facts(code: str) -> str:
    error = registered()[code]
    line = f"HTTP {error.default_status}. {cited(error.cite)}. Description: *{error.says}*."
    return f"({code})=\n## {code}\n\n{line}\n"


def _leaves(context: click.Context) -> Iterator[click.Context]:
    if not isinstance(context.command, click.Group):
        yield context
        return
    for name in sorted(context.command.list_commands(context)):
        command = context.command.get_command(context, name)
        if command is not None:
            yield from _leaves(click.Context(command, info_name=name, parent=context))


def _command(context: click.Context) -> str:
    command, everywhere = context.command, {one.name for one in common()}
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    says = inspect.cleandoc(command.help or "")
    if not command.add_help_option:
        return f"### {context.command_path}\n\n{says}\n\n{_own_help(command)}"
    own = [one for one in command.params if one.name not in everywhere]
    shown = "\n".join((usage, *(f"$ {one}" for one in examples_in(context))))
    parts = (f"### {context.command_path}", says, f"```text\n{shown}\n```")
    return "\n\n".join((*parts, _options(own, context)))


def examples_in(context: click.Context) -> tuple[str, ...]:
    """The examples of a command."""
    own = getattr(context.command, "example", "")
    return examples_of(context.command_path) or ((own,) if own else ())


def _own_help(command: click.Command) -> str:
    """What a command says for itself that reads its own arguments."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        command.main(["--help"], standalone_mode=False)
    return f"```text\n{output.getvalue()}```"


def _options(parameters: Iterable[click.Parameter], context: click.Context) -> str:
    named = (one for one in parameters if isinstance(one, click.Option))
    records = [one.get_help_record(context) for one in named]
    rows = [(_code(record[0]), _cell(record[1])) for record in records if record]
    return _table(("option", "what it does"), rows) if rows else ""


def _fields(table: Table) -> Iterator[tuple[str, str, str]]:
    yield _code(table.key), "text, the name of the record", ""
    yield from _members(table.record, table.fields)
    for name in table.also:
        yield _code(name), ALSO[name.rpartition("_")[2]], ""


def _members(
    record: type[msgspec.Struct], names: Sequence[str] = ()
) -> Iterator[tuple[str, str, str]]:
    """A row for each field, or for those that are named."""
    for field in msgspec.structs.fields(record):
        if not names or field.name in names:
            default = None if field.default is msgspec.NODEFAULT else _plain(field.default)
            yield _code(field.name), _kind(field.type), _code(_value(default))


def _kind(of: Any) -> str:
    """What values a field takes."""
    schema = msgspec.json.schema(of)
    for one in (schema, *schema.get("anyOf", ())):
        if "enum" in one:
            return " or ".join(_code(value) for value in one["enum"])
        if one.get("type") in KINDS:
            return KINDS[one["type"]]
    return "a table"


def _modules(plan: str) -> str:
    ran = ((_code(row.test), row.result, _cell(row.note)) for row in results.read(plan))
    left = ((_code(test), "left out", _cell(why)) for test, why in PLANS[plan].left_out.items())
    return _table(("testName", "result", "note"), (*ran, *left))


def _places(sections: dict[str, set[str]]) -> tuple[str, str]:
    named = sorted((one for one in sections if one), key=_order)
    modules = sorted(set().union(*sections.values()))
    return ", ".join(named), ", ".join(_code(one) for one in modules)


def _order(section: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (99, part) for part in section.split("."))


def _plain(value: object) -> object:
    return msgspec.to_builtins(value, enc_hook=str)


def _value(value: object) -> str:
    if value is None or value in ((), [], {}, ""):
        return ""
    return msgspec.json.encode(value).decode()


def _sentence(text: str) -> str:
    return _cell(text[:1].upper() + text[1:] + ".")


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def claims() -> str:
    """The claims of each scope that is about a user."""
    rows = (
        (_code(scope), ", ".join(_code(one) for one in names))
        for scope, (names, _) in CLAIMS_BY_PERMISSION.items()
    )
    return _table(("scope", "claims"), rows)


FOLDS: Final[dict[str, Callable[[], str]]] = {
    "settings": settings,
    "upstreams": upstreams,
    "commands": commands,
    "endpoints": endpoints,
    "features": features,
    "declared": declared,
    "catalog": catalog,
    "profiles": profiles,
    "cited": cited_where,
    "conformance": conformance,
    "attacks": attacks,
    "personal_data": personal_data,
    "operator_lines": operator_lines,
    "kit": kit,
    "sdk": sdk,
    "operations": administration.operations,
    "problems": administration.problems,
    "roles": administration.roles,
    "claims": claims,
}


def filled(page: str) -> str:
    """The page, with the tables as the code has them now."""
    return MARK.sub(
        lambda match: (
            f"<!-- generated: {match[1]} -->\n\n{FOLDS[match[1]]()}\n\n<!-- end of {match[1]} -->"
        ),
        page,
    )


def pages() -> Iterator[tuple[Path, str]]:
    """Every page that contains something generated, with its text as it should be."""
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text("utf-8")
        if path == DOCS / "reference" / "errors.md":
            yield path, with_facts(text)
        elif MARK.search(text):
            yield path, filled(text)


def main() -> None:
    """Writes the pages that are out of date, and prints their names."""
    for path, text in pages():
        if path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
