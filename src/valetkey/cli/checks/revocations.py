"""Checks of the place that keeps revocations beside the database."""

from collections.abc import Iterator
from typing import Literal

from valetkey.server.settings import Settings
from valetkey.server.store.revocations.places import reason


def revocation_checks(settings: Settings) -> Iterator[tuple[str, Literal["ok", "fail"], str]]:
    """What is checked, the verdict, and the details, if there is such a place."""
    place = settings.revocations
    if place is None:
        return
    try:
        place.check()
        count = len(place.files())
    except OSError as error:
        yield "revocations", "fail", f"{place}: {reason(error)}; nothing can be revoked"
    else:
        yield "revocations", "ok", f"{place} takes writes; files: {count}"
