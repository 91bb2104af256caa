"""The settings of the key service that unwraps the master key."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from valetkey.server.custody.key_service import KeyService, KeyServiceTerms
from valetkey.server.model.keys import Secret
from valetkey.wire import address
from valetkey.wire.metadata import is_local

_NAME: Final = re.compile(r"[A-Za-z0-9:/_.-]{1,2048}", re.ASCII)
_PATH: Final = re.compile(
    r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*", re.ASCII
)


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class KeyServiceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The key service that unwraps the master key, if there is one."""

    kind: Annotated[
        Literal["", "aws-kms", "vault"],
        _is(
            "aws-kms, vault (OpenBao too) or empty: the key service that has wrapped the master "
            "key; aws-kms requires the extra aws"
        ),
    ] = ""
    key: Annotated[
        str,
        _is("the key with which it wraps: an id, ARN or alias of AWS KMS, or a transit key"),
    ] = ""
    url: Annotated[
        str,
        _is(
            "the https address of Vault, or http of an agent on this machine; for AWS KMS empty, "
            "or the address of an endpoint of your own"
        ),
    ] = ""
    region: Annotated[
        str, _is("the region of AWS, such as eu-central-1; by default, the one of the environment")
    ] = ""
    mount: Annotated[str, _is("the path of Vault's transit engine")] = "transit"
    namespace: Annotated[str, _is("the namespace of Vault, or empty")] = ""
    token: Annotated[Secret | None, _is("the token for Vault")] = None
    token_file: Annotated[
        Path | None,
        _is("a file of mode 0600 that holds the token for Vault, such as the sink of an agent"),
    ] = None
    ca_file: Annotated[
        Path | None,
        _is("a PEM file of the authorities to trust; by default, those of the operating system"),
    ] = None

    @property
    def terms(self) -> KeyServiceTerms | None:
        """How to reach the service, None if there is none."""
        if not self.kind:
            return None
        values = {name: getattr(self, name) for name in KeyServiceTerms.__struct_fields__}
        return KeyServiceTerms(**values)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why."""
        if not self.kind:
            return
        of_vault = self.kind == "vault"
        parts = address.read(self.url) if self.url else None
        is_bad = parts is None or not parts.is_web or parts.has_user or set("?#") & set(self.url)
        rules = (
            (bool(_NAME.fullmatch(self.key)), "key", "is no name of a key"),
            (not of_vault or bool(self.url), "url", "is missing: the address of Vault"),
            (not self.url or not is_bad, "url", "is no web address, or has more than one"),
            (
                parts is None or parts.scheme == "https" or is_local(parts.host),
                "url",
                "would send the key in the clear: use https",
            ),
            (bool(_PATH.fullmatch(self.mount)), "mount", "is no path such as transit"),
            (
                not self.namespace or bool(_PATH.fullmatch(self.namespace)),
                "namespace",
                "is no path",
            ),
            (
                of_vault or find_spec("botocore") is not None,
                "kind",
                "needs the extra: pip install 'valetkey[aws]'",
            ),
        )
        yield from ((name, why) for holds, name, why in rules if not holds)


def connect(terms: KeyServiceTerms) -> KeyService:
    """The service. Raises KeyServiceError if it can't be reached with these settings."""
    # Imported here: few installations need either.
    if terms.kind == "aws-kms":
        from valetkey.server.custody.aws_kms import AwsKms  # noqa: PLC0415

        return AwsKms(terms)
    from valetkey.server.custody.vault import Vault  # noqa: PLC0415

    return Vault(terms)
