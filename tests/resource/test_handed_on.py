"""Keys that were handed on, online by an exchange and offline by a block, in front of an API: one
stop ends the tree, and one budget counts it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.browser import forms
from tests.proofs import MINE, Wish, proof
from tests.resource.chirp_platform import AGENTS, CATALOG, RESOURCE, WORD, Platform
from tests.rows import row

from valetkey.jose import jwk
from valetkey.jose.jwk import PrivateKey
from valetkey.resource import Principal, Refused, ResourceServer, SenderProof
from valetkey.resource.calls import Call
from valetkey.server.model.limits import Bounds, limits
from valetkey.wire import child_key
from valetkey.wire.bearer import Challenge
from valetkey.wire.child_key import MAX_DEPTH

READ, WRITE, TIP = "chirps.read", "chirps.write", "tips.send"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    yield platform
    platform.live.stop()


def server_of(platform: Platform, **options: Any) -> ResourceServer:
    usual: dict[str, Any] = {"live": "follow", "max_delegations": 2}
    return ResourceServer(
        issuer=platform.live.issuer,
        catalog=CATALOG,
        credentials=("chirp", platform.secret),
        **(usual | options),
    )


@pytest.fixture(scope="module")
def server(platform: Platform) -> Iterator[ResourceServer]:
    server = server_of(platform)
    yield server
    server.blocking.close()


class Shower:
    """Somebody who holds a key: `by` is what it is bound to."""

    def __init__(self, text: str, by: PrivateKey | None = None) -> None:
        self.text = text
        self.by = by

    def hand_on(self, *permissions: str, seconds: int = 60, **more: Any) -> "Shower":
        """A block, and the one who holds its key."""
        assert self.by is not None
        to, now = jwk.generate("ES256"), int(time.time())
        text = child_key.delegate(
            self.text,
            by=self.by,
            to=to.public().thumbprint(),
            permissions=permissions,
            now=now,
            # As the SDK has it: a second may pass between two of them.
            until=min(now + seconds, child_key.expires_at(self.text)),
            **more,
        )
        return Shower(text, to)

    def call(self, by: PrivateKey | None = None, **options: Any) -> Call:
        """A call that shows the key."""
        if self.by is None:
            return Call(method="POST", path="/x", authorization=f"Bearer {self.text}")
        wished: dict[str, Any] = {"token": self.text, "by": by or self.by} | options
        made = proof(Wish(method="POST", address=f"{RESOURCE}/x", **wished))
        return Call(method="POST", path="/x", authorization=f"DPoP {self.text}", proofs=(made,))


def opens(server: ResourceServer, who: Shower, name: str, amount: str = "1") -> Principal:
    """The caller, who does this. Raises Refused."""
    spend = (lambda _: amount) if name == TIP else None
    wanted = server.need(name, spend=spend)
    return server.blocking.verify_call(who.call(), wanted, None)


def why_not(server: ResourceServer, who: Shower, name: str, amount: str = "1") -> Challenge:
    """Why the caller may not."""
    with pytest.raises(Refused) as refused:
        opens(server, who, name, amount)
    return refused.value.challenge


def online(platform: Platform, who: Any) -> list[Shower]:
    """The app's key, and what an agent and an agent's agent got for it."""
    texts = [platform.key(who)]
    for name in AGENTS:
        texts.append(platform.exchange(texts[-1], name))
    return [Shower(one) for one in texts]


def offline(platform: Platform, who: Any) -> list[Shower]:
    """The app's key, and two hands behind it."""
    app = Shower(platform.key(who, dpop=True), MINE)
    first = app.hand_on(READ, WRITE, depth=1)
    return [app, first, first.hand_on(READ, WRITE)]


TREES = [row("RFC 8693 4.1", "online", online), row("ours", "offline", offline)]
Tree = Callable[[Platform, Any], list[Shower]]


