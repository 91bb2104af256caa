"""Builds the container image as an OCI layout in `build/image`, without a registry.

    .venv/bin/python scripts/image.py [--arch amd64|arm64]

Two layers: Debian's Python without a shell or a package manager, and the server from the lock.
Beside it are `image.cdx.json` (CycloneDX: what is in it) and `image.provenance.json` (an in-toto
statement, what it was made of). The same sources give the same digest, which is printed.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
BUILD: Final = ROOT / "build"
SUITE: Final = "bookworm"
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
USER: Final = 65532
STATE: Final = "var/lib/valetkey"
PYTHON: Final = "usr/lib/python3.11"

NEEDLESS: Final = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/info",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
    "usr/bin/dpkg*",
    "usr/sbin/dpkg*",
    "usr/share/dpkg",
    "usr/bin/tar",
    "boot",
    "home",
    "media",
    "mnt",
    "opt",
    "srv",
    "var/backups",
    "var/local",
    "var/mail",
    f"{PYTHON}/ensurepip",
    f"{PYTHON}/idlelib",
    f"{PYTHON}/lib2to3",
)
"""What the server has no use for; the package manager, too."""

ENVIRON: Final = {
    "PATH": "/usr/bin",
    "LANG": "C.UTF-8",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
    # In a container, 127.0.0.1 is nobody else's.
    "VALETKEY_HOST": "0.0.0.0",
}


def run(*words: str | Path, **environ: str) -> str:
    """Runs a program. Raises SystemExit with what it said."""
    done = subprocess.run(
        [str(one) for one in words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | environ,
    )
    if done.returncode:
        raise SystemExit(f"{words[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


class Image:
    """The parts of one image, in a folder that is dropped afterwards."""

    def __init__(self, work: Path, arch: str) -> None:
        self.work, self.arch = work, arch
        self.epoch = (
            os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct").strip()
        )
        self.out = BUILD / ("image" if arch == "amd64" else f"image-{arch}")

    def build(self) -> str:
        """Returns the digest of the manifest."""
        base, app = self.work / "base", self.work / "app"
        packages = self._base(base)
        run(ROOT / "scripts/app-root.sh", app, MACHINES[self.arch], SOURCE_DATE_EPOCH=self.epoch)
        layers = [self._layer(base), self._layer(app)]
        digest = self._assemble(layers)
        bom = self._bom(packages, app, digest)
        self._beside("cdx.json", bom)
        self._beside("provenance.json", self._provenance(digest, bom))
        return digest

    def _base(self, base: Path) -> list[tuple[str, str]]:
        """Python and the certificates of authorities, unpacked: no maintainer script runs, so it
        works for other machines as well. Returns the packages and their versions."""
        listed = self.work / "packages"
        show = "dpkg-deb --show --showformat='${Package}\\t${Version}\\n'"
        archives = "$1/var/cache/apt/archives/*.deb"
        run(
            "mmdebstrap",
            "--quiet",
            "--variant=extract",
            f"--architectures={self.arch}",
            "--include=python3,ca-certificates,tzdata,base-files",
            f"--extract-hook=for one in {archives}; do {show} $one; done >{listed}",
            SUITE,
            base,
            SOURCE_DATE_EPOCH=self.epoch,
        )
        for pattern in NEEDLESS:
            for path in base.glob(pattern):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for folder in (one for one in base.rglob("*") if one.is_dir() and not one.is_symlink()):
            folder.chmod(0o755)
        for special in ("dev", "proc", "sys", "run", "tmp"):
            shutil.rmtree(base / special, ignore_errors=True)
            (base / special).mkdir(mode=0o1777 if special == "tmp" else 0o755)
        (base / "tmp").chmod(0o1777)
        self._write_own(base)
        # As Debian's own script does on installation; by content, so that the digest stays.
        run(
            "python3.11", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
            "-s", str(base), "-p", "/", str(base / PYTHON), PYTHONHASHSEED="0",
        )  # fmt: skip
        lines = sorted(set(listed.read_text().splitlines()))
        return [(name, version) for name, _, version in (line.partition("\t") for line in lines)]

    def _write_own(self, base: Path) -> None:
        etc = base / "etc"
        (etc / "passwd").write_text(
            f"root:x:0:0:root:/:/nonexistent\nvaletkey:x:{USER}:{USER}:valetkey:/{STATE}:/nonexistent\n"
        )
        (etc / "group").write_text(f"root:x:0:\nvaletkey:x:{USER}:\n")
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")
        bundle = etc / "ssl/certs/ca-certificates.crt"
        bundle.parent.mkdir(parents=True, exist_ok=True)
        found = sorted((base / "usr/share/ca-certificates/mozilla").glob("*.crt"))
        bundle.write_text("".join(one.read_text() for one in found))
        for folder in (STATE, "etc/valetkey"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        (base / STATE).chmod(0o700)
        os.chown(base / STATE, USER, USER)

    def _layer(self, folder: Path) -> Path:
        file = folder.with_suffix(".tar")
        same = ("--sort=name", f"--mtime=@{self.epoch}", "--numeric-owner", "--format=pax")
        own = "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"
        run("tar", *same, own, f"--directory={folder}", "--create", f"--file={file}", ".")
        return file

    def _assemble(self, layers: list[Path]) -> str:
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.parent.mkdir(exist_ok=True)
        image = f"{self.out}:latest"
        at = run("date", "--utc", f"--date=@{self.epoch}", "+%Y-%m-%dT%H:%M:%SZ").strip()
        run("umoci", "init", "--layout", self.out)
        run("umoci", "new", "--image", image)
        for layer in layers:
            history = (
                "--history.created",
                at,
                "--history.created_by",
                f"scripts/image.py {layer.stem}",
            )
            run("umoci", "raw", "add-layer", "--image", image, *history, layer)
        settings = {
            "config.user": f"{USER}:{USER}",
            "config.workingdir": f"/{STATE}",
            "config.entrypoint": "/usr/bin/valetkey",
            "config.cmd": "serve",
            "config.exposedports": "8000/tcp",
            "config.volume": f"/{STATE}",
            "config.label": "org.opencontainers.image.title=valetkey",
            "config.stopsignal": "SIGTERM",
            "architecture": self.arch,
            "os": "linux",
            "created": at,
            "history.created": at,
            "history.created_by": "scripts/image.py",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        for name, value in ENVIRON.items():
            words += ["--config.env", f"{name}={value}"]
        run("umoci", "config", "--image", image, *words)
        run("umoci", "gc", "--layout", self.out)
        (manifest,) = json.loads((self.out / "index.json").read_text())["manifests"]
        return str(manifest["digest"])

    def _bom(self, packages: list[tuple[str, str]], app: Path, digest: str) -> dict[str, Any]:
        """What is in the image (CycloneDX 1.6)."""
        components = [
            _component(name, version, f"pkg:deb/debian/{name}@{version}?arch={self.arch}")
            for name, version in packages
        ]
        components += sorted(_python_components(app), key=lambda one: str(one["bom-ref"]))
        return {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
            "version": 1,
            "metadata": {
                "component": {
                    "type": "container",
                    "bom-ref": digest,
                    "name": "valetkey",
                    "version": _version(),
                    "hashes": [{"alg": "SHA-256", "content": digest.partition(":")[2]}],
                }
            },
            "components": components,
        }

    def _provenance(self, digest: str, bom: dict[str, Any]) -> dict[str, Any]:
        """What the image was made of (in-toto Statement v1, SLSA provenance v1), unsigned."""
        files = ("requirements/image.txt", "scripts/image.py", "scripts/app-root.sh")
        materials = [
            {"name": name, "digest": {"sha256": _sha256((ROOT / name).read_bytes())}}
            for name in files
        ]
        commit = run("git", "rev-parse", "HEAD").strip()
        return {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "valetkey", "digest": {"sha256": digest.partition(":")[2]}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "scripts/image.py",
                    "externalParameters": {"architecture": self.arch, "suite": SUITE},
                    "internalParameters": {"SOURCE_DATE_EPOCH": int(self.epoch)},
                    "resolvedDependencies": [
                        {"name": "source", "digest": {"gitCommit": commit}},
                        *materials,
                        {"name": "bill of materials", "digest": {"sha256": _sha256(_encoded(bom))}},
                    ],
                },
                "runDetails": {"builder": {"id": "make image"}},
            },
        }

    def _beside(self, ending: str, document: dict[str, Any]) -> None:
        self.out.with_name(f"{self.out.name}.{ending}").write_bytes(_encoded(document))


def _component(name: str, version: str, purl: str) -> dict[str, Any]:
    kind = {"type": "library", "name": name, "version": version}
    return {**kind, "bom-ref": purl, "purl": purl.replace("+", "%2B")}


def _python_components(app: Path) -> Iterator[dict[str, Any]]:
    for one in distributions(path=[str(app / "usr/lib/valetkey")]):
        name = one.metadata["Name"].lower().replace("_", "-")
        yield _component(name, one.version, f"pkg:pypi/{name}@{one.version}")


def _version() -> str:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", choices=MACHINES, default="amd64")
    arch = parser.parse_args().arch
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as work:
        print(Image(Path(work), arch).build())


if __name__ == "__main__":
    main()
