"""The chart of `deploy/helm`: linted, rendered, and checked by Kubernetes' own schemas. No cluster
could be had, so nothing of it was run."""

import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
from tests.integration.tools import ROOT, tool

from valetkey.server.settings import load

pytestmark = pytest.mark.integration

CHART: Final = ROOT / "deploy/helm/valetkey"
VERSION: Final = "1.31.0"


def helm(*words: str) -> str:
    done = subprocess.run(
        [str(tool("helm")), *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def rendered(*settings: str) -> tuple[dict[str, Any], ...]:
    yaml = pytest.importorskip("yaml")
    options = [word for one in settings for word in ("--set", one)]
    text = helm("template", "one", str(CHART), f"--kube-version={VERSION}", *options)
    return tuple(one for one in yaml.safe_load_all(text) if one)


def of_kind(kind: str, *settings: str) -> dict[str, Any]:
    (one,) = [each for each in rendered(*settings) if each["kind"] == kind]
    return one


def pods(*settings: str) -> Iterator[dict[str, Any]]:
    for one in rendered(*settings):
        if one["kind"] in {"Deployment", "Job"}:
            yield one["spec"]["template"]["spec"]


EVERYTHING: Final = ("ingress.enabled=true", "ingress.tlsSecretName=tls")
LITTLE: Final = (
    "autoscaling.enabled=false",
    "migrate.enabled=false",
    "networkPolicy.enabled=false",
    "podDisruptionBudget.enabled=false",
)


def test_it_is_linted() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


@pytest.mark.parametrize("settings", [(), EVERYTHING, LITTLE], ids=["usual", "all", "little"])
def test_the_schemas_of_kubernetes_hold(settings: tuple[str, ...]) -> None:
    validate = _validator()
    kinds = {one["kind"] for one in rendered(*settings)}
    assert {"Deployment", "Service", "ConfigMap"} <= kinds
    for one in rendered(*settings):
        validate(one)


def test_a_mistake_would_be_found() -> None:
    broken = of_kind("Service") | {"spec": {"ports": "none"}}
    with pytest.raises(AssertionError, match="none"):
        _validator()(broken)


def _validator() -> Any:
    """Checks a document in the environment of the package that ships the schemas."""
    python = tool("kubernetes-validate") / "bin/python"
    code = (
        "import json, sys, kubernetes_validate as k\n"
        "try: k.validate(json.load(sys.stdin), '1.31', strict=True)\n"
        "except Exception as error: sys.exit(str(error))\n"
    )

    def validate(document: dict[str, Any]) -> None:
        import json

        done = subprocess.run(
            [str(python), "-c", code],
            input=json.dumps(document),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr

    return validate


def test_the_server_can_read_its_settings(tmp_path: Any) -> None:
    text = of_kind("ConfigMap")["data"]["valetkey.toml"]
    file = tmp_path / "valetkey.toml"
    file.write_text(text)
    assert tomllib.loads(text)["issuer"] == "https://id.chirp.example"
    url = tmp_path / "database.url"
    url.write_text("postgresql://valetkey:pw@db/valetkey")
    url.chmod(0o600)
    environ = {
        one["name"]: one["value"]
        for pod in pods()
        for one in pod["containers"][0]["env"]
        if one["name"] != "VALETKEY_CONFIG"
    }
    assert environ["VALETKEY_DATABASE_FILE"] == "/run/secrets/valetkey/database.url"
    environ["VALETKEY_DATABASE_FILE"] = str(url)
    settings = load({}, environ, file)
    assert settings.drain_seconds == 10
    assert settings.trusted_proxies == ("10.0.0.0/8",)


def test_pods_have_no_rights_and_no_secret_in_their_environment() -> None:
    """ATTACKS A83."""
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all("valueFrom" not in one for one in container["env"])
        (secrets,) = [one["secret"] for one in pod["volumes"] if "secret" in one]
        assert secrets["defaultMode"] == 0o440
    assert not [one for one in rendered() if one["kind"] == "Secret"]


def test_the_end_is_longer_than_the_drain() -> None:
    (pod, *_) = [one for one in pods("drainSeconds=30") if "terminationGracePeriodSeconds" in one]
    assert pod["terminationGracePeriodSeconds"] == 50
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pod["containers"][0]["livenessProbe"]["httpGet"]["path"] == "/healthz"
