"""The settings of a PKCS#11 token that holds the signing keys."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from valetkey.server.model.keys import Secret


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class TokenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token, if there is one."""

    module: Annotated[
        Path | None,
        _is(
            "the PKCS#11 module of the device: a shared library, such as "
            "/usr/lib/softhsm/libsofthsm2.so; requires the extra pkcs11"
        ),
    ] = None
    token: Annotated[str, _is("the label of the token in the device")] = "valetkey"
    pin: Annotated[Secret | None, _is("the PIN of the token's user")] = None
    pin_file: Annotated[
        Path | None, _is("a file of mode 0600 that holds the PIN of the token's user")
    ] = None
    algorithms: Annotated[
        tuple[Literal["ES256", "RS256"], ...],
        _is("a list of the algorithms whose new keys the token makes: ES256, RS256, both or none"),
    ] = ("ES256", "RS256")

    @property
    def new_keys(self) -> tuple[Literal["ES256", "RS256"], ...]:
        """The algorithms whose new keys the token makes, () without one."""
        return () if self.module is None else self.algorithms

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """The settings that don't fit, and why."""
        if self.module is None:
            return
        rules = (
            (
                find_spec("pkcs11") is not None,
                "module",
                "needs the extra: pip install 'valetkey[pkcs11]'",
            ),
            (self.module.is_file(), "module", "is no file"),
            (bool(self.token), "token", "is empty"),
            (
                bool(self.pin or self.pin_file),
                "pin_file",
                "is missing: VALETKEY_PKCS11__PIN, or a file with the PIN",
            ),
        )
        yield from ((name, why) for holds, name, why in rules if not holds)
