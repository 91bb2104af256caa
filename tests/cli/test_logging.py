"""The log that `serve` writes."""

import io
import json
import logging as stdlib
import os
from collections.abc import Iterator

import pytest

from valetkey.cli import logging
from valetkey.server.http import log
from valetkey.server.model.keys import Secret
from valetkey.wire import opaque

TOKEN = opaque.write("rt", os.urandom(48))
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtaWtvIn0.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"


class Terminal(io.StringIO):
    """A stream that says that a person reads it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is global: put it back as the other tests expect it."""
    root, ours = stdlib.getLogger(), stdlib.getLogger(log.NAME)
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers = handlers
    for logger, level in zip((root, ours), levels, strict=True):
        logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines() -> None:
    stream = io.StringIO()
    logging.configure(stream)
    log.info("refused", path="/token", error="invalid_grant")
    stdlib.getLogger("uvicorn.error").warning("late by %d s", 3)
    first, second = lines(stream)
    assert (first["message"], first["level"], first["path"], first["error"]) == (
        "refused",
        "info",
        "/token",
        "invalid_grant",
    )
    assert (second["message"], second["level"]) == ("late by 3 s", "warning")
    assert str(first["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "stream, form, start",
    [
        (io.StringIO(), "auto", "{"),
        (Terminal(), "auto", "20"),
        (Terminal(), "json", "{"),
        (io.StringIO(), "text", "20"),
    ],
    ids=["a file", "a terminal", "JSON on a terminal", "text in a file"],
)
def test_the_format(stream: io.StringIO, form: logging.LogFormat, start: str) -> None:
    logging.configure(stream, as_=form)
    log.info("refused", path="/token")
    assert stream.getvalue().startswith(start)
    assert stream.isatty() or "\x1b" not in stream.getvalue()  # no colors in a file


def test_debug_is_not_written() -> None:
    stream = io.StringIO()
    logging.configure(stream)
    stdlib.getLogger(log.NAME).debug("quiet")
    stdlib.getLogger("uvicorn.error").info("quiet")
    assert stream.getvalue() == ""


def stumble(word: str) -> None:
    """Fails with a secret in a local variable, and a token in the message."""
    raise ValueError(f"bad {len(word)} {TOKEN}")


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_no_secret_is_written(stream: io.StringIO) -> None:
    """ATTACKS A85: by its type, and where a token slipped into a text, by its form."""
    logging.configure(stream)
    log.info("given", password=Secret("correct horse"), form={"token": Secret("battery")})
    slipped = f"token {TOKEN}"
    log.info(slipped, header=f"Bearer {JWT}", nested={"list": [TOKEN]})
    stdlib.getLogger("somewhere").warning("sent %s and %s", TOKEN, JWT)
    stdlib.getLogger("somewhere").warning("lost postgresql://app:tr0ub4dor@db:5432/valetkey")
    try:
        stumble(Secret("staple").reveal() + "!")
    except ValueError:
        log.exception("unexpected")
    written = stream.getvalue()
    assert "unexpected" in written
    assert "ValueError" in written
    for text in (
        "correct horse",
        "battery",
        "staple!",
        "tr0ub4dor",
        TOKEN,
        JWT,
        TOKEN[6:20],
        JWT[-20:],
    ):
        assert text not in written
    assert "vk_rt_" in written
    assert "postgresql://app:…@db:5432/valetkey" in written


def test_for_a_person_it_is_plain_and_without_colours_where_none_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coloured, plain = Terminal(), Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    logging.configure(coloured)
    log.info("ready")
    monkeypatch.setenv("NO_COLOR", "1")
    logging.configure(plain)
    log.info("ready", port=8000)
    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[" not in plain.getvalue()
    assert "ready" in plain.getvalue()
    assert "port=8000" in plain.getvalue()
