"""`valetkey apply`: applies the state that a file declares."""

import asyncio
import contextlib
import getpass
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.declaration import Declaration, read_declaration
from valetkey.cli.declare import apply_desired, preview_plan
from valetkey.cli.options import PATH, YES, Command
from valetkey.cli.output.errors import invalid_usage
from valetkey.cli.resource_sync import describe_loss, holders, remove_permissions
from valetkey.cli.secrets import password_rules, why_not_password
from valetkey.server.accounts import password, sign_up
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.http.new_passwords import NewPasswords
from valetkey.server.model.brand import Brand
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import OneByAlias
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User, hash_mark, password_mark, sign_in_name
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Plan, Step
from valetkey.server.oauth.admin.catalogs import dropped
from valetkey.server.store.port import Store

MARKS = {"added": "+", "changed": "~", "unchanged": "="}
COLORS = {"added": "green", "changed": "yellow", "unchanged": None}


@click.command(cls=Command)
@click.option("-f", "--file", type=PATH, required=True, help="The TOML file.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@YES
@click.pass_obj
def apply(command: CommandContext, *, file: Path, dry_run: bool, yes: bool) -> None:
    """Apply a declared state: policies, APIs, apps and users from a file.

    All changes are applied, or none. Records that the file does not name stay as they are. Applying
    a file again changes nothing. A permission that a catalog no longer has is removed from every
    grant that has it; if there are any, you have to confirm this.
    """
    declaration = read_declaration(file, os.environ)
    rules, refused = password_rules(command.settings()), list[str]()

    async def looking(store: Store) -> tuple[list[DesiredRecord], Plan, tuple[str, ...]]:
        desired = [
            msgspec.structs.replace(one, by=getpass.getuser())
            for one in await _with_passwords(store, declaration, rules=rules, mistakes=refused)
        ]
        desired = [await _checked(store, one) for one in desired]
        outcome = await preview_plan(store, desired, command=command)
        own = (
            ()
            if declaration.mistakes or outcome.mistakes
            else await _brand_mistakes(store, outcome, command=command)
        )
        return desired, outcome, own

    desired, outcome, own = command.run(looking, missing="pretend")
    mistakes = (*declaration.mistakes, *outcome.mistakes, *own, *refused, *_user_mistakes(outcome))
    if mistakes:
        raise invalid_usage(f"nothing was changed: {file} has mistakes", mistakes)
    dropped_permissions = tuple(_dropped_permissions(outcome))
    counts = command.run(lambda store: holders(store, dropped_permissions), missing="pretend")
    if counts:
        command.note(describe_loss(counts))
    if not dry_run:
        if counts:
            command.confirm("Remove them from these grants?", yes=yes)
        outcome = command.run(
            lambda store: _carry_out(store, desired, dropped_permissions, command=command),
            missing="make",
        )
    command.show({"dry_run": dry_run, "steps": [_document(one) for one in outcome.steps]}, "")
    if not command.as_json:
        for step in outcome.steps:
            _print_step(step)
        _sum_up(outcome, dry=dry_run)


async def _carry_out(
    store: Store,
    desired: list[DesiredRecord],
    dropped_permissions: tuple[str, ...],
    *,
    command: CommandContext,
) -> Plan:
    if any(password.is_imported(str(one.fields.get("password") or "")) for one in desired):
        with contextlib.suppress(Stale):  # Another process set the marker already.
            await store.commit([Create(MARKER)])
    outcome = await apply_desired(store, desired, command=command)
    await remove_permissions(store, dropped_permissions, command=command)
    return outcome


def _dropped_permissions(outcome: Plan) -> Iterator[str]:
    """The permissions that no catalog will have any more."""
    remaining = {
        one.id
        for step in outcome.steps
        if isinstance(step.after, ResourceServer)
        for one in step.after.catalog.permissions
    }
    for step in outcome.steps:
        if isinstance(step.before, ResourceServer) and isinstance(step.after, ResourceServer):
            lost_here = dropped(step.before.catalog, step.after.catalog)
            yield from (one for one in lost_here if one not in remaining)


def _user_mistakes(outcome: Plan) -> Iterator[str]:
    for step in outcome.steps:
        if isinstance(step.after, User):
            yield from (f"{step.desired.place}: {why}" for why in sign_up.mistakes(step.after))


async def _brand_mistakes(
    store: Store, outcome: Plan, *, command: CommandContext
) -> tuple[str, ...]:
    for step in outcome.steps:
        if isinstance(step.after, Brand) and step.verdict != "unchanged":
            # Imported here, because it imports the pages.
            from valetkey.cli.brand import applied_mistakes  # noqa: PLC0415

            found = await applied_mistakes(store, step.after, step.desired.files, command=command)
            return tuple(f"[brand], {why}" for why in found)
    return ()


async def _checked(store: Store, one: DesiredRecord) -> DesiredRecord:
    if one.kind != "brand":
        return one
    from valetkey.cli.brand import with_edition  # noqa: PLC0415

    return await with_edition(store, one)


async def _with_passwords(
    store: Store, declaration: Declaration, *, rules: NewPasswords, mistakes: list[str]
) -> list[DesiredRecord]:
    """The desired records, with each password hashed; a stored hash that already fits stays, and so
    does its password, whatever the rules for new ones. Adds to `mistakes`."""
    passwords = declaration.passwords
    return [
        await _with_password(store, one, passwords[one.name], rules=rules, mistakes=mistakes)
        if one.name in passwords
        else await _with_hash(store, one)
        for one in declaration.desired
    ]


async def _with_hash(store: Store, desired: DesiredRecord) -> DesiredRecord:
    """Keep the server's own hash, if it was made from the hash that the file declares."""
    hashed = desired.fields.get("password") if desired.kind == "user" else None
    if not isinstance(hashed, str):
        return desired
    wanted = OneByAlias(User, sign_in_name(desired.key))
    user = (await store.read(wanted)).one(wanted)
    if user is None or password_mark(user) != hash_mark(hashed):
        return desired
    return msgspec.structs.replace(desired, fields={**desired.fields, "password": user.password})


async def _with_password(
    store: Store,
    desired: DesiredRecord,
    entered: Secret,
    *,
    rules: NewPasswords,
    mistakes: list[str],
) -> DesiredRecord:
    wanted = OneByAlias(User, sign_in_name(desired.key))
    user = (await store.read(wanted)).one(wanted)
    stored = "" if user is None else user.password
    hashed = stored
    if not stored or not await asyncio.to_thread(lambda: password.fits(entered, stored)):
        email = desired.fields.get("email")
        about = (desired.key, *((str(email),) if email else ()))
        if why := await why_not_password(rules, entered, about=about):
            mistakes.append(f"{desired.place}: {why}")
        hashed = await asyncio.to_thread(
            lambda: password.hash_password(entered, salt=os.urandom(password.SALT))
        )
    return msgspec.structs.replace(desired, fields={**desired.fields, "password": hashed})


def _document(step: Step) -> dict[str, Any]:
    return {
        "kind": step.desired.kind,
        "name": step.desired.key,
        "verdict": step.verdict,
        "differences": {
            field: {"was": was, "will_be": will_be}
            for field, (was, will_be) in step.differences.items()
        },
    }


def _print_step(step: Step) -> None:
    line = f"{MARKS[step.verdict]} {step.desired.kind} {step.desired.key}"
    click.secho(line, fg=COLORS[step.verdict])
    for field, (was, will_be) in step.differences.items():
        before = "" if step.verdict == "added" else f"{_text(was)} -> "
        click.echo(f"    {field}: {before}{_text(will_be)}")


def _text(value: Any) -> str:
    return "(none)" if value is None else msgspec.json.encode(value).decode()


def _sum_up(outcome: Plan, *, dry: bool) -> None:
    verdicts = [step.verdict for step in outcome.steps]
    counts = ", ".join(f"{verdicts.count(one)} {one}" for one in ("added", "changed", "unchanged"))
    click.echo(f"{counts}{'; nothing was written' if dry else ''}")
