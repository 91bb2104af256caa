"""R01, for links: no acknowledged link of an account, and no removed one, is lost by `kill -9`; one
that was not acknowledged is there whole, or not at all."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.outside import outside
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import WORD, database
from tests.promises.ledger import UNANSWERED, Ledger, Violation
from tests.promises.process import Process, running
from tests.promises.visitor import Profile
from tests.providers import CLIENT, FakeProvider, away
from tests.rows import row

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
        self.about_to_send: Callable[[], None] = lambda: None

    def change(self) -> None:
        """Links the account, or removes the link, after a fresh sign-in."""
        self.browser.http.cookies.clear()
        self.browser.open("/sign-in")
        self.browser.press("sign-in", username=USER, password=WORD)
        linked = "linked" in self.ledger.states(KEY)
        if linked:
            self.browser.open("/linked")
            name = self.browser.page.text.partition('name="identity" value="')[2].partition('"')[0]
            with self.ledger.asking(KEY, "unlink", after=None):
                self.about_to_send()
                answer = self.browser.send(name)
                assert answer.headers["location"] == "/linked?notice=unlinked"
        else:
            back = self.provider.signs_in(away(self.browser, "/linked/with/there"))
            self.browser.open(back)
            with self.ledger.asking(KEY, "link", after="linked"):
                self.about_to_send()
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
        self.restart()

    def restart(self) -> None:
        """A new start of a server that was killed."""
        self.node.buried()
        self.node.start()
        self.node.ready()


KILLS: Final[dict[Budget, int]] = {"short": 4, "long": 50}
SECONDS: Final = 0.02
"""After which, at the latest, every second kill comes into a change."""


@contextlib.contextmanager
def linking(kind: str, folder: Path, *, broken: str = "") -> Iterator[Linker]:
    """The user, at a server that has one provider."""
    with outside(folder) as host, database(kind, folder, [USER]) as address:
        provider = FakeProvider(host)
        settings = {"place": host.place, "ca": host.ca.name, "issuer": provider.issuer}
        text = SETTINGS.format(**settings, client=CLIENT)
        (folder / "valetkey.toml").write_text(text, "utf-8")
        node, ledger = Process(folder, address, broken=broken), Ledger(folder / "ledger.jsonl")
        with running([node]):
            linker = Linker(node, provider, ledger)
            yield linker
            linker.browser.http.close()
        ledger.close()


def test_no_link_is_lost(kind: str, tmp_path: Path, budget: Budget, figure: Figure) -> None:
    chance = random.Random(17)
    with linking(kind, tmp_path) as linker:
        for number in range(KILLS[budget]):
            if number % 2:
                linker.change()
                linker.strike()
            else:
                killer = threading.Timer(chance.uniform(0, SECONDS), linker.node.kill)
                linker.about_to_send = killer.start
                with contextlib.suppress(*UNANSWERED):
                    linker.change()
                killer.join()
                linker.about_to_send = lambda: None
                linker.restart()
            linker.look()
        acknowledged = linker.ledger.acknowledged
    figure("kills", KILLS[budget])
    figure("acknowledged", acknowledged)
    assert acknowledged >= KILLS[budget] // 2


@pytest.mark.sensitivity
@pytest.mark.parametrize("changes", [row("R01", "link", 1), row("R01", "unlink", 2)])
def test_a_lost_link_is_noticed(changes: int, tmp_path: Path, figure: Figure) -> None:
    with linking("sqlite", tmp_path, broken="answers-before-commit") as linker:
        for _ in range(changes - 1):
            linker.change()
            time.sleep(0.2)
        linker.ledger.heard = lambda what: linker.node.kill()
        linker.change()
        linker.restart()
        with pytest.raises(Violation) as found:
            linker.look()
    figure("the checker said", str(found.value))
