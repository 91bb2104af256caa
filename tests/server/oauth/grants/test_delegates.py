"""The tree of those to whom a key was handed on: what is noted of it, and what cutting it comes to.

ATTACKS A26, A56, A77; PROMISES I2, I7, R08.
"""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.attacks.play import claims
from tests.installation import CHIRP, CHIRP_CATALOG, PHOTOS
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.grant_types.test_token_exchange import exchange, held
from tests.server.oauth.world import World, done

from valetkey.resource.log_state import LogState
from valetkey.server.model.change import Stale
from valetkey.server.model.client import Client, Exchange
from valetkey.server.model.event import Event
from valetkey.server.model.grant import MOST, Delegate, DelegateTree
from valetkey.server.oauth.endpoints.change_log import visible_entry
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import GrantChanged, GrantOutcome, NotFound
from valetkey.server.oauth.grants.connections import report
from valetkey.server.oauth.grants.delegates import Branch
from valetkey.spec.errors import AccessDenied, InvalidRequest
from valetkey.wire.access_token import AccessToken
from valetkey.wire.change_log import Entry, Piece, Place
from valetkey.wire.child_key import ALONE
from valetkey.wire.lease import DAY

AGENT, PRINTER = "client:agent", "client:printer"
PHOTO = "photos.read"


class Stage(World):
    """An app with a key, which went to an agent, and from there, and straight, to a printer."""

    def __init__(self) -> None:
        super().__init__()
        both = Exchange(clients=("kite", "agent", "printer"), audiences=(PHOTOS,))
        self.change(Client, "printer", exchange=both)
        self.tokens = held(self)
        self.app = self.tokens["access_token"]

    def keys(self) -> dict[str, str]:
        """A token at each place of the tree."""
        agent = self.passed(self.app, "agent")
        return {
            "app": self.app,
            "agent": agent,
            "printer of the agent": self.passed(agent, "printer"),
            "printer": self.passed(self.app, "printer"),
        }

    def passed(self, subject: str, client: str, **parameters: Any) -> str:
        text: str = exchange(self, subject, client, **parameters)["access_token"]
        return text

    def cut(self, hand: str, user: str = "") -> GrantOutcome:
        who, name = user or self.miko.id, self.grant().id
        return self.settle(
            lambda: delegates.revoke(name, hand, user=who, by="user", context=self.context)
        )

    def readmit(self, hand: str, user: str = "") -> GrantOutcome:
        who, name = user or self.miko.id, self.grant().id
        return self.settle(
            lambda: delegates.readmit(name, hand, user=who, by="user", context=self.context)
        )

    def tree(self) -> DelegateTree:
        return self.need(DelegateTree, self.grant().id)

    def uses(self, *hands: str, by: str = "photos", permission: str = PHOTO) -> None:
        """An API tells of a key that came to it so."""
        use = {"family": self.family().id, "permissions": [permission], "hands": hands}
        self.post(report, call(by, usage=json.dumps([use])))


# What is noted.


