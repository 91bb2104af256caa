"""`valetkey user`."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.rows import row

from valetkey.server.accounts import password
from valetkey.server.accounts.throttle import account_of
from valetkey.server.model import ids
from valetkey.server.model.change import Count, Create
from valetkey.server.model.counters import Throttle
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.factor import Factor
from valetkey.server.model.keys import Secret
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import Session, User

WORD = "correct horse battery"


def kept(line: Line) -> User:
    (user,) = line.every(User)
    return user


def test_add_with_a_password_from_a_file(line: Line) -> None:
    (line.folder / "word").write_text(WORD + "\n")
    words = ("--email", "miko@example.org", "--email-verified", "--name", "Miko")
    more = ("--claim", "locale=de", "--password-file", "word")
    text = line.ok("user", "add", "miko", *words, *more)
    user = kept(line)
    assert text == f"added miko, whose sub is {user.id}\n"
    assert password.fits(Secret(WORD), user.password)
    assert user == User(
        id=user.id,
        username="miko",
        password=user.password,
        email="miko@example.org",
        email_verified=True,
        claims={"name": "Miko", "locale": "de"},
        created=user.created,
        changed=user.created,
        version=1,
    )


def test_add_with_a_password_from_stdin(line: Line) -> None:
    answer = line.json("user", "add", "miko", "--password-stdin", stdin=f"{WORD}\nmore\n")
    user = kept(line)
    assert answer["id"] == user.id
    assert "password" not in answer
    assert password.fits(Secret(WORD), user.password)


def test_two_salts_differ(line: Line) -> None:
    for name in ("miko", "noor"):
        line.ok("user", "add", name, "--password-stdin", stdin=WORD)
    assert len({one.password for one in line.every(User)}) == 2


PROMPTS = ("Password: ", "confirmation: ") * 2


def _until(terminal: int, text: str) -> str:
    seen = ""
    while text not in seen:
        seen += os.read(terminal, 1024).decode()
    return seen


def _typed(terminal: int, word: str, prompt: str) -> str:
    seen = _until(terminal, prompt)
    os.write(terminal, word.encode() + b"\n")
    return seen


@pytest.mark.parametrize("typed", [(WORD, WORD), (WORD, "a slip", WORD, WORD)], ids=str)
def test_at_a_terminal_the_password_is_asked_for_and_not_shown(
    line: Line, typed: tuple[str, ...]
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "valetkey", "user", "add", "miko"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    try:
        seen = "".join(
            _typed(ours, word, prompt) for word, prompt in zip(typed, PROMPTS, strict=False)
        )
        seen += _until(ours, "added miko")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert WORD not in seen
    assert password.fits(Secret(WORD), kept(line).password)


WRONG = [
    row("username", "taken", ("MIKO",), "there is one of that name already"),
    row("username", "blank", (" ",), "username: is empty or has spaces around"),
    row("email", "no address", ("new", "--email", "x"), "email: is not an address"),
    row("claims", "unknown", ("new", "--claim", "sub=1"), "claims: sub: not among name"),
    row("claims", "no value", ("new", "--claim", "name"), "--claim 'name' is not NAME=VALUE"),
]


@pytest.mark.parametrize("words,said", WRONG)
def test_a_mistake_is_said_and_nothing_is_written(
    line: Line, words: tuple[str, ...], said: str
) -> None:
    line.ok("user", "add", "miko", "--password-stdin", stdin=WORD)
    before = line.every(User)
    assert said in line.fails("user", "add", *words, "--password-stdin", status=2, stdin=WORD)
    assert line.every(User) == before


PASSWORDS = [
    row("password", "none, and nobody to ask", (), "use --password-file or --password-stdin"),
    row("password", "short", ("--password-stdin",), "a password has at least 15 characters"),
    row("password", "two ways", ("--password-stdin", "--password-file", "x"), "only one of them"),
    row("password", "no file", ("--password-file", "x"), "--password-file x: "),
]


@pytest.mark.parametrize("words,said", PASSWORDS)
def test_a_password_that_will_not_do(line: Line, words: tuple[str, ...], said: str) -> None:
    assert said in line.fails("user", "add", "miko", *words, status=2, stdin="short")
    assert not line.database.exists()


def test_list_shows_no_password(line: Line) -> None:
    line.furnish()
    text, raw = line.ok("user", "list"), line.ok("user", "list", "--json")
    assert [words.split()[0] for words in text.splitlines()] == ["username", "miko", "noor"]
    for user in line.users.values():
        assert user.password not in text + raw
        assert user.id in raw


def test_remove(line: Line) -> None:
    line.furnish()
    told = line.fails("user", "remove", "miko", status=2)
    assert "stop all access that they gave? Without a terminal, confirm with --yes" in told
    assert line.ok("user", "remove", "Miko", "--yes") == "removed Miko\n"
    assert [one.username for one in line.every(User)] == ["noor"]
    assert "there is no user 'miko'" in line.fails("user", "remove", "miko", "--yes", status=1)


def test_a_password_file_keeps_its_spaces(line: Line) -> None:
    Path("word").write_text(" spaces around \r\n")
    line.ok("user", "add", "miko", "--password-file", "word")
    assert password.fits(Secret(" spaces around "), kept(line).password)


def _sign_in_twice(line: Line) -> None:
    line.ok("user", "add", "miko", "--password-stdin", stdin=WORD)
    user = kept(line)
    env = Env(int(time.time()), os.urandom)
    begun = [
        Session(
            id=ids.owned_id(env, owner=user.id),
            digest="0" * 64,
            user=user.id,
            auth_time=env.now,
            expires=env.now + 60,
        )
        for _ in range(2)
    ]
    line.store(lambda store: store.commit([Create(one) for one in begun]))


def test_sign_out_ends_every_session(line: Line) -> None:
    _sign_in_twice(line)
    assert line.ok("user", "sign-out", "Miko") == "ended 2 sessions of Miko\n"
    assert line.every(Session) == ()
    assert line.json("user", "sign-out", "miko") == {"username": "miko", "sessions": 0}
    assert "there is no user" in line.fails("user", "sign-out", "nobody", status=1)


def test_reset_factors_removes_them_all_and_ends_the_sessions(line: Line) -> None:
    _sign_in_twice(line)
    user = kept(line)
    assert "no second factor" in line.fails("user", "reset-factors", "miko", "--yes", status=1)
    env = Env(int(time.time()), os.urandom)
    factors = [
        Factor(id=ids.owned_id(env, owner=user.id), user=user.id, kind=kind, created=env.now)
        for kind in ("totp", "recovery")
    ]
    line.store(lambda store: store.commit([Create(one) for one in factors]))
    assert "ended 2 sessions" in line.ok("user", "reset-factors", "Miko", "--yes")
    assert line.every(Session) == ()
    assert line.every(Factor) == ()
    kinds = {one.kind for one in line.every(Event)}
    assert "factors-reset" in kinds


def test_disable_ends_every_session_and_enable_brings_none_back(line: Line) -> None:
    _sign_in_twice(line)
    told = line.ok("user", "disable", "Miko", "--reason", "left the company")
    assert told == "disabled Miko, ended 2 sessions\n"
    assert (kept(line).status, line.every(Session)) == ("disabled", ())
    again = line.json("user", "disable", kept(line).id)
    assert again["sessions"] == 0
    assert line.ok("user", "enable", "miko") == "enabled miko\n"
    assert kept(line).status == "active"
    history = [(one.kind, one.by, one.reason) for one in line.every(Event)]
    assert history == [
        ("disabled", "administrator", "left the company"),
        ("enabled", "administrator", ""),
    ]
    assert "there is no user" in line.fails("user", "disable", "nobody", status=1)
    assert "--reason has over" in line.fails(
        "user", "disable", "miko", "--reason", "x" * 201, status=2
    )


def test_what_is_throttled_and_its_end(line: Line) -> None:
    (line.folder / "word").write_text(WORD + "\n")
    line.ok("user", "add", "miko", "--password-file", "word")
    assert line.ok("user", "throttled") == "nothing is throttled\n"
    miko, now = kept(line), int(time.time())
    account = account_of("miko")
    counts = {
        f"pair {account} 203.0.113.0/24": 5,
        f"account {account}": 7,
        f"account {account_of('nobody')}": 50,
        f"row {miko.id}": 100,
        f"factor {miko.id} totp": 10,
        "network 203.0.113.0/24": 120,
        "network 2001:db8::/32": 1500,
        "failed sign-ins": 999,
    }
    rows = [
        Throttle(bucket=bucket, tried=tried, since=now, expires=now + 900)
        for bucket, tried in counts.items()
    ]
    line.store(lambda store: store.commit([Count(row) for row in rows]))
    text = line.ok("user", "throttled")
    (until,) = set(re.findall(r"20..-..-.. ..:.. UTC", text))
    table = [re.split(r"  +", one.strip()) for one in text.splitlines()]
    assert table == [
        ["user", "effect", "from", "attempts", "until"],
        ["delayed 0.5 s", "203.0.113.0/24", "120", until],
        ["miko", "closed", "new browsers", "100", "the user signs in"],
        ["(no such user)", "refused", "new browsers", "50", until],
        ["miko", "refused", "totp", "10", until],
        ["miko", "refused", "203.0.113.0/24", "5", until],
    ]
    assert line.ok("user", "unlock", "miko") == "unlocked miko\n"
    left = line.ok("user", "throttled")
    assert "miko" not in left
    assert "(no such user)" in left
    assert [one.kind for one in line.every(Event)][-1] == "password-opened"
    assert line.fails("user", "unlock", "nobody", status=1) == "Error: there is no user 'nobody'\n"


def test_a_new_password_ends_sessions_and_stops_apps_if_asked(line: Line) -> None:
    line.ok("user", "add", "miko", "--password-stdin", stdin=WORD)
    new = "lanterns over quiet water"
    assert "there is no user" in line.fails(
        "user", "set-password", "noor", "--password-stdin", status=1, stdin=new
    )
    for bad, why in (("short", "at least 15"), ("miko-miko-miko-1", "names that others know")):
        refused = line.fails(
            "user", "set-password", "miko", "--password-stdin", status=2, stdin=bad
        )
        assert why in refused
    assert password.fits(Secret(WORD), kept(line).password)
    document = line.json(
        "user", "set-password", "MIKO", "--password-stdin", "--stop-apps", stdin=new
    )
    assert document == {"username": "MIKO", "sessions": 0, "stopped": 0}
    assert password.fits(Secret(new), kept(line).password)


def test_a_reset_link_is_shown_and_not_stored(line: Line) -> None:
    line.ok("user", "add", "miko", "--password-stdin", stdin=WORD)
    link = line.ok("user", "reset-link", "miko").strip()
    place, _, secret = link.partition("?code=")
    assert place.startswith("http://127.0.0.1:8000/forgot/")
    assert len(secret) == 43
    (pending,) = line.every(Pending)
    assert secret not in str(pending)
    assert pending.expires - pending.created == 3600
    line.fails("user", "reset-link", "miko", "--minutes", "0", status=2)
