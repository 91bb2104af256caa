"""A153: codes to phones.

Attack: An attacker proves a number that is somebody else's, by a guess or with a code that went to
another number; or lets the platform pay for text messages, to numbers of a far country that share
the price with the attacker, or to one person again and again.
Defense: A code counts once, for 15 minutes, five times at most, for the account and the number that
asked, and the session needs a fresh proof. Only numbers with an allowed beginning get one, an
account causes five in an hour and a number gets five. The code is stored sealed, and only the
platform's signed webhook carries it.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook
from tests.attacks.play import change, every, find, signed_in
from tests.browser import Browser
from tests.live import Live, live
from tests.outside import Host, Publication, outside
from tests.rows import row

from valetkey.server.model.change import Remove
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.keys import Secret
from valetkey.server.model.stream import Job
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.grants import recovery, sent_codes
from valetkey.server.oauth.signals import notice_delivery
from valetkey.server.settings.notices import WebhookSettings

SECRET: Final = "whsec_" + "QUFC" * 8
NUMBER: Final = "+4915112345678"


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("hook")) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, hook: Host) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("live"),
        name="Chirp",
        unthrottled=("127.0.0.0/8",),
        fetch_ca_file=hook.ca,
        fetch_local=(hook.place,),
        webhook=WebhookSettings(
            url=hook.url("/texts"),
            secret=Secret(SECRET),
            phone_codes=True,
            phone_prefixes=("+49", "+43"),
        ),
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def _as_before(server: Live, hook: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody has asked before, and afterwards, people are as before."""
    monkeypatch.setattr(recovery, "TEXTS", 1000)
    for counter in every(server, Throttle):
        if counter.bucket.startswith(("texts ", "mail phone_code ")):
            server.run(server.store.commit((Remove(counter),)))
    monkeypatch.setattr(notice_delivery, "HOURLY", 1000)
    before = [find(server, User, one.id) for one in server.users.values()]
    hook.posted.clear()
    yield
    for one in before:
        fields = {name: getattr(one, name) for name in ("phone_number", "phone_number_verified")}
        change(server, find(server, User, one.id), **fields)


def texts(hook: Host) -> list[dict[str, Any]]:
    """The verified codes for phones that the platform got."""
    documents = [
        Webhook(SECRET).verify(body, {name.lower(): one for name, one in headers.items()})
        for _, body, headers in list(hook.posted)
    ]
    return [one["data"] for one in documents if one["type"] == "account.phone_code"]


def delivered(server: Live, hook: Host) -> list[dict[str, Any]]:
    """All of them, once nothing waits."""
    ends = time.monotonic() + 20
    while any(True for _ in every(server, Job)):
        assert time.monotonic() < ends
        time.sleep(0.05)
    return texts(hook)


def asked(
    server: Live, hook: Host, name: str = "miko", number: str = NUMBER
) -> tuple[Browser, str]:
    """A browser that asked for a code, at the page that takes it, and the code."""
    browser = signed_in(server, name)
    browser.open("/security/phone")
    browser.press("send", phone=number)
    return browser, delivered(server, hook)[-1]["code"]


def test_a_number_counts_once_its_code_was_entered(server: Live, hook: Host) -> None:
    miko = signed_in(server, "miko")
    assert "Add phone number" in miko.open("/security").text
    miko.open("/security/phone")
    page = miko.press("send", phone=" +49 (151) 1234-5678 ")
    assert NUMBER in page.text
    (data,) = delivered(server, hook)
    assert data["phone_number"] == NUMBER
    assert data["user"]["username"] == "miko"
    assert 0 < data["expires"] - time.time() <= sent_codes.SECONDS
    user = server.users["miko"].id
    assert find(server, User, user).phone_number == ""
    assert "Your phone number is confirmed" in miko.press("prove", code=data["code"].lower()).text
    after = find(server, User, user)
    assert (after.phone_number, after.phone_number_verified) == (NUMBER, True)
    assert "phone-changed" in {one.kind for one in every(server, Event) if one.user == user}
    assert "Change phone number" in miko.open("/security").text


