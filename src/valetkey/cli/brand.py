"""`valetkey brand`: previews and checks the brand of the pages."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from valetkey.cli.checks.installation import Row
from valetkey.cli.context import CommandContext
from valetkey.cli.declare import remove_by
from valetkey.cli.declared_brand import read_declared_brand
from valetkey.cli.options import PATH, YES, Group
from valetkey.cli.output.errors import Failed, invalid_usage
from valetkey.cli.output.formats import columns, fields
from valetkey.server.model.brand import CURRENT, Brand, BrandFile
from valetkey.server.model.query import One
from valetkey.server.oauth.admin import brands
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.settings.brand import BrandSettings, read_brand
from valetkey.server.store.port import Store

if TYPE_CHECKING:
    from valetkey.server.pages.theme import Look

FILE = click.option(
    "-f", "--file", type=PATH, help="The TOML file with [brand]; by default, the settings."
)


@click.group(cls=Group)
def brand() -> None:
    """The platform's brand on the pages."""


class NamedBrand(NamedTuple):
    """A brand as a file or the settings name it, and its mistakes."""

    look: "Look"
    mistakes: tuple[str, ...]


def read_named(command: CommandContext, file: Path | None) -> NamedBrand:
    """Read the brand. Raises InvalidUsage for mistakes in the settings or a file without one."""
    if file is None:
        source = read_brand(command.settings().brand)
        brand, mistakes = source.brand, [f"brand.{name}: {why}" for name, why in source.mistakes]
        files = source.files
    else:
        desired, found = read_declared_brand(_table(file), base=file.parent)
        brand, files, mistakes = Brand(**desired.fields), desired.files, [*found]
        mistakes += (f"[brand], {why}" for why in brands.mistakes(brand))
    look = make_look(command, brand, files)
    return NamedBrand(look, (*mistakes, *look.mistakes))


