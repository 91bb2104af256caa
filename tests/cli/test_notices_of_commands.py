"""What administrators do on the command line reaches the user: by mail, and through the webhook."""

import os
import time
from pathlib import Path

import msgspec
import pytest
from tests.cli.line import Line
from tests.cli.test_serve import serving
from tests.cli.test_workers import until
from tests.live import free_port
from tests.mail_server import Mailbox, mailbox, text
from tests.outside import Host, outside

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant
from valetkey.server.store.port import Store

SECRET = "whsec_" + "QUFB" * 8
WORD = "lanterns at dusk again"

ACTS = {
    "account.password_changed": (("user", "set-password", "miko", "--password-stdin"), WORD),
    "account.password_link_made": (("user", "reset-link", "miko"), ""),
    "account.factors_reset": (
        ("user", "reset-factors", "miko", "--reason", "lost the phone", "--yes"),
        "",
    ),
    "account.access_stopped": (("client", "remove", "stefapp", "--yes"), ""),
}
"""Each event of the webhook, and what causes it."""

SUBJECTS = {
    "Your password was changed",
    "Our support made a link to change your password",
    "Your ways to sign in were reset",
    "Our support ended the access of stefApp",
}


def settings(box: Mailbox, host: Host) -> str:
    return f"""
fetch_ca_file = "{host.ca}"
[mail]
host = "localhost"
port = {box.port}
security = "none"
sender = "Chirp <no-reply@chirp.example>"
[webhook]
url = "{host.url("/hook")}"
"""


@pytest.fixture
def account(line: Line) -> None:
    """Miko, with an address, a second factor, and a connected app."""
    line.ok(
        *("user", "add", "miko", "--email", "miko@chirp.example", "--email-verified"),
        "--password-stdin",
        stdin="correct horse battery",
    )
    line.ok(
        *("client", "add", "--id", "stefapp", "--name", "stefApp", "--public"),
        *("--redirect-uri", "http://127.0.0.1/callback", "--scope", "openid"),
    )
    env = Env(int(time.time()), os.urandom)
    miko = line.json("user", "list")[0]["id"]

    async def write(store: Store) -> None:
        grant = Grant(
            id=ids.owned_id(env, owner=miko),
            user=miko,
            client="stefapp",
            permissions=("openid",),
            created=env.now,
            changed=env.now,
        )
        factor = Factor(id=ids.owned_id(env, owner=miko), user=miko, kind="totp", created=env.now)
        await store.commit([Create(grant), Create(factor)])

    line.store(write)


@pytest.mark.usefixtures("account")
def test_a_running_server_sends_what_commands_cause(line: Line, tmp_path: Path) -> None:
    with mailbox() as box, outside(tmp_path) as host:
        (line.folder / "valetkey.toml").write_text(settings(box, host), "utf-8")
        secret = {"VALETKEY_WEBHOOK__SECRET": SECRET}
        with serving("--port", str(free_port()), **secret) as (_, ready):
            assert ready
            for words, stdin in ACTS.values():
                line.ok(*words, stdin=stdin, **secret)
            mails = box.wait(len(ACTS))
            until(lambda: len(host.posted) >= len(ACTS))
    assert {str(mail["subject"]) for mail in mails} == SUBJECTS
    assert set(box.receivers) == {"miko@chirp.example"}
    events = [msgspec.json.decode(body) for _, body, _ in host.posted]
    assert {event["type"] for event in events} == ACTS.keys()
    (stopped,) = [event for event in events if event["type"] == "account.access_stopped"]
    assert stopped["data"]["app"] == {"id": "stefapp", "name": "stefApp"}
    (link,) = [mail for mail in mails if "made a link" in str(mail["subject"])]
    assert "contact support" in text(link)
    # Whoever reads the mails of the account gets no link.
    assert "/forgot" not in text(link) + text(link, "html")
