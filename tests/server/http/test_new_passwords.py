"""The lists of passwords that are refused, and the question to a server of data breaches."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.rows import row

from valetkey.server.accounts.password_policy import PasswordProblem
from valetkey.server.http.new_passwords import NewPasswords, read_words
from valetkey.server.http.outbound import Answer
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Unreachable

pytestmark = pytest.mark.anyio

GOOD = "vexing quiet lantern"
DIGEST = hashlib.sha1(GOOD.encode()).hexdigest().upper()
OTHERS = b"0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n"


class Breaches:
    """A server of breaches, and what it was asked."""

    def __init__(self, answer: Answer | Unreachable) -> None:
        self._answer = answer
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def __call__(
        self, url: str, *, body: bytes | None = None, headers: Mapping[str, str]
    ) -> Answer | Unreachable:
        assert body is None
        self.asked.append((url, headers))
        return self._answer


def has(suffix: str, count: str) -> bytes:
    return OTHERS + f"{suffix}:{count}\r\n".encode()


ANSWERS = [
    row("", "it is there", Answer(200, {}, has(DIGEST[5:], "12")), PasswordProblem.BREACHED),
    row("", "in small letters", Answer(200, {}, has(DIGEST[5:].lower(), "1")), "breached"),
    row("", "others are there", Answer(200, {}, OTHERS), None),
    row("", "padding", Answer(200, {}, has(DIGEST[5:], "0")), None),
    row("", "a part of it", Answer(200, {}, has(DIGEST[6:], "1")), None),
    row("", "nothing", Answer(200, {}, b""), None),
    row("fails open", "an error", Answer(503, {}, has(DIGEST[5:], "1")), None),
    row("fails open", "nobody there", Unreachable("it does not answer", temporary=True), None),
]


@pytest.mark.parametrize("answer, problem", ANSWERS)
async def test_breached_passwords(answer: Answer | Unreachable, problem: str | None) -> None:
    breaches = Breaches(answer)
    rules = NewPasswords(breaches="https://breaches.example/range/", ask=breaches)
    assert await rules.problem(Secret(GOOD)) == problem
    ((url, headers),) = breaches.asked
    assert url == f"https://breaches.example/range/{DIGEST[:5]}"
    assert headers == {"add-padding": "true"}


async def test_nobody_is_asked_about_what_is_refused_anyway_or_without_an_address() -> None:
    breaches = Breaches(Answer(200, {}, b""))
    rules = NewPasswords(breaches="https://breaches.example/range", ask=breaches)
    assert await rules.problem(Secret("short")) == PasswordProblem.SHORT
    assert await NewPasswords(ask=breaches).problem(Secret(GOOD)) is None
    assert breaches.asked == []


async def test_the_operators_own_words(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("Vexing Quiet Lantern\n\n  Larkspur \n", "utf-8")
    assert read_words(file) == {"vexing quiet lantern", "larkspur"}
    rules = NewPasswords(more=file)
    for given in (GOOD, "LARKSPUR20262026", "larkspurlarkspur"):
        assert await rules.problem(Secret(given)) == PasswordProblem.COMMON
    assert await rules.problem(Secret("passwordpassword")) == PasswordProblem.COMMON
    assert await rules.problem(Secret("larkspur in the evening")) is None