def _table(file: Path) -> dict[str, object]:
    try:
        table = tomllib.loads(file.read_text("utf-8")).get("brand")
    except OSError as error:
        raise invalid_usage(str(file), [f"cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise invalid_usage(str(file), [f"is not TOML: {error}"]) from error
    if not isinstance(table, dict):
        raise invalid_usage(str(file), ["has no table [brand]"])
    return table


def make_look(command: CommandContext, brand: Brand, files: Iterable[BrandFile]) -> "Look":
    """The brand as the pages display it."""
    # Imported here, because this imports every page, and few commands need one.
    from valetkey.server.pages.frame import site_links  # noqa: PLC0415
    from valetkey.server.pages.theme import Look  # noqa: PLC0415

    settings = command.settings()
    links = site_links(settings.name, settings.privacy_url, settings.terms_url)
    return Look(brand, {file.digest: file.body for file in files}, links=links)


@brand.command()
@FILE
@click.pass_obj
def check(command: CommandContext, *, file: Path | None) -> None:
    """Check a brand: colors, files, texts and templates.

    Every page is rendered in every language, and compared with the built-in page: what is sent, and
    what people have to see before they decide, has to stay.
    """
    from valetkey.server.pages.contract import judge  # noqa: PLC0415

    named = read_named(command, file)
    mistakes = (*named.mistakes, *judge(named.look))
    if mistakes:
        raise invalid_usage(f"{len(mistakes)} mistakes in the brand", mistakes)
    command.show({"mistakes": []}, "the brand has no mistakes")


@brand.command()
@FILE
@click.option("--port", default=8100, show_default=True, help="The port, on this machine.")
@click.option("--out", type=PATH, help="Write the pages to this folder instead.")
@click.pass_obj
def preview(command: CommandContext, *, file: Path | None, port: int, out: Path | None) -> None:
    """Show every page with a brand and made-up data.

    The preview reads the brand again each time that you reload a page. Stop it with Ctrl-C.
    """
    from valetkey.cli.brand_preview import Preview, serve, write  # noqa: PLC0415

    pages = Preview(lambda: read_named(command, file))
    if out is not None:
        count = write(pages, out)
        command.show({"folder": str(out), "pages": count}, f"wrote {count} pages to {out}")
        return
    try:
        serve(pages, port, on_ready=lambda address: command.show({"address": address}, address))
    except OSError as error:
        raise Failed(f"cannot listen on port {port}: {error.strerror}") from error


@brand.command()
@click.pass_obj
def show(command: CommandContext) -> None:
    """Show the brand that is in use: the one that was applied, or that of the settings."""

    async def reading(store: Store) -> Brand | None:
        wanted = One(Brand, CURRENT)
        return (await store.read(wanted)).one(wanted)

    applied = command.run(reading, missing="pretend")
    settings = command.settings()
    used = read_brand(settings.brand).brand if applied is None else applied
    origin = "the settings" if applied is None else "valetkey apply"
    if applied is not None and settings.brand != BrandSettings():
        command.note("a brand was applied, so the table [brand] of the settings is not used")
    document = {"from": origin, **fields(used)}
    rows = [(name, _text(value)) for name, value in document.items()]
    command.show(document, columns(("field", "value"), rows))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(value) or "-"
    return "-" if value == "" else str(value)


@brand.command()
@YES
@click.pass_obj
def remove(command: CommandContext, *, yes: bool) -> None:
    """Remove the brand that was applied; that of the settings is used again."""
    command.confirm("Remove the brand that was applied?", yes=yes)
    remove_by(command, brands.remove, "the brand")


async def applied_mistakes(
    store: Store, brand: Brand, new_files: Iterable[BrandFile], *, command: CommandContext
) -> tuple[str, ...]:
    """The mistakes in the texts and templates of a brand that is about to be applied."""
    return _mistakes(await _applied_look(store, brand, new_files, command=command))


async def _applied_look(
    store: Store, brand: Brand, new_files: Iterable[BrandFile], *, command: CommandContext
) -> "Look":
    files = {file.digest: file for file in new_files}
    wanted = [One(BrandFile, digest) for digest in sorted(brand.files - files.keys())]
    read = await store.read(*wanted)
    files |= {want.key: file for want in wanted if (file := read.one(want)) is not None}
    return make_look(command, brand, files.values())


def _mistakes(look: "Look") -> tuple[str, ...]:
    from valetkey.server.pages.contract import judge  # noqa: PLC0415

    return (*look.mistakes, *judge(look))


async def with_edition(store: Store, desired: DesiredRecord) -> DesiredRecord:
    """The brand to apply, with the edition of our templates that its own are checked against. A
    server with this edition displays them at once."""
    wanted = One(Brand, CURRENT)
    there = (await store.read(wanted)).one(wanted) or Brand()
    if not desired.fields.get("templates", there.templates):
        return desired
    from valetkey.server.pages.render import edition  # noqa: PLC0415

    fields = {**desired.fields, "checked_with": edition()}
    return msgspec.structs.replace(desired, fields=fields)


def examine(command: CommandContext, *, with_database: bool) -> Iterator[Row]:
    """Check the texts and templates of the brands, if there are any."""
    settings = command.settings().brand
    if settings.templates or settings.texts_file:
        named = read_named(command, None)
        mistakes = dict.fromkeys((*named.mistakes, *_mistakes(named.look)))
        yield _row("brand (settings)", tuple(mistakes), "the server does not start")

    async def reading(store: Store) -> tuple[str, ...] | None:
        wanted = One(Brand, CURRENT)
        brand = (await store.read(wanted)).one(wanted)
        if brand is None or not (brand.templates or brand.texts):
            return None
        return _mistakes(await _applied_look(store, brand, (), command=command))

    found = command.run(reading) if with_database else None
    if found is not None:
        yield _row("brand (applied)", found, "pages use the built-in templates; apply it again")


def _row(what: str, mistakes: Sequence[str], effect: str) -> Row:
    if not mistakes:
        return Row(what, "ok", "templates and texts keep what pages need")
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    return Row(what, "fail", f"{mistakes[0]}{more}; {effect}; see valetkey brand check")
