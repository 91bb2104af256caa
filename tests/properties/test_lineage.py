"""A refresh lineage under lost replies, retries, replays and the user's hand.

A model says what every refresh token that was ever given out is worth; after each step the rules
must say the same of all of them (PROMISES I1 to I5, R05).
"""

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from tests.proofs import OTHER
from tests.server.oauth import senders as proved
from tests.server.oauth.forms import call, request
from tests.server.oauth.world import World

from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.oauth.core.decision import Issued
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.grants.changes import StatusChange, change_status, disconnect, narrow
from valetkey.spec.errors import InvalidGrant

SECONDS = {"refresh_window": 30, "refresh_idle": 1000, "refresh_token": 5000}
SCOPE = ("chirps.read", "chirps.write", "profile.write")


class Model:
    """What one family is worth, as the promises say it."""

    def __init__(self, client: str, family: str, now: int, *, bound: bool) -> None:
        self.client, self.family = client, family
        self.bound = bound
        """Whether its app proves a key."""
        self.rotates = client == "kite"
        self.given: list[str] = []
        """Every refresh token that ever went out, by generation."""
        self.rotated = 0
        self.closed = False
        self.created = now
        self.ends = now + SECONDS["refresh_idle"]
        self.noted = now

    @property
    def generation(self) -> int:
        return len(self.given) - 1

    def alive(self, now: int) -> bool:
        return not self.closed and now < self.ends

    def good(self, generation: int, now: int) -> bool:
        """Whether a token of this generation, shown as it has to be, would be honoured, and not be
        a replay."""
        late = not self.bound and now > self.rotated + 30
        return generation == self.generation or (generation == self.generation - 1 and not late)

    def ends_by(self, generation: int) -> bool:
        """Whether a token of this generation, given back, ends the family."""
        return not self.bound or generation >= self.generation - 1

    def use(self, generation: int, now: int, successor: str) -> None:
        """What an honoured refresh changes."""
        if generation < self.generation:
            assert successor == self.given[self.generation]
            return
        if self.rotates:
            assert successor not in self.given
            self.given.append(successor)
            self.rotated = now
        else:
            assert successor == self.given[-1]
            if now < self.noted + SECONDS["refresh_idle"] // 10:
                return
        self.noted = now
        self.ends = min(now + SECONDS["refresh_idle"], self.created + SECONDS["refresh_token"])


