"""An issuer with a path behind Debian's nginx, configured as the guide has it."""

import re
from pathlib import Path

import httpx2
import pytest
from tests.browser import Browser
from tests.docs.markdown import ROOT, blocks
from tests.live import Live, free_port
from tests.resource.test_nginx import NGINX, running

from valetkey.wire import metadata

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

GUIDE = ROOT / "docs" / "howto" / "run-the-server.md"


def configuration(folder: Path, front: int, server: int) -> str:
    (site,) = [
        one.text
        for one in blocks("nginx")
        if one.page == GUIDE and one.text.lstrip().startswith("location")
    ]
    assert site.count("127.0.0.1:8000") == 2
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{server}")
    # The rest of the host is the platform's.
    site += "location / { return 200 chirp; }"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return (
        f"daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; {temporary}\n"
        f"server {{ listen 127.0.0.1:{front};\n{site}\n}} }}\n"
    )


def test_apps_and_people_reach_it(tmp_path: Path) -> None:
    front = free_port()
    issuer = f"http://127.0.0.1:{front}/oauth"
    server = Live(tmp_path / "valetkey.db", issuer=issuer, unthrottled=("127.0.0.1",))
    server.start()
    (tmp_path / "nginx.conf").write_text(configuration(tmp_path, front, server.port))
    command = [str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    try:
        with running(command, front, tmp_path):
            for address in (
                metadata.well_known(issuer, metadata.AUTHORIZATION_SERVER),
                issuer + metadata.OPENID,
            ):
                assert httpx2.get(address).json()["issuer"] == issuer
            browser = Browser(f"http://127.0.0.1:{front}")
            browser.open("/oauth/apps")
            browser.sign_in()
            assert browser.page.url.path == "/oauth/apps"
            styles = re.findall(r'href="([^"]+\.css)"', browser.page.text)
            assert [browser.http.get(one).status_code for one in styles] == [200]
            assert browser.open("/apps").text == "chirp"
            browser.http.close()
    finally:
        server.stop()
