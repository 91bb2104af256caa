"""Addresses of others are read by one parser, which never raises (`wire.address`)."""

import re
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "src/valetkey"
OTHER: Final = re.compile(r"\b(?:urlsplit|urlparse|urldefrag|urljoin)\b|\bhttpx2?\.URL\(")

ALONE: Final = {"server/store/database_url.py"}
"""A database's URL names several hosts, and an operator writes it."""

TRIED_OUT: Final = "demo/"


def test_nothing_else_reads_them() -> None:
    found = {
        name
        for file in SOURCE.rglob("*.py")
        if OTHER.search(re.sub(r"`[^`]*`", "", file.read_text("utf-8")))
        if not (name := file.relative_to(SOURCE).as_posix()).startswith(TRIED_OUT)
    }
    assert found == ALONE
