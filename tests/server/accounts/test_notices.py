"""The notices that rules make: who is told of what."""

from typing import Final

import msgspec
import pytest
from tests.server.oauth.world import KEYRING
from tests.server.store.samples import ENV

from valetkey.server.accounts.notices import (
    FACTS,
    NOBODY,
    NOTICE_KINDS,
    PURPOSE,
    CodeMail,
    NoticeKind,
    NoticeTargets,
    mail_code,
    tell,
)
from valetkey.server.model.change import Create
from valetkey.server.model.stream import Job

HOOK: Final = "https://chirp.example/hook"
MAIL: Final = NoticeTargets(mail=True)
BOTH: Final = NoticeTargets(mail=True, webhook=HOOK)


def jobs(changes: tuple[Create, ...]) -> list[Job]:
    return [change.record for change in changes if isinstance(change.record, Job)]


@pytest.mark.parametrize("kind", NOTICE_KINDS)
@pytest.mark.parametrize(
    "to, made",
    [
        (NOBODY, []),
        (MAIL, ["mail"]),
        (NoticeTargets(webhook=HOOK), ["webhook"]),
        (BOTH, ["mail", "webhook"]),
    ],
    ids=["nothing configured", "mail", "webhook", "both"],
)
def test_a_notice_goes_where_the_operator_wants_it(
    kind: NoticeKind, to: NoticeTargets, made: list[str]
) -> None:
    facts = dict.fromkeys(FACTS[kind], "1")
    found = jobs(tell(kind, user="u", env=ENV, to=to, facts=facts))
    assert [job.kind for job in found] == made
    assert to.tells(kind) is bool(made)
    # A receiver of both can tell that they are one.
    assert len({job.facts["id"] for job in found}) <= 1
    off = msgspec.structs.replace(to, off=frozenset({kind}))
    assert tell(kind, user="u", env=ENV, to=off, facts=facts) == ()
    assert not off.tells(kind)


def test_a_fact_that_the_kind_does_not_have_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="password_changed has no secret"):
        tell("password_changed", user="u", env=ENV, to=MAIL, facts={"secret": "x"})


def test_facts_are_cut() -> None:
    (job,) = jobs(tell("factor_added", user="u", env=ENV, to=MAIL, facts={"name": "x" * 9999}))
    assert len(job.facts["name"]) == 500


def test_codes_are_sealed() -> None:
    link = "https://chirp.example/reset#secret"
    (job,) = jobs(
        mail_code(
            "password_reset",
            user="u",
            email="miko@chirp.example",
            code="123456",
            link=link,
            expires=ENV.now + 900,
            env=ENV,
            to=MAIL,
            keyring=KEYRING,
        )
    )
    stored = msgspec.msgpack.encode(job)
    assert b"123456" not in stored
    assert b"secret" not in stored
    raw = KEYRING.unseal(job.sealed, purpose=PURPOSE)
    assert msgspec.msgpack.decode(raw, type=CodeMail) == CodeMail("123456", link)


def test_an_unknown_account_costs_the_same_work() -> None:
    def sizes(user: str, email: str) -> list[str]:
        changes = mail_code(
            "password_reset",
            user=user,
            email=email,
            code="123456",
            expires=ENV.now + 900,
            env=ENV,
            to=MAIL,
            keyring=KEYRING,
        )
        return [job.kind for job in jobs(changes)]

    assert sizes("u", "miko@chirp.example") == sizes("", "") == ["code mail"]


def test_without_mail_there_are_no_codes() -> None:
    found = mail_code(
        "sign_in_code",
        user="u",
        email="miko@chirp.example",
        code="123456",
        expires=ENV.now + 900,
        env=ENV,
        to=NoticeTargets(webhook=HOOK),
        keyring=KEYRING,
    )
    assert found == ()
