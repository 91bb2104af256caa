"""Commands from the table of operations: the same one for the database of this machine, and for a
server elsewhere."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.monitoring.statistics_table import statistics_table
from valetkey.cli.options import PATH, Command
from valetkey.cli.remote.fields import FieldOption, fields_of, table, values_of
from valetkey.cli.remote.targets import OperationCall, Target, target_of
from valetkey.cli.secrets import read_new_password
from valetkey.server.admin.operation import MAX_PAGE, AnyOperation
from valetkey.server.admin.table import BY_NAME, OPERATIONS
from valetkey.server.model.base32hex import FORM

NOUNS: Final = {
    "users": "user",
    "apps": "client",
    "grants": "grant",
    "bulk_stops": "bulk-stop",
    "resources": "resource",
    "policies": "policy",
    "keys": "key",
    "streams": "stream",
    "jobs": "job",
    "events": "events",
    "statistics": "stats",
    "settings": "settings",
    "roles": "role",
    "organizations": "organization",
}
"""The command of each noun of the operations."""

VERBS: Final = {
    "users.password-link": "reset-link",
    "events.bundle": "export",
}
"""Operations whose command has another name."""

ALSO: Final = {
    ("user", "search"): "users.list",
    ("client", "search"): "apps.list",
    ("grant", "search"): "grants.list",
}
"""Commands besides those that have the names of operations."""

SAMPLES: Final = {
    "user": "miko",
    "app": "stefapp",
    "api": "chirp",
    "policy": "default",
    "grant": "4Dq1vYtLq3pXk2mN",
    "kind": "app",
    "name": "stefapp",
    "revision": "3",
    "organization": "acme",
}
"""Values for examples, by the variable of a path."""

DEFAULT_LIMIT: Final = 100
"""Items of a list that are shown unless more are asked for."""


def verb_of(operation: AnyOperation) -> str:
    """The name of the command of an operation, in the group of its noun."""
    return VERBS.get(operation.name) or operation.name.partition(".")[2].replace("_", "-")


def operations_of(group: str) -> dict[str, AnyOperation]:
    """The operations of a command group, by the names of their commands."""
    own = {verb_of(one): one for one in OPERATIONS if NOUNS.get(one.noun) == group}
    also = {verb: BY_NAME[name] for (of, verb), name in ALSO.items() if of == group}
    return own | {verb: one for verb, one in also.items() if verb not in own}


def example_of(operation: AnyOperation, *, name: str) -> str:
    """A command line that does the operation."""
    samples = (SAMPLES.get(one, "06h38o8lvg3d0flkcqhmbo63r4") for one in variables_of(operation))
    fields = (*fields_of(operation.query), *fields_of(operation.body))
    options = (one.example for one in fields if one.required)
    group = NOUNS[operation.noun]
    return " ".join(("valetkey", group, name, *samples, *options))


def command_of(operation: AnyOperation, *, name: str) -> click.Command:
    """The command of an operation."""
    variables = variables_of(operation)
    query, body = fields_of(operation.query), fields_of(operation.body)
    # Who types a password is sure.
    asks = not operation.hidden and (operation.sensitive or operation.method == "DELETE")

    def act(command: CommandContext, /, **values: Any) -> None:
        path = {one: values[f"variable_{one}"] for one in variables}
        if asks:
            about = " ".join(path.values())
            command.confirm(f"{operation.summary}: {about}?", yes=values["yes"])
        target = target_of(command)
        try:
            path = resolve(target, path)
            parameters = resolve(target, values_of(query, values))
            if is_list(operation):
                limit = None if values["every"] else values["limit"]
                pages = pages_of(target, OperationCall(operation, path, parameters), limit=limit)
                _show_list(command, operation, pages, limit=limit)
            else:
                content = resolve(target, values_of(body, values)) | _hidden(operation, values)
                document = target.do(OperationCall(operation, path, parameters, content))
                if values.get("wait"):
                    document = wait_for(command, target, operation, document=document)
                command.show(document, text_of(operation, document))
        finally:
            target.close()

    says = f"{operation.summary}.\n\n{operation.description}".strip()
    parameters = _parameters(operation, (*query, *body), asks=asks)
    made = Command(name=name, params=parameters, callback=click.pass_obj(act), help=says)
    made.example = example_of(operation, name=name)
    return made


def text_of(operation: AnyOperation, document: Any) -> str:
    """The answer for people."""
    if operation.name in {"statistics.show", "apps.usage"}:
        return statistics_table(document)
    return table(document, operation.response)


def variables_of(operation: AnyOperation) -> list[str]:
    """The variables in the path of an operation."""
    return [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]


def is_list(operation: AnyOperation) -> bool:
    """Whether it answers a page of a list."""
    return "cursor" in operation.query.__struct_fields__


def _hidden(operation: AnyOperation, values: Mapping[str, Any]) -> dict[str, str]:
    """The fields that are never arguments, since other users of the machine can read those."""
    if not operation.hidden:
        return {}
    secret = read_new_password(file=values["password_file"], stdin=values["password_stdin"])
    return dict.fromkeys(operation.hidden, secret.reveal())


def _parameters(
    operation: AnyOperation, fields: Sequence[FieldOption], *, asks: bool
) -> list[click.Parameter]:
    parameters: list[click.Parameter] = [
        click.Argument([f"variable_{one}"], metavar=one.upper().replace("_", "-"))
        for one in variables_of(operation)
    ]
    parameters += {one.parameter: one.option() for one in fields}.values()
    if is_list(operation):
        parameters += [
            click.Option(
                ["--limit"],
                type=click.IntRange(1),
                default=DEFAULT_LIMIT,
                show_default=True,
                help="Print at most so many.",
            ),
            click.Option(["--all", "every"], is_flag=True, help="Print all of them."),
        ]
    if operation.hidden:
        parameters += [
            click.Option(["--password-file"], type=PATH, help="A file that holds the password."),
            click.Option(["--password-stdin"], is_flag=True, help="Read the password from stdin."),
        ]
    if operation.status == 202:
        parameters.append(
            click.Option(["--wait"], is_flag=True, help="Wait until it is done, with progress.")
        )
    if asks:
        parameters.append(click.Option(["--yes"], is_flag=True, help="Do not ask."))
    return parameters


WAIT_SECONDS: Final = 1.0
"""Between two looks at a long act."""


def wait_for(
    command: CommandContext, target: Target, operation: AnyOperation, *, document: Any
) -> Any:
    """What a long act says when it is over. Shows its progress at a terminal."""
    show = BY_NAME[f"{operation.noun}.show"]
    (variable,) = variables_of(show)
    while document.get("status") == "running":
        command.progress(f"{operation.summary}: {document['stopped']} of {document['number']}")
        time.sleep(WAIT_SECONDS)
        document = target.do(OperationCall(show, {variable: document["id"]}))
    command.progress("")
    return document


def resolve(target: Target, values: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a path, a query or a body, with the id of a user for a username. What has
    the form of an id is one: nobody is looked up who calls themselves as another one's id."""
    name = values.get("user")
    if not isinstance(name, str) or not name or FORM.fullmatch(name):
        return dict(values)
    listed = target.do(OperationCall(BY_NAME["users.list"], query={"username": name}))
    return {**values, **({"user": listed["items"][0]["id"]} if listed["items"] else {})}


def pages_of(
    target: Target, call: OperationCall, *, limit: int | None
) -> Iterator[tuple[list[Any], bool]]:
    """The items of a list, a page at a time, and whether there are more."""
    cursor, size = "", min(limit or MAX_PAGE, MAX_PAGE)
    while True:
        page = {**call.query, "limit": size, **({"cursor": cursor} if cursor else {})}
        document = target.do(call._replace(query=page))
        cursor = document.get("next", "")
        yield document["items"], bool(cursor)
        if not cursor:
            return


def _show_list(
    command: CommandContext,
    operation: AnyOperation,
    pages: Iterator[tuple[list[Any], bool]],
    *,
    limit: int | None,
) -> None:
    rows: list[Any] = []
    more = False
    for page, has_next in pages:
        rows += page
        more = has_next
        if limit is not None and len(rows) >= limit:
            more = more or len(rows) > limit
            rows = rows[:limit]
            break
    command.show(rows, table({"items": rows}, operation.response))
    if more:
        command.note("There are more: use --limit or --all.")
