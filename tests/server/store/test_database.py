"""The address of a database, whose password is never displayed."""

from pathlib import Path

import pytest

from valetkey.server.store.database_url import Database, PostgresURL, blind, read_database

SHOWN = {
    "postgresql://db/name": "postgresql://db/name",
    "postgresql://valetkey@db:5433/name": "postgresql://valetkey@db:5433/name",
    "postgresql://u:s3cret@db/name": "postgresql://u:…@db/name",
    "postgres://u:@db": "postgres://u:…@db",
    "postgresql://u:p%40ss%2Fword@a:1,b,[::1]:2/n": "postgresql://u:…@a:1,b,[::1]:2/n",
    "postgresql://u@db/n?sslmode=verify-full": "postgresql://u@db/n?…",
    "postgresql:///n?host=/run/postgresql": "postgresql:///n?…",
    "postgresql://u@db/n?password=s3cret": "postgresql://u@db/n?…",
}


@pytest.mark.parametrize("text,shown", SHOWN.items())
def test_a_url_is_shown_without_its_password(text: str, shown: str) -> None:
    url = PostgresURL(text)
    assert url.reveal() == text
    assert str(url) == f"{url}" == str(Database(url)) == shown
    assert repr(url) == f"PostgresURL({shown!r})"
    assert url.has_password is (":…" in shown or "password=" in text)


def test_an_ssl_password_is_one_too() -> None:
    assert PostgresURL("postgresql://u@db/n?sslpassword=x&sslkey=k").has_password


def test_each_host_by_itself() -> None:
    url = PostgresURL("postgresql://u:p@a:1,b,[::1]:2/n?sslmode=require")
    assert url.each() == tuple(
        f"postgresql://u:p@{host}/n?sslmode=require" for host in ("a:1", "b", "[::1]:2")
    )
    socket = "postgresql:///n?host=/run/postgresql"
    assert PostgresURL(socket).each() == (socket,)


WRONG = {
    "another scheme": ("mysql://u:s3cret@db/n", "is neither a path nor a URL that begins with"),
    "an @ in the password": ("postgresql://u:s3@cret@db/n", "to be written as %XX"),
    "a / in the password": ("postgresql://u:s3/cret@db/n", "to be written as %XX"),
    "a # in the password": ("postgresql://u:s3#cret@db/n", "has a # in it"),
    "a ? in the password": ("postgresql://u:s3?cret@db/n", "is not a URL"),
    "a space": ("postgresql://u:s3 cret@db/n", "holds a stray character"),
    "a line end": ("postgresql://u:s3cret@db/n\n", "holds a stray character"),
    "a bracket": ("postgresql://u:[s3cret@db/n", "is not a URL"),
    "a letter that is no letter": ("postgresql://u:s3cret@db\u2100/n", "is not a URL"),
    "no such port": ("postgresql://u:s3cret@db:99999/n", "has a host or port that is none"),
    "no host among several": ("postgresql://u:s3cret@a,,b/n", "has a host or port that is none"),
    "a user without a host": ("postgresql://u:s3cret@/n", "has a user and no host"),
    "two databases": ("postgresql://u:s3cret@db/n/m", "names no single database"),
    "keywords": ("host=db password=s3cret", "is a list of keywords"),
}


@pytest.mark.parametrize("text,why", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_without_the_password(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_database(text)
    said = f"{caught.value!r} {caught.value.__cause__!r} {blind(text)}"
    assert "s3" not in said
    assert "cret" not in said


def test_a_path_is_meant_from_its_base(tmp_path: Path) -> None:
    assert read_database("keys.db", base=tmp_path) == Database(tmp_path / "keys.db")
    assert read_database("/var/keys.db", base=tmp_path) == Database(Path("/var/keys.db"))
    assert blind("keys.db") == "keys.db"


def test_two_of_the_same_are_one() -> None:
    assert len({PostgresURL("postgresql://a"), PostgresURL("postgresql://a")}) == 1
    assert len({Database(Path("a")), Database(Path("a")), Database(Path("b"))}) == 2
    assert PostgresURL("postgresql://a") != "postgresql://a"
    assert Database(Path("a")) != Path("a")
