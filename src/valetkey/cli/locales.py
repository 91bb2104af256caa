"""`valetkey locale`: the languages of the pages, and translations of your own."""

from io import BytesIO
from pathlib import Path

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.options import Group
from valetkey.cli.output.errors import Failed, InvalidUsage


@click.group(cls=Group)
def locale() -> None:
    """The languages of the pages, and translations of your own."""


@locale.command()
@click.argument("tag")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def new(command: CommandContext, tag: str, folder: Path) -> None:
    """Write a catalog with every text of the pages in a language, ready to be translated.

    TAG is a language tag, such as it or pt-br. FOLDER is that of the setting locale_folder. A text
    that is translated here already has that translation, and one without a translation stays in
    English.
    """
    # Imported here: no other command needs the pages.
    from babel.messages import pofile  # noqa: PLC0415

    from valetkey.server.pages.catalog import new_catalog  # noqa: PLC0415
    from valetkey.server.pages.locales import file_of  # noqa: PLC0415

    try:
        file = file_of(folder, tag)
        catalog = new_catalog(tag)
    except ValueError as error:
        raise InvalidUsage(f"{tag}: {error}") from error
    if file.exists():
        raise Failed(f"{file} exists")
    written = BytesIO()
    pofile.write_po(written, catalog, width=0)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(written.getvalue())
    texts = len(catalog)
    command.show({"file": str(file), "texts": texts}, f"wrote {texts} texts to {file}")


@locale.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def check(command: CommandContext, folder: Path) -> None:
    """Check the catalogs in a folder, and count what is translated."""
    from valetkey.server.pages.catalog import progress  # noqa: PLC0415
    from valetkey.server.pages.locales import with_folder  # noqa: PLC0415

    locales, mistakes = with_folder(folder)
    counts = progress(folder, locales)
    if mistakes:
        raise Failed("\n  - ".join(("mistakes, whose texts are left out:", *mistakes)))
    if not counts:
        raise Failed(f"{folder} has no catalog such as it/LC_MESSAGES/valetkey.po")
    lines = [f"{tag}: {done} of {whole} texts" for tag, (done, whole) in counts.items()]
    document = {tag: {"translated": done, "texts": whole} for tag, (done, whole) in counts.items()}
    command.show(document, "\n".join(lines))
