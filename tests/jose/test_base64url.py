"""Base64url has one spelling for each value."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.jose import base64url


@given(st.binary(max_size=200))
def test_what_is_encoded_is_decoded(raw: bytes) -> None:
    text = base64url.encode(raw)
    assert base64url.decode(text) == raw
    assert text == base64.urlsafe_b64encode(raw).decode().rstrip("=")


REFUSED = [
    row("RFC 7515 2", "padding", "QQ=="),
    row("RFC 7515 2", "the other alphabet", "+/+/"),
    row("RFC 4648 3.3", "a space", "QU JD"),
    row("RFC 4648 3.3", "a newline at the end", "QUJD\n"),
    row("RFC 4648 3.5", "slack bits, two characters", "QR"),
    row("RFC 4648 3.5", "slack bits, three characters", "QUJ"),
    row("RFC 4648 3", "one character too many", "QUJDR"),
    row("RFC 4648 3.3", "a letter outside ASCII", "QUJÐ"),
    row("RFC 4648 3.3", "a full-width digit", "QUJ\uff13"),
]


@pytest.mark.parametrize("text", REFUSED)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|base64|padding|characters"):
        base64url.decode(text)
