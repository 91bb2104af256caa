"""The countries of network addresses, by databases as they are sold and as they break."""

import re
from pathlib import Path

import pytest
from tests.mmdb import countries, write_mmdb

from valetkey.server.http.countries import Countries, age_of, why_not_countries

DE = {"country": {"iso_code": "DE", "names": {"en": "Germany"}}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return countries(tmp_path / "c.mmdb", DE="203.0.113.0/24", FR="2001:db8:42::/48")


@pytest.mark.parametrize(
    "address, code",
    [
        ("203.0.113.7", "DE"),
        ("203.0.113.7:4711", "DE"),
        ("203.0.113.0/24", "DE"),
        ("::ffff:203.0.113.7", "DE"),
        ("2001:db8:42::1", "FR"),
        ("[2001:db8:42::1]:443", "FR"),
        ("198.51.100.1", ""),
        ("10.0.0.1", ""),
        ("unknown", ""),
        ("", ""),
        ("203.0.113.7, 198.51.100.1", ""),
    ],
)
def test_the_country_of_an_address(address: str, code: str, file: Path) -> None:
    assert Countries(file).of(address) == code
    assert Countries().of(address) == ""


@pytest.mark.parametrize(
    "record, code",
    [
        (DE, "DE"),
        ({"country_code": "DE", "country": "Germany"}, "DE"),
        ({"country": "DE"}, "DE"),
        ({"registered_country": {"iso_code": "DE"}}, ""),
        ({"country": {"iso_code": "<b>"}}, ""),
        ({"country": {"iso_code": "DE\n"}}, ""),
        ({"country": {"iso_code": "DEU"}}, ""),
        ({"country": ["DE"]}, ""),
        ({"country": {"iso_code": 7}}, ""),
        ("DE", ""),
    ],
)
def test_what_is_read_of_a_record(record: object, code: str, tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "c.mmdb", {"203.0.113.0/24": record})
    assert Countries(file).of("203.0.113.7") == code
    assert ("has no countries" in why_not_countries(file)) == (code == "")


def test_every_damage_is_said_at_the_start_and_costs_no_sign_in(file: Path) -> None:
    whole = file.read_bytes()
    assert why_not_countries(file) == why_not_countries(None) == ""
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    damaged += [whole[:n] + b"\xff" * 9 + whole[n + 9 :] for n in range(0, len(whole), 7)]
    damaged += [whole.replace(b"\xab\xcd\xefMaxMind.com", b"")]
    said = 0
    for content in damaged:
        file.write_bytes(content)
        why = why_not_countries(file)
        assert why.isprintable()
        said += bool(why)
        assert re.fullmatch("([A-Z]{2})?", Countries(file).of("203.0.113.7"))
    assert said > len(damaged) / 2
    file.unlink()
    assert why_not_countries(file) == "cannot be read: No such file or directory"
    assert Countries(file).of("203.0.113.7") == ""


def test_a_new_file_counts_once_it_is_read_again(file: Path) -> None:
    known = Countries(file)
    assert known.of("203.0.113.7") == "DE"
    countries(file, NL="203.0.113.0/24")
    assert known.of("203.0.113.7") == "DE"
    known.read_again()
    assert known.of("203.0.113.7") == "NL"
    file.write_bytes(b"cut")
    known.read_again()
    assert known.of("203.0.113.7") == "NL", "what was read before stays"


def test_the_age_of_a_database(tmp_path: Path) -> None:
    file = write_mmdb(tmp_path / "c.mmdb", {"203.0.113.0/24": DE}, kind="X\x1b", made=86400)
    assert age_of(file, 10 * 86400) == (9, "X? of 1970-01-02")