def test_a_code_is_for_the_account_and_the_number_that_asked(server: Live, hook: Host) -> None:
    miko, code = asked(server, hook)
    at = str(miko.page.request.url.path)
    noor = signed_in(server, "noor")
    assert noor.open(at).status_code == 404
    own, other = asked(server, hook, "noor", "+4366012345678")
    assert other != code
    assert "This code is incorrect" in own.press("prove", code=code).text
    form = own.form("prove")
    sent = own.http.post(at, data=form.fields | {"code": code})
    assert sent.status_code in (403, 404)
    assert not find(server, User, server.users["noor"].id).phone_number_verified
    assert not find(server, User, server.users["miko"].id).phone_number_verified
    miko.press("prove", code=code)
    assert find(server, User, server.users["miko"].id).phone_number == NUMBER
    assert miko.open(at).status_code == 404, "it counts once"


def test_five_guesses(server: Live, hook: Host) -> None:
    miko, code = asked(server, hook)
    wrong = "BBBB-BBBB" if code != "BBBB-BBBB" else "CCCC-CCCC"
    for left in (4, 3, 2, 1):
        assert f"{left} more time" in miko.press("prove", code=wrong).text
    miko.press("prove", code=wrong)
    assert "Too many incorrect codes" in miko.press("prove", code=code).text
    assert not find(server, User, server.users["miko"].id).phone_number_verified


NUMBERS = [
    row("", "no country", "0151 12345678", "with its country code"),
    row("", "a far country", "+8816123456789", "numbers of this country"),
    row("", "an extension", "+49151123456;ext=1", "with its country code"),
    row("", "letters", "+49151CALLME", "with its country code"),
    row("", "too long", "+4915112345678901", "with its country code"),
    row("", "another header", "+4915112345678\r\nX: y", "with its country code"),
    row("", "digits of another script", "+٤٩١٥١١٢٣٤٥٦٧", "with its country code"),
]


@pytest.mark.parametrize("number, why", NUMBERS)
def test_a_number_that_gets_no_code(server: Live, hook: Host, number: str, why: str) -> None:
    miko = signed_in(server, "miko")
    miko.open("/security/phone")
    form = miko.form("send")
    answer = miko.http.post(form.action, data=form.fields | {"phone": number})
    assert answer.status_code == 400
    assert why in answer.text
    assert delivered(server, hook) == []


def test_nobody_lets_the_platform_pay(
    server: Live, hook: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number gets a few codes in an hour, whoever asks, and an account causes a few."""
    monkeypatch.setattr(notice_delivery, "HOURLY", 2)
    monkeypatch.setattr(recovery, "TEXTS", 3)
    shared, own = "+4915100000001", "+4915100000002"
    for name in ("miko", "noor"):
        browser = signed_in(server, name)
        for _ in range(2):
            browser.open("/security/phone")
            browser.press("send", phone=shared)
    assert [one["phone_number"] for one in delivered(server, hook)] == [shared] * 2
    browser = signed_in(server, "miko")
    for nth in range(3, 6):
        browser.open("/security/phone")
        assert browser.press("send", phone=own[:-1] + str(nth)).status_code == 200
    assert len(delivered(server, hook)) == 3, "two of the account's three were used"


def test_the_code_is_stored_sealed(server: Live, hook: Host) -> None:
    hook.published["/texts"] = Publication(b"", 500, {})
    try:
        miko = signed_in(server, "miko")
        miko.open("/security/phone")
        miko.press("send", phone=NUMBER)
        ends = time.monotonic() + 20
        while not hook.posted or not any(one.tried for one in every(server, Job)):
            assert time.monotonic() < ends
            time.sleep(0.05)
        code = texts(hook)[0]["code"]
        (job,) = every(server, Job)
        for one in (code, code.replace("-", "")):
            assert one.encode() not in msgspec.msgpack.encode(job)
    finally:
        del hook.published["/texts"]
    assert delivered(server, hook)[-1]["code"] == code, "it is sent again"


def test_a_number_takes_a_fresh_proof(server: Live) -> None:
    miko = signed_in(server, "miko")
    miko.open("/security/phone")
    form = miko.form("send")
    for one in every(server, Session):
        change(server, one, auth_time=one.auth_time - 601)
    sent = miko.http.post(form.action, data=form.fields | {"phone": NUMBER})
    assert sent.headers["location"].startswith("/sign-in?next=/security/phone")
    assert not find(server, User, server.users["miko"].id).phone_number


def test_without_the_setting_there_is_no_page(tmp_path: Path) -> None:
    with live(tmp_path, unthrottled=("127.0.0.0/8",)) as server:
        miko = signed_in(server, "miko")
        assert "/security/phone" not in miko.open("/security").text
        assert miko.open("/security/phone").status_code == 404
