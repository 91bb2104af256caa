"""`valetkey events export` and `verify`: the audit log in a file, and its check."""

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal

import click
import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.events.remote import RemoteLog, remote_log, span
from valetkey.cli.events.status import moment
from valetkey.cli.options import PATH, Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.server.audit.bundle import BadBundle, Bundle, read_bundle
from valetkey.server.audit.bundle_writer import write_bundle
from valetkey.server.audit.findings import AuditVerdict
from valetkey.server.audit.ocsf import event_of
from valetkey.server.audit.reading import before_moment, opened_records, read_page
from valetkey.server.audit.retention import time_of
from valetkey.server.audit.shipping import shipped_heads
from valetkey.server.audit.verify import verify as verify_bundle
from valetkey.server.store.port import Store

PAGE: Final = 200
"""Records that are read at a time."""

Form = Literal["bundle", "jsonl", "ocsf"]


@click.command(cls=Command)
@click.option(
    "--format",
    "form",
    type=click.Choice(["bundle", "jsonl", "ocsf"]),
    default="bundle",
    help="A bundle for `verify` (the default), JSON lines, or OCSF events.",
)
@click.option("--since", callback=moment, help="A time, or how long ago (15m, 2h, 7d).")
@click.option("--until", callback=moment, help="A time, or how long ago.")
@click.option("--without-personal", is_flag=True, help="Leave out what is personal.")
@click.option("--out", "-O", type=PATH, help="A new file, which only its owner may read.")
@click.pass_obj
def export(
    command: CommandContext,
    /,
    *,
    form: Form,
    since: int | None,
    until: int | None,
    without_personal: bool,
    out: Path | None,
) -> None:
    """Write records of a time to a file or to stdout."""
    there = remote_log(command)
    if there is not None:
        with contextlib.closing(there), _opened(out) as file:
            query = {**span(since, until), "personal": not without_personal}
            count = sum(1 for line in _remote_lines(there, form, query) if file.write(line))
    else:
        count = _export_here(
            command, form, out, times=(since, until), personal=not without_personal
        )
    if out is not None:
        command.show({"file": str(out), "lines": count}, f"wrote {count} lines to {out}")


def _remote_lines(there: RemoteLog, form: Form, query: dict[str, Any]) -> Iterator[bytes]:
    if form == "bundle":
        yield from there.bundle(query)
        return
    for one in there.every("events.export" if form == "ocsf" else "events.list", query):
        yield msgspec.json.encode(one) + b"\n"


def _export_here(
    command: CommandContext,
    form: Form,
    out: Path | None,
    *,
    times: tuple[int | None, int | None],
    personal: bool,
) -> int:
    issuer, (since, until) = command.settings().issuer, times

    async def exporting(store: Store) -> int:
        lines = (
            write_bundle(store, issuer, since=since, until=until, personal=personal)
            if form == "bundle"
            else _documents(store, form, issuer, span=times, personal=personal)
        )
        count = 0
        with _opened(out) as file:
            async for line in lines:
                file.write(line)
                count += 1
        return count

    return command.run(exporting)


async def _documents(
    store: Store,
    form: Form,
    issuer: str,
    *,
    span: tuple[int | None, int | None],
    personal: bool,
) -> AsyncIterator[bytes]:
    """The records, newest first, one on each line."""
    since, until = span
    before = "" if until is None else before_moment(until)
    while True:
        page = await read_page(store, before=before, limit=PAGE)
        for one in await opened_records(store, page.records):
            if since is not None and time_of(one.record.id) < since:
                return
            shown = one if personal else msgspec.structs.replace(one, parts=())
            document = event_of(shown, issuer=issuer) if form == "ocsf" else shown.document
            yield msgspec.json.encode(document, enc_hook=str) + b"\n"
        before = page.next
        if not before:
            return


@contextlib.contextmanager
def _opened(file: Path | None) -> Iterator[IO[bytes]]:
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file.touch(mode=0o600, exist_ok=False)
        with file.open("wb") as opened:
            yield opened
    except FileExistsError as error:
        raise Failed(f"{file} already exists") from error
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}") from error


@click.command(cls=Command)
@click.argument("bundle", type=PATH, required=False)
@click.option(
    "--heads", type=PATH, help="The folder of shipped heads, or one head; by default, the setting."
)
@click.option("--key", "keys", multiple=True, help="A verifier key that you noted; repeatable.")
@click.option("--since", callback=moment, help="Without a BUNDLE: a time, or how long ago.")
@click.option("--until", callback=moment, help="Without a BUNDLE: a time, or how long ago.")
@click.pass_obj
def verify(
    command: CommandContext,
    /,
    *,
    bundle: Path | None,
    heads: Path | None,
    keys: tuple[str, ...],
    since: int | None,
    until: int | None,
) -> None:
    """Check whether somebody changed the log: a BUNDLE, the database, or a server's log.

    Exit status: 0 nothing was changed; 1 something was; 2 nothing was found, but the end of the log
    may have been cut off, because no shipped heads vouch for it (or a usage error).
    """
    if bundle is None and (there := remote_log(command)) is not None:
        with contextlib.closing(there):
            read = read_bundle(there.bundle(span(since, until)))
    elif bundle is None:
        settings = command.settings()
        heads = heads or settings.audit.heads_folder
        read = command.run(
            lambda store: _from_database(store, settings.issuer, since=since, until=until)
        )
    else:
        read = _from_file(bundle)
    try:
        notes = [] if heads is None else shipped_heads(heads)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidUsage(f"{heads} cannot be read: {error}") from error
    verdict = verify_bundle(read, shipped=notes, trusted=keys)
    command.show(_document(verdict), "\n".join(_lines(verdict, is_anchored=bool(keys))))
    if verdict.problems:
        raise SystemExit(1)
    if not verdict.end_is_certain:
        raise SystemExit(2)


async def _from_database(
    store: Store, issuer: str, *, since: int | None, until: int | None
) -> Bundle:
    lines = write_bundle(store, issuer, since=since, until=until)
    return read_bundle([line async for line in lines])


def _from_file(file: Path) -> Bundle:
    try:
        with file.open("rb") as opened:
            return read_bundle(opened)
    except OSError as error:
        raise InvalidUsage(f"{file} cannot be read: {error.strerror}") from error
    except BadBundle as error:
        raise InvalidUsage(f"{file}: {error}") from error


def _document(verdict: AuditVerdict) -> dict[str, Any]:
    return {
        "segments": verdict.segments,
        "records": verdict.records,
        "problems": len(verdict.problems),
        "end_is_certain": verdict.end_is_certain,
        "vouched": verdict.vouched,
        "findings": [msgspec.to_builtins(one) | {"place": one.place} for one in verdict.findings],
    }


def _lines(verdict: AuditVerdict, *, is_anchored: bool) -> Iterator[str]:
    for one in verdict.findings:
        yield f"{one.kind}: {one.place}: {one.detail}"
    yield f"{verdict.records} records in {verdict.segments} segments"
    if not is_anchored:
        yield "keys: those of the log itself (give --key to check with one that you noted)"
    if verdict.problems:
        yield f"CHANGED: {len(verdict.problems)} findings mean that somebody changed the log"
    elif not verdict.end_is_certain:
        yield (
            "nothing was changed, as far as this shows; without shipped heads (--heads), it cannot "
            "be excluded that the end of the log was cut off"
        )
    elif verdict.vouched:
        yield f"nothing was changed; shipped heads vouch for it up to segment {verdict.vouched}"
    else:
        yield "nothing was changed"
