"""`valetkey apply`: brings an installation to what a file says."""

import asyncio
import contextlib
import getpass
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from valetkey.cli.context import Desk, wrong
from valetkey.cli.declaration import Declaration, read_declaration
from valetkey.cli.declare import declare, look
from valetkey.cli.options import PATH, YES, Command
from valetkey.cli.resource_sync import holders, lost, take_away
from valetkey.server.accounts import password, profile
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.query import OneByAlias
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.secret import Secret
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
def apply(desk: Desk, *, file: Path, dry_run: bool, yes: bool) -> None:
    """Bring policies, resource servers, clients and users to what a file says.

    All of it or nothing; what the file does not name is not touched; doing it again changes
    nothing. A permission that a catalog no longer has is taken from every grant that holds it:
    where there are any, this has to be confirmed.
    """
    declaration = read_declaration(file, os.environ)

    async def looking(store: Store) -> tuple[list[DesiredRecord], Plan]:
        wishes = [
            msgspec.structs.replace(one, by=getpass.getuser())
            for one in await _with_passwords(store, declaration)
        ]
        return wishes, await look(store, wishes, desk=desk)

    wishes, outcome = desk.run(looking, missing="pretend")
    mistakes = (*declaration.mistakes, *outcome.mistakes, *_of_people(outcome))
    if mistakes:
        raise wrong(f"nothing was changed, for {file} has mistakes", mistakes)
    gone = tuple(_gone(outcome))
    counts = desk.run(lambda store: holders(store, gone), missing="pretend")
    if counts:
        desk.say(lost(counts))
    if not dry_run:
        if counts:
            desk.sure("Take them away from these grants?", yes=yes)
        outcome = desk.run(
            lambda store: _carried_out(store, wishes, gone, desk=desk), missing="make"
        )
    desk.show({"dry_run": dry_run, "steps": [_document(one) for one in outcome.steps]}, "")
    if not desk.as_json:
        for step in outcome.steps:
            _tell(step)
        _sum_up(outcome, dry=dry_run)


async def _carried_out(
    store: Store, wishes: list[DesiredRecord], gone: tuple[str, ...], *, desk: Desk
) -> Plan:
    if any(password.is_imported(str(one.fields.get("password") or "")) for one in wishes):
        with contextlib.suppress(Stale):  # It is marked already.
            await store.commit([Create(MARKER)])
    outcome = await declare(store, wishes, desk=desk)
    await take_away(store, gone, desk=desk)
    return outcome


def _gone(outcome: Plan) -> Iterator[str]:
    """The permissions that the catalogs will no longer have."""
    kept = {
        one.id
        for step in outcome.steps
        if isinstance(step.after, ResourceServer)
        for one in step.after.catalog.permissions
    }
    for step in outcome.steps:
        if isinstance(step.before, ResourceServer) and isinstance(step.after, ResourceServer):
            lost_here = dropped(step.before.catalog, step.after.catalog)
            yield from (one for one in lost_here if one not in kept)


def _of_people(outcome: Plan) -> Iterator[str]:
    for step in outcome.steps:
        if isinstance(step.after, User):
            yield from (f"{step.desired.place}: {why}" for why in profile.mistakes(step.after))


async def _with_passwords(store: Store, declaration: Declaration) -> list[DesiredRecord]:
    """The wishes, with each password as it is to be kept: as it is where it fits already."""
    passwords = declaration.passwords
    return [
        await _with_password(store, wish, passwords[wish.name])
        if wish.name in passwords
        else await _with_hash(store, wish)
        for wish in declaration.wishes
    ]


async def _with_hash(store: Store, wish: DesiredRecord) -> DesiredRecord:
    """The wish, where it brings a hash: the one that the server has made of that since, if any."""
    kept = wish.fields.get("password") if wish.kind == "user" else None
    if not isinstance(kept, str):
        return wish
    wanted = OneByAlias(User, sign_in_name(wish.key))
    user = (await store.read(wanted)).one(wanted)
    if user is None or password_mark(user) != hash_mark(kept):
        return wish
    return msgspec.structs.replace(wish, fields={**wish.fields, "password": user.password})


async def _with_password(store: Store, wish: DesiredRecord, given: Secret) -> DesiredRecord:
    wanted = OneByAlias(User, sign_in_name(wish.key))
    user = (await store.read(wanted)).one(wanted)
    kept = await asyncio.to_thread(_kept, given, "" if user is None else user.password)
    return msgspec.structs.replace(wish, fields={**wish.fields, "password": kept})


def _kept(given: Secret, kept: str) -> str:
    if kept and password.fits(given, kept):
        return kept
    return password.hash_password(given, salt=os.urandom(password.SALT))


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


def _tell(step: Step) -> None:
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