@pytest.mark.parametrize("tree", TREES)
def test_one_stop_ends_the_tree(platform: Platform, server: ResourceServer, tree: Tree) -> None:
    miko = platform.person()
    delegates = tree(platform, miko)
    for one in delegates:
        assert opens(server, one, READ).sub == miko.id
    platform.change(platform.grant(miko), status="stopped")
    # The bound is a second. Who has asked meanwhile knows it sooner.
    time.sleep(1)
    for one in delegates:
        assert why_not(server, one, READ).error == "invalid_token"


def press(platform: Platform, who: Any, action: str, delegate: str) -> None:
    """The user presses a button on the app's page, beside that hand."""
    browser = platform.live.browser()
    browser.open(f"/sign-in?next=/apps/{platform.grant(who).id}")
    browser.sign_in(who.username, WORD)
    (form,) = [one for one in forms(browser.page.text) if one.fields.get("hand") == delegate]
    data = {**form.fields, "action": action}
    answer = browser.http.post(form.action, data=data, follow_redirects=True)
    assert answer.status_code == 200, answer.text


def open_to(server: ResourceServer, delegates: list[Shower]) -> list[bool]:
    """Which of them the API lets in; the others are told that their key was stopped."""

    def is_open(one: Shower) -> bool:
        try:
            opens(server, one, READ)
        except Refused as refused:
            return (refused.challenge.error, refused.challenge.reason) != (
                "invalid_token",
                "stopped",
            )
        return True

    return [is_open(one) for one in delegates]


BRANCHES = [
    row("issue", "the last hand", 2, [True, True, False]),
    row("issue", "the first, and what is below it", 1, [True, False, False]),
]


@pytest.mark.parametrize("at,rest", BRANCHES)
def test_a_branch_is_cut_off_and_comes_back(
    platform: Platform, server: ResourceServer, at: int, rest: list[bool]
) -> None:
    miko = platform.person()
    delegates, name = online(platform, miko), f"client:{AGENTS[at - 1]}"
    assert open_to(server, delegates) == [True] * 3
    press(platform, miko, "cut", name)
    # The bound is a second. Who has asked meanwhile knows it sooner.
    time.sleep(1)
    assert open_to(server, delegates) == rest
    press(platform, miko, "readmit", name)
    time.sleep(1)
    assert open_to(server, delegates) == [True] * 3


@pytest.mark.parametrize("live", ["follow", "ask"])
def test_those_whom_nobody_knows_are_told_of_and_cut_off(platform: Platform, live: str) -> None:
    miko = platform.person()
    server = server_of(platform, live=live)
    delegates = offline(platform, miko)
    assert open_to(server, delegates) == [True] * 3
    server.blocking.close()  # It tells what is left to tell.
    press(platform, miko, "cut", child_key.ALONE)
    server = server_of(platform, live=live)
    assert open_to(server, delegates) == [True, False, False]
    # A token that says so itself: long after, when no log tells of it any more.
    fresh = offline(platform, miko)
    assert open_to(server, fresh) == [True, False, False]
    by_token = server_of(platform, live="token")
    assert open_to(by_token, fresh) == [True, False, False]
    assert open_to(by_token, delegates) == [True] * 3
    press(platform, miko, "readmit", child_key.ALONE)
    later = server_of(platform, live=live)
    assert open_to(later, [*delegates, *fresh]) == [True] * 6
    for one in (server, by_token, later):
        one.blocking.close()


@pytest.mark.parametrize("tree", TREES)
def test_one_budget_counts_the_tree(platform: Platform, server: ResourceServer, tree: Tree) -> None:
    miko = platform.person()
    platform.key(miko)
    bounds = {WRITE: Bounds(often={"total": 5})}
    platform.change(platform.grant(miko), limits=limits(permissions=bounds))
    delegates = tree(platform, miko)
    for turn in range(5):
        opens(server, delegates[turn % 3], WRITE)
    for one in delegates:
        assert why_not(server, one, WRITE).error == "limit_reached"
        opens(server, one, READ)


