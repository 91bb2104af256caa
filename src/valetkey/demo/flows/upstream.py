"""A company has an OpenID provider: its people sign in there, and valetkey has no password.

The provider is oidc-provider for Node.js, which others wrote. It speaks TLS, by a certificate that
the story makes.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from valetkey.demo.flows.certificate import write_certificate
from valetkey.demo.flows.flow import Flow, Step, connect_device
from valetkey.demo.play import TIMEOUT, Play
from valetkey.demo.programs import Failed, free_ports

CLIENT: Final = "chirp"
HERE: Final = Path(__file__).parent
MODULE: Final = "oidc-provider"
BROWSER: Final = "Miko's browser → Corp"


def _module_folders() -> Iterator[Path]:
    """Where the npm package may be: in a checkout, and where `tools/get oidc-provider` puts it."""
    yield HERE.parents[3] / "tests/clients/node/node_modules"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for place in sorted((Path(cache) / "valetkey/tools").glob("oidc-provider-*"), reverse=True):
        yield place / "node_modules"


def _node_and_modules() -> tuple[str, Path]:
    """Node.js, and the folder of the package. Raises Failed."""
    node = shutil.which("node")
    folder = next((one for one in _module_folders() if (one / MODULE).is_dir()), None)
    if node is None:
        raise Failed("this story needs Node.js 20 or newer, which is not installed")
    if folder is None:
        raise Failed("this story needs the npm package oidc-provider: tools/get oidc-provider")
    return node, folder


def connects(play: Play) -> None:
    """The operator registers the server at the provider, adds it to the settings, and restarts."""
    node, modules = _node_and_modules()
    folder, (port,) = play.stage.folder, free_ports(1)
    certificate, key = write_certificate(folder, "localhost")
    (folder / "node_modules").symlink_to(modules)
    shutil.copy(HERE / "provider.mjs", folder)
    play.kept["issuer"] = issuer = f"https://localhost:{port}"
    secret, back = token_urlsafe(32), f"{play.at.server}/sign-in/with/corp"
    client = {
        "client_id": CLIENT,
        "client_secret": secret,
        "redirect_uris": [f"{back}/callback"],
        "post_logout_redirect_uris": [f"{play.at.server}/signed-out"],
        "backchannel_logout_uri": f"{back}/backchannel-logout",
        "backchannel_logout_session_required": True,
    }
    configuration = {
        "port": port,
        "certificate": str(certificate),
        "key": str(key),
        "client": client,
        "user": play.miko.username,
        "password": play.stage.password,
    }
    command = (node, "provider.mjs", json.dumps(configuration))
    play.stage.programs.start("corp", "valetkey.demo.programs", *command, port=port)
    play.stage.write("corp.secret", secret)
    settings = folder / "valetkey.toml"
    settings.write_text(settings.read_text("utf-8") + _settings(issuer, certificate), "utf-8")
    play.stage.programs.end("server")
    play.stage.start_server()
    play.voice.say(f"Corp's provider is at {issuer}. The settings name it; the rest is discovery.")


def _settings(issuer: str, certificate: Path) -> str:
    place = issuer.removeprefix("https://")
    return f"""
fetch_local = ["{place}"]
fetch_ca_file = "{certificate.name}"

[sign_in]
password = false

[[sign_in.upstream]]
name = "corp"
label = "Corp"
issuer = "{issuer}"
client_id = "{CLIENT}"
client_secret_file = "corp.secret"
"""


def signs_in(play: Play) -> None:
    """Miko opens his apps, and is led to Corp. He comes back signed in."""
    play.miko.opens(f"{play.at.server}/apps")
    hop = play.miko.latest("GET", "/auth")
    play.voice.exchange(hop, who=BROWSER, request=("state", "nonce", "code_challenge"))
    play.check(
        "Miko is at Corp's sign-in page",
        holds=play.miko.body.url.startswith(play.kept["issuer"]),
    )
    play.miko.signs_in()
    play.check(
        "he is back at the authorization server, signed in",
        holds=play.miko.body.url == f"{play.at.server}/apps" and "Miko Lind" in _text(play),
    )
    play.miko.opens(f"{play.at.server}/linked")
    play.check("it knows him by his account at Corp", holds="miko@corp.example" in _text(play))


def allows(play: Play) -> None:
    """An app gets its key as ever: the consent is here."""
    _, answer = connect_device(play, "openid chirps.read")
    play.voice.exchange(answer, who="TV → authorization server", response=("token_type", "scope"))
    play.check("the app has its key", holds=answer.status == 200)


def signs_out(play: Play) -> None:
    """Miko signs out at Corp, and is signed out here."""
    play.miko.opens(f"{play.at.server}/sign-out")
    play.check("he is signed in here", holds="Miko Lind" in _text(play))
    play.miko.opens(f"{play.kept['issuer']}/session/end?client_id={CLIENT}")
    play.miko.presses("sign-out")
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        play.miko.opens(f"{play.at.server}/sign-out")
        if "Miko Lind" not in _text(play):
            break
    play.check(
        "Corp's provider has told the authorization server: he is signed out here",
        holds="Miko Lind" not in _text(play),
    )


def _text(play: Play) -> str:
    return play.miko.body.page.text


FLOW: Final = Flow(
    "people sign in at their company's OpenID provider",
    "Living room TV",
    (
        Step("1", "Corp's provider is connected", (connects,)),
        Step("2", "Miko signs in at Corp", (signs_in,)),
        Step("3", "An app asks, and he consents here", (allows,)),
        Step("4", "He signs out at Corp", (signs_out,)),
    ),
)
