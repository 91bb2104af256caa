"""What happens to an account reaches its user, through a real server, by mail and by webhook."""

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.attacks.harbour import Key
from tests.attacks.play import STEFAPP, asking, change, every, signed_in
from tests.live import Live, live
from tests.mail_server import Mailbox, mailbox, text
from tests.outside import Host, Publication, outside
from tests.server.oauth.shards.app import TWO

from valetkey.server.model.change import Create
from valetkey.server.model.event import Event
from valetkey.server.model.keys import Secret
from valetkey.server.model.stream import Job
from valetkey.server.model.user import User
from valetkey.server.settings.notices import NoticeSettings, WebhookSettings

SECRETS: Final = ("whsec_" + "QUFC" * 8, "whsec_" + "QUFB" * 8)
ENDED: Final = 86400


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("hook")) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Mailbox, hook: Host) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("live"),
        name="Chirp",
        unthrottled=("127.0.0.0/8",),
        fetch_ca_file=hook.ca,
        fetch_local=(hook.place,),
        mail=box.settings,
        webhook=WebhookSettings(url=hook.url("/notices"), secret=Secret(" ".join(SECRETS))),
        notices=NoticeSettings(approval_waiting=False),
    ) as server:
        for user in every(server, User):
            change(server, user, created=1)
        yield server


def subjects(box: Mailbox, to: str) -> list[str]:
    return [
        mail["subject"]
        for mail, receiver in zip(box.mails, box.receivers, strict=True)
        if receiver == f"{to}@example.org"
    ]


def until(there: Any, *, seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_sign_in_and_an_app_are_told_once(server: Live, box: Mailbox, hook: Host) -> None:
    browser = server.browser(**{"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
    browser.open(STEFAPP.path())
    browser.sign_in()
    browser.press("allow")
    until(lambda: len(subjects(box, "miko")) >= 2)
    assert sorted(subjects(box, "miko")) == [
        "New sign-in to your Chirp account",
        "stefApp is now connected to your account",
    ]
    by_subject = {mail["subject"]: mail for mail in box.mails}
    sign_in = text(by_subject["New sign-in to your Chirp account"])
    assert "Device: Firefox on Linux" in sign_in
    assert "IP address: 127.0.0" in sign_in
    assert f"{server.issuer}/security" in sign_in
    app = text(by_subject["stefApp is now connected to your account"])
    assert "- read your timeline" in app
    assert f"{server.issuer}/apps/" in app
    # The browser is known now: another sign-in is no news.
    browser.open(asking(STEFAPP, prompt="login").path())
    browser.sign_in()
    until(lambda: not every(server, Job))
    assert len(subjects(box, "miko")) == 2
    until(lambda: len(hook.posted) >= 2)


def test_the_webhook_is_signed_as_standard_webhooks_want_it(server: Live, hook: Host) -> None:
    signed_in(server, "noor")
    until(lambda: any(b"new_device" in body and b"noor" in body for _, body, _ in hook.posted))
    body, headers = next(
        (body, {name.lower(): value for name, value in headers.items()})
        for _, body, headers in hook.posted
        if b"new_device" in body and b"noor" in body
    )
    for secret in SECRETS:
        document = Webhook(secret).verify(body, headers)
        assert document["type"] == "account.new_device"
        assert document["data"]["user"]["username"] == "noor"
        assert document["data"]["address"] == "127.0.0.0/24"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "QkJC" * 8).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS[0]).verify(body + b" ", headers)


def test_a_misused_shard_is_told(server: Live, box: Mailbox) -> None:
    key = Key(server, TWO, username="noor")
    assert key.refresh().status_code == 400  # One shard alone.
    until(lambda: any("suspended" in one for one in subjects(box, "noor")))
    mail = next(one for one in box.mails if "suspended" in one["subject"])
    assert "nobody can use the key now" in " ".join(text(mail).split())


def test_what_is_switched_off_is_not_told(server: Live, box: Mailbox) -> None:
    assert not any("approval" in one["subject"] for one in box.mails)
    assert "approval_waiting" in NoticeSettings(approval_waiting=False).off


def test_an_address_that_nobody_verified_gets_nothing(server: Live, box: Mailbox) -> None:
    user = next(one for one in every(server, User) if one.username == "noor")
    change(server, user, email="stranger@example.org", email_verified=False)
    signed_in(server, "noor")
    until(lambda: not every(server, Job))
    assert "stranger@example.org" not in box.receivers


def test_what_fails_is_kept_and_can_be_sent_again(
    server: Live, hook: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valetkey.server.oauth.signals.notice_delivery.PAUSES", ())
    hook.published["/notices"] = Publication(b"", 500, {})
    signed_in(server, "noor")
    until(lambda: any("failed" in job.facts for job in every(server, Job)))
    (job,) = (one for one in every(server, Job) if "failed" in one.facts)
    assert job.facts["failed"] == "it answers with status 500"
    assert job.due > time.time() + 13 * ENDED
    assert any(one.kind == "undelivered" for one in every(server, Event))
    del hook.published["/notices"]
    from valetkey.server.oauth.signals.notice_delivery import resend

    before = len(hook.posted)
    changes = resend(job, webhook=server.settings.webhook.url, now=int(time.time()))
    server.run(server.store.commit(changes))
    until(lambda: len(hook.posted) > before and not every(server, Job))
    assert msgspec.json.decode(hook.posted[-1][1])["type"] == "account.new_device"
    assert isinstance(changes[1], Create)