class Lineages(RuleBasedStateMachine):
    """Two apps of Miko's, several devices each."""

    models = Bundle("models")

    @initialize()
    def begin(self) -> None:
        self.world = World(**SECONDS)
        self.visit = self.world.sign_in()
        self.status = {"kite": "active", "web": "active"}
        self.held = {"kite": set(SCOPE), "web": set(SCOPE[:2])}
        self.all: list[Model] = []
        self.out: list[tuple[Model, dict[str, Any], int]] = []
        for client, bound in (("kite", False), ("kite", True), ("web", False)):
            self._connect(client, bound=bound)

    def _connect(self, client: str, *, bound: bool = False) -> Model:
        scope = " ".join(sorted(SCOPE if client == "kite" else SCOPE[:2]))
        code = self.world.agree(request(client, scope=scope), self.visit).code
        redeem = proved.redeem if bound else World.redeem
        tokens = redeem(self.world, client, code)
        known = [one for one in self.all if tokens["refresh_token"] in one.given]
        if known:
            return self._renewed(known[0], tokens)
        model = Model(client, self.world.family(client).id, self.world.now, bound=bound)
        model.given.append(tokens["refresh_token"])
        self.all.append(model)
        self._got(model, tokens)
        return model

    def _renewed(self, model: Model, tokens: dict[str, Any]) -> Model:
        """Where nothing rotates, an app has one family in a browser: the next sign-in renews it,
        and none that is over."""
        assert not model.rotates
        assert model.alive(self.world.now)
        model.noted = self.world.now
        lasts = model.created + SECONDS["refresh_token"]
        model.ends = min(model.noted + SECONDS["refresh_idle"], lasts)
        self._got(model, tokens)
        return model

    def _got(self, model: Model, tokens: dict[str, Any]) -> None:
        self.out = [*self.out, (model, tokens, self.world.now)][-8:]
        assert set(tokens["scope"].split()) - {"chirps"} <= self.held[model.client]

    # What apps and thieves do.

    @rule(target=models, client=st.sampled_from(["kite", "web"]), bound=st.booleans())
    def connect(self, client: str, bound: bool) -> Any:
        """Another device, where the grant stands."""
        if self.status[client] != "active" or not self.held[client] or len(self.all) > 7:
            return multiple()
        self.visit = self.world.sign_in()
        return self._connect(client, bound=bound and client == "kite")

    @rule(data=st.data())
    def refresh(self, data: st.DataObject) -> None:
        """Any token that was ever given, by whoever has it: the app, the app once more, a thief."""
        model = data.draw(st.sampled_from(self.all))
        generation = data.draw(st.integers(0, model.generation))
        text, now = model.given[generation], self.world.now
        honoured = model.alive(now) and model.good(generation, now)
        refresh = proved.refresh if model.bound else World.refresh
        try:
            tokens = refresh(self.world, model.client, text)
        except InvalidGrant:
            assert not (honoured and self.status[model.client] == "active")
            if model.alive(now) and not model.good(generation, now):
                model.closed = True
            return
        assert honoured
        assert self.status[model.client] == "active"
        model.use(generation, now, tokens["refresh_token"])
        self._got(model, tokens)

    @precondition(lambda self: any(one.bound for one in self.all))
    @rule(data=st.data(), by=st.sampled_from([None, OTHER]))
    def without_its_key(self, data: st.DataObject, by: PrivateKey | None) -> None:
        """A thief has any token of a bound family, and not its key: refused, and nothing ends."""
        model = data.draw(st.sampled_from([one for one in self.all if one.bound]))
        text = model.given[data.draw(st.integers(0, model.generation))]
        before = self.world.digest()
        try:
            if by is None:
                self.world.refresh(model.client, text)
            else:
                proved.refresh(self.world, model.client, text, by=by)
        except InvalidGrant:
            assert self.world.digest() == before
            return
        raise AssertionError("a thief without the key was honoured")

    @rule(data=st.data())
    def by_another_client(self, data: st.DataObject) -> None:
        model = data.draw(st.sampled_from(self.all))
        other = "web" if model.client == "kite" else "kite"
        for text in model.given:
            try:
                self.world.refresh(other, text)
            except InvalidGrant:
                continue
            raise AssertionError("another client was honoured")

    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        """The app gives a device back, by any token of it."""
        model = data.draw(st.sampled_from(self.all))
        generation = data.draw(st.integers(0, model.generation))
        self.world.revoke(model.client, model.given[generation])
        model.closed |= model.ends_by(generation)

    # What the user does.

    @rule(client=st.sampled_from(["kite", "web"]), how=st.sampled_from(["pause", "resume"]))
    def pause_or_resume(self, client: str, how: StatusChange) -> None:
        if self.status[client] == "stopped":
            return
        self._turn(client, how)
        self.status[client] = "paused" if how == "pause" else "active"

    @precondition(lambda self: len(self.all) > 4)
    @rule(client=st.sampled_from(["kite", "web"]))
    def stop(self, client: str) -> None:
        if self.status[client] != "stopped":
            self._turn(client, "stop")
            self.status[client] = "stopped"

    def _turn(self, client: str, how: StatusChange) -> None:
        name = self.world.grant(client).id
        user = self.world.miko.id
        self.world.settle(
            lambda: change_status(name, how, user=user, by="user", context=self.world.context)
        )

    @rule(client=st.sampled_from(["kite", "web"]), keep=st.sets(st.sampled_from(SCOPE)))
    def take_away(self, client: str, keep: set[str]) -> None:
        if self.status[client] == "stopped":
            return
        name, user = self.world.grant(client).id, self.world.miko.id
        self.world.settle(
            lambda: narrow(name, keep, user=user, by="user", context=self.world.context)
        )
        self.held[client] &= keep

    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        model = data.draw(st.sampled_from(self.all))
        user = self.world.miko.id
        self.world.settle(
            lambda: disconnect(model.family, user=user, by="user", context=self.world.context)
        )
        model.closed = True

    @rule(seconds=st.sampled_from([1, 10, 29, 30, 31, 99, 100, 400, 999, 1000]))
    def wait(self, seconds: int) -> None:
        self.world.later(seconds)

    # What must hold after every step.

    @invariant()
    def every_token_is_worth_what_the_model_says(self) -> None:
        """I3, I4, I5: and of all that were ever given, one at most turns its family on."""
        now = self.world.now
        for model in self.all:
            turning = 0
            for generation, text in enumerate(model.given):
                given = call(model.client, grant_type="refresh_token", refresh_token=text)
                if model.bound:
                    given = proved.proving(self.world, given)
                try:
                    outcome = self.world.ask(token(given, self.world.context))
                except InvalidGrant:
                    outcome = None
                issued = isinstance(outcome, Issued)
                standing = self.status[model.client] == "active"
                assert issued is (model.alive(now) and model.good(generation, now) and standing)
                if isinstance(outcome, Issued):
                    turning += outcome.refresh_token not in model.given
            assert turning <= 1

    @invariant()
    def every_access_token_is_worth_what_the_model_says(self) -> None:
        """I1, I2."""
        for model, tokens, issued in self.out:
            told = self.world.introspect(tokens["access_token"], by="chirp")
            fresh = self.world.now < issued + self.world.at.lifetimes.access_token
            alive = fresh and not model.closed and self.status[model.client] == "active"
            # A token that opens nothing of Chirp's is none of its business.
            assert told.active is (alive and bool(tokens["scope"]))
            still = set(tokens["scope"].split()) & self.held[model.client]
            assert set(told.scope.split()) - {"chirps"} == (still if told.active else set())

    @invariant()
    def the_store_says_the_same(self) -> None:
        for model in self.all:
            family = self.world.need(TokenFamily, model.family)
            assert (family.status == "closed") is model.closed
            assert family.generation == (model.generation if model.rotates else 0)
        held = {grant.client: set(grant.permissions) for grant in self.world.all(Grant)}
        assert held == self.held


TestLineages = Lineages.TestCase
TestLineages.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
