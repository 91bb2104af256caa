"""TLS that the server ends itself: FAPI's rules, and a certificate renewed while it runs."""

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live import free_port
from tests.rows import row
from tests.tls import write_pair

from valetkey.server.http.tls import Certificate


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = write_pair(folder, "server")
    number = free_port()
    words = ["--issuer", f"https://127.0.0.1:{number}", "--port", str(number)]
    words += ["--set", f"tls_certificate={certificate}", "--set", f"tls_key={key}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "valetkey", "serve", *words],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("VALETKEY_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    assert "listens" in process.stdout.readline()
    yield number
    process.send_signal(signal.SIGTERM)
    process.communicate()


def client(*, least: ssl.TLSVersion, most: ssl.TLSVersion, ciphers: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # What a client may offer at all is not to decide here.
    context.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = least, most
    return context


def connected(port: int, context: ssl.SSLContext) -> tuple[str | None, str]:
    """The version and the cipher that were agreed on."""
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
    ):
        cipher = wrapped.cipher()
        return wrapped.version(), cipher[0] if cipher else ""


TWO = ssl.TLSVersion.TLSv1_2
THREE = ssl.TLSVersion.TLSv1_3


def test_tls_1_3_is_preferred(port: int) -> None:
    assert connected(port, client(least=TWO, most=THREE))[0] == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_ones_are_refused(port: int, version: ssl.TLSVersion) -> None:
    # An alert, or a reset where that overtakes it on its way.
    with pytest.raises((ssl.SSLError, OSError)):
        connected(port, client(least=version, most=version))


def test_tls_1_2_with_what_fapi_permits(port: int) -> None:
    for name in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
        assert connected(port, client(least=TWO, most=TWO, ciphers=name)) == ("TLSv1.2", name)


WEAK = [
    row("BCP 195 4.1", "CBC", "ECDHE-ECDSA-AES128-SHA256"),
    row("BCP 195 4.1", "SHA-1", "ECDHE-ECDSA-AES256-SHA"),
    row("BCP 195 4.2", "no forward secrecy", "AES128-GCM-SHA256"),
    row("BCP 195 4.2", "finite-field DHE", "DHE-RSA-AES128-GCM-SHA256"),
    row("FAPI 5.2", "CCM", "ECDHE-ECDSA-AES128-CCM"),
    row("FAPI 5.2", "ChaCha20", "ECDHE-ECDSA-CHACHA20-POLY1305"),
]


@pytest.mark.parametrize("ciphers", WEAK)
def test_tls_1_2_with_anything_else_is_refused(port: int, ciphers: str) -> None:
    with pytest.raises(ssl.SSLError):
        connected(port, client(least=TWO, most=TWO, ciphers=ciphers))


def replace(new: tuple[Path, Path], old: tuple[Path, Path]) -> None:
    for fresh, place in zip(new, old, strict=True):
        shutil.copy(fresh, place)


def served(pair: Certificate) -> bytes | None:
    """The certificate that a new connection meets."""
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = pair.context.wrap_bio(here, there, server_side=True)
    theirs = client(least=TWO, most=THREE).wrap_bio(there, here)
    for _ in range(4):
        for side in (theirs, ours):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return theirs.getpeercert(binary_form=True)


def test_a_renewed_certificate_is_served_to_new_connections(tmp_path: Path) -> None:
    old, new = write_pair(tmp_path, "old"), write_pair(tmp_path, "new")
    pair = Certificate(*old)
    before = served(pair)
    assert not pair.refresh()
    replace(new, old)
    assert pair.refresh()
    assert served(pair) not in (None, before)
    assert not pair.refresh()


def test_half_a_pair_is_passed_over_until_the_other_half_is_there(tmp_path: Path) -> None:
    old, new = write_pair(tmp_path, "old"), write_pair(tmp_path, "new")
    pair = Certificate(*old)
    before = served(pair)
    shutil.copy(new[0], old[0])
    assert not pair.refresh()
    assert served(pair) == before
    shutil.copy(new[1], old[1])
    assert pair.refresh()
    assert served(pair) != before


@pytest.mark.anyio
async def test_a_server_that_runs_on_serves_the_new_one(tmp_path: Path) -> None:
    old, new = write_pair(tmp_path, "old"), write_pair(tmp_path, "new")
    pair = Certificate(*old)
    server = await asyncio.start_server(
        lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=pair.context
    )
    port = server.sockets[0].getsockname()[1]
    watching = asyncio.create_task(pair.watch(0.01))
    try:
        before = await asyncio.to_thread(met, port)
        replace(new, old)
        for _ in range(3000):
            if await asyncio.to_thread(met, port) != before:
                return
        pytest.fail("it serves the old one for ever")
    finally:
        watching.cancel()
        server.close()
        await server.wait_closed()


def met(port: int) -> bytes | None:
    """The certificate that a client meets there."""
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        client(least=TWO, most=THREE).wrap_socket(raw) as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True)


def test_files_that_are_gone_change_nothing(tmp_path: Path) -> None:
    old = write_pair(tmp_path, "old")
    pair = Certificate(*old)
    before = served(pair)
    old[1].unlink()
    assert not pair.refresh()
    assert served(pair) == before
