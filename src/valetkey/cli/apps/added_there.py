"""`valetkey client add` at a server elsewhere: the same options, without what cannot be done
there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from valetkey.cli.apps.client_options import option_of
from valetkey.cli.context import CommandContext
from valetkey.cli.output.errors import Failed
from valetkey.cli.secrets import show_secret
from valetkey.server.model.client import BY_SHARED
from valetkey.server.model.role import PREFIX

if TYPE_CHECKING:
    from valetkey.cli.remote.connection import Connection

READ_HERE: Final = {"jwks_file": "jwks"}
"""Fields that name a file of this machine, and what is read from it."""

LISTING: Final = "admin"
"""The field that has an operation of its own."""


def add_there(
    command: CommandContext,
    connection: "Connection",
    *,
    raw: Mapping[str, Any],
    fields: Mapping[str, Any],
) -> None:
    """Register an app at a server. `raw` are the fields that were chosen, `fields` all, as they
    were read. Raises Failed."""
    # Imported here: an app that is added to the database needs no table of operations.
    from valetkey.cli.remote.targets import OperationCall, RemoteTarget  # noqa: PLC0415
    from valetkey.server.admin.operations.app_fields import AppOrder  # noqa: PLC0415
    from valetkey.server.admin.table import BY_NAME  # noqa: PLC0415

    names = {READ_HERE.get(one, one) for one in raw} - {"id", LISTING}
    if here := sorted(names - {*AppOrder.__struct_fields__}):
        raise Failed(
            f"{option_of(here[0])} works on the database of the server's own machine only",
            type="local-only",
        )
    listed = [one.removeprefix(PREFIX) for one in fields.get(LISTING, ())]
    body = msgspec.to_builtins({"id": raw["id"], **{one: fields[one] for one in names}})
    if listed:
        # These come with the listing: an app that is not listed cannot request them.
        body["scope"] = [one for one in body.get("scope", ()) if not one.startswith(PREFIX)]
    target, sealed = RemoteTarget(connection), fields["auth_method"] in BY_SHARED
    try:
        made = target.do(OperationCall(BY_NAME["apps.create"], body=body))
        # Shown before anything else can fail: it is shown once.
        show_secret(command, {"client_id": raw["id"]}, made["client_secret"], sealed=sealed)
        if listed:
            path, order = {"app": raw["id"]}, {"permissions": listed}
            target.do(OperationCall(BY_NAME["apps.administration"], path, body=order))
    finally:
        target.close()
