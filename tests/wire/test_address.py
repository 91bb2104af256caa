"""Addresses are read in one way, and no text makes that raise (RFC 3986 3)."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.rows import row
from tests.wire.broken import BROKEN

from valetkey.wire import address, metadata, redirect

READ = [
    row("3986 3", "all of it", "https://u@H.example:8443/a?b#c", "https", "h.example", 8443, "/a"),
    row("3986 3.2.2", "no path", "https://h.example", "https", "h.example", None, ""),
    row("3986 3.2.2", "an address in brackets", "http://[::1]:80/x", "http", "::1", 80, "/x"),
    row("3986 3.2.3", "an empty port", "https://h.example:/", "https", "h.example", None, "/"),
    row("3986 3.1", "the scheme in capitals", "HTTPS://h/", "https", "h", None, "/"),
    row("3986 3.3", "no authority", "com.example.app:/cb", "com.example.app", "", None, "/cb"),
    row("3986 3.3", "brackets in the path", "https://h/a[1]", "https", "h", None, "/a[1]"),
    row("3986 3.4", "a query at once", "https://h?x=/", "https", "h", None, ""),
]


@pytest.mark.parametrize("text, scheme, host, port, path", READ)
def test_what_is_read(text: str, scheme: str, host: str, port: int | None, path: str) -> None:
    found = address.read(text)
    assert found is not None
    assert (found.scheme, found.host, found.port, found.path) == (scheme, host, port, path)


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_none(text: str) -> None:
    assert address.read(text) is None
    assert (address.origin(text), address.host(text), address.path(text)) == ("", "", "")
    assert (redirect.host(text), redirect.origin(text)) == ("", "")
    assert metadata.well_known(text, metadata.OPENID) == ""
    assert not metadata.is_protected(text)
    assert address.why_not(text)
    assert redirect.why_not(text)


@given(text=st.text() | st.from_regex(r"https?://[\[\]@:/%a0.]{0,20}"))
@example("https://\ud800/")
def test_no_text_raises(text: str) -> None:
    address.read(text)
    redirect.why_not(text)
    redirect.origin(text)
    redirect.host(text)
    address.why_not(text)
    metadata.well_known(text, metadata.OPENID)


LONG = {
    "letters": "https://" + "a" * 60_000,
    "users": "https://" + "a:" * 30_000 + "@",
    "questions": "https://h/" + "?#" * 30_000 + "\n",
    "escapes": "https://" + "%41" * 20_000 + "\x00",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    """ATTACKS A88."""
    begun = time.process_time()
    address.read(text)
    assert time.process_time() - begun < 0.1
    # Nor does it stay: what is remembered is short.
    assert address.read(text + "x" * 10_000) is None
