"""16 bytes as text, compared with the standard library."""

from base64 import b32hexencode

from hypothesis import given
from hypothesis import strategies as st

from valetkey.server.model import base32hex


@given(st.binary(min_size=16, max_size=16))
def test_it_is_the_standard_encoding_in_lower_case(raw: bytes) -> None:
    text = base32hex.encode(raw)
    assert text == b32hexencode(raw).decode().rstrip("=").lower()
    assert base32hex.FORM.fullmatch(text)
    assert base32hex.decode(text) == raw
