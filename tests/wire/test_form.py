"""Forms and queries: one reading, or a refusal (RFC 6749 3.1, 3.2 and appendix B; ATTACKS A28)."""

import pytest
from tests.rows import row

from valetkey.spec.errors import InvalidRequest
from valetkey.wire.form import MAX_BYTES, MAX_PARAMETERS, Form, parse_form

READ = [
    row("6749 B", "nothing", b"", {}),
    row("6749 B", "one", b"a=1", {"a": "1"}),
    row("6749 B", "two", b"a=1&b=2", {"a": "1", "b": "2"}),
    row("6749 B", "plus is a space", b"a=1+2", {"a": "1 2"}),
    row("6749 B", "an escaped plus stays one", b"a=1%2B2", {"a": "1+2"}),
    row("6749 B", "the standard's own example", b"a=+%25%26%2B%C2%A3%E2%82%AC", {"a": " %&+£€"}),
    row("6749 B", "escapes in either case", b"a=%c3%A9", {"a": "é"}),
    row("6749 B", "an escaped name", b"%61=1", {"a": "1"}),
    row("6749 B", "an equals sign in a value", b"a=b=c", {"a": "b=c"}),
    row("6749 B", "a semicolon parts nothing", b"a=1;b=2", {"a": "1;b=2"}),
    row("6749 B", "escapes are undone once", b"a=%2541", {"a": "%41"}),
    row("6749 B", "an ampersand at the end", b"a=1&", {"a": "1"}),
    row("6749 B", "UTF-8 without escapes", "a=é".encode(), {"a": "é"}),
    row("6749 3.1", "an empty value counts as absent", b"a=&b=2", {"b": "2"}),
    row("6749 3.1", "a name alone counts as absent", b"a&b=2", {"b": "2"}),
]


@pytest.mark.parametrize("raw,expected", READ)
def test_what_is_read(raw: bytes, expected: dict[str, str]) -> None:
    assert dict(parse_form(raw)) == expected


REFUSED = [
    row("6749 3.1", "twice", b"a=1&a=2", 400),
    row("6749 3.1", "twice, alike", b"a=1&a=1", 400),
    row("6749 3.1", "twice, once empty", b"a=&a=1", 400),
    row("6749 3.1", "twice, once as a name alone", b"a=1&a", 400),
    row("6749 3.1", "twice, once escaped", b"client_id=x&client%5Fid=y", 400),
    row("6749 B", "a lone percent sign", b"a=%", 400),
    row("6749 B", "half an escape", b"a=%4", 400),
    row("6749 B", "an escape that is not hex", b"a=%zz", 400),
    row("6749 B", "an escape with a sign", b"a=%+1", 400),
    row("6749 B", "a broken escape in a name", b"%=1", 400),
    row("6749 B", "bytes that are no UTF-8", b"a=%ff", 400),
    row("3629 3", "an overlong slash", b"a=%c0%af", 400),
    row("3629 3", "a surrogate", b"a=%ed%a0%80", 400),
    row("3629 3", "a name that is no UTF-8", b"%ff=1", 400),
    row("6749 B", "a zero byte", b"a=1%002", 400),
    row("6749 B", "a zero byte, raw", b"a=1\x002", 400),
    row("6749 B", "a zero byte in a name", b"a%00=1", 400),
    row("A87", "a parameter too many", b"&".join(b"p%d=1" % n for n in range(101)), 400),
    row("A87", "a byte too many", b"a=" + b"x" * (MAX_BYTES - 1), 413),
]


@pytest.mark.parametrize("raw,status", REFUSED)
def test_what_is_refused(raw: bytes, status: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_form(raw)
    assert refused.value.status == status


def test_up_to_the_limits_all_is_well() -> None:
    assert len(parse_form(b"&".join(b"p%d=1" % n for n in range(MAX_PARAMETERS)))) == 100
    assert len(parse_form(b"a=" + b"x" * (MAX_BYTES - 2))["a"]) == MAX_BYTES - 2


def test_resource_may_stand_several_times() -> None:
    """RFC 8707 2, and no other parameter."""
    form = parse_form(b"resource=https%3A%2F%2Fa&scope=x&resource=&resource=b")
    assert form.all("resource") == ("https://a", "b")
    assert form.all("audience") == ()
    assert dict(form) == {"scope": "x"}


def test_another_form_may_repeat_another_parameter() -> None:
    form = parse_form(b"tick=a&tick=b", repeatable=frozenset({"tick"}))
    assert form.all("tick") == ("a", "b")
    with pytest.raises(InvalidRequest):
        parse_form(b"resource=a&resource=b", repeatable=frozenset({"tick"}))


def test_what_is_needed_and_missing_is_named() -> None:
    form = Form({"code": "x"})
    assert form.need("code") == "x"
    with pytest.raises(InvalidRequest, match="code_verifier is missing"):
        form.need("code_verifier")


def test_a_refusal_repeats_no_value() -> None:
    """What stood twice may be a secret: neither the answer nor the log shows it."""
    with pytest.raises(InvalidRequest) as refused:
        parse_form(b"client_secret=tea-for-two&client_secret=tea-for-two")
    assert "tea" not in f"{refused.value} {refused.value.description} {refused.value.detail}"
