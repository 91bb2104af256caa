"""Addresses from which something is fetched: one reading, or none."""

import pytest
from tests.rows import row

from valetkey.wire.address import BadAddress, Target, target, why_not

READ = [
    ("https://outside.test", Target("outside.test", 443, "/")),
    ("https://outside.test:8443/a/b.json?c=d&e", Target("outside.test", 8443, "/a/b.json?c=d&e")),
    ("https://outside.test?x", Target("outside.test", 443, "/?x")),
    ("https://xn--bcher-kva.example/", Target("xn--bcher-kva.example", 443, "/")),
    ("https://8.8.8.8/", Target("8.8.8.8", 443, "/")),
    ("https://[2606:4700::1]:1/", Target("2606:4700::1", 1, "/")),
]


@pytest.mark.parametrize("url,parts", READ)
def test_an_address_is_read(url: str, parts: Target) -> None:
    assert target(url) == parts
    assert why_not(url) == ""


def test_a_place_names_host_and_port() -> None:
    assert target("https://a.test/").authority == "a.test:443"
    assert target("https://[::1]:8443/").authority == "[::1]:8443"


@pytest.mark.parametrize(
    "url",
    [
        row("target", "http", "http://outside.test/"),
        row("target", "upper case", "https://Outside.test/"),
        row("target", "a user", "https://a@outside.test/"),
        row("target", "a backslash", "https://outside.test\\@127.0.0.1/"),
        row("target", "a fragment", "https://outside.test/#a"),
        row("target", "a space", "https://outside.test/a b"),
        row("target", "a line end", "https://outside.test/\r\nhost: a"),
        row("target", "letters of other scripts", "https://öutside.test/"),
        row("target", "port 0", "https://outside.test:0/"),
        row("target", "port 65536", "https://outside.test:65536/"),
        row("target", "no host", "https:///a"),
        row("target", "two dots", "https://outside..test/"),
        row("target", "too long", "https://outside.test/" + "a" * 2048),
        row("target", "a zone", "https://[fe80::1%25eth0]/"),
    ],
)
def test_an_address_that_could_be_read_in_two_ways(url: str) -> None:
    with pytest.raises(BadAddress):
        target(url)
    assert why_not(url)
