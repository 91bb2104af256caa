"""A forgotten password, and e-mail addresses: the rules, and what ends with a new password."""

from functools import partial

import msgspec
import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.world import KEYRING, World

from valetkey.server.accounts.notices import MAIL, PURPOSE, CodeMail, NoticeTargets
from valetkey.server.model.change import Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.pending import Pending
from valetkey.server.model.stream import Job
from valetkey.server.model.user import Session, User, password_mark
from valetkey.server.oauth.grants.credentials import CredentialsChanged, change_password
from valetkey.server.oauth.grants.recovery import (
    begin_address,
    begin_reset,
    finish_address,
    finish_reset,
    link_for_support,
)
from valetkey.server.oauth.grants.sent_codes import (
    MAILS,
    NETWORK,
    OWN_MAILS,
    SECONDS,
    TRIES,
    Asker,
    CodeChecked,
    RecoveryRequest,
    check_code,
)
from valetkey.spec.errors import TemporarilyUnavailable

OLD, NEW = "$argon2id$old", "$argon2id$new"
HERE = Asker(browser="a" * 64, language="de")
STRANGER = Asker(browser="b" * 64)


class Accounts(World):
    """Miko has a password and a verified address."""

    def __init__(self) -> None:
        super().__init__()
        self.at = replace(self.at, notices=NoticeTargets(mail=True))
        self.set(password=OLD, email_verified=True)
        self.miko = self.user

    def set(self, **fields: object) -> None:
        self.write(Update(replace(self.need(User, self.miko.id), **fields)))

    @property
    def user(self) -> User:
        return self.need(User, self.miko.id)

    def forgot(self, name: str = "miko", asker: Asker = HERE) -> RecoveryRequest:
        return self.settle(lambda: begin_reset(name, asker, self.context))

    def mailed(self, begun: RecoveryRequest) -> tuple[str, CodeMail]:
        """To whom the mail of a request goes, and what is in it."""
        (job,) = (one.record for one in begun.changes if isinstance(one.record, Job))
        assert job.id in {one.id for one in self.all(Job)}
        raw = KEYRING.unseal(job.sealed, purpose=PURPOSE)
        return job.facts["email"], msgspec.msgpack.decode(raw, type=CodeMail)

    def check(
        self, begun: RecoveryRequest, code: str, *, browser: str = HERE.browser
    ) -> CodeChecked:
        return self.settle(
            lambda: check_code(begun.id, "reset", code, browser=browser, context=self.context)
        )

    def finish(self, begun: RecoveryRequest, *, browser: str = HERE.browser) -> CredentialsChanged:
        return self.settle(
            lambda: finish_reset(begun.id, NEW, browser=browser, device="", context=self.context)
        )


def test_a_code_by_mail_leads_to_a_new_password_once() -> None:
    world = Accounts()
    world.sign_in(world.miko)
    begun = world.forgot()
    to, mail = world.mailed(begun)
    assert to == "miko@example.org"
    assert mail.link == f"https://id.example/forgot/{begun.id}?code={mail.code.replace('-', '')}"
    assert world.user.password == OLD
    checked = world.check(begun, f" {mail.code.lower()} ")
    assert checked.user == world.user
    assert world.user.password == OLD
    assert world.finish(begun).sessions == 1
    assert world.user.password == NEW
    assert world.all(Session) == ()
    assert "password-changed" in world.kinds()
    assert [one.facts["notice"] for one in world.all(Job) if one.kind == MAIL] == [
        "password_changed"
    ]
    assert world.check(begun, mail.code).over
    assert world.finish(begun).user is None


UNKNOWN = [
    row("A70", "nobody", "nobody", {}),
    row("A70", "an address that nobody verified", "miko", {"email_verified": False}),
    row("A70", "a disabled account", "miko", {"status": "disabled"}),
    row("A70", "an account without a password here", "miko", {"password": ""}),
]


@pytest.mark.parametrize("name, fields", UNKNOWN)
def test_for_others_as_much_is_stored_and_nobody_gets_a_mail(
    name: str, fields: dict[str, object]
) -> None:
    usual, world = Accounts(), Accounts()
    world.set(**fields)
    known, unknown = usual.forgot(), world.forgot(name)
    assert [type(one.record) for one in known.changes] == [
        type(one.record) for one in unknown.changes
    ]
    to, mail = world.mailed(unknown)
    assert to == ""
    (job,) = world.all(Job)
    assert job.user == ""
    checked = world.check(unknown, mail.code)
    assert (checked.user, checked.remaining) == (None, TRIES.attempts - 1)
    assert world.finish(unknown).user is None


def test_a_stolen_link_is_nothing_in_another_browser() -> None:
    """ATTACKS A72."""
    world = Accounts()
    begun = world.forgot()
    _, mail = world.mailed(begun)
    assert world.check(begun, mail.code, browser=STRANGER.browser).over
    assert world.finish(begun, browser=STRANGER.browser).user is None
    assert world.user.password == OLD


