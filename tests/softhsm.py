"""A PKCS#11 token by SoftHSM, which can be taken away and given back."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "a-pin-of-the-tests"
LABEL = "valetkey"


class SoftHsm:
    """SoftHSM with a token in `folder`. `settings` are those of a server that uses it."""

    def __init__(self, folder: Path) -> None:
        self._tokens = folder / "tokens"
        self._tokens.mkdir(parents=True)
        self.conf = folder / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {self._tokens}\nlog.level = ERROR\n")
        self.settings = {
            "SOFTHSM2_CONF": str(self.conf),
            "VALETKEY_PKCS11__MODULE": str(MODULE),
            "VALETKEY_PKCS11__PIN": PIN,
        }
        self.make_token(LABEL)

    def make_token(self, label: str) -> None:
        """Another token."""
        program = ["softhsm2-util", "--init-token", "--free", "--label", label]
        pins = ["--pin", PIN, "--so-pin", "1234567890"]
        environ = {**os.environ, "SOFTHSM2_CONF": str(self.conf)}
        subprocess.run([*program, *pins], env=environ, check=True, capture_output=True)

    def take_away(self) -> None:
        """The device is unplugged."""
        self._tokens.rename(self._tokens.with_name("away"))

    def give_back(self) -> None:
        """It is plugged in again."""
        self._tokens.with_name("away").rename(self._tokens)


@contextlib.contextmanager
def softhsm(folder: Path) -> Iterator[SoftHsm]:
    """SoftHSM, for this process too. Skips where it is not installed."""
    pkcs11 = pytest.importorskip("pkcs11", reason="the extra `pkcs11` is not installed")
    if not MODULE.exists() or which("softhsm2-util") is None:
        pytest.skip("softhsm2 is not installed")
    device = SoftHsm(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(device.conf))
        yield device
        # The library reads its file when it is initialized.
        with contextlib.suppress(pkcs11.PKCS11Error):
            pkcs11.lib(str(MODULE)).finalize()