def test_a_hand_is_noted_when_it_first_has_the_key() -> None:
    at = Stage()
    at.passed(at.app, "agent", scope="chirps.read")
    assert at.tree().delegates == (
        Delegate(chain=(AGENT,), permissions=("chirps.read",), first=at.now, last=at.now // DAY),
    )
    assert at.tree().user == at.miko.id


NOTED: list[Any] = [
    row("issue", "once more", {}, 0, 0),
    row("issue", "for less", {"scope": "chirps.read"}, 0, 0),
    row("issue", "for more than it ever had", {"scope": "chirps.read photos.read"}, 0, 1),
    row("issue", "on another day", {"scope": "chirps.read"}, DAY, 1),
]


@pytest.mark.parametrize("asked,later,writes", NOTED)
def test_it_is_written_when_there_is_news(asked: dict[str, str], later: int, writes: int) -> None:
    """The database grows with grants, not with tokens."""
    at = Stage()
    at.passed(at.app, "agent", scope="chirps.read chirps.write")
    version, first = at.tree().version, at.now
    at.later(later)
    subject = at.refresh("kite", at.tokens["refresh_token"])["access_token"] if later else at.app
    at.passed(subject, "agent", **({"scope": "chirps.read"} | asked))
    assert at.tree().version == version + writes
    (hand,) = at.tree().delegates
    assert (hand.first, hand.last) == (first, at.now // DAY)
    assert set(hand.permissions) >= {"chirps.read", "chirps.write"}
    assert (PHOTO in hand.permissions) is (PHOTO in asked.get("scope", ""))


def test_it_is_no_change_of_the_grant() -> None:
    at = Stage()
    before, told, log = at.grant(), at.kinds(), done(at.store.log(0)).head
    at.keys()
    assert (at.grant(), at.kinds(), done(at.store.log(0)).head) == (before, told, log)


def test_an_app_that_makes_its_own_key_smaller_is_no_delegate() -> None:
    at = Stage()
    agent = at.passed(at.app, "agent")
    at.passed(agent, "agent", scope="chirps.read")
    assert [one.chain for one in at.tree().delegates] == [(AGENT,)]


def test_the_tree_is_drawn_as_the_key_went() -> None:
    at = Stage()
    at.keys()
    at.uses(AGENT, ALONE)

    def drawn(branches: tuple[Branch, ...]) -> Any:
        return {
            (one.client.name if one.client else one.delegate.name): drawn(one.below)
            for one in branches
        }

    names = {name: at.need(Client, name).name for name in ("agent", "printer")}
    assert drawn(at.ask(delegates.delegate_tree(at.grant()))) == {
        names["agent"]: {names["printer"]: {}, ALONE: {}},
        names["printer"]: {},
    }


def test_a_tree_that_nobody_could_see_through_grows_no_more() -> None:
    at = Stage()
    many = tuple(
        Delegate(chain=(f"client:{number}",), permissions=(PHOTO,), first=at.now, last=0)
        for number in range(MOST)
    )
    at.put(DelegateTree(id=at.grant().id, user=at.miko.id, delegates=many))
    with pytest.raises(InvalidRequest):
        at.passed(at.app, "agent")
    at.uses(ALONE)
    assert at.tree().delegates == many


# What a cut comes to, at each place of the tree, by each way to look.

AT = ("app", "agent", "printer of the agent", "printer")
CUTS: list[Any] = [
    row("issue", "nobody", "", AT),
    row("issue", "the agent, and what is below it", AGENT, ("app", "printer")),
    row("issue", "the printer, wherever it is", PRINTER, ("app", "agent")),
    row("issue", "those whom nobody knows", ALONE, AT),
]


def _introspected(at: Stage, text: str) -> bool:
    """Introspection, by the API that it is for."""
    return at.introspect(text, by="photos").active


def _exchanged(at: Stage, text: str) -> bool:
    """The token endpoint: may it still be brought?"""
    at.change(Client, "post", exchange=Exchange(clients=AT_CLIENTS, audiences=(PHOTOS,)), **WIDE)
    try:
        at.passed(text, "post")
    except InvalidRequest:
        return False
    return True


AT_CLIENTS = ("kite", "agent", "printer")
WIDE: dict[str, Any] = {
    "grant_types": ("authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"),
    "scope": (PHOTO,),
}


def _followed(at: Stage, text: str) -> bool:
    """An API that has the log, and never asks."""
    token = AccessToken(**_claims(text))
    known = LogState(Place(), CHIRP_CATALOG)
    entries = tuple(visible_entry(one, PHOTOS, at.context) for one in _log(at))
    head = len(entries)
    known.read(
        Piece(iss="", aud="", at=at.now * 1000, node="", after=0, to=head, head=head,
              entries=entries)
    )  # fmt: skip
    return known.status_of(token, frozenset({PHOTO})).over == ""


def _claims(text: str) -> dict[str, Any]:
    return msgspec.structs.asdict(msgspec.convert(claims(text), AccessToken))


def _log(at: Stage) -> tuple[Entry, ...]:
    return done(at.store.log(0, limit=1000)).entries


OUTLETS = [
    row("RFC 7662 2.2", "introspection", _introspected),
    row("RFC 8693 2.2.2", "exchange", _exchanged),
    row("R08", "the change log", _followed),
]


@pytest.mark.parametrize("looks", OUTLETS)
@pytest.mark.parametrize("hand,open_", CUTS)
def test_a_cut_is_seen_at_every_place_by_every_way(
    hand: str, open_: tuple[str, ...], looks: Any
) -> None:
    at = Stage()
    keys = at.keys()
    at.uses(ALONE)
    if hand:
        assert isinstance(at.cut(hand), GrantChanged)
    assert tuple(place for place in AT if looks(at, keys[place])) == open_


@pytest.mark.parametrize("hand,open_", CUTS)
def test_who_is_allowed_again_has_it_again(hand: str, open_: tuple[str, ...]) -> None:
    at = Stage()
    keys = at.keys()
    at.uses(ALONE)
    if hand:
        at.cut(hand)
        assert isinstance(at.readmit(hand), GrantChanged)
    for looks in (_introspected, _followed, _exchanged):
        assert all(looks(at, keys[place]) for place in AT)


WAYS: list[Any] = [
    row("A56", "with the app's own key", lambda at, keys: keys["app"]),
    row("A56", "through another that may go on", lambda at, keys: keys["printer"]),
    row("A56", "with the key that it had", lambda at, keys: keys["agent"]),
    row("A56", "with what it had handed on itself", lambda at, keys: keys["printer of the agent"]),
    row("A56", "with a new one of the app's", lambda at, keys: _fresh(at)),
    row("A56", "with the user's sign-in", lambda at, keys: at.tokens["id_token"]),
]


def _fresh(at: Stage) -> str:
    text: str = at.refresh("kite", at.tokens["refresh_token"])["access_token"]
    return text


@pytest.mark.parametrize("brings", WAYS)
def test_who_is_cut_off_gets_no_new_key(brings: Any) -> None:
    at = Stage()
    all_ = Exchange(clients=AT_CLIENTS, audiences=(CHIRP, PHOTOS))
    at.change(Client, "agent", exchange=all_)
    keys = at.keys()
    at.cut(AGENT)
    subject = brings(at, keys)
    kind = "id_token" if subject == at.tokens["id_token"] else "access_token"
    before = at.digest()
    with pytest.raises((AccessDenied, InvalidRequest)) as refused:
        at.passed(subject, "agent", subject_token_type=f"urn:ietf:params:oauth:token-type:{kind}")
    dead = subject in (keys["agent"], keys["printer of the agent"])
    assert refused.value.code == ("invalid_request" if dead else "access_denied")
    assert refused.value.status == 400
    assert at.digest() == before


def test_the_app_and_its_own_key_go_on() -> None:
    at = Stage()
    at.keys()
    before = at.grant()
    at.cut(AGENT)
    told = at.refresh("kite", at.tokens["refresh_token"])
    assert set(told["scope"].split()) >= {"chirps", PHOTO}
    assert at.introspect(told["access_token"]).grant_version == before.version + 1
    assert at.grant().permissions == before.permissions


def test_a_cut_is_one_change_with_one_event_and_one_entry() -> None:
    at = Stage()
    at.keys()
    grant, told, log = at.grant(), at.kinds(), len(_log(at))
    at.settle(
        lambda: delegates.revoke(
            grant.id, AGENT, user=at.miko.id, by="administrator", context=at.context, reason="odd"
        )
    )
    assert at.grant().version == grant.version + 1
    assert at.kinds() == [*told, "cut"]
    (event,) = (one for one in at.all(Event) if one.kind == "cut")
    assert (event.by, event.reason, event.note) == (
        "administrator",
        "odd",
        at.need(Client, "agent").name,
    )
    (entry,) = _log(at)[log:]
    assert (entry.kind, entry.status, entry.grant_version) == ("grant", "active", grant.version + 1)
    # Said once more, it is so already.
    assert isinstance(at.cut(AGENT), GrantChanged)
    assert (at.grant().version, len(at.kinds())) == (grant.version + 1, len(told) + 1)
    at.readmit(AGENT)
    assert at.kinds()[-1] == "readmitted"
    assert at.grant().revoked_delegates == {}
    assert isinstance(at.readmit(AGENT), GrantChanged)
    assert at.grant().version == grant.version + 2


def test_an_api_hears_of_those_alone_whom_its_tokens_name() -> None:
    at = Stage()
    at.passed(at.passed(at.app, "agent"), "printer")
    for hand in (AGENT, PRINTER):
        at.cut(hand)
    last = _log(at)[-1]
    assert set(visible_entry(last, PHOTOS, at.context).revoked_delegates) == {AGENT, PRINTER}
    heard = visible_entry(last, CHIRP, at.context).revoked_delegates
    assert set(heard) == {AGENT}, "the printer never had a key for it"
    assert all(one in CHIRP_CATALOG.scopes["chirps"] or one == "dms.read" for one in heard[AGENT])


def test_a_hand_that_gets_more_while_it_is_cut_off_is_seen_or_too_late() -> None:
    """Two who read before either writes: the second reads again."""
    at = Stage()
    at.passed(at.app, "agent", scope="chirps.read")
    cut = at.ask(
        delegates.revoke(at.grant().id, AGENT, user=at.miko.id, by="user", context=at.context)
    )
    at.passed(at.app, "agent", scope=PHOTO)
    with pytest.raises(Stale):
        at.write(*cut.changes)
    at.cut(AGENT)
    assert set(at.grant().revoked_delegates[AGENT]) == {"chirps.read", PHOTO}


def test_another_users_branch_is_no_branch() -> None:
    """ATTACKS A77: what is another's looks like what is not."""
    at = Stage()
    at.keys()
    before, told = at.digest(), at.kinds()
    for user in (at.noor.id, "0" * 26, "x"):
        assert isinstance(at.cut(AGENT, user), NotFound)
        assert isinstance(at.readmit(AGENT, user), NotFound)
    assert (at.digest(), at.kinds()) == (before, told)


@pytest.mark.parametrize("hand", ["", "client:", "client:kite", "agent", "client:web", ALONE])
def test_who_has_no_key_is_not_cut_off(hand: str) -> None:
    at = Stage()
    at.keys()
    before = at.digest()
    assert isinstance(at.cut(hand), NotFound)
    assert at.digest() == before


@pytest.mark.parametrize("how", ["cut", "readmit"])
def test_of_a_grant_that_is_over_nothing_is_changed(how: str) -> None:
    at = Stage()
    at.keys()
    name = at.grant().id
    at.change(type(at.grant()), name, status="stopped")
    rule = {"cut": delegates.revoke, "readmit": delegates.readmit}[how]
    answer = at.settle(lambda: rule(name, AGENT, user=at.miko.id, by="user", context=at.context))
    assert isinstance(answer, NotFound)


# Those of whom nobody but a hand knows.


def test_a_token_says_that_nobody_hands_it_on_alone() -> None:
    at = Stage()
    at.uses(ALONE)
    assert not claims(at.app).get("childless")
    at.cut(ALONE)
    assert claims(_fresh(at))["childless"] is True
    assert at.introspect(at.app).childless
    assert all(
        entry.revoked_delegates == {ALONE: ()}
        for entry in (visible_entry(_log(at)[-1], CHIRP, at.context),)
    )
    at.readmit(ALONE)
    assert not at.introspect(at.app).childless


TOLD: list[Any] = [
    row("issue", "behind the app", (ALONE,), "photos", PHOTO, True),
    row("issue", "behind the agent", (AGENT, ALONE), "photos", PHOTO, True),
    row("A77", "behind one who has no key", (PRINTER, ALONE), "photos", PHOTO, False),
    row("A77", "a client that nobody handed it", ("client:web",), "photos", PHOTO, False),
    row("A77", "of what is another API's", (ALONE,), "chirp", PHOTO, False),
    row("A77", "of what the family may not do", (ALONE,), "chirp", "dms.send", False),
    row("A77", "a child of a child", (ALONE, ALONE), "photos", PHOTO, False),
]


@pytest.mark.parametrize("hands,by,permission,noted", TOLD)
def test_an_api_tells_of_those_whom_nobody_else_knows(
    hands: tuple[str, ...], by: str, permission: str, noted: bool
) -> None:
    at = Stage()
    at.passed(at.app, "agent")
    before = at.tree()
    at.uses(*hands, by=by, permission=permission)
    chains = [one.chain for one in at.tree().delegates]
    assert (hands in chains) is noted
    assert (at.tree() == before) is not noted
    at.uses(*hands, by=by, permission=permission)
    assert at.tree().version == before.version + noted, "once a day"


def test_a_report_may_tell_of_several_hands_of_one_key() -> None:
    at = Stage()
    at.passed(at.app, "agent")
    use = {"family": at.family().id, "permissions": [PHOTO]}
    uses = [use, use | {"hands": [ALONE]}, use | {"hands": [AGENT, ALONE]}]
    at.post(report, call("photos", usage=json.dumps(uses)))
    assert [one.chain for one in at.tree().delegates] == [(AGENT,), (ALONE,), (AGENT, ALONE)]
    assert at.family().opened == {PHOTO: at.now // DAY}


def test_the_tree_outlives_no_grant_and_is_given_to_no_other() -> None:
    """A later yes is a new grant: nobody is cut off from it, and nobody has it yet."""
    at = Stage()
    at.keys()
    at.cut(AGENT)
    at.change(type(at.grant()), at.grant().id, status="stopped")
    again = held(at)["access_token"]
    assert at.grant().revoked_delegates == {}
    assert at.ask(delegates.delegate_tree(at.grant())) == ()
    assert at.introspect(at.passed(again, "agent")).active
    assert replace(at.tree(), delegates=()).id == at.grant().id