@pytest.mark.parametrize("tree", TREES)
def test_what_the_user_takes_away_is_gone_from_every_hand(
    platform: Platform, server: ResourceServer, tree: Tree
) -> None:
    miko = platform.person()
    delegates = tree(platform, miko)
    platform.change(platform.grant(miko), permissions=(READ,))
    time.sleep(1)
    for one in delegates:
        opens(server, one, READ)
        assert why_not(server, one, WRITE).error == "insufficient_scope"


def test_a_child_opens_what_it_was_made_for(platform: Platform, server: ResourceServer) -> None:
    miko = platform.person()
    app = Shower(platform.key(miko, dpop=True), MINE)
    child = app.hand_on(READ, TIP, most={TIP: 500}, name="agent")
    caller = opens(server, child, READ)
    assert (caller.sub, caller.permissions) == (miko.id, frozenset({READ, TIP}))
    assert caller.delegation is not None
    assert caller.delegation.names == ("agent",)
    refused = why_not(server, child, WRITE)
    assert (refused.error, refused.reason, refused.scope) == ("insufficient_scope", "", WRITE)
    opens(server, child, TIP, "5.00")
    refused = why_not(server, child, TIP, "5.01")
    assert (refused.error, refused.limit, refused.most) == ("limit_reached", "much", "500")
    opens(server, app, TIP, "5.01")


def test_it_is_off_unless_the_api_says_otherwise(platform: Platform) -> None:
    child = Shower(platform.key(platform.person(), dpop=True), MINE).hand_on(READ)
    server = server_of(platform, max_delegations=0)
    assert why_not(server, child, READ).error == "invalid_token"
    server.blocking.close()
    for wrong in (-1, MAX_DEPTH + 1):
        with pytest.raises(ValueError, match="max_delegations"):
            server_of(platform, max_delegations=wrong)


def test_a_third_hand_is_one_too_many(platform: Platform, server: ResourceServer) -> None:
    delegate = Shower(platform.key(platform.person(), dpop=True), MINE)
    for depth in (3, 2):
        delegate = delegate.hand_on(READ, depth=depth)
        opens(server, delegate, READ)
    assert why_not(server, delegate.hand_on(READ), READ).error == "invalid_token"


PROOFS = [
    row("RFC 9449 4.3", "by the hand before", {"by": MINE}, "invalid_token"),
    row("RFC 9449 4.3", "for the token alone", {"token": ""}, "invalid_dpop_proof"),
]


@pytest.mark.parametrize("options,error", PROOFS)
def test_a_child_is_shown_by_its_own_hand(
    platform: Platform, server: ResourceServer, options: dict[str, Any], error: str
) -> None:
    app = Shower(platform.key(platform.person(), dpop=True), MINE)
    child = app.hand_on(READ)
    wished = {"token": app.text} if "token" in options else {}
    call = child.call(options.get("by"), **wished)
    shown = SenderProof(method=call.method, path=call.path, proofs=call.proofs)
    with pytest.raises(Refused) as refused:
        server.blocking.verify(call.authorization, needs=[READ], sender_proof=shown)
    assert refused.value.challenge.error == error


def test_an_unbound_key_or_an_unbound_showing_hands_nothing_on(
    platform: Platform, server: ResourceServer
) -> None:
    bare = Shower(platform.key(platform.person()), MINE).hand_on(READ)
    assert why_not(server, bare, READ).error == "invalid_token"
    child = Shower(platform.key(platform.person(), dpop=True), MINE).hand_on(READ)
    assert why_not(server, Shower(child.text), READ).error == "invalid_token"


def test_the_server_takes_no_child(platform: Platform) -> None:
    """It is for APIs alone: no userinfo, no introspection, no exchange."""
    child = Shower(platform.key(platform.person(), dpop=True), MINE).hand_on(READ)
    requests = platform.live.http.post(
        "/introspect", data={"token": child.text}, auth=("chirp", platform.secret)
    )
    assert requests.json() == {"active": False}
    shown = platform.live.http.get("/userinfo", headers={"Authorization": f"DPoP {child.text}"})
    assert shown.status_code == 401
