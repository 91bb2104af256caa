"""A121: secrets in images and their environment.

Attack: Somebody who gets the container image, or may look at a container, searches them for keys
and passwords, or for a shell to start.
Defense: The image holds neither, secrets come as files of mode 0600, and the root is read-only.
"""

import functools
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.browser import Browser
from tests.integration.containers import IMAGE, Podman, build_image
from tests.integration.tools import ROOT, tool
from tests.live import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

LAYOUT: Final = ROOT / "build/image"
PASSWORD: Final = "one word for each garden gate"
SECONDS: Final = 40.0


@pytest.fixture(scope="module")
def digest() -> str:
    return build_image()


@pytest.fixture(scope="module")
def podman(digest: str, tmp_path_factory: pytest.TempPathFactory) -> Podman:
    one = Podman(tmp_path_factory.mktemp("podman"))
    one.load(LAYOUT, IMAGE)
    return one


def blob(digest: str) -> Path:
    return LAYOUT / "blobs" / digest.replace(":", "/")


def manifest(digest: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(blob(digest).read_text())
    return found


def members(digest: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for layer in manifest(digest)["layers"]:
        with tarfile.open(blob(layer["digest"])) as archive:
            for one in archive:
                file = archive.extractfile(one) if one.isfile() else None
                yield one, b"" if file is None else file.read()


def until_ready(url: str) -> float:
    """Waits; the seconds that it took."""
    since = time.monotonic()
    while time.monotonic() - since < SECONDS:
        try:
            if httpx2.get(f"{url}/readyz", timeout=2).status_code == 200:
                return time.monotonic() - since
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{url} is not ready")


def sign_in(url: str, username: str) -> None:
    """Signs in as a person does, and sees the account."""
    browser = Browser(url)
    try:
        browser.open("/")
        page = browser.sign_in(username, PASSWORD)
        assert page.status_code == 200
        assert "vk_session" in dict(browser.http.cookies)
    finally:
        browser.http.close()


def test_from_nothing_to_the_first_sign_in(podman: Podman) -> None:
    """With a read-only root, no capability, and no user but its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    closed = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
    state = "--volume=state:/var/lib/valetkey"
    init = ("init", "--yes", "--password-stdin", "--issuer", url, "--owner", "miko")
    said = podman.run("run", "--rm", "--interactive", *closed, state, IMAGE, *init, stdin=PASSWORD)
    assert "sign in as miko" in said
    serve = (*closed, state, "--env=VALETKEY_PORT=8000", f"--publish=127.0.0.1:{port}:8000", IMAGE)
    with podman.container(*serve) as name:
        print("seconds to ready:", round(until_ready(url), 2))
        sign_in(url, "miko")
        assert podman.run("exec", name, "/usr/bin/valetkey", "health") == "ready\n"
        inspected = json.loads(podman.run("inspect", name))[0]
        assert inspected["Config"]["User"] == "65532:65532"
        podman.run("exec", name, "/bin/sh", "-c", "true", fails=True)
        since = time.monotonic()
        podman.run("stop", "--time", "15", name)
        assert time.monotonic() - since < 14  # it ended by itself
        assert "stopped" in podman.run("logs", name)


def test_in_runc_alone(digest: str, tmp_path: Path) -> None:
    """No engine: the bundle that umoci unpacks, on the machine's own network."""
    bundle, port = tmp_path / "bundle", free_port()
    runc = str(tool("runc"))
    unpack = [str(tool("umoci")), "unpack", "--image", f"{LAYOUT}:latest", str(bundle)]
    subprocess.run(unpack, check=True, capture_output=True, timeout=120)
    spec = json.loads((bundle / "config.json").read_text())
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 65532, 65532)
    spec["root"]["readonly"] = True
    spec["process"]["terminal"] = False
    spec["process"]["env"].append(f"VALETKEY_PORT={port}")
    spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 4096}]
    spec["process"]["capabilities"] = {}
    bind = {"type": "bind", "source": str(state), "options": ["bind", "rw"]}
    spec["mounts"] = [one for one in spec["mounts"] if one["destination"] != "/var/lib/valetkey"]
    spec["mounts"].append({"destination": "/var/lib/valetkey", **bind})
    spec["linux"]["namespaces"] = [
        one for one in spec["linux"]["namespaces"] if one["type"] not in {"network", "user"}
    ]
    spec["linux"].pop("resources", None)
    (bundle / "config.json").write_text(json.dumps(spec))
    name = f"valetkey-{port}"
    log = (tmp_path / "log").open("wb")
    command = [runc, "run", "--bundle", str(bundle), name]
    with (
        log,
        subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process,
    ):
        try:
            until_ready(f"http://127.0.0.1:{port}")
        finally:
            subprocess.run([runc, "kill", name, "TERM"], check=False, capture_output=True)
            try:
                process.wait(20)
            finally:
                process.kill()
                subprocess.run([runc, "delete", "--force", name], check=False, capture_output=True)
    assert process.returncode == 0, (tmp_path / "log").read_text()


