"""Text that an app supplied."""

import pytest

from valetkey.server.pages.app_text import plain

PLAIN = {
    "nothing to do": ("stefApp", 20, "stefApp"),
    "other scripts": ("Приложение 应用 تطبيق", 40, "Приложение 应用 تطبيق"),
    "emoji": ("Chirp 🐦", 20, "Chirp 🐦"),
    "bidi override": ("App\u202eelgooG", 20, "AppelgooG"),
    "bidi isolates and marks": ("\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c", 20, "abc"),
    "control characters": ("a\x00b\x1bc\x7fd\x9fe", 20, "abcde"),
    "zero width": ("Goo\u200bgle\u200c\u200d\u2060\ufeff", 20, "Google"),
    "tags": ("a\U000e0041\U000e007f", 20, "a"),
    "private and unassigned": ("a\ue000\U0010ffff\u0378b", 20, "ab"),
    "lone surrogate": ("a\ud800b", 20, "ab"),
    "letters that cannot be seen": ("\u3164\uffa0\u2800\u115f\u1160", 20, ""),
    "white space of all kinds": ("  a\t\r\n b\u00a0\u2003c\u2028d\u3000 ", 20, "a b c d"),
    "nothing but space": (" \u2003\n", 20, ""),
    "marks piled up": ("a" + "\u0332" * 50 + "b", 20, "a\u0332\u0332\u0332b"),
    "composed": ("e\u0301", 20, "é"),
    "exactly the limit": ("abcde", 5, "abcde"),
    "one over": ("abcdef", 5, "abcd…"),
    "cut at a space": ("abc def", 5, "abc…"),
    "not cut from its mark": ("abcx\u0332\u0333ef", 6, "abc…"),
    "markup stays for the template to escape": ("<b>&", 20, "<b>&"),
}


@pytest.mark.parametrize("text,limit,expected", PLAIN.values(), ids=PLAIN)
def test_plain(text: str, limit: int, expected: str) -> None:
    assert plain(text, limit) == expected
    assert len(plain(text, limit)) <= limit