def test_a_code_cannot_be_guessed() -> None:
    world = Accounts()
    begun = world.forgot()
    _, mail = world.mailed(begun)
    wrong = "B" * 8 if mail.code != "BBBB-BBBB" else "C" * 8
    for left in (4, 3, 2, 1, 0):
        assert world.check(begun, wrong).remaining == left
    checked = world.check(begun, mail.code)
    assert (checked.user, checked.remaining) == (None, 0)


def test_a_code_is_over_after_a_quarter_of_an_hour() -> None:
    world = Accounts()
    begun = world.forgot()
    _, mail = world.mailed(begun)
    world.later(SECONDS - 1)
    assert world.check(begun, mail.code).user is not None
    world.later(1)
    assert world.check(begun, mail.code).over
    assert world.finish(begun).user is None


def test_a_code_of_before_another_change_is_over() -> None:
    world = Accounts()
    begun, second = world.forgot(), world.forgot()
    assert world.finish(second).user is not None
    assert world.finish(begun).user is None


def test_an_inbox_is_not_flooded_and_strangers_take_nothing_from_a_known_browser() -> None:
    world = Accounts()
    home = HERE._replace(name="home")
    for _ in range(MAILS):
        world.forgot(asker=STRANGER)
    for _ in range(3):
        assert world.mailed(world.forgot(asker=STRANGER))[0] == ""
    for _ in range(OWN_MAILS):
        assert world.mailed(world.forgot(asker=home))[0] == "miko@example.org"
    assert world.mailed(world.forgot(asker=home))[0] == ""


def test_a_network_asks_for_so_many_whatever_the_names() -> None:
    world = Accounts()
    for number in range(NETWORK.most):
        world.forgot(f"user-{number}", STRANGER._replace(address="198.51.100.7"))
    for name in ("miko", "nobody"):
        with pytest.raises(TemporarilyUnavailable):
            world.forgot(name, STRANGER._replace(address="198.51.100.9"))
    world.forgot("miko", STRANGER._replace(address="203.0.113.7"))


def test_support_makes_a_link_for_any_browser_once() -> None:
    world = Accounts()
    begun = world.settle(lambda: link_for_support(world.user, seconds=3600, context=world.context))
    secret = begun.secret.partition("?code=")[2]
    assert begun.secret == f"/forgot/{begun.id}?code={secret}"
    assert secret not in str(world.all(Pending))
    assert world.check(begun, secret[:-1] + "x", browser="any").user is None
    assert world.check(begun, secret, browser="any").user is not None
    assert world.finish(begun, browser="any").user is not None
    assert world.check(begun, secret, browser="any").over


def test_a_change_keeps_this_session_and_stops_apps_only_if_it_is_asked_to() -> None:
    world = Accounts()
    here, there = world.sign_in(world.miko), world.sign_in(world.miko)
    world.connect()
    for stops in (False, True):
        assert world.grant().status == "active"
        rule = partial(
            change_password,
            world.miko.id,
            f"{NEW}{stops}",
            by="user",
            keep=here.session,
            stop_apps=stops,
            context=world.context,
        )
        assert world.settle(rule).user is not None
        (session,) = [one for one in world.all(Session) if one.user == world.miko.id]
        assert session.id == here.session != there.session
        assert session.proved == password_mark(world.user)
    assert all(one.status == "stopped" for one in world.all(Grant))


def test_an_address_counts_once_it_is_proved_and_the_one_before_is_told() -> None:
    world = Accounts()
    begun = world.settle(
        lambda: begin_address(
            world.user, "new@example.org", asker=HERE._replace(browser=""), context=world.context
        )
    )
    to, mail = world.mailed(begun)
    assert to == "new@example.org"
    assert world.user.email == "miko@example.org"
    checked = world.settle(
        lambda: check_code(begun.id, "address", mail.code, browser="", context=world.context)
    )
    assert checked.user == world.user
    other = world.settle(
        lambda: finish_address(begun.id, user=world.noor.id, device="", context=world.context)
    )
    assert other.user is None
    for expected in (world.miko.id, None):
        done = world.settle(
            lambda: finish_address(begun.id, user=world.miko.id, device="", context=world.context)
        )
        assert (done.user and done.user.id) == expected
    assert (world.user.email, world.user.email_verified) == ("new@example.org", True)
    (notice,) = [one for one in world.all(Job) if one.kind == MAIL]
    assert notice.facts["email"] == "miko@example.org"
    assert notice.facts["new_email"] == "new@example.org"


def test_a_code_for_one_thing_is_none_for_another() -> None:
    """ATTACKS A81."""
    world = Accounts()
    begun = world.forgot()
    _, mail = world.mailed(begun)
    checked = world.settle(
        lambda: check_code(begun.id, "address", mail.code, browser="", context=world.context)
    )
    assert checked.over
    done = world.settle(
        lambda: finish_address(begun.id, user=world.miko.id, device="", context=world.context)
    )
    assert done.user is None
