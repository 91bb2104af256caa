"""`valetkey mail`, `valetkey notices`, and what `valetkey doctor` says about both."""

import time
from pathlib import Path

import msgspec
import pytest
from tests.cli.line import Line
from tests.live import free_port
from tests.mail_server import mailbox
from tests.outside import Publication, outside

from valetkey.server.model.change import Create
from valetkey.server.model.stream import Job
from valetkey.server.store.port import Store

SECRET = "whsec_" + "QUFB" * 8


def configure(line: Line, text: str) -> None:
    (line.folder / "valetkey.toml").write_text(text, "utf-8")


def mail_settings(port: int) -> str:
    return f"""
[mail]
host = "localhost"
port = {port}
security = "none"
sender = "Chirp <no-reply@chirp.example>"
"""


def doctor(line: Line, **environ: str) -> dict[str, tuple[str, str]]:
    here = ("--set", f"issuer=http://127.0.0.1:{free_port()}")
    rows = msgspec.json.decode(line.run("doctor", "--json", *here, **environ).stdout)
    return {row["what"]: (row["verdict"], row["says"]) for row in rows}


def test_a_test_mail_arrives(line: Line) -> None:
    with mailbox() as box:
        configure(line, mail_settings(box.port))
        assert "took a mail to miko@chirp.example" in line.ok("mail", "test", "miko@chirp.example")
        (mail,) = box.mails
        assert mail["subject"] == "A test mail from valetkey"
        assert box.receivers == ["miko@chirp.example"]
        assert doctor(line)["mail"] == ("ok", f"localhost:{box.port} answers, and takes mails")


def test_nobody_listens(line: Line) -> None:
    configure(line, mail_settings(9))
    assert "nobody listens there" in line.fails("mail", "test", "miko@chirp.example", status=1)
    verdict, says = doctor(line)["mail"]
    assert verdict == "fail"
    assert "nobody listens there" in says


def test_without_settings(line: Line) -> None:
    assert "no mail server is set" in line.fails("mail", "test", "m@chirp.example", status=1)
    assert "no webhook is set" in line.fails("notices", "test", status=1)
    assert doctor(line)["notices"][0] == "warn"


def test_an_address_has_to_be_one(line: Line) -> None:
    configure(line, mail_settings(9))
    assert "no email address" in line.fails("mail", "test", "a@b.example,c@d.example", status=2)


@pytest.mark.parametrize(
    "text, why",
    [
        ('[mail]\nhost = "localhost"\n', "mail.sender"),
        (
            '[mail]\nhost = "smtp.chirp.example"\nsender = "a@b.example"\nsecurity = "none"\n',
            "clear",
        ),
        ('[mail]\nhost = "localhost"\nsender = "a@b.example, c@d.example"\n', "must be an address"),
        ('[mail]\nhost = "localhost"\nsender = "a@b.example"\nusername = "x"\n', "password"),
        ('[mail]\nhost = "localhost"\nsender = "a@b.example"\ntime_zone = "Mars"\n', "time zone"),
        ('[webhook]\nurl = "https://chirp.example/hook"\n', "webhook.secret_file"),
        ('[webhook]\nurl = "http://chirp.example/hook"\n', "webhook.url"),
    ],
)
def test_settings_that_do_not_fit(line: Line, text: str, why: str) -> None:
    configure(line, text)
    assert why in line.fails("config", "show", status=2)


def test_a_wrong_secret_is_not_repeated(line: Line) -> None:
    configure(line, '[webhook]\nurl = "https://chirp.example/hook"\n')
    says = line.fails("config", "show", status=2, VALETKEY_WEBHOOK__SECRET="whsec_dG9vIHNob3J0")
    assert "must be whsec_" in says
    assert "dG9vIHNob3J0" not in says


def test_the_webhook_gets_a_signed_test(line: Line, tmp_path: Path) -> None:
    with outside(tmp_path) as host:
        configure(
            line,
            f'fetch_ca_file = "{host.ca}"\n[webhook]\nurl = "{host.url("/hook")}"\n',
        )
        line.ok("notices", "test", VALETKEY_WEBHOOK__SECRET=SECRET)
        ((path, body, headers),) = host.posted
        assert path == "/hook"
        assert msgspec.json.decode(body)["type"] == "test"
        assert {name.lower() for name in headers} >= {
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
        }
        host.published["/hook"] = Publication(b"", 500, {})
        why = line.fails("notices", "test", status=1, VALETKEY_WEBHOOK__SECRET=SECRET)
        assert "it answers with status 500" in why


def test_failed_notices_are_listed_and_sent_again(line: Line) -> None:
    configure(line, mail_settings(9))
    line.ok("key", "rotate")
    now = int(time.time())
    facts = {"notice": "new_device", "id": "n1", "failed": "it is down", "lease": "1"}
    failed = Job(id="j1", kind="mail", url="", due=now + 86400, created=now, tried=9, facts=facts)

    async def put(store: Store) -> None:
        await store.commit([Create(failed)])

    line.store(put)
    (row,) = line.json("notices", "list")
    assert row == {
        "id": "j1",
        "by": "mail",
        "notice": "new_device",
        "user": "",
        "created": now,
        "why": "it is down",
    }
    assert doctor(line)["notices"][0] == "warn"
    assert "is no failed notice" in line.fails("notices", "resend", "other", status=1)
    line.fails("notices", "resend", status=2)
    line.ok("notices", "resend", "j1")
    (again,) = line.every(Job)
    assert (again.tried, again.facts) == (0, {"notice": "new_device", "id": "n1"})
    assert again.due <= time.time()
    assert line.json("notices", "list") == []
