"""The form parser against the standard library's, and against anything at all."""

from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.spec.errors import InvalidRequest
from valetkey.wire.form import MAX_PARAMETERS, parse_form

# All text that a form can carry: no lone surrogates, no zero byte.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
NAMES = TEXT.filter(lambda name: name != "resource")
FORMS = st.dictionaries(NAMES, TEXT, max_size=20)


@given(FORMS)
def test_what_others_write_is_read(parameters: dict[str, str]) -> None:
    expected = {name: value for name, value in parameters.items() if value}
    for spaces in (urlencode(parameters), urlencode(parameters, quote_via=quote)):
        assert dict(parse_form(spaces.encode())) == expected


@given(FORMS, st.data())
def test_one_parameter_twice_is_refused_wherever_it_stands(
    parameters: dict[str, str], data: st.DataObject
) -> None:
    pairs = [*parameters.items(), ("twice", data.draw(TEXT))]
    pairs.insert(data.draw(st.integers(0, len(pairs))), ("twice", data.draw(TEXT)))
    with pytest.raises(InvalidRequest):
        parse_form(urlencode(pairs).encode())


@given(st.lists(TEXT, max_size=10))
def test_resources_keep_their_order(resources: list[str]) -> None:
    raw = urlencode([("resource", one) for one in resources]).encode()
    assert parse_form(raw).all("resource") == tuple(one for one in resources if one)


PIECES = st.sampled_from(
    [b"a", b"b", b"=", b"&", b"%", b"%4", b"%41", b"%00", b"+", b"\xff", b"%c3%a9"]
)


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(b"".join)))
def test_anything_has_one_reading_or_none(raw: bytes) -> None:
    """What is accepted is read as the standard library reads it, strictly."""
    try:
        form = parse_form(raw)
    except InvalidRequest:
        return
    text = raw.decode()
    theirs = parse_qsl(text, keep_blank_values=True, errors="strict")
    assert dict(form) == {name: value for name, value in theirs if value and name != "resource"}
    assert len(theirs) <= MAX_PARAMETERS
