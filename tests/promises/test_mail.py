"""R01, for notices: no mail about an acknowledged act is lost by `kill -9`, and none comes twice
but with the same Message-ID, which SMTP cannot rule out (RFC 5321 4.5.4.2)."""

import time
from collections import Counter
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.mail_server import mailbox, text
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import WORD, database, names, with_store
from tests.promises.process import Process, running
from tests.promises.visitor import Profile

from valetkey.server.model.change import Update
from valetkey.server.model.query import Many
from valetkey.server.model.stream import LEASE, Job
from valetkey.server.model.user import User
from valetkey.server.store.port import Store

KILLS: Final[dict[Budget, int]] = {"short": 3, "long": 50}

USERS: Final = 60
"""So many that the limit of mails in an hour stops none of them."""

SETTINGS: Final = """
[mail]
host = "localhost"
port = {port}
security = "none"
sender = "Chirp <no-reply@chirp.example>"
to_unverified = true
"""


def furnish_addresses(address: str) -> None:
    async def work(store: Store) -> None:
        query = Many(User)
        for user in (await store.read(query)).many(query):
            more = {"email": f"{user.username}@chirp.example", "created": 1}
            fields = {one: getattr(user, one) for one in user.__struct_fields__} | more
            await store.commit([Update(User(**fields))])

    with_store(address, work)


def waiting(address: str) -> int:
    async def work(store: Store) -> int:
        query = Many(Job)
        return len((await store.read(query)).many(query))

    return with_store(address, work)


def sign_in(node: Process, user: str, device: str) -> bool:
    """Signs in from a new browser; whether the server acknowledged it."""
    browser = Profile(node.url)
    browser.http.headers["user-agent"] = device
    try:
        browser.open("/sign-in")
        return browser.send("sign-in", username=user, password=WORD).status_code == 303
    except (httpx2.HTTPError, OSError, AssertionError):
        return False
    finally:
        browser.http.close()


@pytest.mark.slow
def test_each_notice_arrives(budget: Budget, tmp_path: Path, figure: Figure) -> None:
    kills, users = KILLS[budget], names(USERS)
    acknowledged: list[str] = []
    with mailbox() as box, database("sqlite", tmp_path, users) as address:
        furnish_addresses(address)
        text_of_settings = SETTINGS.format(port=box.port)
        (tmp_path / "valetkey.toml").write_text(text_of_settings, "utf-8")
        node = Process(tmp_path, address)
        with running([node]):
            for kill in range(kills):
                for number in range(3):
                    user = users[(3 * kill + number) % len(users)]
                    if sign_in(node, user, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"):
                        acknowledged.append(user)
                # In the middle of what it sends, and at other moments of it.
                time.sleep(0.02 * (kill % 8))
                node.kill()
                node.buried()
                node.start()
                node.ready()
            ends = time.monotonic() + 3 * LEASE + 30
            while waiting(address) and time.monotonic() < ends:
                time.sleep(0.5)
            assert waiting(address) == 0
    mails = Counter(mail["message-id"] for mail in box.mails)
    receivers = Counter(
        receiver.partition("@")[0]
        for receiver, mail in {
            mail["message-id"]: (receiver, mail)
            for receiver, mail in zip(box.receivers, box.mails, strict=True)
        }.values()
    )
    twice = sum(count - 1 for count in mails.values())
    figure("kills", kills)
    figure("sign-ins", len(acknowledged))
    figure("mails", len(mails))
    figure("copies", twice)
    assert len(acknowledged) >= kills
    for user, count in Counter(acknowledged).items():
        assert receivers[user] >= count, user
    assert twice <= kills
    assert all("New sign-in" in mail["subject"] for mail in box.mails)
    assert "Firefox on Linux" in text(box.mails[0])
