"""Mails reach a real mail server, encrypted and signed in, or say why not."""

import asyncio
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.mail_server import PASSWORD, USER, Mailbox, mailbox, text

from valetkey.server.accounts.notices import Letter
from valetkey.server.http.smtp import Mailer, MailServer
from valetkey.server.model.brand import Brand
from valetkey.server.model.keys import Secret
from valetkey.server.pages.frame import site_links
from valetkey.server.pages.mail import MailStyle, compose
from valetkey.server.pages.theme import Look

LOOK = Look(Brand(), {}, links=site_links("Chirp", "", ""))
STYLE = MailStyle(
    issuer="https://id.chirp.example", sender=("Chirp", "no-reply@chirp.example"), zone="UTC"
)
LETTER = Letter(
    id="n1", kind="password_changed", to="miko@chirp.example", at=1_800_000_000, name="Miko"
)


def mailer(box: Mailbox, **server: Any) -> Mailer:
    async def composed(letter: Letter) -> Any:
        return compose(letter, LOOK, STYLE)

    def trust() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=box.ca if box.ca.name else None)

    terms: dict[str, Any] = {"host": "localhost", "port": box.port} | server
    return Mailer(MailServer(**terms), composed, trust=trust)


def send(box: Mailbox, letter: Letter = LETTER, **server: Any) -> tuple[str, bool]:
    async def sent() -> tuple[str, bool]:
        found = await mailer(box, **server)(letter)
        # What a closed connection still does, the loop of a server does later.
        await asyncio.sleep(0.05)
        return found

    return asyncio.run(sent())


@pytest.fixture(scope="module")
def starttls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with mailbox(tmp_path_factory.mktemp("mail"), tls="starttls", sign_in=True) as box:
        yield box


SIGNED_IN: dict[str, Any] = {"username": USER, "password": Secret(PASSWORD)}


def test_starttls_and_a_password(starttls: Mailbox) -> None:
    assert send(starttls, **SIGNED_IN) == ("", False)
    assert starttls.sessions[-1].ssl
    assert starttls.receivers[-1] == "miko@chirp.example"
    mail = starttls.mails[-1]
    assert mail["subject"] == "Your password was changed"
    assert mail["message-id"] == "<n1@chirp.example>"
    assert mail["auto-submitted"] == "auto-generated"
    assert "Hello Miko," in text(mail)


def test_a_wrong_password_is_tried_again_later(starttls: Mailbox) -> None:
    before = len(starttls.raw)
    why, final = send(starttls, username=USER, password=Secret("x"))
    assert why == "SMTPAuthenticationError 535"
    assert not final
    assert len(starttls.raw) == before


def test_a_certificate_that_nobody_trusts_is_refused(starttls: Mailbox, tmp_path: Path) -> None:
    with mailbox(tmp_path, tls="starttls") as box:
        box.ca = starttls.ca
        why, final = send(box)
    assert "certificate" in why.lower()
    assert not final
    assert box.raw == []


def test_without_starttls_nothing_is_sent() -> None:
    with mailbox() as box:
        why, final = send(box)
        assert "STARTTLS" in why
        assert not final
        assert box.raw == []
        assert send(box, security="none") == ("", False)
        assert len(box.raw) == 1


def test_tls_from_the_start(tmp_path: Path) -> None:
    with mailbox(tmp_path, tls="tls") as box:
        assert send(box, security="tls") == ("", False)
        assert len(box.raw) == 1


def test_the_check_of_doctor(starttls: Mailbox) -> None:
    async def checked(**server: Any) -> str:
        found = await mailer(starttls, **server).check()
        await asyncio.sleep(0.05)
        return found

    assert asyncio.run(checked(**SIGNED_IN)) == ""
    assert "535" in asyncio.run(checked(username=USER, password=Secret("x")))


@pytest.mark.parametrize(
    "answer, final",
    [("550 no such user", True), ("452 full", False)],
    ids=["refused for good", "refused for now"],
)
def test_a_refused_address(answer: str, final: bool) -> None:
    with mailbox() as box:
        box.answer = lambda to: answer
        why, ends = send(box, security="none")
        assert why == f"its address was refused with {answer[:3]}"
        assert ends is final


def test_nobody_listens() -> None:
    box = Mailbox()
    box.port = 9
    why, final = send(box, security="none")
    assert "nobody listens there" in why
    assert not final


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valetkey.server.http.smtp.SECONDS", 0.2)

    async def silent() -> tuple[str, bool]:
        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            over.set()

        over = asyncio.Event()
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        box = Mailbox()
        box.port = server.sockets[0].getsockname()[1]
        async with server:
            found = await mailer(box, security="none")(LETTER)
            await over.wait()
            return found

    assert asyncio.run(silent()) == ("it takes longer than 0.2 s", False)


def test_an_address_with_other_letters() -> None:
    letter = Letter(id="n2", kind="test", to="mikö@chirp.example", at=0)
    with mailbox() as box:
        assert send(box, letter, security="none") == ("", False)
        assert box.receivers == ["mikö@chirp.example"]


def test_a_failing_template_is_no_crash() -> None:
    async def broken(letter: Letter) -> Any:
        raise RuntimeError(os.urandom(4).hex())

    terms = MailServer(host="localhost", port=9)
    sender = Mailer(terms, broken, trust=ssl.create_default_context)
    why, final = asyncio.run(sender(LETTER))
    assert why == "it could not be written: RuntimeError"
    assert not final
