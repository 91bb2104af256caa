"""Texts that look like addresses of the web, and are none."""

from typing import Any, Final

from tests.rows import row

_TEXTS: Final = {
    "a bracket that opens": "https://[",
    "a bracket that closes": "https://]",
    "a bracket that never closes": "https://[::1/cb",
    "brackets around nothing": "https://[]/cb",
    "brackets around a name": "https://[app.example]/cb",
    "brackets around a version that is not there yet": "https://[v1.x]/cb",
    "brackets and more": "https://[::1]evil/cb",
    "a zone": "https://[fe80::1%25eth0]/cb",
    "a port of letters": "https://app.example:abc/cb",
    "port 0": "https://app.example:0/cb",
    "a port too high": "https://app.example:65536/cb",
    "a port too long": "https://app.example:123456/cb",
    "a port in other digits": "https://app.example:\u0661/cb",
    "a negative port": "https://app.example:-1/cb",
    "two ports": "https://app.example:1:2/cb",
    "a letter that NFKC makes a slash": "https://app.example\u2100/cb",
    "a letter that NFKC makes a colon": "https://app\uff1aexample/cb",
    "a letter beyond ASCII": "https://\u0430pp.example/cb",
    "a tab": "https://app.exa\tmple/cb",
    "a newline": "https://app.example/cb\n",
    "a zero byte": "https://app.example/\x00",
    "a space": "https://app.example/a b",
    "a backslash": "https://app.example\\@evil.example/",
    "half an escape in the host": "https://app%4.example/",
    "no scheme": "//app.example/cb",
    "no colon": "https",
    "a scheme alone": "1https://app.example/",
}

BROKEN: Final[list[Any]] = [row("3986 3", name, text) for name, text in _TEXTS.items()]
"""Rows of one text each."""
