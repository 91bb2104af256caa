"""The settings of the place that keeps what was revoked, beside the database."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import msgspec

from valetkey.server.store.revocations.bucket import BucketPlace, BucketTerms
from valetkey.server.store.revocations.places import FolderPlace, Place
from valetkey.wire import address
from valetkey.wire.metadata import is_local

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*", re.ASCII)


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class BucketSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bucket that keeps what was revoked, if there is one."""

    name: Annotated[
        str,
        _is(
            "the bucket of S3, or of a storage that speaks like it, that keeps what was revoked, "
            "instead of revocations_folder; none if empty; requires the extra aws"
        ),
    ] = ""
    prefix: Annotated[
        str, _is("where in the bucket, such as valetkey/, or empty: with a / at the end")
    ] = ""
    region: Annotated[
        str, _is("the region, such as eu-central-1; by default, the one of the environment")
    ] = ""
    url: Annotated[str, _is("the https address of the storage, or empty for that of AWS")] = ""
    ca_file: Annotated[
        Path | None,
        _is("a PEM file of the authorities to trust; by default, those of botocore"),
    ] = None

    def mistakes(self, folder: Path | None) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why. `folder` is that of `revocations_folder`."""
        if not self.name:
            return
        parts = address.read(self.url) if self.url else None
        is_bad = parts is None or not parts.is_web or parts.has_user or set("?#") & set(self.url)
        has_extra = find_spec("botocore") is not None
        is_region = self.region.isascii() and self.region.replace("-", "a").isalnum()
        is_private = parts is None or parts.scheme == "https" or is_local(parts.host)
        rules = (
            (folder is None, "name", "there is revocations_folder, too: there is one place"),
            (has_extra, "name", "needs the extra: pip install 'valetkey[aws]'"),
            (_BUCKET.fullmatch(self.name), "name", "is no name of a bucket"),
            (_PREFIX.fullmatch(self.prefix), "prefix", "is no path such as valetkey/"),
            (not self.region or is_region, "region", "is no region such as eu-central-1"),
            (not self.url or not is_bad, "url", "is no web address, or has more than one"),
            (is_private, "url", "would show in the clear who lost access: use https"),
        )
        yield from ((name, why) for holds, name, why in rules if not holds)


def place_for(folder: Path | None, bucket: BucketSettings) -> Place | None:
    """The place that keeps what was revoked, None for none."""
    if bucket.name:
        return BucketPlace(BucketTerms(**msgspec.structs.asdict(bucket)))
    return None if folder is None else FolderPlace(folder)