def test_it_holds_no_shell_no_tool_and_no_secret(digest: str) -> None:
    """ATTACKS A83: neither in a file of a layer nor in the environment."""
    names: set[str] = set()
    for one, data in members(digest):
        name = one.name.removeprefix("./")
        names.add(name)
        assert one.uid == (65532 if name == "var/lib/valetkey" else 0), name
        if one.isfile() or one.isdir():
            assert not one.mode & 0o022 or name == "tmp", name
        assert not one.mode & 0o6000, name
        assert b"PRIVATE KEY-----\nM" not in data, name
    programs = {name.rpartition("/")[2] for name in names if "/bin/" in name or "sbin/" in name}
    assert not programs & {"sh", "dash", "bash", "apt", "apt-get", "dpkg", "pip", "perl", "su"}
    assert not any(name.endswith((".db", ".key", "valetkey.toml")) for name in names)
    config = json.loads(blob(manifest(digest)["config"]["digest"]).read_text())["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/valetkey"]
    variables = {line.partition("=")[0] for line in config["Env"]}
    assert variables == {"PATH", "LANG", "SSL_CERT_FILE", "VALETKEY_HOST"}


def test_the_bill_of_materials_names_all_packages(digest: str) -> None:
    bom = json.loads((ROOT / "build/image.cdx.json").read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["bom-ref"] == digest
    names = {one["name"]: one["version"] for one in bom["components"]}
    lock = (ROOT / "requirements/image.txt").read_text().splitlines()
    locked = dict(line.split(" ")[0].split("==") for line in lock if line[:1].isalnum())
    elsewhere = {"httpx2-jsfetch", "colorama"}  # of other platforms
    missing = {one for one in locked if names.get(one) != locked[one]} - elsewhere
    assert missing == set()
    assert {"python3.11-minimal", "libssl3", "ca-certificates", "valetkey"} <= names.keys()
    installed = {
        one.name.removeprefix("./").split("/")[3].partition("-")[0].lower().replace("_", "-")
        for one, _ in members(digest)
        if one.name.endswith(".dist-info/METADATA")
    }
    assert installed <= names.keys()


def test_the_statement_says_what_it_was_made_of(digest: str) -> None:
    made = json.loads((ROOT / "build/image.provenance.json").read_text())
    assert made["subject"][0]["digest"]["sha256"] == digest.partition(":")[2]
    sources = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    head = functools.partial(subprocess.run, capture_output=True, text=True, check=True, cwd=ROOT)
    commit = head(["git", "rev-parse", "HEAD"]).stdout.strip()
    assert sources[0]["digest"]["gitCommit"] == commit


def test_two_builds_have_one_digest(digest: str) -> None:
    shutil.rmtree(LAYOUT)
    assert build_image() == digest
