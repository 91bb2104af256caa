"""Sign-in at a real Keycloak."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest
from tests.attacks.play import every
from tests.browser import PATIENCE, forms
from tests.integration.tools import tool
from tests.live import Live, free_port
from tests.outside import outside
from tests.providers import CLIENT, away, begins, query, server_with, upstream

from valetkey.server.model.user import Identity, Session, User

pytestmark = pytest.mark.integration

SECRET: Final = "a-secret-of-the-provider"
START_SECONDS: Final = 300.0


def realm(server: Live) -> dict[str, Any]:
    """A realm with one client and one user in a group."""
    here = f"{server.issuer}/sign-in/with/there"
    mapper = {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-group-membership-mapper",
        "config": {
            "claim.name": "groups",
            "full.path": "false",
            "id.token.claim": "true",
            "userinfo.token.claim": "true",
        },
    }
    client = {
        "clientId": CLIENT,
        "secret": SECRET,
        "redirectUris": [f"{here}/callback"],
        "attributes": {
            "backchannel.logout.url": f"{here}/backchannel-logout",
            "backchannel.logout.session.required": "true",
            "post.logout.redirect.uris": f"{server.issuer}/signed-out",
            "pkce.code.challenge.method": "S256",
        },
        "protocolMappers": [mapper],
    }
    user = {
        "username": "miko",
        "enabled": True,
        "email": "miko@corp.example",
        "emailVerified": True,
        "firstName": "Miko",
        "lastName": "Lind",
        "groups": ["staff"],
        "credentials": [{"type": "password", "value": "a password", "temporary": False}],
    }
    return {
        "realm": "staff",
        "enabled": True,
        "groups": [{"name": "staff"}],
        "clients": [client],
        "users": [user],
    }


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Live]]:
    folder = tmp_path_factory.mktemp("keycloak")
    port, management = free_port(), free_port()
    issuer = f"https://localhost:{port}/realms/staff"
    # It writes beside itself.
    home = shutil.copytree(tool("keycloak"), folder / "keycloak", symlinks=True)
    with outside(folder) as host:
        settings = upstream(issuer=issuer, groups="groups")
        more: dict[str, Any] = {"fetch_local": (f"localhost:{port}",), "fetch_ca_file": host.ca}
        with server_with(folder, host, settings, **more) as server:
            (home / "data" / "import").mkdir(parents=True, exist_ok=True)
            file = home / "data" / "import" / "staff.json"
            file.write_text(json.dumps(realm(server)), "utf-8")
            log = (folder / "keycloak.log").open("wb")
            process = subprocess.Popen(
                [
                    str(home / "bin" / "kc.sh"),
                    "start-dev",
                    "--import-realm",
                    "--http-host=127.0.0.1",
                    f"--https-port={port}",
                    f"--http-port={free_port()}",
                    f"--http-management-port={management}",
                    f"--https-certificate-file={folder / 'outside.certificate.pem'}",
                    f"--https-certificate-key-file={folder / 'outside.key.pem'}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"},
                start_new_session=True,
            )
            try:
                _wait(f"{issuer}/.well-known/openid-configuration", process, folder)
                yield issuer, server
            finally:
                os.killpg(process.pid, 15)
                process.wait(PATIENCE)
                log.close()


def _wait(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    with httpx2.Client(verify=False) as client:
        while time.monotonic() < until:
            assert process.poll() is None, (folder / "keycloak.log").read_text(errors="replace")
            try:
                if client.get(url).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.5)
    raise AssertionError((folder / "keycloak.log").read_text(errors="replace")[-4000:])


@pytest.fixture
def at_keycloak(keycloak: tuple[str, Live]) -> Iterator[httpx2.Client]:
    with httpx2.Client(verify=False, timeout=PATIENCE) as client:
        yield client


def _signs_in(client: httpx2.Client, url: str, server: Live) -> str:
    """Signs in there; the path and query of the way back."""
    reply = client.get(url)
    for _ in range(6):
        location = reply.headers.get("location", "")
        if location.startswith(server.issuer):
            back = urlsplit(location)
            return f"{back.path}?{back.query}"
        if location:
            reply = client.get(urljoin(str(reply.request.url), location))
            continue
        (form, *_) = [one for one in forms(reply.text) if "credentialId" in one.fields]
        typed = {**form.fields, "username": "miko", "password": "a password"}
        action = form.action.replace("&amp;", "&")
        reply = client.post(action, data=typed)
    raise AssertionError(reply.text[:3000])


def test_sign_in(keycloak: tuple[str, Live], at_keycloak: httpx2.Client) -> None:
    issuer, server = keycloak
    browser = server.browser()
    url = begins(browser)
    browser.open(_signs_in(at_keycloak, url, server))
    assert 'id="allow"' in browser.page.text, browser.page.text
    (identity,) = every(server, Identity)
    assert identity.source == issuer
    assert identity.groups == ("staff",)
    user = next(one for one in every(server, User) if one.id == identity.user)
    assert (user.email, user.email_verified) == ("miko@corp.example", True)
    assert user.display_name == "Miko Lind"
    session = next(one for one in every(server, Session) if one.user == user.id)
    assert session.source_sid
    assert 0 <= time.time() - session.auth_time < PATIENCE


def test_a_fresh_sign_in(keycloak: tuple[str, Live], at_keycloak: httpx2.Client) -> None:
    _, server = keycloak
    browser = server.browser()
    browser.open(_signs_in(at_keycloak, away(browser, "/sign-in/with/there"), server))
    before = max(one.auth_time for one in every(server, Session))
    time.sleep(1.1)
    url = away(browser, "/sign-in/with/there")
    assert query(url)["prompt"] == "login"
    browser.open(_signs_in(at_keycloak, url, server))
    assert max(one.auth_time for one in every(server, Session)) > before


def test_sign_out_there_ends_the_session_here(
    keycloak: tuple[str, Live], at_keycloak: httpx2.Client
) -> None:
    _, server = keycloak
    browser = server.browser()
    browser.open(_signs_in(at_keycloak, away(browser, "/sign-in/with/there"), server))
    sid = browser.http.cookies["vk_session"].partition(".")[0]
    assert sid in {one.id for one in every(server, Session)}
    page = browser.open("/signed-out?way=there")
    link = re.search(r'id="sign-out-elsewhere" href="([^"]+)"', page.text)
    assert link is not None, page.text
    asked = at_keycloak.get(link[1].replace("&amp;", "&"), follow_redirects=True)
    (form, *_) = forms(asked.text)
    at_keycloak.post(urljoin(str(asked.request.url), form.action), data=form.fields)
    until = time.monotonic() + PATIENCE
    while sid in {one.id for one in every(server, Session)} and time.monotonic() < until:
        time.sleep(0.1)
    assert sid not in {one.id for one in every(server, Session)}
