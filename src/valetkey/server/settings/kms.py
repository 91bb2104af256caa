"""The settings of AWS KMS if it holds the signing keys."""

from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from valetkey.wire import address
from valetkey.wire.metadata import is_local


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class KmsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AWS KMS, if it holds signing keys."""

    region: Annotated[
        str,
        _is(
            "the region of AWS KMS if it holds signing keys, such as eu-central-1, or empty; "
            "requires the extra aws"
        ),
    ] = ""
    algorithms: Annotated[
        tuple[Literal["ES256", "RS256"], ...],
        _is("a list of the algorithms whose new keys AWS KMS makes: ES256, RS256, both or none"),
    ] = ("ES256", "RS256")
    connections: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=256,
            description="the number of signatures that AWS KMS may make at once for one worker",
        ),
    ] = 32
    url: Annotated[
        str, _is("the https address of an endpoint of your own, or empty for that of the region")
    ] = ""
    ca_file: Annotated[
        Path | None,
        _is("a PEM file of the authorities to trust; by default, those of botocore"),
    ] = None

    def mistakes(self, others: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why. `others` are the algorithms whose new keys are made
        elsewhere."""
        if not self.region:
            return
        parts = address.read(self.url) if self.url else None
        is_bad = parts is None or not parts.is_web or parts.has_user or set("?#") & set(self.url)
        rules = (
            (
                find_spec("botocore") is not None,
                "region",
                "needs the extra: pip install 'valetkey[aws]'",
            ),
            (
                self.region.isascii() and self.region.replace("-", "").isalnum(),
                "region",
                "is no region such as eu-central-1",
            ),
            (not self.url or not is_bad, "url", "is no web address, or has more than one"),
            (
                parts is None or parts.scheme == "https" or is_local(parts.host),
                "url",
                "would show in the clear what is signed: use https",
            ),
            (
                not set(self.algorithms) & set(others),
                "algorithms",
                f"pkcs11.algorithms has {' and '.join(others)}, too: each has one place",
            ),
        )
        yield from ((name, why) for holds, name, why in rules if not holds)
