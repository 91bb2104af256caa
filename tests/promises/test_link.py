"""R01, for links: no acknowledged link of an account, and no removed one, is lost by `kill -9`; one
that was not acknowledged is there whole, or not at all."""

import contextlib
import threading
from pathlib import Path

import pytest
from tests.outside import outside
from tests.postgres import MISSING
from tests.promises.furnished import WORD, database
from tests.promises.ledger import UNANSWERED, Ledger
from tests.promises.process import Process
from tests.promises.visitor import Profile
from tests.providers import CLIENT, FakeProvider, away

USER, KEY = "linker", "link of linker"
SETTINGS = """
fetch_local = ["{place}"]
fetch_ca_file = "{ca}"

[[sign_in.upstream]]
name = "there"
issuer = "{issuer}"
client_id = "{client}"
client_auth = "none"
"""


class Linker:
    """A user who links one account and removes the link again, and a ledger of both."""

    def __init__(self, node: Process, provider: FakeProvider, ledger: Ledger) -> None:
        self.node, self.provider, self.ledger = node, provider, ledger
        self.browser = Profile(node.url)
        self.browser.open("/sign-in")
        self.browser.press("sign-in", username=USER, password=WORD)

    def change(self) -> None:
        """Links the account, or removes the link."""
        linked = "linked" in self.ledger.states(KEY)
        if linked:
            self.browser.open("/linked")
            name = self.browser.page.text.partition('name="identity" value="')[2].partition('"')[0]
            with self.ledger.asking(KEY, "unlink", after=None):
                answer = self.browser.send(name)
                assert answer.headers["location"] == "/linked?notice=unlinked"
        else:
            back = self.provider.signs_in(away(self.browser, "/linked/with/there"))
            self.browser.open(back)
            with self.ledger.asking(KEY, "link", after="linked"):
                answer = self.browser.send("link")
                assert answer.headers["location"] == "/linked?notice=linked"

    def look(self) -> None:
        """Compares the page with the ledger. Raises Violation."""
        page = self.browser.open("/linked").text
        seen = "linked" if 'name="identity"' in page else None
        self.ledger.seen(KEY, frozenset({seen}), f"the page shows {seen}")

    def strike(self) -> None:
        """`kill -9`, and a new start."""
        self.node.kill()
        self.node.buried()
        self.node.start()
        self.node.ready()


@pytest.mark.parametrize(
    "kind",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.skipif(bool(MISSING), reason=MISSING))],
)
def test_no_link_is_lost(kind: str, tmp_path: Path) -> None:
    with outside(tmp_path) as host, database(kind, tmp_path, [USER]) as address:
        provider = FakeProvider(host)
        settings = {"place": host.place, "ca": host.ca.name, "issuer": provider.issuer}
        text = SETTINGS.format(**settings, client=CLIENT)
        (tmp_path / "valetkey.toml").write_text(text, "utf-8")
        node, ledger = Process(tmp_path, address), Ledger(tmp_path / "ledger.jsonl")
        node.start()
        node.ready()
        linker = Linker(node, provider, ledger)
        try:
            for _ in range(2):
                linker.change()
                linker.strike()
                linker.look()
            for wait in (0.002, 0.01):
                killer = threading.Timer(wait, node.kill)
                killer.start()
                with contextlib.suppress(*UNANSWERED):
                    linker.change()
                killer.join()
                node.buried()
                node.start()
                node.ready()
                linker.look()
        finally:
            linker.browser.http.close()
            node.end()
            ledger.close()
    assert ledger.acknowledged >= 2
