"""A150: a mail that says what an attacker wants.

Attack: A name, a device, an address or an app's name has line ends, markup, template code, a link
or characters that turn the text around, so that a mail has other headers, receivers, links or words
than ours.
Defense: No header takes a stranger's text but the subject, which is one line of visible characters.
Mails are escaped as pages are. Control and bidirectional characters are removed, and addresses in
others' words are taken apart, so that no mail program links them. An address that is not exactly
one mailbox gets nothing.
"""

import pytest
from tests.mail_server import mailbox, parsed, text
from tests.rows import row
from tests.server.http.test_smtp import LOOK, STYLE, send

from valetkey.server.accounts.notices import Letter, is_address
from valetkey.server.pages.mail import compose

EVIL = [
    row("A150", "a line end and a header", "Miko\r\nBcc: victim@evil.example"),
    row("A150", "a bare line end and a body", "Miko\n\n<h1>Pay now</h1>"),
    row("A150", "markup", "<script>alert(1)</script><img src=https://evil.example/x>"),
    row("A150", "an attribute", '" onload="x" style="background:url(https://evil.example)'),
    row("A150", "template code", "{{ view.site }}{% include 'base.html' %}"),
    row("A150", "a translation's placeholder", "%(name)s %s %(site)s"),
    row("A150", "a link", "visit https://evil.example/pay now"),
    row("A150", "a domain", "evil.example"),
    row("A150", "turned around", "\u202eelpmaxe.live\u202c \u2066x\u2069"),
    row("A150", "an encoded word", "=?utf-8?q?Bcc:_victim=40evil.example?="),
    row("A150", "nothing visible", "\u200b\u2060\ufeff\x00"),
    row("A150", "very long", "x" * 100_000),
]


@pytest.mark.parametrize("value", EVIL)
def test_what_others_wrote_stays_text(value: str) -> None:
    letter = Letter(
        id="a",
        kind="factor_added",
        to="miko@chirp.example",
        at=1_800_000_000,
        name=value,
        app=value,
        facts={"device": value, "name": value, "factor": value},
    )
    raw = compose(letter, LOOK, STYLE).as_bytes()
    mail = parsed(raw)
    assert sorted(name.lower() for name in mail) == [
        "auto-submitted",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "subject",
        "to",
        "x-auto-response-suppress",
    ]
    assert mail["to"] == "miko@chirp.example"
    html, plain = text(mail, "html"), text(mail)
    for sign in ("<script", "<img", "<h1>Pay", ' onload="', "https://evil", "evil.example"):
        assert sign not in html
    for sign in ("https://evil", "evil.example"):
        assert sign not in plain
    for char in "\u202e\u2066\u200b\x00":
        assert char not in html + plain
    assert len(raw) < 20_000


@pytest.mark.parametrize("value", EVIL)
def test_a_subject_is_one_line(value: str) -> None:
    letter = Letter(id="a", kind="app_connected", to="miko@chirp.example", at=0, app=value)
    raw = compose(letter, LOOK, STYLE).as_bytes()
    mail = parsed(raw)
    assert "bcc" not in mail
    assert "\n" not in mail["subject"]
    assert mail["subject"].endswith("is now connected to your account")


ADDRESSES = [
    row("A150", "two", "a@chirp.example,b@evil.example"),
    row("A150", "a line end", "a@chirp.example\r\nBcc: b@evil.example"),
    row("A150", "a line end last", "a@chirp.example\n"),
    row("A150", "a comment", "a(b@evil.example)@chirp.example"),
    row("A150", "a name", "Miko <a@chirp.example>"),
    row("A150", "quoted", '"a b"@chirp.example'),
    row("A150", "two signs", "a@b@chirp.example"),
    row("A150", "an option", "-oQ/tmp@chirp.example"),
    row("A150", "an address literal", "a@[127.0.0.1]"),
    row("A150", "a route", "@evil.example:a@chirp.example"),
    row("A150", "a space", "a @chirp.example"),
    row("A150", "turned around", "a\u202e@chirp.example"),
    row("A150", "too long", "a" * 250 + "@chirp.example"),
    row("A150", "nothing", ""),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_but_one_mailbox(address: str) -> None:
    assert not is_address(address)


@pytest.mark.parametrize("address", ["miko@chirp.example", "m.i+k_o@a-b.example", "mikö@bücher.de"])
def test_addresses_that_people_have(address: str) -> None:
    assert is_address(address)


def test_one_receiver_gets_it() -> None:
    with mailbox() as box:
        letter = Letter(
            id="a", kind="test", to="miko@chirp.example", at=0, name="x\r\nBcc: victim@evil.example"
        )
        assert send(box, letter, security="none") == ("", False)
        assert box.receivers == ["miko@chirp.example"]


def test_nothing_comes_from_another_host() -> None:
    letter = Letter(id="a", kind="new_device", to="miko@chirp.example", at=0)
    html = text(compose(letter, LOOK, STYLE), "html")
    for sign in ("<img", "src=", "url(", "<link", "@import", "<script"):
        assert sign not in html
