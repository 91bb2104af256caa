"""`valetkey doctor` about providers at which users sign in; `tests/integration/test_ldap.py` has
directories."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cli.line import Line
from tests.cli.test_doctor import look
from tests.live import free_port
from tests.outside import Host, Publication, outside
from tests.providers import FakeProvider, upstream
from tests.rows import row

from valetkey.cli.checks.sign_in import Check, sign_in_checks
from valetkey.server.settings import Settings
from valetkey.server.settings.upstream import UpstreamSettings
from valetkey.server.settings.ways import SignInSettings


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("host")) as host:
        yield host


def check(host: Host, *providers: UpstreamSettings, trusted: bool = True) -> list[Check]:
    settings = Settings(
        issuer="https://login.example",
        sign_in=SignInSettings(upstream=providers),
        fetch_ca_file=host.ca if trusted else None,
    )
    return list(sign_in_checks(settings))


def test_a_provider_that_is_there(host: Host, line: Line) -> None:
    provider = FakeProvider(host)
    (line.folder / "valetkey.toml").write_text(
        f'fetch_ca_file = "{host.ca}"\n[[sign_in.upstream]]\n'
        f'name = "corp"\nissuer = "{provider.issuer}"\nclient_id = "login"\n'
    )
    secret: dict[str, Any] = {"VALETKEY_SIGN_IN__UPSTREAM__CORP__CLIENT_SECRET": "a secret"}
    found = look(line, **secret)["provider corp"]
    assert found["verdict"] == "ok"
    assert found["says"].startswith(provider.issuer)
    provider.publish_keys()
    assert look(line, status=1, **secret)["provider corp"]["verdict"] == "fail"


def other_issuer(host: Host) -> UpstreamSettings:
    provider = FakeProvider(host, "/other")
    provider.publish_metadata(issuer="https://elsewhere.example")
    return provider.settings()


def silent(host: Host) -> UpstreamSettings:
    return upstream(issuer=f"https://localhost:{free_port()}")


def keys_inside(host: Host) -> UpstreamSettings:
    provider = FakeProvider(host, "/inside")
    provider.publish_metadata(jwks_uri=f"https://127.0.0.1:{host.port}/keys")
    return provider.settings()


def oauth2(host: Host) -> UpstreamSettings:
    return upstream(
        authorization_endpoint=host.url("/authorize"),
        token_endpoint=host.url("/token"),
        userinfo_endpoint=f"https://localhost:{free_port()}/user",
    )


MISTAKES = [
    row("doctor", "another issuer", other_issuer, "'https://elsewhere.example'", "write issuer"),
    row("doctor", "nobody listens", silent, "nobody listens", "check issuer"),
    row("doctor", "no metadata", lambda host: upstream(issuer=host.url("/no")), "404", "/no/.well"),
    row("doctor", "no such name", lambda _: upstream(issuer="https://x.invalid"), "no address", ""),
    row("doctor", "private keys elsewhere", keys_inside, "not on the public internet", "port of"),
    row("doctor", "half of OAuth 2", oauth2, "/user: nobody listens", ""),
]


@pytest.mark.parametrize("make,why,hint", MISTAKES)
def test_a_provider_at_which_nobody_can_sign_in(
    make: Callable[[Host], UpstreamSettings], why: str, hint: str, host: Host
) -> None:
    ((_, verdict, says),) = check(host, make(host))
    assert verdict == "fail"
    assert why in says
    assert hint in says


def test_a_certificate_of_nobody(host: Host) -> None:
    ((_, verdict, says),) = check(host, FakeProvider(host).settings(), trusted=False)
    assert verdict == "fail"
    assert says.endswith("name its authority in fetch_ca_file")


def test_silent_providers_are_asked_at_once(host: Host) -> None:
    def drip(out: object) -> None:
        time.sleep(4)

    names = ("one", "two", "three")
    for name in names:
        host.published[f"/{name}/.well-known/openid-configuration"] = Publication(raw=drip)
    began = time.monotonic()
    found = check(host, *(upstream(name, issuer=host.url(f"/{name}")) for name in names))
    assert [verdict for _, verdict, _ in found] == ["fail"] * 3
    assert time.monotonic() - began < 8
