"""R01, for accounts: no session that was ended, no deletion that was requested or canceled, and no
erasure is lost by `kill -9`; one that was not acknowledged is there whole, or not at all."""

import contextlib
import re
import threading
from pathlib import Path

import pytest
from tests.postgres import MISSING
from tests.promises.furnished import WORD, database, with_store
from tests.promises.ledger import UNANSWERED, Ledger
from tests.promises.process import Process
from tests.promises.visitor import Profile

from valetkey.server.model.query import OneByAlias
from valetkey.server.model.user import User
from valetkey.server.store.port import Store

USER, SESSION, ACCOUNT = "leaver", "session of leaver", "account of leaver"


class Leaver:
    """A user with two browsers: ends the session of one from the other, deletes the account, and
    gets it back; and a ledger of it."""

    def __init__(self, node: Process, address: str, ledger: Ledger) -> None:
        self.node, self.address, self.ledger = node, address, ledger
        self.own, self.other, self.code = Profile(node.url), Profile(node.url), ""

    def close(self) -> None:
        """Closes both browsers."""
        for browser in (self.own, self.other):
            browser.http.close()

    def sign_in(self, browser: Profile) -> None:
        browser.http.cookies.clear()
        browser.open("/sign-in")
        browser.press("sign-in", username=USER, password=WORD)

    def end_session(self) -> None:
        """Ends the other browser's session."""
        self.sign_in(self.own)
        with self.ledger.asking(SESSION, "sign_in", after="open"):
            self.sign_in(self.other)
        self.own.open("/security/sessions")
        with self.ledger.asking(SESSION, "session_ended", after=None):
            assert self.own.send("end-others").status_code == 303

    def delete(self) -> None:
        """Deletes the account, after a grace."""
        self.sign_in(self.own)
        self.own.open("/profile/delete")
        with self.ledger.asking(ACCOUNT, "deletion_requested", after="waiting"):
            page = self.own.send("delete").text
            found = re.search(r'id="code"[^>]*>([0-9A-Z-]+)<', page)
            assert found
            self.code = found[1]

    def restore(self) -> None:
        """Gets it back."""
        self.own.open("/restore")
        with self.ledger.asking(ACCOUNT, "deletion_cancelled", after=None):
            assert self.own.send("restore", code=self.code).status_code == 200

    def erase(self) -> None:
        """Erases the account: its server has no grace."""
        self.sign_in(self.own)
        self.own.open("/profile/delete")
        with self.ledger.asking(ACCOUNT, "erasure", after="erased"):
            assert self.own.send("delete").status_code == 200

    def look(self) -> None:
        """Compares what is there with the ledger. Raises Violation."""
        status = self.status()
        self.ledger.seen(ACCOUNT, frozenset({status}), f"the account is {status}")
        if status is None:
            is_open = self.other.http.get("/profile").status_code == 200
            state = "open" if is_open else None
            self.ledger.seen(SESSION, frozenset({state}), f"the session is {state}")

    def status(self) -> str | None:
        """How the account stands: None if it works."""
        query = OneByAlias(User, USER)

        async def read(store: Store) -> User | None:
            return (await store.read(query)).one(query)

        row = with_store(self.address, read)
        if row is None:
            return "erased"
        return None if row.status == "active" else "waiting"

    def strike(self) -> None:
        """`kill -9`, and a new start."""
        self.node.kill()
        self.restart()

    def restart(self) -> None:
        self.node.buried()
        self.node.start()
        self.node.ready()


@pytest.mark.parametrize(
    "kind",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.skipif(bool(MISSING), reason=MISSING))],
)
def test_nothing_of_an_account_is_lost(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path, [USER]) as address:
        node, ledger = Process(tmp_path, address), Ledger(tmp_path / "ledger.jsonl")
        node.start()
        node.ready()
        leaver = Leaver(node, address, ledger)
        try:
            leaver.end_session()
            leaver.delete()
            leaver.strike()
            leaver.look()
            leaver.restore()
            leaver.strike()
            leaver.look()
            node.end()
            node = leaver.node = Process(tmp_path, address, **{"lifetimes.erasure_grace": "0"})
            leaver.close()
            leaver.own, leaver.other = Profile(node.url), Profile(node.url)
            node.start()
            node.ready()
            killer = threading.Timer(0.02, node.kill)
            with contextlib.suppress(*UNANSWERED):
                killer.start()
                leaver.erase()
            killer.join()
            leaver.restart()
            leaver.look()
            if leaver.status() is None:
                leaver.erase()
                leaver.strike()
                leaver.look()
            assert leaver.status() == "erased"
        finally:
            leaver.close()
            node.end()
            ledger.close()
    assert ledger.acknowledged >= 4
